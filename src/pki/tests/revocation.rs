//! Revocation lists: revoked, stale, another issuer's, malformed (RFC 5280, 5 and 6.3).

use proptest::prelude::*;
use rcgen::{CrlDistributionPoint, CrlIssuingDistributionPoint, CrlScope, KeyUsagePurpose};
use time::Duration;

use super::*;
use crate::pki::TrustStoreError;

fn judged(root: &Authority, chain: &[Vec<u8>], lists: &[Vec<u8>]) -> String {
    let store = TrustStore::parse(root.pem().as_bytes(), lists).unwrap();
    assert_eq!(store.checks_revocation(), !lists.is_empty());
    refused(store.judge(chain, NOW))
}

#[test]
fn what_is_revoked_is_refused() {
    let root = root();
    let chain = [leaf(&root, &client_params("client"))];
    assert_eq!(judged(&root, &chain, &[]), "trusted");
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
    let file_of = |lists: &[Vec<u8>]| match TrustStore::parse(root.pem().as_bytes(), lists) {
        Err(TrustStoreError::RevocationList { file, .. }) => file,
        other => panic!("{other:?}"),
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
    fn no_changed_byte_in_a_list_clears_what_it_revokes(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let root = root();
        let chain = [leaf(&root, &client_params("client"))];
        let mut shown = list(&root, &[7]);
        let at = at.index(shown.len());
        shown[at] ^= flip;
        if let Ok(store) = TrustStore::parse(root.pem().as_bytes(), &[shown]) {
            prop_assert_ne!(refused(store.judge(&chain, NOW)), "trusted");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let root = root();
        let sequence = [&[0x30, 0x81, 0xc8][..], &bytes].concat();
        let _ = TrustStore::parse(root.pem().as_bytes(), &[bytes]);
        let _ = TrustStore::parse(root.pem().as_bytes(), &[sequence]);
    }
}
