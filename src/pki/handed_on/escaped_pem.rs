//! Certificates in PEM, percent-encoded: what nginx and Envoy write.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::HandedOnError;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END CERTIFICATE-----";

/// The one certificate of a text.
pub(super) fn one(text: &str) -> Result<Vec<u8>, HandedOnError> {
    let mut all = all(text)?;
    match (all.pop(), all.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => Err(HandedOnError::SeveralCertificates),
    }
}

/// The certificates of a text, at least one, with nothing beside them.
pub(super) fn all(text: &str) -> Result<Vec<Vec<u8>>, HandedOnError> {
    let pem = decoded(text)?;
    let pem = pem.trim();
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.map_err(|_| HandedOnError::Malformed)?;
    // The reader passes over what is no certificate.
    let blocks = pem.matches(BEGIN).count();
    let whole = pem.starts_with(BEGIN) && pem.ends_with(END) && blocks == found.len();
    if !whole || found.is_empty() {
        return Err(HandedOnError::Malformed);
    }
    Ok(found.iter().map(|der| der.to_vec()).collect())
}

/// Percent-encoding (RFC 3986, 2.1): a `+` is itself.
fn decoded(text: &str) -> Result<String, HandedOnError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err(HandedOnError::Malformed);
        };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| HandedOnError::Malformed)?);
    }
    String::from_utf8(bytes).map_err(|_| HandedOnError::Malformed)
}
