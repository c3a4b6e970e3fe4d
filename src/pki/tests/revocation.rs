//! Revocation lists: revoked, stale, another issuer's, malformed (RFC 5280, 5 and 6.3).

use proptest::prelude::*;
use rcgen::{CrlDistributionPoint, CrlIssuingDistributionPoint, CrlScope, KeyUsagePurpose};
use time::Duration;

use super::*;
use crate::pki::revocation::{self, ListFault, RevocationList};

#[expect(clippy::vec_box, reason = "lists are judged where they are kept")]
fn read(files: &[Vec<u8>]) -> Result<Vec<Box<RevocationList>>, (usize, String)> {
    let mut all = Vec::new();
    for (at, bytes) in files.iter().enumerate() {
        all.extend(revocation::lists_in(bytes).map_err(|cause| (at + 1, cause))?.into_iter().map(Box::new));
    }
    Ok(all)
}

fn judged(root: &Authority, chain: &[Vec<u8>], lists: &[Vec<u8>]) -> String {
    let lists = read(lists).unwrap();
    refused(at(&store(root), chain, NOW).and_then(|path| revocation::judge(&path, &lists, &[], NOW)))
}

#[test]
fn what_is_revoked_is_refused() {
    let root = root();
    let chain = [leaf(&root, &client_params("client"))];
    assert_eq!(judged(&root, &chain, &[]), "revocation_unknown");
    assert_eq!(judged(&root, &chain, &[list(&root, &[])]), "trusted");
    assert_eq!(judged(&root, &chain, &[list(&root, &[6, 8])]), "trusted");
    assert_eq!(judged(&root, &chain, &[list(&root, &[6, 7])]), "revoked");
}

#[test]
fn a_revoked_authority_ends_what_it_issued() {
    let root = root();
    let mut params = authority_params("Between");
    params.serial_number = Some(SerialNumber::from(70_u64));
    let between = under(&root, params);
    let chain = [leaf(&between, &client_params("client")), der(&between)];
    assert_eq!(judged(&root, &chain, &[list(&root, &[]), list(&between, &[])]), "trusted");
    assert_eq!(judged(&root, &chain, &[list(&root, &[70]), list(&between, &[])]), "revoked");
    assert_eq!(judged(&root, &chain, &[list(&root, &[]), list(&between, &[7])]), "revoked");
    assert_eq!(judged(&root, &chain, &[list(&root, &[])]), "revocation_unknown");
    assert_eq!(judged(&root, &chain, &[list(&between, &[])]), "revocation_unknown");
}

#[test]
fn a_stale_list_is_no_evidence() {
    let root = root();
    let chain = [leaf(&root, &client_params("client"))];
    let mut params = list_params(&[]);
    params.this_update = LAST_YEAR;
    params.next_update = LAST_MONTH;
    let stale = params.signed_by(&root).unwrap().der().to_vec();
    assert_eq!(judged(&root, &chain, std::slice::from_ref(&stale)), "revocation_stale");
    assert_eq!(judged(&root, &chain, &[stale, list(&root, &[])]), "trusted");
}

#[test]
fn the_newest_of_several_lists_counts_in_whatever_order_they_are_read() {
    let root = root();
    let chain = [leaf(&root, &client_params("client"))];
    let older = list(&root, &[]);
    let mut params = list_params(&[7]);
    params.this_update = LAST_MONTH + Duration::DAY;
    let newer = params.signed_by(&root).unwrap().der().to_vec();
    assert_eq!(judged(&root, &chain, &[older.clone(), newer.clone()]), "revoked");
    assert_eq!(judged(&root, &chain, &[newer, older]), "revoked");
}

#[test]
fn another_issuers_list_says_nothing() {
    let (root, stranger) = (root(), root_of(authority_params("Stranger")));
    let chain = [leaf(&root, &client_params("client"))];
    assert_eq!(judged(&root, &chain, &[list(&stranger, &[])]), "revocation_unknown");
    // The same name with another key.
    let double = root_of(authority_params("Root"));
    assert_eq!(judged(&root, &chain, &[list(&double, &[])]), "revocation_unknown");
}

#[test]
fn an_authority_that_may_not_sign_lists_is_not_believed() {
    let root = root();
    let between = under(&root, authority_params("Between"));
    let mut mute = authority_params("Between");
    mute.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let mute = mute.signed_by(between.key(), &root).unwrap().der().to_vec();
    let chain = [leaf(&between, &client_params("client")), mute];
    assert_eq!(judged(&root, &chain, &[list(&root, &[]), list(&between, &[])]), "revocation_unknown");
}

#[test]
fn each_distribution_point_of_a_certificate_counts() {
    let point = |uri: &str| CrlDistributionPoint { uris: vec![uri.to_owned()] };
    let root = root();
    let mut params = client_params("client");
    params.crl_distribution_points = vec![point("http://a.example.org/1"), point("http://a.example.org/2")];
    let chain = [leaf(&root, &params)];
    let part = |uri: &str, scope: Option<CrlScope>, revoked: &[u64]| {
        let mut params = list_params(revoked);
        params.issuing_distribution_point =
            Some(CrlIssuingDistributionPoint { distribution_point: point(uri), scope });
        params.signed_by(&root).unwrap().der().to_vec()
    };
    let second = |scope, revoked: &[u64]| part("http://a.example.org/2", scope, revoked);
    assert_eq!(judged(&root, &chain, &[second(None, &[7])]), "revoked");
    assert_eq!(judged(&root, &chain, &[second(Some(CrlScope::UserCertsOnly), &[7])]), "revoked");
    assert_eq!(judged(&root, &chain, &[second(None, &[])]), "trusted");
    assert_eq!(judged(&root, &chain, &[second(Some(CrlScope::CaCertsOnly), &[])]), "revocation_unknown");
    assert_eq!(judged(&root, &chain, &[part("http://a.example.org/3", None, &[])]), "revocation_unknown");
}

#[test]
fn a_list_that_tells_less_than_everything_is_refused() {
    let root = root();
    let signed = |scope: &[u8], oid: &[u64]| {
        // The encoder writes whole lists alone: their extensions are put in the place of its number.
        let mut extension = x509_cert::der::asn1::ObjectIdentifier::from_arcs(
            oid.iter().map(|arc| u32::try_from(*arc).unwrap()),
        );
        let extension = extension.as_mut().unwrap().as_bytes().to_vec();
        let number = [&[0x06, 0x03, 0x55, 0x1d, 0x14][..], &[0x04, 0x03, 0x02, 0x01, 0x01]].concat();
        let found = list(&root, &[7]);
        let at = found.windows(number.len()).position(|window| window == number).unwrap();
        assert_eq!(scope.len(), 3);
        let put = [&[0x06, 0x03][..], &extension, &[0x04, 0x03], scope].concat();
        [&found[..at], &put, &found[at + put.len()..]].concat()
    };
    let distribution_point = [2, 5, 29, 28];
    let rows = [
        (signed(&[2, 1, 1], &[2, 5, 29, 27]), Err(ListFault::Delta)),
        (signed(&[0x30, 1, 0], &distribution_point), Err(ListFault::Malformed)),
        (signed(&[2, 1, 1], &[2, 5, 29, 46]), Ok(())),
        (list(&root, &[7]), Ok(())),
    ];
    for (at, (der, expected)) in rows.into_iter().enumerate() {
        assert_eq!(RevocationList::parse(der).map(|_| ()), expected, "row {at}");
    }
}

#[test]
fn reasons_of_points_and_other_signers_do_not_count() {
    // RFC 5280, 6.3.3: a point for some reasons, or of another signer, leads to no list that covers.
    let root = root();
    let point = |reasons: &[u8], signer: &[u8]| {
        let url = b"http://a.example.org/1";
        let name = [&[0x86, u8::try_from(url.len()).unwrap()][..], url].concat();
        let wrap = |tag: u8, inner: Vec<u8>| [vec![tag, u8::try_from(inner.len()).unwrap()], inner].concat();
        let parts = [wrap(0xa0, wrap(0xa0, name)), reasons.to_vec(), signer.to_vec()].concat();
        rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 31], wrap(0x30, wrap(0x30, parts)))
    };
    let scoped = CrlIssuingDistributionPoint {
        distribution_point: CrlDistributionPoint { uris: vec!["http://a.example.org/1".to_owned()] },
        scope: None,
    };
    let mut params = list_params(&[]);
    params.issuing_distribution_point = Some(scoped);
    let list = params.signed_by(&root).unwrap().der().to_vec();
    let rows: [(&[u8], &[u8], &str); 3] = [
        (&[], &[], "trusted"),
        (&[0x81, 2, 6, 0x40], &[], "revocation_unknown"),
        (&[], &[0xa2, 3, 0x82, 1, b'x'], "revocation_unknown"),
    ];
    for (reasons, signer, expected) in rows {
        let mut params = client_params("client");
        params.custom_extensions = vec![point(reasons, signer)];
        let chain = [leaf(&root, &params)];
        assert_eq!(judged(&root, &chain, std::slice::from_ref(&list)), expected, "{reasons:?} {signer:?}");
    }
}

#[test]
fn a_large_list_is_searched_and_not_walked() {
    let root = root();
    let serials: Vec<u64> = (0..20_000).map(|at| at * 3 + 7).collect();
    let found = RevocationList::parse(list(&root, &serials)).unwrap();
    assert_eq!(found.len(), serials.len());
    let with = |serial: u64| {
        let mut params = client_params("client");
        params.serial_number = Some(SerialNumber::from(serial));
        judged(&root, &[leaf(&root, &params)], &[found.der().to_vec()])
    };
    assert_eq!(
        [with(7), with(8), with(59_998 + 6), with(60_007)].map(|said| said == "revoked"),
        [true, false, true, false]
    );
}

#[test]
fn lists_are_read_in_pem_and_der() {
    let root = root();
    let chain = [leaf(&root, &client_params("client"))];
    let other = root_of(authority_params("Other"));
    let pem = list_params(&[7]).signed_by(&root).unwrap().pem().unwrap();
    let both = format!("{}{pem}", list_params(&[]).signed_by(&other).unwrap().pem().unwrap());
    assert_eq!(judged(&root, &chain, &[pem.into_bytes()]), "revoked");
    assert_eq!(judged(&root, &chain, &[both.into_bytes()]), "revoked");
}

#[test]
fn a_malformed_list_is_an_error() {
    let root = root();
    let good = list(&root, &[7]);
    let file_of = |lists: &[Vec<u8>]| match read(lists) {
        Err((file, _)) => file,
        Ok(_) => panic!("it was read"),
    };
    assert_eq!(file_of(&[vec![]]), 1);
    assert_eq!(file_of(&[good.clone(), b"0 lists".to_vec()]), 2);
    assert_eq!(file_of(&[root.pem().into_bytes()]), 1);
    assert_eq!(file_of(&[[good.clone(), vec![0]].concat()]), 1);
    for length in 0..good.len() {
        assert_eq!(file_of(&[good[..length].to_vec()]), 1, "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_changed_byte_in_a_list_clears_what_it_revokes(place in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let root = root();
        let chain = [leaf(&root, &client_params("client"))];
        let mut shown = list(&root, &[7]);
        let place = place.index(shown.len());
        shown[place] ^= flip;
        if let Ok(lists) = read(&[shown]) {
            let path = at(&store(&root), &chain, NOW).unwrap();
            prop_assert_ne!(refused(revocation::judge(&path, &lists, &[], NOW)), "trusted");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let sequence = [&[0x30, 0x81, 0xc8][..], &bytes].concat();
        let _ = RevocationList::parse(bytes.clone());
        let _ = read(&[bytes]);
        let _ = read(&[sequence]);
    }
}
