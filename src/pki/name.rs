//! Distinguished names, compared as parsed names and never as strings (RFC 8705, 2.1.2).

use std::fmt;
use std::str::Chars;

use x509_parser::x509::X509Name;

use super::attribute::{Attribute, AttributeType, AttributeValue};

/// A distinguished name: relative names from the root down, as X.509 orders them.
///
/// Two names are equal when they are the same sequence of relative names. Each of these is a
/// set; an attribute's type counts by its object identifier and its value as the characters it
/// means, so that a `PrintableString` equals a `UTF8String` of the same characters. Case and inner
/// space count: what was registered must be what is shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DistinguishedName(Vec<Vec<Attribute>>);

/// Why a text or an encoding is not a distinguished name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// An attribute without `=`.
    #[error("an attribute of the name has no \"=\"")]
    NoValue,
    /// An attribute type that is neither a known short name nor an object identifier.
    #[error("{0:?} is not an attribute type that is known")]
    UnknownType(String),
    /// A backslash that escapes nothing.
    #[error("a backslash is followed by neither a special character nor two hexadecimals")]
    BadEscape,
    /// A character that must be escaped.
    #[error("the character {0:?} must be escaped")]
    Unescaped(char),
    /// Escaped bytes that are not UTF-8.
    #[error("an attribute's value is not UTF-8")]
    NotUnicode,
    /// A `#` value that is not one value in hexadecimals.
    #[error("a value after \"#\" is not one encoded value in hexadecimals")]
    BadEncoding,
}

impl DistinguishedName {
    /// Reads the text form of RFC 4514, most specific name first. Space that is not escaped is
    /// ignored around `=`, `+` and `,`, since tools print it there. An empty text is the empty name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let mut names = Vec::new();
        if text.trim_matches(' ').is_empty() {
            return Ok(Self(names));
        }
        let mut rest = text;
        let mut name = Vec::new();
        loop {
            let (attribute, end) = read_attribute(&mut rest)?;
            name.push(attribute);
            if end != End::Plus {
                names.push(as_set(std::mem::take(&mut name)));
            }
            if end == End::Text {
                break;
            }
        }
        names.reverse();
        Ok(Self(names))
    }

    /// Whether the name names nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn of_x509(name: &X509Name<'_>) -> Result<Self, NameError> {
        let names = name.iter_rdn().map(|set| {
            let attributes = set.iter().map(|found| {
                let kind = AttributeType::of_content(found.attr_type().as_bytes())
                    .ok_or_else(|| NameError::UnknownType(String::new()))?;
                let value = AttributeValue::of_any(found.attr_value()).ok_or(NameError::BadEncoding)?;
                Ok(Attribute { kind, value })
            });
            attributes.collect::<Result<Vec<_>, _>>().map(as_set)
        });
        names.collect::<Result<Vec<_>, _>>().map(Self)
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().rev().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            for (at, attribute) in name.iter().enumerate() {
                if at > 0 {
                    f.write_str("+")?;
                }
                write!(f, "{attribute}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

/// One order for each set, so that equality is equality of sequences.
fn as_set(mut attributes: Vec<Attribute>) -> Vec<Attribute> {
    attributes.sort();
    attributes
}

/// What an attribute was ended by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Comma,
    Plus,
    Text,
}

fn read_attribute(rest: &mut &str) -> Result<(Attribute, End), NameError> {
    let (kind, after) = rest.split_once('=').ok_or(NameError::NoValue)?;
    let kind = kind.trim_matches(' ');
    let kind = AttributeType::parse(kind).ok_or_else(|| NameError::UnknownType(kind.to_owned()))?;
    let mut signs = after.trim_start_matches(' ').chars();
    let (value, end) =
        if signs.as_str().starts_with('#') { read_encoded(&mut signs)? } else { read_text(&mut signs)? };
    *rest = signs.as_str();
    Ok((Attribute { kind, value }, end))
}

fn read_encoded(signs: &mut Chars<'_>) -> Result<(AttributeValue, End), NameError> {
    signs.next();
    let text = signs.as_str();
    let cut = text.find([',', '+']).and_then(|at| text.split_at_checked(at));
    let (digits, after) = cut.unwrap_or((text, ""));
    *signs = after.chars();
    let end = match signs.next() {
        Some('+') => End::Plus,
        Some(_) => End::Comma,
        None => End::Text,
    };
    let mut digits = digits.trim_end_matches(' ').chars();
    let mut der = Vec::new();
    while let Some(high) = digits.next() {
        der.push(octet(high, digits.next()).ok_or(NameError::BadEncoding)?);
    }
    AttributeValue::of_der(&der).map(|value| (value, end)).ok_or(NameError::BadEncoding)
}

fn read_text(signs: &mut Chars<'_>) -> Result<(AttributeValue, End), NameError> {
    let mut octets = Vec::new();
    // Up to here the value stands; space beyond it counts only if something follows.
    let mut kept = 0;
    let mut end = End::Text;
    while let Some(sign) = signs.next() {
        match sign {
            ',' | '+' => {
                end = if sign == '+' { End::Plus } else { End::Comma };
                break;
            }
            '"' | ';' | '<' | '>' | '\0' => return Err(NameError::Unescaped(sign)),
            ' ' => {
                octets.push(b' ');
                continue;
            }
            '\\' => octets.push(read_pair(signs)?),
            _ => octets.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        kept = octets.len();
    }
    octets.truncate(kept);
    let text = String::from_utf8(octets).map_err(|_| NameError::NotUnicode)?;
    Ok((AttributeValue::Text(text), end))
}

/// What follows a backslash: a special character or two hexadecimals (RFC 4514, 3).
fn read_pair(signs: &mut Chars<'_>) -> Result<u8, NameError> {
    let first = signs.next().ok_or(NameError::BadEscape)?;
    match u8::try_from(first) {
        Ok(special) if b" \"#+,;<=>\\".contains(&special) => Ok(special),
        Ok(_) | Err(_) => octet(first, signs.next()).ok_or(NameError::BadEscape),
    }
}

fn octet(high: char, low: Option<char>) -> Option<u8> {
    let value = high.to_digit(16)? * 16 + low?.to_digit(16)?;
    u8::try_from(value).ok()
}
