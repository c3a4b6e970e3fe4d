//! The certificates of a PEM file.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::certificate::Certificate;

/// Reads the certificates of a text in PEM, in their order. What cannot be read is passed over: whether the file is
/// good is judged where it is used.
#[must_use]
pub fn certificates(pem: &[u8]) -> Vec<Certificate> {
    let ders = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
    ders.filter_map(|der| Certificate::parse(&der).ok()).collect()
}
