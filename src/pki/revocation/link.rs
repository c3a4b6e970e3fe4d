//! The links of a path: a certificate, and the authority that issued it.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::oid_registry::{OID_PKIX_ACCESS_DESCRIPTOR_OCSP, Oid};
use x509_parser::prelude::FromDer;

use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::pki::der::Elements;
use crate::pki::path::TrustedPath;
use crate::pki::signature::Signed;
use crate::pki::thumbprint::Thumbprint;

/// More addresses than this in a certificate are not looked at.
const MOST_ADDRESSES: usize = 8;

/// A certificate of a path and the authority that issued it.
#[derive(Clone, Debug)]
pub struct Link {
    /// The certificate that is judged.
    pub subject: Subject,
    /// Who issued it.
    pub authority: Authority,
}

/// What revocation is judged by of a certificate.
#[derive(Clone, Debug)]
pub struct Subject {
    der: Vec<u8>,
    thumbprint: Thumbprint,
    issuer: Vec<u8>,
    serial: Vec<u8>,
    is_authority: bool,
    lists: Vec<String>,
    responders: Vec<String>,
}

/// An authority, as what it signs is judged by it.
#[derive(Clone, Debug)]
pub struct Authority {
    der: Vec<u8>,
    name: Vec<u8>,
    key: Vec<u8>,
    may_sign_lists: bool,
    not_after: Timestamp,
}

/// The links of a path, the leaf's first. `None` if a certificate cannot be read, which no path has.
#[must_use]
pub fn links(path: &TrustedPath) -> Option<Vec<Link>> {
    let authorities = path.certificates.iter().skip(1).chain([&path.anchor]);
    let pairs = path.certificates.iter().zip(authorities);
    pairs
        .map(|(der, issuer)| {
            Some(Link { subject: Subject::parse(der)?, authority: Authority::parse(issuer)? })
        })
        .collect()
}

impl Subject {
    /// Reads a certificate in DER.
    #[must_use]
    pub fn parse(der: &[u8]) -> Option<Self> {
        let found = read(der)?;
        Some(Self {
            thumbprint: Thumbprint::of_der(der),
            issuer: found.issuer().as_raw().to_vec(),
            serial: found.raw_serial().to_vec(),
            is_authority: found.basic_constraints().ok()?.is_some_and(|found| found.value.ca),
            lists: list_urls(&found),
            responders: responder_urls(&found),
            der: der.to_vec(),
        })
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its thumbprint.
    #[must_use]
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// The name of its authority, in DER.
    #[must_use]
    pub fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// Its serial number.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// Whether it is an authority's itself.
    #[must_use]
    pub const fn is_authority(&self) -> bool {
        self.is_authority
    }

    /// Where its authority publishes lists that speak of it, by http and https (RFC 5280, 4.2.1.13).
    pub fn list_urls(&self) -> impl Iterator<Item = &str> {
        self.lists.iter().map(String::as_str)
    }

    /// Where its authority answers whether it was revoked (RFC 5280, 4.2.2.1).
    pub fn responder_urls(&self) -> impl Iterator<Item = &str> {
        self.responders.iter().map(String::as_str)
    }

    /// Whether an authority has issued it: by its name, and by its signature.
    #[must_use]
    pub fn is_of(&self, authority: &Authority) -> bool {
        self.issuer == authority.name && is_signed_by(&self.der, authority)
    }
}

impl Authority {
    /// Reads the certificate of an authority in DER.
    #[must_use]
    pub fn parse(der: &[u8]) -> Option<Self> {
        let found = read(der)?;
        let usage = found.key_usage().ok()?;
        Some(Self {
            name: found.subject().as_raw().to_vec(),
            key: found.public_key().raw.to_vec(),
            may_sign_lists: usage.is_none_or(|usage| usage.value.crl_sign()),
            not_after: found.validity().not_after.to_datetime(),
            der: der.to_vec(),
        })
    }

    /// Its certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its name in DER.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Its public key, a SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Whether it may sign revocation lists: there is no KeyUsage extension, or it has cRLSign.
    #[must_use]
    pub const fn may_sign_lists(&self) -> bool {
        self.may_sign_lists
    }

    /// The last second of its certificate.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether a certificate is its delegate for answering whether certificates were revoked: it issued it itself,
    /// for that use, and it is current (RFC 6960, 4.2.2.2). The answer is the delegate, and whether nobody need ask if
    /// its certificate was revoked in turn.
    pub(super) fn delegate(&self, der: &[u8], now: Timestamp) -> Option<(Link, NoCheck)> {
        const NO_CHECK: Oid<'static> = x509_parser::der_parser::oid!(1.3.6.1.5.5.7.48.1.5);
        let found = read(der)?;
        let usage = found.extended_key_usage().ok()??;
        let facts = Certificate::parse(der).ok()?;
        let subject = Subject::parse(der)?;
        let is_ours =
            usage.value.ocsp_signing && facts.may_sign() && facts.is_current(now) && subject.is_of(self);
        let no_check = found.get_extension_unique(&NO_CHECK).ok()?.is_some();
        let no_check = if no_check { NoCheck::Said } else { NoCheck::Unsaid };
        is_ours.then(|| (Link { subject, authority: self.clone() }, no_check))
    }
}

/// Whether the certificate of a delegate says that it need not be checked (RFC 6960, 4.2.2.2.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NoCheck {
    /// It does.
    Said,
    /// It does not.
    Unsaid,
}

fn read(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, found) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(found)
}

fn is_signed_by(der: &[u8], authority: &Authority) -> bool {
    let signed = Elements::of(der).and_then(|mut whole| Signed::read(&mut whole));
    signed.is_some_and(|signed| signed.is_by(&authority.key))
}

/// The addresses of points whose lists tell every reason and are signed by the authority itself.
fn list_urls(certificate: &X509Certificate<'_>) -> Vec<String> {
    let points = certificate.extensions().iter().filter_map(|extension| {
        let ParsedExtension::CRLDistributionPoints(points) = extension.parsed_extension() else {
            return None;
        };
        Some(&points.points)
    });
    let whole = points.flatten().filter(|point| point.reasons.is_none() && point.crl_issuer.is_none());
    let names = whole.filter_map(|point| match &point.distribution_point {
        Some(DistributionPointName::FullName(names)) => Some(names),
        Some(DistributionPointName::NameRelativeToCRLIssuer(_)) | None => None,
    });
    names.flatten().filter_map(address).take(MOST_ADDRESSES).collect()
}

fn responder_urls(certificate: &X509Certificate<'_>) -> Vec<String> {
    let accesses = certificate.extensions().iter().filter_map(|extension| {
        let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else { return None };
        Some(&access.accessdescs)
    });
    let responders =
        accesses.flatten().filter(|access| access.access_method == OID_PKIX_ACCESS_DESCRIPTOR_OCSP);
    responders.filter_map(|access| address(&access.access_location)).take(MOST_ADDRESSES).collect()
}

/// An address that can be asked; there are others, such as those of LDAP.
fn address(name: &GeneralName<'_>) -> Option<String> {
    let GeneralName::URI(uri) = name else { return None };
    let scheme = uri.split_once("://").map(|(scheme, _)| scheme)?;
    let is_known = ["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme));
    is_known.then(|| (*uri).to_owned())
}
