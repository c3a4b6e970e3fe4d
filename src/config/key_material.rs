//! 32 random bytes that keys are derived from.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// 32 random bytes: wiped on drop, never printed, never used themselves.
#[derive(Clone)]
pub struct KeyMaterial(Zeroizing<[u8; 32]>);

impl KeyMaterial {
    /// Takes 32 bytes over.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Takes bytes over that were kept; `None` when they are not 32.
    #[must_use]
    pub fn from_kept(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Zeroizing::new).map(Self)
    }

    /// Parses what a person gives: 32 raw bytes, 64 hexadecimal digits, or base64.
    #[must_use]
    pub fn parse(content: &[u8]) -> Option<Self> {
        let key = raw(content).or_else(|| {
            let text = std::str::from_utf8(content).ok()?.trim();
            hexadecimal(text).or_else(|| base64(text))
        });
        // Zeroes, or one repeated byte, are a placeholder that nobody replaced.
        key.filter(|key| key.first().is_some_and(|first| key.iter().any(|byte| byte != first))).map(Self)
    }

    /// The bytes, to be sealed.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key for one purpose: HKDF-SHA-256 with the purpose as `info` (RFC 5869, 2), of which
    /// 32 bytes are the first block, T(1) = HMAC(PRK, info || 0x01).
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let extracted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[0; 32]), self.0.as_slice());
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, extracted.as_ref()));
        context.update(purpose.as_bytes());
        context.update(&[1]);
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        key
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMaterial(..)")
    }
}

fn raw(content: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    // 32 printable characters are a passphrase, or 16 bytes in hexadecimal: too little of a key.
    let is_text = content.iter().all(u8::is_ascii_graphic);
    content.try_into().ok().filter(|_| !is_text).map(Zeroizing::new)
}

fn hexadecimal(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = Zeroizing::new([0; 32]);
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

fn base64(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let text = text.trim_end_matches('=');
    let bytes = STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()?;
    let bytes = Zeroizing::new(bytes);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_in_three_forms() {
        let bytes: [u8; 32] = std::array::from_fn(|i| u8::try_from(i * 7).unwrap_or(0xff));
        let hex = bytes.map(|byte| format!("{byte:02X}")).concat();
        let padded = format!("{}=\n", STANDARD_NO_PAD.encode(bytes));
        let derived = KeyMaterial::new(bytes).derive("seal");
        for content in [bytes.to_vec(), format!("{hex}\n").into_bytes(), padded.into_bytes()] {
            assert_eq!(KeyMaterial::parse(&content).unwrap().derive("seal"), derived);
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let rows: [&[u8]; 7] = [
            b"",
            b"changeme",
            &[0; 32],
            b"0123456789abcdef0123456789abcdef",
            &[b'0'; 64],
            &[200; 31],
            b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg",
        ];
        for row in rows {
            assert!(KeyMaterial::parse(row).is_none(), "{row:?}");
        }
    }

    #[test]
    fn derivation_is_hkdf() {
        use aws_lc_rs::hkdf;
        let bytes: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap_or(0));
        let mut expected = [0; 32];
        hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
            .extract(&bytes)
            .expand(&[b"refresh token"], hkdf::HKDF_SHA256)
            .unwrap()
            .fill(&mut expected)
            .unwrap();
        assert_eq!(KeyMaterial::new(bytes).derive("refresh token"), expected);
        assert_ne!(KeyMaterial::new(bytes).derive("seal"), expected);
    }
}
