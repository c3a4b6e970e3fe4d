//! Requests for certificates. OpenSSL's are judged by the server's tests.

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::pki::pem;
use crate::pki::signing_request::{SigningRequest, SigningRequestError};

fn request(key: &KeyPair) -> Vec<u8> {
    CertificateParams::new(vec!["a.example".to_owned()])
        .unwrap()
        .serialize_request(key)
        .unwrap()
        .der()
        .to_vec()
}

#[test]
fn m06_a_request_is_read_in_both_forms_and_its_key_is_what_is_certified() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let der = request(&key);
        let read = SigningRequest::parse(&der).unwrap();
        assert_eq!(read.public_key_info(), rcgen::PublicKeyData::subject_public_key_info(&key));
        let text = pem::write(pem::REQUEST, &der);
        assert_eq!(SigningRequest::parse(text.as_bytes()).unwrap(), read);
        assert_eq!(SigningRequest::parse(text.replace('\n', "\r\n").as_bytes()).unwrap(), read);
        assert_eq!(read.der(), der);
    }
}

#[test]
fn m06_no_changed_request_is_believed_and_none_panics() {
    let pair = KeyPair::generate().unwrap();
    let der = request(&pair);
    let key = rcgen::PublicKeyData::subject_public_key_info(&pair);
    let (_, found) = X509CertificationRequest::from_der(&der).unwrap();
    let signed = found.certification_request_info.raw.len();
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 0x01;
        // What is outside of the signed part may be written in another way; it says nothing that counts.
        let same = SigningRequest::parse(&changed).map(|read| read.public_key_info() == key && at > signed);
        assert!(same.unwrap_or(true), "octet {at}");
        assert!(SigningRequest::parse(&der[..at]).is_err(), "only {at} octets");
    }
    let large = vec![0x30; 16 * 1024 + 1];
    let rows: [(&[u8], SigningRequestError); 4] = [
        (b"", SigningRequestError::NotARequest),
        (
            b"-----BEGIN CERTIFICATE REQUEST-----\n!!\n-----END CERTIFICATE REQUEST-----",
            SigningRequestError::NotARequest,
        ),
        (&[0xff; 40], SigningRequestError::NotARequest),
        (&large, SigningRequestError::TooLarge),
    ];
    for (bytes, expected) in rows {
        assert_eq!(SigningRequest::parse(bytes), Err(expected));
    }
}
