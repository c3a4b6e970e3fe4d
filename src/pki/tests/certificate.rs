//! Facts and thumbprints.

use proptest::prelude::*;
use rcgen::{CustomExtension, IsCa};

use super::*;
use crate::pki::{CertificateError, Thumbprint};

#[test]
fn a_certificate_tells_its_facts() {
    let certificate = bearing(vec![
        dns("a.example.org"),
        uri("https://a.example.org/"),
        email("a@example.org"),
        SanType::IpAddress("192.0.2.1".parse().unwrap()),
        SanType::IpAddress("2001:db8::1".parse().unwrap()),
    ]);
    assert_eq!(certificate.subject_text(), "CN=client,O=Example Health,C=US");
    assert_eq!(certificate.issuer(), certificate.subject());
    assert_eq!(certificate.dns_names(), ["a.example.org"]);
    assert_eq!(certificate.uris(), ["https://a.example.org/"]);
    assert_eq!(certificate.emails(), ["a@example.org"]);
    assert_eq!(certificate.ip_addresses().len(), 2);
    assert_eq!((certificate.not_before(), certificate.not_after()), (LAST_YEAR, NEXT_YEAR));
    assert!(certificate.may_sign() && certificate.names_client_authentication());
    assert!(!certificate.is_authority() && !certificate.may_sign_certificates());
    assert_eq!(certificate.thumbprint(), Thumbprint::of_der(certificate.der()));
    let shown = format!("{certificate:?}");
    assert!(shown.contains("CN=client") && shown.len() < 200, "{shown}");
}

#[test]
fn the_same_subject_with_another_key_is_another_key() {
    let key = KeyPair::generate().unwrap();
    let params = client_params("client");
    let first = Certificate::parse(params.self_signed(&key).unwrap().der()).unwrap();
    let mut renewed = client_params("client");
    renewed.serial_number = Some(SerialNumber::from(8_u64));
    let renewed = Certificate::parse(renewed.self_signed(&key).unwrap().der()).unwrap();
    let forged = self_signed(&params);
    assert_eq!(first.public_key_info(), renewed.public_key_info());
    assert!(!first.thumbprint().matches(&renewed.thumbprint()));
    assert_eq!(first.subject(), forged.subject());
    assert_ne!(first.public_key_info(), forged.public_key_info());
    assert_eq!(first.public_key_info(), rcgen::PublicKeyData::subject_public_key_info(&key));
}

#[test]
fn extensions_are_read_once_or_not_at_all() {
    let with = |extensions: Vec<CustomExtension>| {
        let mut params = client_params("client");
        params.key_usages = vec![];
        params.extended_key_usages = vec![];
        params.is_ca = IsCa::NoCa;
        params.custom_extensions = extensions;
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Certificate::parse(made.der()).map(|_| ())
    };
    let usage = |content: &[u8]| CustomExtension::from_oid_content(&[2, 5, 29, 15], content.to_vec());
    let constraints = |content: &[u8]| CustomExtension::from_oid_content(&[2, 5, 29, 19], content.to_vec());
    let names = |content: &[u8]| CustomExtension::from_oid_content(&[2, 5, 29, 17], content.to_vec());
    let signing = [3, 2, 7, 0x80];
    assert_eq!(with(vec![usage(&signing)]), Ok(()));
    assert_eq!(with(vec![usage(&signing), usage(&signing)]), Err(CertificateError::Extension));
    assert_eq!(with(vec![usage(&[4, 1, 0])]), Err(CertificateError::Extension));
    assert_eq!(with(vec![constraints(&[0x30, 3, 1, 2, 3])]), Err(CertificateError::Extension));
    assert_eq!(with(vec![names(&[0x30, 5, 0x87, 3, 1, 2, 3])]), Err(CertificateError::AlternativeName));
    assert_eq!(with(vec![names(&[0x30, 3, 0x82, 1, 0xff])]), Err(CertificateError::AlternativeName));
}

#[test]
fn a_thumbprint_has_one_text() {
    // SHA-256 of nothing.
    let text = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    let thumbprint = Thumbprint::of_der(b"");
    assert_eq!(thumbprint.as_base64url(), text);
    assert_eq!(Thumbprint::parse(text), Some(thumbprint));
    assert!(thumbprint.matches(&Thumbprint::parse(text).unwrap()));
    assert!(!thumbprint.matches(&Thumbprint::of_der(b"a")));
    assert_eq!(thumbprint.as_bytes()[0], 0xe3);
    let last_bits = text.replace("uFU", "uFV");
    for other in
        ["", &text[1..], &format!("{text}="), &format!("{text}A"), &last_bits, &text.replace('-', "+")]
    {
        assert_eq!(Thumbprint::parse(other), None, "{other}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in any::<String>()) {
        let _ = Certificate::parse(&bytes);
        let _ = Thumbprint::parse(&text);
    }

    #[test]
    fn no_changed_byte_makes_it_panic(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut der = bearing(vec![dns("a.example.org"), uri("https://a/")]).der().to_vec();
        let at = at.index(der.len());
        der[at] ^= flip;
        if let Ok(certificate) = Certificate::parse(&der) {
            let _ = certificate.subject_text();
        }
    }
}
