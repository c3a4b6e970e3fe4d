//! Base64url without padding, in its one canonical form (RFC 7515, 2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Encodes without padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes; padding, foreign letters and loose trailing bits are refused, so that every value
/// has exactly one spelling.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_read() {
        assert_eq!(decode("AQAB"), Some(vec![1, 0, 1]));
        assert_eq!(decode("_-8"), Some(vec![0xff, 0xef]));
        for bad in ["AQ==", "AQ=", "AR", "A", "+/8", "AQ AB", "AQAB\n", "ÀQAB"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
