//! Whether a chain of certificates leads to an anchor (RFC 8705, 2.1; RFC 5280, 6). Whether something on it was
//! revoked is judged apart.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, VerifiedPath};

use super::certificate::Certificate;
use super::fault::PathFault;
use super::path::TrustedPath;
use super::rules::PathRules;
use super::strength::LeastKeys;
use crate::moment::Timestamp;

/// More certificates than this in a chain are not looked at.
pub(super) const LONGEST_CHAIN: usize = 10;
/// A larger certificate is not looked at.
pub(super) const LARGEST_CERTIFICATE: usize = 64 * 1024;

/// The authorities that clients' certificates may come from.
#[derive(Clone)]
pub struct TrustStore {
    anchors: Vec<TrustAnchor<'static>>,
    /// The anchors' certificates, in the same order.
    authorities: Vec<Certificate>,
}

/// Why anchors cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustStoreError {
    /// The anchors are not PEM.
    #[error("the trust anchors are not PEM")]
    AnchorsNotPem,
    /// There is no certificate among the anchors.
    #[error("there is no certificate among the trust anchors")]
    NoAnchor,
    /// An anchor that cannot be read, counted from 1.
    #[error("trust anchor {0} is not a certificate that can be read")]
    Anchor(usize),
    /// An anchor that is not a certificate authority.
    #[error("the trust anchor {0} is not a certificate authority")]
    NotAnAuthority(String),
    /// An anchor whose signatures do not count.
    #[error("the key of the trust anchor {0} is too small, or of a kind that is not taken")]
    WeakKey(String),
}

impl TrustStore {
    /// Reads trust anchors, as one PEM bundle.
    pub fn parse(anchors_pem: &[u8]) -> Result<Self, TrustStoreError> {
        let mut store = Self::empty();
        for (at, der) in CertificateDer::pem_slice_iter(anchors_pem).enumerate() {
            let der = der.map_err(|_| TrustStoreError::AnchorsNotPem)?;
            let unreadable = TrustStoreError::Anchor(at + 1);
            let authority = Certificate::parse(&der).map_err(|_| unreadable.clone())?;
            if !authority.is_authority() || !authority.may_sign_certificates() {
                return Err(TrustStoreError::NotAnAuthority(authority.subject_text()));
            }
            if !LeastKeys::USUAL.take(authority.key_kind()) {
                return Err(TrustStoreError::WeakKey(authority.subject_text()));
            }
            let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|_| unreadable)?;
            store.anchors.push(anchor.to_owned());
            store.authorities.push(authority);
        }
        if store.anchors.is_empty() { Err(TrustStoreError::NoAnchor) } else { Ok(store) }
    }

    /// A store that trusts nobody.
    #[must_use]
    pub const fn empty() -> Self {
        Self { anchors: Vec::new(), authorities: Vec::new() }
    }

    /// Whether it trusts nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// The anchors' certificates.
    #[must_use]
    pub fn authorities(&self) -> &[Certificate] {
        &self.authorities
    }

    /// The anchors as one PEM bundle; [`Self::parse`] reads it back.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.authorities.iter().map(Certificate::to_pem).collect()
    }

    /// The anchors' subjects in the text form of RFC 4514.
    #[must_use]
    pub fn anchor_subjects(&self) -> Vec<String> {
        self.authorities.iter().map(Certificate::subject_text).collect()
    }

    /// Finds a path for a chain as the peer sent it, in DER, the leaf first; the rest may be in any order and need
    /// not be of use. It is a path by which nothing but revocation is left to be judged.
    ///
    /// The leaf must name clientAuth in its ExtendedKeyUsage, must have digitalSignature if it has a KeyUsage, and
    /// must not be an authority; authorities that restrict their ExtendedKeyUsage must allow clientAuth. Signatures
    /// over SHA-1 or by RSA keys below 2048 bits do not count. The rules say what else is asked.
    pub fn judge(
        &self,
        chain: &[Vec<u8>],
        rules: &PathRules,
        now: Timestamp,
    ) -> Result<TrustedPath, PathFault> {
        let (leaf, others) = chain.split_first().ok_or(PathFault::NoCertificate)?;
        if chain.len() > LONGEST_CHAIN || chain.iter().any(|der| der.len() > LARGEST_CERTIFICATE) {
            return Err(PathFault::Malformed);
        }
        let facts = Certificate::parse(leaf).map_err(|_| PathFault::Malformed)?;
        self.find(&facts, others, (rules, now)).map_err(|fault| {
            if matches!(fault, PathFault::Unknown | PathFault::Other(_)) {
                return self.weakness(&facts, others).unwrap_or(fault);
            }
            fault
        })
    }

    fn find(
        &self,
        leaf: &Certificate,
        others: &[Vec<u8>],
        (rules, now): (&PathRules, Timestamp),
    ) -> Result<TrustedPath, PathFault> {
        let der = CertificateDer::from(leaf.der());
        let others: Vec<_> = others.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let shown = EndEntityCert::try_from(&der).map_err(|error| PathFault::of(&error))?;
        // What the first path came to that the verifier found no fault with, until one is found good.
        let judged: Cell<Option<Result<TrustedPath, PathFault>>> = Cell::new(None);
        let by_rules = |path: &VerifiedPath<'_>| {
            let verdict = self.examine(path, leaf, (rules, now));
            let before = judged.take();
            let is_good = verdict.is_ok();
            judged.set(if is_good { Some(verdict) } else { before.or(Some(verdict)) });
            if is_good { Ok(()) } else { Err(webpki::Error::UnknownIssuer) }
        };
        let (algorithms, usage) = (ALL_VERIFICATION_ALGS, KeyUsage::client_auth());
        let found = shown
            .verify_for_usage(
                algorithms,
                &self.anchors,
                &others,
                unix_time(now),
                usage,
                None,
                Some(&by_rules),
            )
            .map(|_| ());
        match (found, judged.take()) {
            (_, Some(verdict)) => verdict,
            (Err(error), None) => Err(PathFault::of(&error)),
            (Ok(()), None) => Err(PathFault::Unknown),
        }
    }

    /// What the verifier leaves open of a path: the anchor's own dates, and the rules.
    fn examine(
        &self,
        path: &VerifiedPath<'_>,
        leaf: &Certificate,
        (rules, now): (&PathRules, Timestamp),
    ) -> Result<TrustedPath, PathFault> {
        let mut authorities = Vec::new();
        for authority in path.intermediate_certificates() {
            authorities.push(Certificate::parse(&authority.der()).map_err(|_| PathFault::Malformed)?);
        }
        let known = self.anchors.iter().zip(&self.authorities);
        let alike: Vec<_> =
            known.filter(|(anchor, _)| *anchor == path.anchor()).map(|(_, found)| found).collect();
        let first = alike.first().ok_or(PathFault::Unknown)?;
        let current = alike.iter().find(|anchor| anchor.is_current(now));
        let too_early = now < first.not_before();
        let anchor = current.ok_or(if too_early { PathFault::NotYetValid } else { PathFault::Expired })?;
        rules.judge(leaf, &authorities, anchor)?;
        let certificates = [leaf].into_iter().chain(&authorities).map(|found| found.der().to_vec());
        Ok(TrustedPath { certificates: certificates.collect(), anchor: anchor.der().to_vec() })
    }

    /// Whether a chain that names its way to an anchor does not get there because of a weak signature or key.
    fn weakness(&self, leaf: &Certificate, others: &[Vec<u8>]) -> Option<PathFault> {
        let others: Vec<Certificate> = others.iter().filter_map(|der| Certificate::parse(der).ok()).collect();
        let mut on_the_way = vec![leaf];
        // Each step takes one of the others away, or is the last.
        for _ in 0..=others.len() {
            let issuer = on_the_way.last()?.issuer();
            if self.authorities.iter().any(|anchor| anchor.subject() == issuer) {
                if on_the_way.iter().any(|found| found.is_forgeable()) {
                    return Some(PathFault::WeakSignature);
                }
                let weak = on_the_way.iter().any(|found| !LeastKeys::USUAL.take(found.key_kind()));
                return weak.then_some(PathFault::WeakKey);
            }
            let is_new =
                |found: &Certificate| on_the_way.iter().all(|known| known.thumbprint() != found.thumbprint());
            let next = others.iter().find(|found| found.subject() == issuer && is_new(found))?;
            on_the_way.push(next);
        }
        None
    }
}

impl fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustStore").field("anchors", &self.anchor_subjects()).finish_non_exhaustive()
    }
}

/// A time before 1970 becomes 1970: no certificate in use was valid at either.
pub(super) fn unix_time(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.unix_timestamp()).unwrap_or_default()))
}
