//! `X-Forwarded-Client-Cert` as Envoy writes it: elements between commas, pairs between semicolons, values in
//! double quotes where they hold one of `,;=`. Keys have no case.

use super::{HandedOnError, escaped_pem};

/// The certificate of the one element, then its chain. `Cert` and `Chain` count, of which the chain begins with the
/// certificate; what else is said (`By`, `Hash`, `Subject`, `URI`, `DNS`) the certificate says itself.
pub(super) fn read(text: &str) -> Result<Vec<Vec<u8>>, HandedOnError> {
    if split(text, b',')?.len() > 1 {
        return Err(HandedOnError::SeveralCertificates);
    }
    let (mut certificate, mut chain) = (None, None);
    for pair in split(text, b';')? {
        let (key, value) = pair.split_once('=').ok_or(HandedOnError::Malformed)?;
        let value = unquoted(value)?;
        let place = match key.trim() {
            key if key.eq_ignore_ascii_case("cert") => &mut certificate,
            key if key.eq_ignore_ascii_case("chain") => &mut chain,
            _ => continue,
        };
        if place.replace(value).is_some() {
            return Err(HandedOnError::SeveralCertificates);
        }
    }
    let certificate = certificate.map(|text| escaped_pem::one(&text)).transpose()?;
    let chain = chain.map(|text| escaped_pem::all(&text)).transpose()?;
    match (certificate, chain) {
        (None, None) => Err(HandedOnError::Malformed),
        (Some(certificate), None) => Ok(vec![certificate]),
        (Some(certificate), Some(chain)) if chain.first() != Some(&certificate) => {
            Err(HandedOnError::ForeignChain)
        }
        (_, Some(chain)) => Ok(chain),
    }
}

/// The parts between separators that stand outside of quotes.
fn split(text: &str, separator: u8) -> Result<Vec<&str>, HandedOnError> {
    let (mut parts, mut from) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if byte == separator && !quoted => {
                parts.push(text.get(from..at).ok_or(HandedOnError::Malformed)?);
                from = at + 1;
            }
            _ => {}
        }
    }
    if quoted {
        return Err(HandedOnError::Malformed);
    }
    parts.push(text.get(from..).ok_or(HandedOnError::Malformed)?);
    Ok(parts)
}

/// A value without its quotes, which stand around all of it or nowhere.
fn unquoted(value: &str) -> Result<String, HandedOnError> {
    let Some(rest) = value.strip_prefix('"') else {
        return if value.contains('"') { Err(HandedOnError::Malformed) } else { Ok(value.to_owned()) };
    };
    let mut text = String::with_capacity(rest.len());
    let mut signs = rest.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '"' => return if signs.next().is_none() { Ok(text) } else { Err(HandedOnError::Malformed) },
            '\\' => text.push(signs.next().ok_or(HandedOnError::Malformed)?),
            _ => text.push(sign),
        }
    }
    Err(HandedOnError::Malformed)
}
