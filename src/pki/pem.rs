//! DER as text (RFC 7468).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The label of certificates.
pub const CERTIFICATE: &str = "CERTIFICATE";
/// The label of requests for certificates.
pub const REQUEST: &str = "CERTIFICATE REQUEST";

/// Writes DER under a label, in lines of 64 characters.
#[must_use]
pub fn write(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for (index, c) in STANDARD.encode(der).chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text + &format!("\n-----END {label}-----\n")
}

/// Reads base64 with its padding.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for length in [1, 47, 48, 49, 96, 500] {
            let der: Vec<u8> = (0..length).map(|octet: usize| octet.to_le_bytes()[0]).collect();
            let text = write(CERTIFICATE, &der);
            assert!(text.lines().all(|line| line.len() <= 64), "{text}");
            assert_eq!(CertificateDer::from_pem_slice(text.as_bytes()).unwrap().as_ref(), der);
        }
    }
}
