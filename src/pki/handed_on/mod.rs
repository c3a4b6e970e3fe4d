//! The certificate of a client as a proxy hands it on that has ended the client's TLS: in one header, of one form.
//!
//! Whether the peer is a proxy is judged elsewhere; here bytes become certificates, or the reason why they do not.
//! A header that says anything but one certificate says nothing: which of several was meant, and what stands beside
//! one, would have to be guessed.

mod client_cert;
mod escaped_pem;
mod forwarded;

use super::chain::{LARGEST_CERTIFICATE, LONGEST_CHAIN};

/// The form in which a proxy hands a client's certificate on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440).
    ClientCert,
    /// `X-Forwarded-Client-Cert`, Envoy's, of which `Cert` and `Chain` are read.
    ForwardedClientCert,
    /// `X-SSL-Client-Cert`: a certificate in PEM, percent-encoded, as nginx writes `$ssl_client_escaped_cert`.
    EscapedPem,
}

/// The lines of the headers that count, as they came.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'a> {
    /// Of the header of the certificate.
    pub certificate: &'a [&'a [u8]],
    /// Of the header of the rest of its chain, for a form that has one.
    pub chain: &'a [&'a [u8]],
}

/// Why what a proxy has handed on is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandedOnError {
    /// The header occurs more than once: a client's own came through, or several proxies wrote one each.
    #[error("the header occurs more than once")]
    SeveralHeaders,
    /// One header names several certificates, or is an element for each of several proxies.
    #[error("the header holds more than one certificate or element")]
    SeveralCertificates,
    /// It is not of the form.
    #[error("the header is not of the form that is configured")]
    Malformed,
    /// A chain without a certificate, or one whose first is another (RFC 9440, 2.3).
    #[error("the chain is not that of the certificate")]
    ForeignChain,
    /// More or larger certificates than are looked at.
    #[error("the header is too large")]
    TooLarge,
}

impl HandedOnError {
    /// The code by which logs name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SeveralHeaders => "several_headers",
            Self::SeveralCertificates => "several_certificates",
            Self::Malformed => "malformed",
            Self::ForeignChain => "foreign_chain",
            Self::TooLarge => "too_large",
        }
    }
}

impl Form {
    /// Reads the name of a form, which is that of its header.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::ClientCert, Self::ForwardedClientCert, Self::EscapedPem]
            .into_iter()
            .find(|form| form.header() == text)
    }

    /// The header of the certificate.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::ClientCert => "client-cert",
            Self::ForwardedClientCert => "x-forwarded-client-cert",
            Self::EscapedPem => "x-ssl-client-cert",
        }
    }

    /// The header of the rest of the chain.
    #[must_use]
    pub const fn chain_header(self) -> Option<&'static str> {
        match self {
            Self::ClientCert => Some("client-cert-chain"),
            Self::ForwardedClientCert | Self::EscapedPem => None,
        }
    }

    /// Reads the one certificate and its chain in DER, the certificate first. No header is no certificate.
    pub fn read(self, lines: Lines<'_>) -> Result<Option<Vec<Vec<u8>>>, HandedOnError> {
        let text = match lines.certificate {
            [] if lines.chain.is_empty() => return Ok(None),
            [] => return Err(HandedOnError::ForeignChain),
            [one] => text(one)?,
            [..] => return Err(HandedOnError::SeveralHeaders),
        };
        let chain = match self {
            Self::ClientCert => client_cert::read(text, lines.chain)?,
            Self::ForwardedClientCert => forwarded::read(text)?,
            Self::EscapedPem => vec![escaped_pem::one(text)?],
        };
        if chain.len() > LONGEST_CHAIN || chain.iter().any(|der| der.len() > LARGEST_CERTIFICATE) {
            return Err(HandedOnError::TooLarge);
        }
        Ok(Some(chain))
    }
}

/// The text of a header, without the blanks around it.
fn text(line: &[u8]) -> Result<&str, HandedOnError> {
    let plain = line.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    let text = std::str::from_utf8(line).ok().filter(|_| plain);
    text.map(|text| text.trim_matches([' ', '\t'])).ok_or(HandedOnError::Malformed)
}
