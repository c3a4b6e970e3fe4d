//! The search parameters behind a scope of version 2, percent-encoded as in a URL (RFC 3986, 3.4).
//!
//! A resource server takes them over into a search. So whatever two readers might take differently
//! is not read at all: a narrowing one of them overlooks would be a widening.

use std::collections::BTreeSet;
use std::fmt::Write;

/// Parameters for all resources that narrow a search. The others with an underscore shape the answer
/// (`_include` widens it) or are experimental in scopes (`_filter`).
const COMMON: &[&str] = &["_id", "_lastUpdated", "_list", "_profile", "_security", "_source", "_tag"];

/// Reads `name=value(&name=value)*`, each name once and no value empty.
pub fn parse(text: &str) -> Option<BTreeSet<(String, String)>> {
    let mut names = BTreeSet::new();
    text.split('&')
        .map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let once = is_name(name) && names.insert(name);
            if once { Some((name.to_owned(), decode(value)?)) } else { None }
        })
        .collect()
}

/// The canonical text: names in order, and as few characters encoded as can be read back.
pub fn write(filter: &BTreeSet<(String, String)>) -> String {
    let mut text = String::new();
    for (name, value) in filter {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            if is_raw(byte) {
                text.push(char::from(byte));
            } else {
                // Writing to a text cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

/// Reads one value, which is not empty and holds no control character once it is decoded.
pub fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => bytes.push(hexadecimal(rest.next()?)? << 4 | hexadecimal(rest.next()?)?),
            _ if is_raw(byte) => bytes.push(byte),
            _ => return None,
        }
    }
    let value = String::from_utf8(bytes).ok()?;
    (!value.is_empty() && !value.chars().any(char::is_control)).then_some(value)
}

/// Modifiers (`code:in`) and chains (`subject.name`) are experimental in SMART and not read.
fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    !text.is_empty() && letters && (!text.starts_with('_') || COMMON.contains(&text))
}

/// What may stand for itself: the query characters of RFC 3986 and `|`, but not `+`, `;` and `#`, which
/// some readers of URLs take for a space, a separator and the end.
fn is_raw(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'|' | b'/' | b':' | b',' | b'$' | b'@' | b'?' | b'=')
        || matches!(byte, b'!' | b'*' | b'\'' | b'(' | b')')
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
