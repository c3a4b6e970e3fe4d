//! `[proxy]`: who may hand on the certificate, and the address, of a client whose TLS it has ended.

use std::path::PathBuf;

use toml::{Table, Value};

use super::source::Section;
use crate::model::community::RevocationRule;
use crate::pki::handed_on::Form;
use crate::pki::identity::CertificateIdentity;

/// The section `[proxy]`; absent, no header is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Whose certificates of proxies are trusted, in PEM: `proxy.anchors_file`.
    pub anchors_file: PathBuf,
    /// The names by which proxies are known: `proxy.names`.
    pub names: Vec<CertificateIdentity>,
    /// In which header they hand certificates on: `proxy.header`.
    pub header: Form,
    /// Where they write a client's address: `proxy.client_address`.
    pub client_address: ClientAddress,
    /// Whether a certificate of a proxy that nothing covers which tells of revocation is refused:
    /// `proxy.revocation`, `required` or `none`.
    pub revocation: RevocationRule,
}

/// Where a proxy writes the address of its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAddress {
    /// Nowhere: the address is that of the proxy.
    None,
    /// Last in `X-Forwarded-For`.
    ForwardedFor,
}

impl ClientAddress {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "none" => Ok(Self::None),
            "x-forwarded-for" => Ok(Self::ForwardedFor),
            _ => Err("give none or x-forwarded-for"),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ForwardedFor => "x-forwarded-for",
        }
    }
}

impl Proxy {
    pub(super) fn parse(section: &mut Section<'_>) -> Option<Self> {
        let anchors_file = section.file("anchors_file");
        let names = section.list("names", name);
        let header = section.parsed("header", |text| {
            Form::parse(text).ok_or("give client-cert, x-forwarded-client-cert or x-ssl-client-cert")
        });
        let client_address = section.parsed("client_address", ClientAddress::parse);
        let revocation = section.parsed("revocation", rule);
        if section.is_empty() {
            return None;
        }
        if anchors_file.is_none() {
            section.refuse("anchors_file", "is missing; give the authorities of the proxies' certificates");
        }
        if names.as_ref().is_none_or(Vec::is_empty) {
            let says =
                "is missing; name each proxy as its certificate does: a host name, a URI, or a subject";
            section.refuse("names", says);
        }
        Some(Self {
            anchors_file: anchors_file?,
            names: names?,
            header: header.unwrap_or(Form::ClientCert),
            client_address: client_address.unwrap_or(ClientAddress::None),
            revocation: revocation.unwrap_or(RevocationRule::Required),
        })
    }

    pub(super) fn to_table(&self) -> Table {
        let names: Vec<Value> = self.names.iter().map(|name| Value::from(name.text())).collect();
        Table::from_iter([
            ("anchors_file".to_owned(), super::tls::path(&self.anchors_file)),
            ("names".to_owned(), names.into()),
            ("header".to_owned(), Value::from(self.header.header())),
            ("client_address".to_owned(), Value::from(self.client_address.as_str())),
            ("revocation".to_owned(), Value::from(self.revocation.as_str())),
        ])
    }
}

/// This server's own records tell of no proxy.
fn rule(text: &str) -> Result<RevocationRule, &'static str> {
    let rule = RevocationRule::parse(text).filter(|rule| *rule != RevocationRule::Own);
    rule.ok_or("give required or none")
}

/// A URI has a scheme, a subject an equals sign, a host name neither.
fn name(text: &str) -> Result<CertificateIdentity, &'static str> {
    const WANTED: &str =
        "give host names (proxy.example.org), URIs (spiffe://example.org/proxy) or subjects (CN=proxy)";
    let is_subject = text.find('=').is_some_and(|at| text.get(..at).is_some_and(|kind| !kind.contains(':')));
    let parsed = if is_subject {
        CertificateIdentity::subject_dn(text)
    } else if text.contains(':') {
        CertificateIdentity::san_uri(text)
    } else {
        CertificateIdentity::san_dns(text)
    };
    parsed.map_err(|_| WANTED)
}
