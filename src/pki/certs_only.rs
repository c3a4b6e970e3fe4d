//! Certificates and nothing else, as CMS carries them: data that nobody has signed (RFC 5652, 5.2; RFC 5272, 4.1).

use cms::content_info::ContentInfo;
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode, Error};

/// Why certificates cannot be carried so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a certificate cannot be written as CMS: {0}")]
pub struct CertsOnlyError(String);

/// The certificates, each in DER, as one message in DER. Their order is lost: it is that of a SET.
pub fn certs_only(certificates: &[impl AsRef<[u8]>]) -> Result<Vec<u8>, CertsOnlyError> {
    message(certificates).map_err(|error| CertsOnlyError(error.to_string()))
}

fn message(certificates: &[impl AsRef<[u8]>]) -> Result<Vec<u8>, Error> {
    let read: Result<Vec<Certificate>, Error> =
        certificates.iter().map(|der| Certificate::from_der(der.as_ref())).collect();
    ContentInfo::try_from(read?)?.to_der()
}
