//! SHA-256, as JOSE spells it: of keys (RFC 7638) and of certificates (`x5t#S256`).

use aws_lc_rs::digest;

use super::base64url;

/// The SHA-256 digest.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut result = [0; 32];
    for (to, from) in result.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    result
}

/// The SHA-256 digest in base64url without padding.
#[must_use]
pub fn sha256_base64url(bytes: &[u8]) -> String {
    base64url::encode(&sha256(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_as_rfc_7636_b() {
        assert_eq!(
            sha256_base64url(b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
