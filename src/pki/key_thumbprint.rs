//! By what a public key is known again, however it is written.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The thumbprint of the key in a SubjectPublicKeyInfo. A point of a curve may be written whole or compressed, and the
/// parameters of RSA in several ways: they are one key, and whoever has the private one can write it in each. So only what
/// the private key cannot do without is counted: the x coordinate, the modulus.
#[must_use]
pub fn key_thumbprint(public_key_info: &[u8]) -> String {
    let Ok((_, info)) = SubjectPublicKeyInfo::from_der(public_key_info) else {
        return digest(public_key_info);
    };
    let parsed = info.parsed();
    if let Ok(PublicKey::RSA(rsa)) = &parsed {
        let zeros = rsa.modulus.iter().take_while(|byte| **byte == 0).count();
        return digest(rsa.modulus.split_at(zeros).1);
    }
    if let Ok(PublicKey::EC(point)) = &parsed {
        return digest(x_of(point.data()));
    }
    digest(&info.subject_public_key.data)
}

/// The x coordinate of a point (SEC 1, 2.3.3), or all of what is not one.
fn x_of(point: &[u8]) -> &[u8] {
    match point.split_first() {
        Some((4 | 6 | 7, both)) => both.split_at(both.len() / 2).0,
        Some((2 | 3, x)) => x,
        Some(_) | None => point,
    }
}

fn digest(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, bytes))
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PublicKeyData};

    use super::*;

    /// A key on P-256, as far as its point.
    const P256: &[u8] = &[
        0x30, 0x39, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x22, 0x00,
    ];

    #[test]
    fn m06_a_key_is_the_same_however_it_is_written() {
        let (one, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let (whole, x) = (one.subject_public_key_info(), one.der_bytes()[1..33].to_vec());
        let own = key_thumbprint(&whole);
        assert_eq!(own.len(), 43);
        for sign in [2, 3] {
            assert_eq!(key_thumbprint(&[P256, &[sign], &x].concat()), own);
        }
        assert_ne!(key_thumbprint(&other.subject_public_key_info()), own);
    }

    #[test]
    fn m06_a_modulus_is_one_key_whatever_is_written_beside_it() {
        let oid = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
        let written = |length: u8, algorithm: &[u8], exponent: u8| {
            let key = [0x03, 0x09, 0x00, 0x30, 0x06, 0x02, 0x01, 0x23, 0x02, 0x01, exponent];
            key_thumbprint(&[&[0x30, length], algorithm, &key].concat())
        };
        let plain = [&[0x30, 0x0d], &oid[..], &[0x05, 0x00]].concat();
        let bare = [&[0x30, 0x0b], &oid[..]].concat();
        let own = written(0x1a, &plain, 3);
        assert_eq!((written(0x18, &bare, 3), written(0x1a, &plain, 5)), (own.clone(), own));
    }

    #[test]
    fn m06_what_is_no_key_has_a_thumbprint_too() {
        for bytes in [&b""[..], b"x", &P256[..4], P256] {
            assert_eq!(key_thumbprint(bytes).len(), 43);
        }
    }
}
