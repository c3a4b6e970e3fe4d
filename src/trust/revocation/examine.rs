//! What is made of what was fetched: only the list of an authority that is known is kept, and none takes the place of
//! another authority's.

use std::sync::Arc;

use crate::moment::Timestamp;
use crate::pki::revocation::{Authority, RevocationList, lists_in};

/// Nobody known has signed it. Once an authority is noted it is fetched again.
pub(super) const UNVOUCHED: &str = "no authority that is known has signed it";

/// What came of a fetch.
pub(super) struct Fetch {
    /// What is kept, if anything.
    pub(super) list: Option<Arc<RevocationList>>,
    /// What is wrong, if something is.
    pub(super) failure: Option<String>,
}

impl Fetch {
    /// Nothing is kept.
    pub(super) fn failed(failure: impl Into<String>) -> Self {
        Self { list: None, failure: Some(failure.into()) }
    }
}

/// Judges what was fetched, beside what is at hand. What is kept is held against what comes later, so a list that
/// nobody known has signed, or whose time has not come, is not.
pub(super) fn examine(
    bytes: &[u8],
    held: Option<&RevocationList>,
    (authorities, now): (&[Authority], Timestamp),
) -> Fetch {
    let mut lists = match lists_in(bytes) {
        Ok(lists) => lists.into_iter(),
        Err(cause) => return Fetch::failed(cause),
    };
    let (Some(list), None) = (lists.next(), lists.next()) else {
        return Fetch::failed("it is more than one list");
    };
    let Some(signer) = authorities.iter().find(|authority| list.is_by(authority)) else {
        return Fetch::failed(UNVOUCHED);
    };
    if !list.has_begun(now) {
        return Fetch::failed("its time has not come");
    }
    if held.is_some_and(|held| !may_be_replaced(held, signer, now)) {
        return Fetch::failed("it is of another authority than the one at hand");
    }
    let failure = (!list.is_fresh(now)).then(|| "it is not of now".to_owned());
    Fetch { list: Some(Arc::new(list)), failure }
}

/// An authority replaces its own list. One of its name with another key, as after a change of keys, replaces one that
/// is good for nothing more.
fn may_be_replaced(held: &RevocationList, signer: &Authority, now: Timestamp) -> bool {
    held.is_by(signer) || (held.issuer() == signer.name() && !held.is_fresh(now))
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa,
        KeyIdMethod, KeyPair, SerialNumber,
    };
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: Timestamp = datetime!(2026-03-01 12:00 UTC);

    type Issuer = CertifiedIssuer<'static, KeyPair>;

    fn issuer(name: &str) -> Issuer {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn authority(issuer: &Issuer) -> Authority {
        Authority::parse(issuer.der()).unwrap()
    }

    /// A list that begins and ends so many minutes from now.
    fn list(issuer: &Issuer, (begins, ends): (i64, i64)) -> Vec<u8> {
        let params = CertificateRevocationListParams {
            this_update: NOW + Duration::minutes(begins),
            next_update: NOW + Duration::minutes(ends),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(issuer).unwrap().der().to_vec()
    }

    #[test]
    fn f23_only_the_list_of_a_known_authority_is_kept_and_only_in_the_place_of_its_own() {
        const OTHER: &str = "it is of another authority than the one at hand";
        let (own, other, stranger) = (issuer("Own"), issuer("Other"), issuer("Own"));
        let rekeyed = issuer("Own");
        let known = [authority(&own), authority(&other), authority(&rekeyed)];
        let read = |der| RevocationList::parse(der).unwrap();
        let (fresh, stale) = (read(list(&own, (-9, 9))), read(list(&own, (-9, -1))));
        let mut forged = list(&own, (-1, 9));
        *forged.last_mut().unwrap() ^= 1;
        let never = 7900 * 365 * 24 * 60;
        let rows = [
            (list(&own, (-1, 9)), None, true, None),
            (list(&own, (-1, 9)), Some(&fresh), true, None),
            (list(&own, (-9, -1)), None, true, Some("it is not of now")),
            // A clock may run ahead a little.
            (list(&own, (4, 9)), Some(&fresh), true, None),
            (list(&own, (6, 9)), None, false, Some("its time has not come")),
            (list(&own, (never / 2, never)), Some(&fresh), false, Some("its time has not come")),
            (list(&stranger, (-1, 9)), None, false, Some(UNVOUCHED)),
            (list(&stranger, (-1, never)), Some(&stale), false, Some(UNVOUCHED)),
            (forged, None, false, Some(UNVOUCHED)),
            (list(&other, (-1, 9)), None, true, None),
            (list(&other, (-1, 9)), Some(&fresh), false, Some(OTHER)),
            (list(&other, (-1, 9)), Some(&stale), false, Some(OTHER)),
            (list(&rekeyed, (-1, 9)), Some(&fresh), false, Some(OTHER)),
            (list(&rekeyed, (-1, 9)), Some(&stale), true, None),
        ];
        for (row, (bytes, held, is_kept, failure)) in rows.into_iter().enumerate() {
            let fetch = examine(&bytes, held, (&known, NOW));
            assert_eq!((fetch.list.is_some(), fetch.failure.as_deref()), (is_kept, failure), "{row}");
        }
    }
}
