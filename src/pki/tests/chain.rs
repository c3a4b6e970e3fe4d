//! Paths, validity, usage and name constraints (RFC 8705, 2.1; RFC 5280, 6).

use proptest::prelude::*;
use rcgen::{
    CertificateParams, CidrSubnet, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair,
    KeyUsagePurpose, NameConstraints, SanType,
};
use time::Duration;

use super::*;
use crate::pki::TrustStoreError;

fn judged(chain: &[Vec<u8>], root: &Authority) -> String {
    refused(at(&store(root), chain, NOW))
}

fn judged_leaf(change: impl FnOnce(&mut CertificateParams)) -> String {
    let root = root();
    let mut params = client_params("client");
    change(&mut params);
    judged(&[leaf(&root, &params)], &root)
}

#[test]
fn a_chain_to_an_anchor_is_trusted() {
    let root = root();
    let direct = leaf(&root, &client_params("client"));
    assert_eq!(judged(std::slice::from_ref(&direct), &root), "trusted");
    assert_eq!(judged(&[direct, der(&root)], &root), "trusted");

    let upper = under(&root, authority_params("Upper"));
    let lower = under(&upper, authority_params("Lower"));
    let deep = leaf(&lower, &client_params("client"));
    assert_eq!(judged(&[deep.clone(), der(&lower), der(&upper)], &root), "trusted");
    assert_eq!(judged(&[deep.clone(), der(&upper), der(&lower), der(&root)], &root), "trusted");
    assert_eq!(judged(&[deep, der(&lower)], &root), "unknown_issuer");
}

#[test]
fn every_kind_of_key_in_use_may_sign() {
    for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519, &rcgen::PKCS_RSA_SHA256] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let root = Authority::self_signed(authority_params("Root"), key).unwrap();
        assert_eq!(judged(&[leaf(&root, &client_params("client"))], &root), "trusted");
    }
}

#[test]
fn a_chain_to_no_anchor_is_refused() {
    let (root, stranger) = (root(), root_of(authority_params("Stranger")));
    let theirs = leaf(&stranger, &client_params("client"));
    assert_eq!(judged(&[theirs.clone(), der(&stranger)], &root), "unknown_issuer");
    let double = root_of(authority_params("Root"));
    assert_eq!(judged(&[leaf(&double, &client_params("client"))], &root), "unknown_issuer");
    assert_eq!(refused(at(&TrustStore::empty(), &[theirs], NOW)), "unknown_issuer");
    assert_eq!(judged(&[self_signed(&client_params("client")).der().to_vec()], &root), "unknown_issuer");
}

#[test]
fn validity_is_checked_for_each_certificate_of_the_path() {
    assert_eq!(judged_leaf(|params| params.not_after = LAST_MONTH), "expired");
    assert_eq!(judged_leaf(|params| params.not_before = NEXT_MONTH), "not_yet_valid");

    let root = root();
    let mut old = authority_params("Old");
    old.not_after = LAST_MONTH;
    let old = under(&root, old);
    assert_eq!(judged(&[leaf(&old, &client_params("client")), der(&old)], &root), "expired");

    let mut old_root = authority_params("Old root");
    old_root.not_after = LAST_MONTH;
    let old_root = root_of(old_root);
    assert_eq!(judged(&[leaf(&old_root, &client_params("client"))], &old_root), "expired");
    let chain = [leaf(&root, &client_params("client"))];
    assert_eq!(refused(at(&store(&root), &chain, Timestamp::UNIX_EPOCH)), "not_yet_valid");
    assert_eq!(refused(at(&store(&root), &chain, Timestamp::UNIX_EPOCH - Duration::DAY)), "not_yet_valid");
}

#[test]
fn validity_includes_both_ends() {
    let root = root();
    let mut params = client_params("client");
    (params.not_before, params.not_after) = (LAST_MONTH, NEXT_MONTH);
    let chain = [leaf(&root, &params)];
    let cases = [
        (LAST_MONTH - Duration::SECOND, "not_yet_valid"),
        (LAST_MONTH, "trusted"),
        (NEXT_MONTH + Duration::milliseconds(999), "trusted"),
        (NEXT_MONTH + Duration::SECOND, "expired"),
    ];
    let facts = Certificate::parse(&chain[0]).unwrap();
    for (now, expected) in cases {
        assert_eq!(refused(at(&store(&root), &chain, now)), expected, "{now}");
        assert_eq!(facts.is_current(now), expected == "trusted", "{now}");
    }
}

#[test]
fn the_leaf_must_be_meant_for_client_authentication() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
    let usages = [
        (vec![ClientAuth], "trusted"),
        (vec![ServerAuth, ClientAuth], "trusted"),
        (vec![ServerAuth], "wrong_usage"),
        (vec![Any], "wrong_usage"),
        (vec![], "wrong_usage"),
    ];
    for (usage, expected) in usages {
        let shown = format!("{usage:?}");
        assert_eq!(judged_leaf(|params| params.extended_key_usages = usage), expected, "{shown}");
    }
}

#[test]
fn the_leaf_must_be_allowed_to_sign() {
    use KeyUsagePurpose::{DigitalSignature, KeyAgreement, KeyEncipherment};
    assert_eq!(judged_leaf(|params| params.key_usages = vec![]), "trusted");
    assert_eq!(judged_leaf(|params| params.key_usages = vec![KeyEncipherment, DigitalSignature]), "trusted");
    assert_eq!(judged_leaf(|params| params.key_usages = vec![KeyEncipherment]), "wrong_usage");
    assert_eq!(judged_leaf(|params| params.key_usages = vec![KeyAgreement]), "wrong_usage");
}

#[test]
fn an_authority_is_no_client_and_a_client_no_authority() {
    let unconstrained = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(judged_leaf(|params| params.is_ca = unconstrained), "authority_as_leaf");
    assert_eq!(judged_leaf(|params| params.is_ca = IsCa::ExplicitNoCa), "trusted");
    let root = root();
    assert_eq!(judged(&[der(&root)], &root), "authority_as_leaf");

    let client = under(&root, client_params("client"));
    assert_eq!(judged(&[leaf(&client, &client_params("forged")), der(&client)], &root), "wrong_usage");
    let mut mute = authority_params("Mute");
    mute.key_usages = vec![KeyUsagePurpose::CrlSign];
    let mute = under(&root, mute);
    assert_eq!(judged(&[leaf(&mute, &client_params("client")), der(&mute)], &root), "wrong_usage");
    let mut servers = authority_params("Servers");
    servers.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let servers = under(&root, servers);
    assert_eq!(judged(&[leaf(&servers, &client_params("client")), der(&servers)], &root), "wrong_usage");

    let mut short = authority_params("Short");
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let short = under(&root, short);
    let below = under(&short, authority_params("Below"));
    let chain = [leaf(&below, &client_params("client")), der(&below), der(&short)];
    assert_eq!(at(&store(&root), &chain, NOW), Err(PathFault::PathLength));
}

fn constrained(permitted: Vec<GeneralSubtree>, excluded: Vec<GeneralSubtree>, name: SanType) -> String {
    let root = root();
    let mut params = authority_params("Constrained");
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded });
    let between = under(&root, params);
    let mut client = client_params("client");
    client.subject_alt_names = vec![name];
    judged(&[leaf(&between, &client), der(&between)], &root)
}

#[test]
fn an_authority_vouches_only_for_names_it_may() {
    let ours = || GeneralSubtree::DnsName("example.org".to_owned());
    let near = || GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([10, 0, 0, 0], 8));
    let address = |text: &str| SanType::IpAddress(text.parse().unwrap());
    let mail = || GeneralSubtree::Rfc822Name("example.org".to_owned());
    let cases = [
        (vec![ours()], vec![], dns("a.example.org"), "trusted"),
        (vec![ours()], vec![], dns("a.example.com"), "name_constraint"),
        (vec![ours()], vec![], dns("*.example.com"), "name_constraint"),
        (vec![], vec![ours()], dns("a.example.org"), "name_constraint"),
        // A wildcard that would cover an excluded name.
        (
            vec![],
            vec![GeneralSubtree::DnsName("a.example.org".to_owned())],
            dns("*.example.org"),
            "name_constraint",
        ),
        (vec![near()], vec![], address("10.1.2.3"), "trusted"),
        (vec![near()], vec![], address("192.0.2.1"), "name_constraint"),
        (vec![mail()], vec![], email("a@example.com"), "name_constraint"),
    ];
    for (permitted, excluded, name, expected) in cases {
        let shown = format!("{permitted:?} {excluded:?} {name:?}");
        assert_eq!(constrained(permitted, excluded, name), expected, "{shown}");
    }
}

#[test]
fn constraints_on_uris_are_not_overlooked() {
    // SEQUENCE { [0] { SEQUENCE { [6] ".example.org" } } }
    let subtree = [&[0x86, 12][..], b".example.org"].concat();
    let wrapped = |tag: u8, inner: &[u8]| [&[tag, u8::try_from(inner.len()).unwrap()][..], inner].concat();
    let content = wrapped(0x30, &wrapped(0xa0, &wrapped(0x30, &subtree)));
    let mut constraints = CustomExtension::from_oid_content(&[2, 5, 29, 30], content);
    constraints.set_criticality(true);

    let root = root();
    let mut params = authority_params("Constrained");
    params.custom_extensions = vec![constraints];
    let between = under(&root, params);
    let mut client = client_params("client");
    client.subject_alt_names = vec![uri("https://client.example.com/")];
    assert_eq!(judged(&[leaf(&between, &client), der(&between)], &root), "name_constraint");
    let plain = leaf(&between, &client_params("client"));
    assert_eq!(judged(&[plain, der(&between)], &root), "trusted");
}

#[test]
fn an_unknown_critical_extension_is_not_overlooked() {
    let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    unknown.set_criticality(true);
    assert_ne!(judged_leaf(|params| params.custom_extensions = vec![unknown]), "trusted");
}

#[test]
fn what_is_not_a_chain_is_refused_without_harm() {
    let root = root();
    let good = leaf(&root, &client_params("client"));
    assert_eq!(judged(&[], &root), "no_certificate");
    assert_eq!(judged(&[vec![]], &root), "malformed");
    assert_eq!(judged(&[b"certificate".to_vec()], &root), "malformed");
    assert_eq!(judged(&[vec![0x30; 70_000]], &root), "malformed");
    assert_eq!(judged(&vec![good.clone(); 11], &root), "malformed");
    assert_eq!(judged(&vec![good.clone(); 10], &root), "trusted");
    assert_eq!(judged(&[good.clone(), vec![0x30, 0x03, 1], vec![]], &root), "trusted");
    assert_eq!(judged(&[[good.clone(), vec![0]].concat()], &root), "malformed");
    for length in (0..good.len()).step_by(7) {
        assert_eq!(judged(&[good[..length].to_vec()], &root), "malformed", "{length}");
    }
}

#[test]
fn anchors_are_authorities_in_pem() {
    let (first, second) = (root(), root_of(authority_params("Second")));
    let both = format!("# ours\n{}\n{}", first.pem(), second.pem());
    let store = TrustStore::parse(both.as_bytes()).unwrap();
    assert_eq!(store.anchor_subjects(), ["CN=Root,O=Example Health,C=US", "CN=Second,O=Example Health,C=US"]);
    assert_eq!(refused(at(&store, &[leaf(&second, &client_params("client"))], NOW)), "trusted");
    assert!(TrustStore::empty().is_empty());

    let error = |pem: &str| TrustStore::parse(pem.as_bytes()).unwrap_err();
    let client = client_params("client").self_signed(&KeyPair::generate().unwrap()).unwrap();
    let unsaid = params("unsaid").self_signed(&KeyPair::generate().unwrap()).unwrap();
    assert!(matches!(error(&unsaid.pem()), TrustStoreError::NotAnAuthority(_)));
    assert_eq!(error(""), TrustStoreError::NoAnchor);
    assert_eq!(
        error("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"),
        TrustStoreError::AnchorsNotPem
    );
    assert_eq!(
        error("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
        TrustStoreError::Anchor(1)
    );
    assert_eq!(
        error(&client.pem()),
        TrustStoreError::NotAnAuthority("CN=client,O=Example Health,C=US".to_owned())
    );
}

#[test]
fn a_renewed_anchor_replaces_an_expired_one_of_the_same_key() {
    let key = KeyPair::generate().unwrap();
    let mut old = authority_params("Root");
    old.not_after = LAST_MONTH;
    let old = old.self_signed(&key).unwrap().pem();
    let root = Authority::self_signed(authority_params("Root"), key).unwrap();
    let store = TrustStore::parse(format!("{old}{}", root.pem()).as_bytes()).unwrap();
    assert_eq!(refused(at(&store, &[leaf(&root, &client_params("client"))], NOW)), "trusted");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_the_store_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,80}") {
        let _ = TrustStore::parse(&bytes);
        let _ = TrustStore::parse(text.as_bytes());
        let _ = at(&TrustStore::empty(), &[bytes.clone(), bytes], NOW);
    }

    #[test]
    fn no_flipped_byte_makes_a_certificate_trusted(place in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let root = root();
        let mut shown = leaf(&root, &client_params("client"));
        let place = place.index(shown.len());
        shown[place] ^= flip;
        prop_assert_ne!(judged(&[shown], &root), "trusted");
    }
}
