//! `Client-Cert` and `Client-Cert-Chain` (RFC 9440, 2): byte sequences of structured fields (RFC 8941, 3.3.5).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{HandedOnError, text};

/// The certificate, then those of the chain: a list that may be spread over several lines (RFC 8941, 4.2).
pub(super) fn read(certificate: &str, chain: &[&[u8]]) -> Result<Vec<Vec<u8>>, HandedOnError> {
    if certificate.contains(',') {
        return Err(HandedOnError::SeveralCertificates);
    }
    let mut found = vec![bytes(certificate)?];
    for line in chain {
        for item in text(line)?.split(',') {
            found.push(bytes(item.trim_matches([' ', '\t']))?);
        }
    }
    Ok(found)
}

/// One byte sequence. The fields have no parameters, so that any is an error.
fn bytes(item: &str) -> Result<Vec<u8>, HandedOnError> {
    let encoded = item.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
    let bytes = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
    bytes.filter(|bytes| !bytes.is_empty()).ok_or(HandedOnError::Malformed)
}
