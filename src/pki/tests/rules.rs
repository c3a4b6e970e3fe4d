//! The rules of communities: names, usages, policies, and how strong keys and signatures are.

use rcgen::{
    CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PublicKeyData,
    SignatureAlgorithm, SigningKey,
};

use super::*;
use crate::pki::{KeyKind, KeyUse, LeastKeys, NameKind, ObjectId, TrustStoreError};

/// sha256WithRSAEncryption, and with its last octet changed sha1WithRSAEncryption and md5WithRSAEncryption.
const RSA_SHA256: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
/// P-256, and with its last octet changed P-192.
const P256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// A public RSA key of so many octets that nobody has the private key of.
struct Modulus(Vec<u8>);

impl Modulus {
    fn of(octets: usize) -> Self {
        let integer = |content: Vec<u8>| wrapped(0x02, &content);
        let modulus = [vec![0], vec![0xc5; octets]].concat();
        Self(wrapped(0x30, &[integer(modulus), integer(vec![1, 0, 1])].concat()))
    }
}

impl PublicKeyData for Modulus {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        short @ 0..0x80 => vec![u8::try_from(short).unwrap()],
        long => [vec![0x82], u16::try_from(long).unwrap().to_be_bytes().to_vec()].concat(),
    };
    [vec![tag], length, content.to_vec()].concat()
}

/// The same certificate, in which octets stand in place of others, signed anew.
fn altered(der: &[u8], (from, to): (&[u8], u8), issuer: &Authority) -> Vec<u8> {
    let change = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let at = bytes.windows(from.len()).rposition(|found| found == from).unwrap();
        bytes[at + from.len() - 1] = to;
        bytes
    };
    let (_, found) = x509_parser::parse_x509_certificate(der).unwrap();
    let body = found.tbs_certificate.as_ref();
    let is_within = body.windows(from.len()).any(|found| found == from);
    let body = if is_within { change(body) } else { body.to_vec() };
    let algorithm = &der[4 + found.tbs_certificate.as_ref().len()..];
    let length = 2 + usize::from(algorithm[1]);
    let algorithm = &algorithm[..length];
    let signed_so = algorithm.windows(from.len()).any(|found| found == from);
    let algorithm = if signed_so { change(algorithm) } else { algorithm.to_vec() };
    let signature = [vec![0], issuer.key().sign(&body).unwrap()].concat();
    wrapped(0x30, &[body, algorithm, wrapped(0x03, &signature)].concat())
}

fn policies(named: &[&[u8]]) -> CustomExtension {
    let all: Vec<u8> = named.iter().flat_map(|oid| wrapped(0x30, &wrapped(0x06, oid))).collect();
    CustomExtension::from_oid_content(&[2, 5, 29, 32], wrapped(0x30, &all))
}

fn by(rules: &PathRules, root: &Authority, chain: &[Vec<u8>]) -> String {
    refused(store(root).judge(chain, rules, NOW))
}

#[test]
fn mt_02_a_weak_key_is_refused_wherever_it_stands() {
    let root = root();
    let sizes = [(128, "weak_key"), (255, "weak_key"), (256, "trusted"), (512, "trusted")];
    for (octets, expected) in sizes {
        let leaf = client_params("client").signed_by(&Modulus::of(octets), &root).unwrap();
        let found = Certificate::parse(leaf.der()).unwrap();
        assert_eq!(found.key_kind(), KeyKind::Rsa(u32::try_from(octets).unwrap() * 8));
        assert_eq!(by(&PathRules::default(), &root, &[leaf.der().to_vec()]), expected, "{octets}");
    }
    let small = altered(&leaf(&root, &client_params("client")), (&P256, 1), &root);
    assert_eq!(Certificate::parse(&small).unwrap().key_kind(), KeyKind::Curve(192));
    assert_eq!(by(&PathRules::default(), &root, &[small]), "weak_key");

    // An authority whose signature would not count, whatever it is.
    let between = authority_params("Between").signed_by(&Modulus::of(128), &root).unwrap();
    let double = root_of(authority_params("Between"));
    let chain = [leaf(&double, &client_params("client")), between.der().to_vec()];
    assert_eq!(by(&PathRules::default(), &root, &chain), "weak_key");
    let strong = authority_params("Between").signed_by(&Modulus::of(256), &root).unwrap();
    let chain = [leaf(&double, &client_params("client")), strong.der().to_vec()];
    assert_eq!(by(&PathRules::default(), &root, &chain), "unknown_issuer");
}

#[test]
fn mt_02_a_signature_over_sha_1_or_md5_is_refused() {
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let root = Authority::self_signed(authority_params("Root"), key).unwrap();
    let good = leaf(&root, &client_params("client"));
    assert_eq!(by(&PathRules::default(), &root, std::slice::from_ref(&good)), "trusted");
    assert_eq!(by(&PathRules::default(), &root, &[altered(&good, (&RSA_SHA256, 0x0b), &root)]), "trusted");
    for weak in [0x05, 0x04] {
        let weak = altered(&good, (&RSA_SHA256, weak), &root);
        assert!(Certificate::parse(&weak).unwrap().is_forgeable());
        assert_eq!(by(&PathRules::default(), &root, &[weak]), "weak_signature");
    }
    // What leads nowhere is not said to be weak.
    let other = root_of(authority_params("Other"));
    let weak = altered(&good, (&RSA_SHA256, 0x05), &root);
    assert_eq!(by(&PathRules::default(), &other, &[weak]), "unknown_issuer");
}

#[test]
fn a_community_can_ask_for_larger_keys_of_anchors_too() {
    let root = root();
    let larger = PathRules { least_keys: LeastKeys { rsa: 3072, curve: 384 }, ..PathRules::default() };
    let of = |key: &KeyPair, root: &Authority| {
        vec![client_params("client").signed_by(key, root).unwrap().der().to_vec()]
    };
    let (p256, p384) =
        (KeyPair::generate().unwrap(), KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap());
    assert_eq!(by(&larger, &root, &of(&p384, &root)), "weak_key");
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let root = Authority::self_signed(authority_params("Root"), key).unwrap();
    assert_eq!(by(&larger, &root, &of(&p384, &root)), "trusted");
    assert_eq!(by(&larger, &root, &of(&p256, &root)), "weak_key");
    // Ed25519 is as strong as a curve of 256 bits.
    let edwards = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    assert_eq!(by(&PathRules::default(), &root, &of(&edwards, &root)), "trusted");
    assert_eq!(by(&larger, &root, &of(&edwards, &root)), "weak_key");
}

#[test]
fn an_anchor_of_a_weak_key_is_none() {
    let weak = authority_params("Root").signed_by(&Modulus::of(128), &root()).unwrap();
    assert!(matches!(TrustStore::parse(weak.pem().as_bytes()), Err(TrustStoreError::WeakKey(_))));
}

/// The policies of the certificates of a path.
type Policies<'a> = &'a [&'a [u8]];

#[test]
fn a_policy_holds_for_the_whole_path_or_not() {
    let (ours, theirs, any) = ([0x2a, 3, 4], [0x2a, 3, 5], [0x55, 0x1d, 0x20, 0]);
    let rules = PathRules {
        policies: vec![ObjectId::parse("1.2.3.4").unwrap(), ObjectId::parse("1.2.3.9").unwrap()],
        ..PathRules::default()
    };
    let root = root();
    let rows: [(Policies<'_>, Policies<'_>, &str); 8] = [
        (&[&ours], &[&ours], "trusted"),
        (&[&theirs, &ours], &[&ours, &theirs], "trusted"),
        (&[&any], &[&ours], "trusted"),
        (&[], &[&ours], "missing_policy"),
        (&[&ours], &[], "missing_policy"),
        (&[&theirs], &[&ours], "missing_policy"),
        (&[&ours], &[&theirs], "missing_policy"),
        (&[&any], &[&any], "missing_policy"),
    ];
    for (above, below, expected) in rows {
        let with = |mut params: CertificateParams, named: &[&[u8]]| {
            if !named.is_empty() {
                params.custom_extensions = vec![policies(named)];
            }
            params
        };
        let between = under(&root, with(authority_params("Between"), above));
        let chain = [leaf(&between, &with(client_params("client"), below)), der(&between)];
        assert_eq!(by(&rules, &root, &chain), expected, "{above:?} {below:?}");
        assert_eq!(by(&PathRules::default(), &root, &chain), "trusted", "{above:?} {below:?}");
    }
}

#[test]
fn usages_that_a_community_asks_for_must_be_named() {
    let root = root();
    let judged = |rules: &PathRules, change: fn(&mut CertificateParams)| {
        let mut params = client_params("client");
        change(&mut params);
        by(rules, &root, &[leaf(&root, &params)])
    };
    let signing = PathRules { key_usages: vec![KeyUse::DigitalSignature], ..PathRules::default() };
    assert_eq!(judged(&signing, |_| {}), "trusted");
    assert_eq!(judged(&signing, |params| params.key_usages.clear()), "wrong_usage");
    let both = PathRules {
        key_usages: vec![KeyUse::DigitalSignature, KeyUse::KeyEncipherment],
        ..PathRules::default()
    };
    assert_eq!(judged(&both, |_| {}), "wrong_usage");
    assert_eq!(judged(&both, |params| params.key_usages.push(KeyUsagePurpose::KeyEncipherment)), "trusted");
    let purpose = |oid: &str| PathRules {
        extended_key_usages: vec![ObjectId::parse(oid).unwrap()],
        ..PathRules::default()
    };
    assert_eq!(judged(&purpose("1.3.6.1.5.5.7.3.4"), |_| {}), "wrong_usage");
    let mail = |params: &mut CertificateParams| {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::EmailProtection);
    };
    assert_eq!(judged(&purpose("1.3.6.1.5.5.7.3.4"), mail), "trusted");
    let own = |params: &mut CertificateParams| {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 4, 1, 99_999, 1]));
    };
    assert_eq!(judged(&purpose("1.3.6.1.4.1.99999.1"), own), "trusted");
    // Whatever else it names, clientAuth is needed.
    let alone = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
    };
    assert_eq!(judged(&purpose("1.3.6.1.5.5.7.3.4"), alone), "wrong_usage");
}

#[test]
fn a_leaf_bears_a_name_of_a_kind_that_is_taken() {
    let root = root();
    let rows = [
        (vec![NameKind::SanUri], vec![uri("https://a.example/")], "trusted"),
        (vec![NameKind::SanUri], vec![dns("a.example")], "name_type"),
        (vec![NameKind::SanUri, NameKind::SanDns], vec![dns("a.example")], "trusted"),
        (vec![NameKind::SanEmail], vec![email("a@b.example")], "trusted"),
        (vec![NameKind::SanIp], vec![], "name_type"),
        (vec![NameKind::SubjectDn], vec![], "trusted"),
    ];
    for (names, borne, expected) in rows {
        let mut params = client_params("client");
        let shown = format!("{names:?} {borne:?}");
        params.subject_alt_names = borne;
        let rules = PathRules { names, ..PathRules::default() };
        assert_eq!(by(&rules, &root, &[leaf(&root, &params)]), expected, "{shown}");
    }
}

#[test]
fn of_two_paths_the_one_that_the_rules_take_counts() {
    let root = root();
    let rules = PathRules { policies: vec![ObjectId::parse("1.2.3.4").unwrap()], ..PathRules::default() };
    let key = KeyPair::generate().unwrap();
    let mut params = authority_params("Between");
    let plain = params.signed_by(&key, &root).unwrap().der().to_vec();
    params.custom_extensions = vec![policies(&[&[0x2a, 3, 4]])];
    let between = Authority::signed_by(params, key, &root).unwrap();
    let mut client = client_params("client");
    client.custom_extensions = vec![policies(&[&[0x2a, 3, 4]])];
    let shown = leaf(&between, &client);
    assert_eq!(by(&rules, &root, &[shown.clone(), plain.clone()]), "missing_policy");
    for others in [[plain.clone(), der(&between)], [der(&between), plain]] {
        let chain = [vec![shown.clone()], others.to_vec()].concat();
        let path = store(&root).judge(&chain, &rules, NOW).unwrap();
        assert_eq!(path.certificates, [shown.clone(), der(&between)]);
        assert_eq!(path.anchor, der(&root));
    }
}
