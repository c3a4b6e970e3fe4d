//! Object identifiers in their dotted form (RFC 3061, 2), as certificates and rules name policies and usages.

use std::fmt;

/// An object identifier; two are equal when their dotted forms are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(String);

/// More arcs than this are not read.
const MOST_ARCS: usize = 32;

impl ObjectId {
    /// Reads the dotted form: at least two numbers without leading zeros.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const SAYS: &str = "must be an object identifier in dotted form, such as 2.16.840.1.113733";
        let arcs: Option<Vec<u128>> = text.split('.').map(arc).collect();
        let sound = match arcs.as_deref() {
            Some([first @ 0..=1, second, ..]) => *first <= 1 && *second < 40,
            Some([2, _, ..]) => true,
            Some(_) | None => false,
        };
        let short = text.split('.').count() <= MOST_ARCS;
        if sound && short { Ok(Self(text.to_owned())) } else { Err(SAYS) }
    }

    /// An identifier whose dotted form a certificate has given.
    pub(super) const fn of_dotted(text: String) -> Self {
        Self(text)
    }

    /// The dotted form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn arc(text: &str) -> Option<u128> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_numbers_with_dots_between_them() {
        for good in ["2.5.29.32.0", "1.3.6.1.4.1.41179.0.1.2", "0.39", "2.999.1"] {
            assert_eq!(ObjectId::parse(good).unwrap().as_str(), good);
        }
        let long = vec!["1"; 33].join(".");
        for bad in
            ["", "1", "3.1", "1.40", "1.2.", ".1.2", "1..2", "1.02", "1.a", "1.-2", "+1.2", "1.2 ", &long]
        {
            assert!(ObjectId::parse(bad).is_err(), "{bad}");
        }
    }
}
