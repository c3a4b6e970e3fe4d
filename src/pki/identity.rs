//! What a client registers to be known by its certificate (RFC 8705, 2.1.2).

use std::net::IpAddr;

use super::certificate::Certificate;
use super::name::{DistinguishedName, NameError};

/// The one name that a `tls_client_auth` client's certificate must bear. Of the five metadata
/// fields a client registers exactly one, and so one variant is what there is to compare.
///
/// The certificate must hold a name of this very type with this very value. Where it holds
/// several of the type, one that is equal is enough: the authority that issued it has vouched for
/// each of them. A wildcard in a certificate equals nothing, and cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CertificateIdentity {
    /// `tls_client_auth_subject_dn`: the subject, compared as a parsed name.
    SubjectDn(DistinguishedName),
    /// `tls_client_auth_san_dns`: a host name, without regard to ASCII case.
    SanDns(String),
    /// `tls_client_auth_san_uri`: an absolute URI, byte for byte.
    SanUri(String),
    /// `tls_client_auth_san_ip`: an address, as a value and not as text.
    SanIp(IpAddr),
    /// `tls_client_auth_san_email`: a mailbox; its host without regard to ASCII case (RFC 5280, 7.5).
    SanEmail(String),
}

/// The kinds of names by which a client's certificate can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// The subject.
    SubjectDn,
    /// A subject alternative name of type dNSName.
    SanDns,
    /// One of type uniformResourceIdentifier.
    SanUri,
    /// One of type iPAddress.
    SanIp,
    /// One of type rfc822Name.
    SanEmail,
}

impl NameKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::SubjectDn, Self::SanDns, Self::SanUri, Self::SanIp, Self::SanEmail];

    /// The word in registrations: the client's metadata field without what all of them begin with.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SubjectDn => "subject_dn",
            Self::SanDns => "san_dns",
            Self::SanUri => "san_uri",
            Self::SanIp => "san_ip",
            Self::SanEmail => "san_email",
        }
    }

    /// Reads the word of a registration.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or("must be subject_dn, san_dns, san_uri, san_ip or san_email")
    }

    /// Whether a certificate bears a name of this kind.
    #[must_use]
    pub fn is_borne_by(self, certificate: &Certificate) -> bool {
        match self {
            Self::SubjectDn => !certificate.subject().is_empty(),
            Self::SanDns => !certificate.dns_names().is_empty(),
            Self::SanUri => !certificate.uris().is_empty(),
            Self::SanIp => !certificate.ip_addresses().is_empty(),
            Self::SanEmail => !certificate.emails().is_empty(),
        }
    }
}

/// Why a text cannot be registered as a certificate's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not a distinguished name.
    #[error("not a distinguished name: {0}")]
    SubjectDn(#[from] NameError),
    /// The empty name would be borne by every certificate without a subject.
    #[error("the distinguished name is empty")]
    EmptyName,
    /// Not a host name, or one with a wildcard.
    #[error("not a host name")]
    HostName,
    /// Not an absolute URI, or one with a wildcard for its host.
    #[error("not an absolute URI")]
    Uri,
    /// Not an IP address.
    #[error("not an IP address")]
    Address,
    /// Not an e-mail address.
    #[error("not an e-mail address")]
    Email,
    /// Not one of the five fields.
    #[error("not a field that names a certificate")]
    Field,
}

const SUBJECT_DN: &str = "tls_client_auth_subject_dn";
const SAN_DNS: &str = "tls_client_auth_san_dns";
const SAN_URI: &str = "tls_client_auth_san_uri";
const SAN_IP: &str = "tls_client_auth_san_ip";
const SAN_EMAIL: &str = "tls_client_auth_san_email";

impl CertificateIdentity {
    /// Reads the value of the metadata field of that name.
    pub fn parse(field: &str, text: &str) -> Result<Self, IdentityError> {
        match field {
            SUBJECT_DN => Self::subject_dn(text),
            SAN_DNS => Self::san_dns(text),
            SAN_URI => Self::san_uri(text),
            SAN_IP => Self::san_ip(text),
            SAN_EMAIL => Self::san_email(text),
            _ => Err(IdentityError::Field),
        }
    }

    /// A subject in the text form of RFC 4514.
    pub fn subject_dn(text: &str) -> Result<Self, IdentityError> {
        let name = DistinguishedName::parse(text)?;
        if name.is_empty() { Err(IdentityError::EmptyName) } else { Ok(Self::SubjectDn(name)) }
    }

    /// A host name; internationalised ones in their ASCII form.
    pub fn san_dns(text: &str) -> Result<Self, IdentityError> {
        let name = text.to_ascii_lowercase();
        if is_host_name(&name) { Ok(Self::SanDns(name)) } else { Err(IdentityError::HostName) }
    }

    /// An absolute URI (RFC 3986, 4.3: with a scheme, without a fragment).
    pub fn san_uri(text: &str) -> Result<Self, IdentityError> {
        if is_absolute_uri(text) { Ok(Self::SanUri(text.to_owned())) } else { Err(IdentityError::Uri) }
    }

    /// An IPv4 or IPv6 address.
    pub fn san_ip(text: &str) -> Result<Self, IdentityError> {
        text.parse().map(Self::SanIp).map_err(|_| IdentityError::Address)
    }

    /// An e-mail address.
    pub fn san_email(text: &str) -> Result<Self, IdentityError> {
        let (mailbox, host) = text.rsplit_once('@').ok_or(IdentityError::Email)?;
        let host = host.to_ascii_lowercase();
        let plain = mailbox.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@');
        if mailbox.is_empty() || !plain || !is_host_name(&host) {
            return Err(IdentityError::Email);
        }
        Ok(Self::SanEmail(format!("{mailbox}@{host}")))
    }

    /// Which kind of name it is.
    #[must_use]
    pub const fn kind(&self) -> NameKind {
        match self {
            Self::SubjectDn(_) => NameKind::SubjectDn,
            Self::SanDns(_) => NameKind::SanDns,
            Self::SanUri(_) => NameKind::SanUri,
            Self::SanIp(_) => NameKind::SanIp,
            Self::SanEmail(_) => NameKind::SanEmail,
        }
    }

    /// The metadata field it is registered in.
    pub fn field(&self) -> &'static str {
        match self {
            Self::SubjectDn(_) => SUBJECT_DN,
            Self::SanDns(_) => SAN_DNS,
            Self::SanUri(_) => SAN_URI,
            Self::SanIp(_) => SAN_IP,
            Self::SanEmail(_) => SAN_EMAIL,
        }
    }

    /// The field's value; reading it gives the same identity.
    pub fn text(&self) -> String {
        match self {
            Self::SubjectDn(name) => name.to_string(),
            Self::SanDns(text) | Self::SanUri(text) | Self::SanEmail(text) => text.clone(),
            Self::SanIp(address) => address.to_string(),
        }
    }

    /// Whether the certificate bears this name, in the registered type and no other.
    pub fn matches(&self, certificate: &Certificate) -> bool {
        match self {
            Self::SubjectDn(name) => !name.is_empty() && certificate.subject() == name,
            Self::SanDns(name) => {
                let borne = |found: &String| !found.contains('*') && found.eq_ignore_ascii_case(name);
                certificate.dns_names().iter().any(borne)
            }
            Self::SanUri(uri) => certificate.uris().contains(uri),
            Self::SanIp(address) => certificate.ip_addresses().contains(address),
            Self::SanEmail(email) => certificate.emails().iter().any(|found| is_same_mailbox(found, email)),
        }
    }
}

fn is_same_mailbox(left: &str, right: &str) -> bool {
    match (left.rsplit_once('@'), right.rsplit_once('@')) {
        (Some((one, host)), Some((other, other_host))) => {
            one == other && host.eq_ignore_ascii_case(other_host)
        }
        _ => false,
    }
}

/// The preferred name syntax (RFC 1034, 3.5; RFC 1123, 2.1), which RFC 5280, 4.2.1.6 demands.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_label) && name.parse::<IpAddr>().is_err()
}

fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|sign: char| sign.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let authority = rest.strip_prefix("//").and_then(|after| after.split(['/', '?']).next());
    is_scheme && !rest.is_empty() && is_uri_text(rest) && authority.is_none_or(|host| !host.contains('*'))
}

/// Only what RFC 3986, 2 allows before a fragment, with each `%` before two hexadecimals.
fn is_uri_text(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let allowed = match byte {
            b'%' => {
                let is_hex = |digit: Option<u8>| digit.is_some_and(|digit| digit.is_ascii_hexdigit());
                is_hex(bytes.next()) && is_hex(bytes.next())
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=".contains(&byte),
        };
        if !allowed {
            return false;
        }
    }
    true
}
