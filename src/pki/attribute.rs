//! The parts of a distinguished name: attribute types by their object identifier, and values
//! as the text they mean, whichever ASN.1 string carried it.

use std::fmt::{self, Write};

use x509_parser::asn1_rs::{Any, Class, FromDer, Tag, ToDer, Utf8String};

/// Short names (the first is the one written) and what they stand for: RFC 4514, 3, RFC 4519,
/// RFC 2985 and what certificate authorities put into subjects besides.
const NAMED: &[(&[&str], &str)] = &[
    (&["CN", "commonName"], "2.5.4.3"),
    (&["SN", "surname"], "2.5.4.4"),
    (&["serialNumber"], "2.5.4.5"),
    (&["C", "countryName"], "2.5.4.6"),
    (&["L", "localityName"], "2.5.4.7"),
    (&["ST", "stateOrProvinceName"], "2.5.4.8"),
    (&["STREET", "streetAddress"], "2.5.4.9"),
    (&["O", "organizationName"], "2.5.4.10"),
    (&["OU", "organizationalUnitName"], "2.5.4.11"),
    (&["title"], "2.5.4.12"),
    (&["description"], "2.5.4.13"),
    (&["businessCategory"], "2.5.4.15"),
    (&["postalCode"], "2.5.4.17"),
    (&["name"], "2.5.4.41"),
    (&["givenName", "GN"], "2.5.4.42"),
    (&["initials"], "2.5.4.43"),
    (&["generationQualifier"], "2.5.4.44"),
    (&["dnQualifier"], "2.5.4.46"),
    (&["pseudonym"], "2.5.4.65"),
    (&["organizationIdentifier"], "2.5.4.97"),
    (&["UID", "userId"], "0.9.2342.19200300.100.1.1"),
    (&["DC", "domainComponent"], "0.9.2342.19200300.100.1.25"),
    (&["emailAddress", "E"], "1.2.840.113549.1.9.1"),
    (&["jurisdictionL", "jurisdictionLocalityName"], "1.3.6.1.4.1.311.60.2.1.1"),
    (&["jurisdictionST", "jurisdictionStateOrProvinceName"], "1.3.6.1.4.1.311.60.2.1.2"),
    (&["jurisdictionC", "jurisdictionCountryName"], "1.3.6.1.4.1.311.60.2.1.3"),
];

/// An attribute type: an object identifier in dotted decimals.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AttributeType(String);

impl AttributeType {
    /// Reads a short name in any case, or dotted decimals in their one spelling (RFC 4512, 1.4).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let known = NAMED.iter().find(|(names, _)| names.iter().any(|name| name.eq_ignore_ascii_case(text)));
        if let Some((_, oid)) = known {
            return Some(Self((*oid).to_owned()));
        }
        let arcs = text.split('.').map(arc).collect::<Option<Vec<u128>>>()?;
        let plausible = matches!(arcs.as_slice(), [0 | 1, 0..40, ..] | [2, _, ..]);
        plausible.then(|| Self(text.to_owned()))
    }

    /// Reads the content octets of an OBJECT IDENTIFIER.
    pub(super) fn of_content(octets: &[u8]) -> Option<Self> {
        let mut arcs: Vec<u128> = Vec::new();
        let mut arc: u128 = 0;
        let mut within = false;
        for octet in octets {
            if !within && *octet == 0x80 {
                return None;
            }
            arc = arc.checked_mul(128)?.checked_add(u128::from(octet & 0x7f))?;
            within = octet & 0x80 != 0;
            if !within {
                arcs.push(std::mem::take(&mut arc));
            }
        }
        let (first, rest) = arcs.split_first()?;
        if within {
            return None;
        }
        let root = (first / 40).min(2);
        let mut text = format!("{root}.{}", first - root * 40);
        for arc in rest {
            write!(text, ".{arc}").ok()?;
        }
        Some(Self(text))
    }

    fn short_name(&self) -> Option<&'static str> {
        let (names, _) = NAMED.iter().find(|(_, oid)| *oid == self.0)?;
        names.first().copied()
    }
}

fn arc(text: &str) -> Option<u128> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { text.parse().ok() } else { None }
}

/// An attribute's value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum AttributeValue {
    /// A string, as the characters it means.
    Text(String),
    /// Anything else, as its DER encoding.
    Encoded(Vec<u8>),
}

impl AttributeValue {
    /// Reads one value in DER, tag and all.
    pub(super) fn of_der(der: &[u8]) -> Option<Self> {
        let (rest, value) = Any::from_der(der).ok()?;
        if rest.is_empty() { Self::of_any(&value) } else { None }
    }

    /// Reads a value as X.509 carries it. Teletex strings count as text while they are ASCII:
    /// beyond that their meaning is disputed, so they equal only themselves.
    pub(super) fn of_any(value: &Any<'_>) -> Option<Self> {
        let text = match value.tag() {
            _ if value.class() != Class::Universal || value.header.constructed() => None,
            Tag::Utf8String
            | Tag::PrintableString
            | Tag::NumericString
            | Tag::Ia5String
            | Tag::VisibleString => std::str::from_utf8(value.data).ok().map(str::to_owned),
            Tag::TeletexString if value.data.is_ascii() => {
                std::str::from_utf8(value.data).ok().map(str::to_owned)
            }
            Tag::BmpString => utf16(value.data),
            Tag::UniversalString => utf32(value.data),
            _ => None,
        };
        text.map(Self::Text).or_else(|| value.to_der_vec().ok().map(Self::Encoded))
    }
}

fn utf16(octets: &[u8]) -> Option<String> {
    let (units, odd) = octets.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit))).collect::<Result<_, _>>().ok()
}

fn utf32(octets: &[u8]) -> Option<String> {
    let (units, odd) = octets.as_chunks::<4>();
    if !odd.is_empty() {
        return None;
    }
    units.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit))).collect()
}

/// One attribute of a relative distinguished name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Attribute {
    pub(super) kind: AttributeType,
    pub(super) value: AttributeValue,
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind.short_name(), &self.value) {
            (Some(name), AttributeValue::Text(text)) => {
                write!(f, "{name}=")?;
                write_escaped(f, text)
            }
            (Some(name), AttributeValue::Encoded(der)) => {
                write!(f, "{name}=")?;
                write_hex(f, der)
            }
            // A type in dotted decimals has its value in hexadecimals (RFC 4514, 2.4).
            (None, AttributeValue::Text(text)) => {
                write!(f, "{}=", self.kind.0)?;
                write_hex(f, &Utf8String::new(text).to_der_vec().map_err(|_| fmt::Error)?)
            }
            (None, AttributeValue::Encoded(der)) => {
                write!(f, "{}=", self.kind.0)?;
                write_hex(f, der)
            }
        }
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, octets: &[u8]) -> fmt::Result {
    f.write_char('#')?;
    octets.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
}

/// Escapes what RFC 4514, 2.4 demands, and control characters, which would spoil a log line.
fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let last = text.chars().count().saturating_sub(1);
    for (at, sign) in text.chars().enumerate() {
        match sign {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{sign}")?,
            '#' if at == 0 => f.write_str("\\#")?,
            ' ' if at == 0 || at == last => f.write_str("\\ ")?,
            _ if sign.is_control() => {
                let mut octets = [0; 4];
                sign.encode_utf8(&mut octets).bytes().try_for_each(|octet| write!(f, "\\{octet:02X}"))?;
            }
            _ => f.write_char(sign)?,
        }
    }
    Ok(())
}
