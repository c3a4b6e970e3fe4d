//! The code that a device shows and a person enters (RFC 8628, 6.1).

use std::fmt;

/// Consonants that are not mistaken for one another, or for digits: no word comes of them (RFC 8628, 6.1).
const ALPHABET: [u8; 20] = *b"BCDFGHJKLMNPQRSTVWXZ";
/// How many letters a code has: 20⁸ are 34 bits and a half.
const LENGTH: usize = 8;
/// The bytes from which letters are drawn evenly: below the last whole multiple of the alphabet.
const EVEN: u8 = 240;
/// The longest text that is looked at.
const LONGEST: usize = 64;

/// A code that a person enters, in two groups of four letters.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(..)")
    }
}

impl fmt::Display for UserCode {
    /// As devices and pages show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, right) = self.0.split_at_checked(LENGTH / 2).unwrap_or((&self.0, ""));
        write!(f, "{left}-{right}")
    }
}

impl UserCode {
    /// A code of random bytes; `None` where too few of them can be used.
    #[must_use]
    pub fn of_random(bytes: &[u8; 32]) -> Option<Self> {
        let even = bytes.iter().filter(|byte| **byte < EVEN);
        let letters = even.filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()));
        Self::of_letters(letters.take(LENGTH).map(|letter| char::from(*letter)).collect())
    }

    /// Reads what a person has typed, in whatever case, with dashes and spaces wherever they are.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let is_between = |sign: &char| {
            sign.is_whitespace() || matches!(sign, '-' | '_' | '.' | '\u{2010}'..='\u{2015}' | '\u{2212}')
        };
        Self::of_letters(
            text.chars().filter(|sign| !is_between(sign)).map(|sign| sign.to_ascii_uppercase()).collect(),
        )
    }

    /// The letters alone.
    #[must_use]
    pub fn letters(&self) -> &str {
        &self.0
    }

    fn of_letters(letters: String) -> Option<Self> {
        let is_whole = letters.len() == LENGTH && letters.bytes().all(|letter| ALPHABET.contains(&letter));
        is_whole.then_some(Self(letters))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dv_03_a_code_is_read_however_it_is_typed() {
        let code = UserCode::parse("WDJB-MJHT").unwrap();
        for typed in ["wdjbmjht", " wdjb mjht ", "WDJB–MJHT", "w-d-j-b_m.j h\tt", "Wdjb\u{a0}Mjht"] {
            assert_eq!(UserCode::parse(typed), Some(code.clone()), "{typed}");
        }
        assert_eq!((code.to_string(), code.letters()), ("WDJB-MJHT".to_owned(), "WDJBMJHT"));
        assert_eq!(format!("{code:?}"), "UserCode(..)");
        let long = format!("WDJB{}MJHT", " ".repeat(60));
        for bad in ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH1", "ẂDJB-MJHT", "WDJB/MJHT", &long]
        {
            assert_eq!(UserCode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn dv_03_codes_are_drawn_evenly_of_every_letter() {
        let first = |byte: u8| UserCode::of_random(&[byte; 32]).map(|code| code.letters()[..1].to_owned());
        let drawn: BTreeSet<String> = (0..240).filter_map(first).collect();
        assert_eq!(drawn.len(), ALPHABET.len());
        assert!((240..=255).all(|byte| first(byte).is_none()));
        assert!(20_f64.powi(8).log2() > 34.0);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            if let Some(code) = UserCode::parse(&text) {
                prop_assert_eq!(UserCode::parse(&code.to_string()), Some(code));
            }
        }
    }
}
