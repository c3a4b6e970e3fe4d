//! Writing and reading refresh tokens: their content under an HMAC-SHA-256 whose key stands outside the
//! database. Garbage costs no query, and a copy of the database holds no token.

use aws_lc_rs::hmac;

use crate::jose::base64url;
use crate::jose::thumbprint::sha256;
use crate::model::refresh_token::RefreshToken;
use crate::protocol::secret::Secret;

/// How a refresh token begins, so that scanners of code and logs know it.
pub const PREFIX: &str = "hrt_";
/// The length of the MAC in bytes.
const MAC: usize = 32;

/// Writes and reads refresh tokens under one key.
pub struct RefreshTokens {
    key: hmac::Key,
    id: u8,
}

impl RefreshTokens {
    /// A writer with a key of 32 bytes.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        let [id, ..] = sha256(key);
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), id }
    }

    /// Writes a token; the same content is always the same text.
    #[must_use]
    pub fn write(&self, token: &RefreshToken) -> Secret {
        let mut bytes = token.to_bytes(self.id);
        let mac = hmac::sign(&self.key, &bytes);
        bytes.extend(mac.as_ref());
        Secret::new(format!("{PREFIX}{}", base64url::encode(&bytes)))
    }

    /// Reads a token that was written under this key; `None` for anything else.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<RefreshToken> {
        let bytes = base64url::decode(text.strip_prefix(PREFIX)?)?;
        let (content, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        hmac::verify(&self.key, content, mac).ok()?;
        RefreshToken::from_bytes(content, self.id)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::protocol::ids::ClientId;

    fn token() -> RefreshToken {
        let family = Uuid::from_bytes([7; 16]);
        RefreshToken { epoch: 1, client: ClientId::parse("app").unwrap(), family, generation: 3 }
    }

    #[test]
    fn a_token_is_read_back_as_it_was_written_and_always_the_same_text() {
        let tokens = RefreshTokens::new(&[1; 32]);
        let text = tokens.write(&token());
        assert_eq!(tokens.read(text.expose()), Some(token()));
        assert_eq!(tokens.write(&token()).expose(), text.expose());
    }

    #[test]
    fn sm_r_03_no_changed_byte_and_no_other_key_makes_a_token() {
        let tokens = RefreshTokens::new(&[1; 32]);
        let text = tokens.write(&token()).expose().to_owned();
        let bytes = base64url::decode(text.strip_prefix(PREFIX).unwrap()).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(tokens.read(&format!("{PREFIX}{}", base64url::encode(&changed))), None, "{place}");
        }
        for cut in 0..bytes.len() {
            let cut = base64url::encode(&bytes[..cut]);
            assert_eq!(tokens.read(&format!("{PREFIX}{cut}")), None);
        }
        assert_eq!(tokens.read(&text[PREFIX.len()..]), None);
        assert_eq!(tokens.read(&format!("{text}A")), None);
        assert_eq!(RefreshTokens::new(&[2; 32]).read(&text), None);
    }
}
