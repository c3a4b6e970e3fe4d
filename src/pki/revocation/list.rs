//! Revocation lists (RFC 5280, 5).

use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use x509_cert::crl::RevokedCert;
use x509_cert::der::{Decode, Tag};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::{CrlReason, IssuingDistributionPoint};
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::time::Time;

use super::link::{Authority, Subject};
use crate::moment::Timestamp;
use crate::pki::der::{Elements, content, inside};
use crate::pki::signature::Signed;

/// The identifier octet of an INTEGER.
const INTEGER: u8 = 0x02;
/// The identifier octet of a SEQUENCE.
const SEQUENCE: u8 = 0x30;
/// The identifier octet of `[0]`.
const EXTENSIONS: u8 = 0xa0;
/// The content of an INTEGER that says v2.
const V2: &[u8] = &[1];

const CRL_NUMBER: &str = "2.5.29.20";
const REASON_CODE: &str = "2.5.29.21";
const DELTA: &str = "2.5.29.27";
const ISSUING_DISTRIBUTION_POINT: &str = "2.5.29.28";
const CERTIFICATE_ISSUER: &str = "2.5.29.29";

/// A whole revocation list of one authority. What it says is believed once its signature has been verified by the
/// key of that authority: see [`RevocationList::is_by`].
pub struct RevocationList {
    der: Vec<u8>,
    issuer: Vec<u8>,
    this_update: Timestamp,
    next_update: Timestamp,
    scope: Scope,
    /// Where the serial numbers stand in `der`, sorted by what they are.
    revoked: Vec<Entry>,
    /// The key by which the signature was verified.
    verified: OnceLock<Vec<u8>>,
    /// The keys of authorities of its issuer's name by which it was not.
    refuted: Mutex<Vec<Vec<u8>>>,
}

/// Why bytes are not a list that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    /// Not one revocation list in DER, version 2, with a next update.
    #[error("it is not one revocation list in DER, version 2, with a next update")]
    Malformed,
    /// A delta list says nothing without its base.
    #[error("it is a delta list")]
    Delta,
    /// It speaks of certificates of several authorities.
    #[error("it is an indirect list")]
    Indirect,
    /// It tells some reasons of revocation alone, or of attribute certificates alone.
    #[error("it is a list for some reasons, or for attribute certificates")]
    Partial,
    /// A critical extension that is not known here (RFC 5280, 5.2).
    #[error("it has a critical extension that is not known")]
    Critical,
}

/// Which certificates of its authority a list speaks of (RFC 5280, 5.2.5).
#[derive(Default)]
struct Scope {
    /// The names of its distribution point, if it is for one alone.
    point: Option<Vec<String>>,
    only_subjects: bool,
    only_authorities: bool,
}

/// A revoked certificate.
#[derive(Clone, Copy)]
struct Entry {
    at: u32,
    length: u8,
    reason: Reason,
}

/// Why a certificate was revoked (RFC 5280, 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No reason is given.
    Unspecified,
    /// Its key is known to others.
    KeyCompromise,
    /// The key of its authority is known to others.
    CaCompromise,
    /// Its subject belongs elsewhere.
    AffiliationChanged,
    /// Another took its place.
    Superseded,
    /// It is needed no more.
    CessationOfOperation,
    /// It is on hold.
    CertificateHold,
    /// A privilege was withdrawn.
    PrivilegeWithdrawn,
}

impl Reason {
    /// The word in records, as RFC 5280 writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
        }
    }
}

impl From<CrlReason> for Reason {
    fn from(reason: CrlReason) -> Self {
        match reason {
            CrlReason::KeyCompromise => Self::KeyCompromise,
            CrlReason::CaCompromise | CrlReason::AaCompromise => Self::CaCompromise,
            CrlReason::AffiliationChanged => Self::AffiliationChanged,
            CrlReason::Superseded => Self::Superseded,
            CrlReason::CessationOfOperation => Self::CessationOfOperation,
            CrlReason::CertificateHold => Self::CertificateHold,
            CrlReason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
            // Only a delta list removes; in a whole one it is nonsense, and revoked all the same.
            CrlReason::Unspecified | CrlReason::RemoveFromCRL => Self::Unspecified,
        }
    }
}

impl RevocationList {
    /// Reads a list in DER, with nothing after it. Whether it is genuine is not seen here.
    pub fn parse(der: Vec<u8>) -> Result<Self, ListFault> {
        let read = Head::read(&der).ok_or(ListFault::Malformed)?;
        let (issuer, this_update, next_update) = (read.issuer.to_vec(), read.this_update, read.next_update);
        let scope = scope(read.extensions)?;
        let mut revoked = Vec::new();
        let mut entries = Elements::within(read.revoked);
        while !entries.is_empty() {
            let entry = entries.next().ok_or(ListFault::Malformed)?;
            revoked.push(Entry::read(&der, entry)?);
        }
        revoked.sort_unstable_by(|left, right| left.serial(&der).cmp(right.serial(&der)));
        let (verified, refuted) = (OnceLock::new(), Mutex::default());
        Ok(Self { der, issuer, this_update, next_update, scope, revoked, verified, refuted })
    }

    /// The list as it was read.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The name of its authority, in DER.
    #[must_use]
    pub fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// Since when it is so.
    #[must_use]
    pub const fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// By when the next comes.
    #[must_use]
    pub const fn next_update(&self) -> Timestamp {
        self.next_update
    }

    /// How many certificates it revokes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.revoked.len()
    }

    /// Whether it revokes none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty()
    }

    /// Whether it can be believed at a time: its own has come, and that of the next has not.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.has_begun(now) && now < self.next_update
    }

    /// Whether its time has come.
    #[must_use]
    pub fn has_begun(&self, now: Timestamp) -> bool {
        self.this_update <= now + super::SKEW
    }

    /// Whether an authority signed it, and may (RFC 5280, 6.3.3 f and g).
    #[must_use]
    pub fn is_by(&self, authority: &Authority) -> bool {
        if self.issuer != authority.name() || !authority.may_sign_lists() {
            return false;
        }
        if let Some(key) = self.verified.get() {
            return key == authority.key();
        }
        if self.refuted().iter().any(|key| key == authority.key()) {
            return false;
        }
        let Some(mut whole) = Elements::of(&self.der) else { return false };
        let signed = Signed::read(&mut whole).is_some_and(|signed| signed.is_by(authority.key()));
        // A list may be large: its signature is verified once by each key.
        if !signed {
            self.refuted().push(authority.key().to_vec());
        }
        signed && self.verified.get_or_init(|| authority.key().to_vec()) == authority.key()
    }

    fn refuted(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.refuted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it speaks of a certificate (RFC 5280, 6.3.3 b).
    #[must_use]
    pub fn covers(&self, certificate: &Subject) -> bool {
        let kind =
            if certificate.is_authority() { !self.scope.only_subjects } else { !self.scope.only_authorities };
        let point = match &self.scope.point {
            None => true,
            Some(names) => certificate.list_urls().any(|url| names.iter().any(|name| name == url)),
        };
        self.issuer == certificate.issuer() && kind && point
    }

    /// Whether, and why, it says that a certificate of its authority is revoked.
    #[must_use]
    pub fn revokes(&self, certificate: &Subject) -> Option<Reason> {
        let serial = without_zeros(certificate.serial());
        let found = self.revoked.binary_search_by(|entry| entry.serial(&self.der).cmp(serial)).ok()?;
        self.revoked.get(found).map(|entry| entry.reason)
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationList")
            .field("this_update", &self.this_update)
            .field("next_update", &self.next_update)
            .field("revoked", &self.revoked.len())
            .finish_non_exhaustive()
    }
}

/// What stands in a list, as it is written.
struct Head<'a> {
    issuer: &'a [u8],
    this_update: Timestamp,
    next_update: Timestamp,
    /// The content of `revokedCertificates`.
    revoked: &'a [u8],
    /// The content of `crlExtensions`.
    extensions: &'a [u8],
}

impl<'a> Head<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut whole = Elements::of(der)?;
        let signed = Signed::read(&mut whole)?;
        let mut list = Elements::of(signed.message)?;
        let is_v2 = content(list.next_if(INTEGER)?, Tag::Integer)? == V2;
        let same_algorithm = list.next()? == signed.algorithm;
        let issuer = list.next_if(SEQUENCE)?;
        let this_update = moment(list.read()?)?;
        let next_update = moment(list.read()?)?;
        let revoked = list.next_if(SEQUENCE).map_or(Some(&[][..]), inside)?;
        let extensions = match list.next_if(EXTENSIONS) {
            Some(explicit) => content(inside(explicit)?, Tag::Sequence)?,
            None => &[],
        };
        let whole = whole.is_empty() && list.is_empty();
        (is_v2 && same_algorithm && whole).then_some(Self {
            issuer,
            this_update,
            next_update,
            revoked,
            extensions,
        })
    }
}

impl Entry {
    fn read(der: &[u8], entry: &[u8]) -> Result<Self, ListFault> {
        let mut reason = Reason::Unspecified;
        let mut parts = Elements::of(entry).ok_or(ListFault::Malformed)?;
        let serial = parts.next_if(INTEGER).and_then(inside).ok_or(ListFault::Malformed)?;
        parts.read::<Time>().ok_or(ListFault::Malformed)?;
        if !parts.is_empty() {
            let read = RevokedCert::from_der(entry).map_err(|_| ListFault::Malformed)?;
            for extension in read.crl_entry_extensions.unwrap_or_default() {
                match extension.extn_id.to_string().as_str() {
                    REASON_CODE => {
                        let code = CrlReason::from_der(extension.extn_value.as_bytes());
                        reason = code.map_err(|_| ListFault::Malformed)?.into();
                    }
                    CERTIFICATE_ISSUER => return Err(ListFault::Indirect),
                    _ if extension.critical => return Err(ListFault::Critical),
                    _ => {}
                }
            }
        }
        let serial = without_zeros(serial);
        let at = serial.as_ptr().addr().saturating_sub(der.as_ptr().addr());
        let at = u32::try_from(at).map_err(|_| ListFault::Malformed)?;
        let length = u8::try_from(serial.len()).map_err(|_| ListFault::Malformed)?;
        Ok(Self { at, length, reason })
    }

    fn serial(self, der: &[u8]) -> &[u8] {
        let at = usize::try_from(self.at).unwrap_or(usize::MAX);
        der.get(at..at.saturating_add(usize::from(self.length))).unwrap_or_default()
    }
}

/// What the extensions say of the scope of a list.
fn scope(extensions: &[u8]) -> Result<Scope, ListFault> {
    let mut scope = Scope::default();
    let mut elements = Elements::within(extensions);
    while !elements.is_empty() {
        let extension: Extension = elements.read().ok_or(ListFault::Malformed)?;
        let value = extension.extn_value.as_bytes();
        match extension.extn_id.to_string().as_str() {
            DELTA => return Err(ListFault::Delta),
            ISSUING_DISTRIBUTION_POINT => scope = Scope::read(value)?,
            // Its number tells nothing that its time does not.
            CRL_NUMBER => {}
            _ if extension.critical => return Err(ListFault::Critical),
            _ => {}
        }
    }
    Ok(scope)
}

impl Scope {
    fn read(value: &[u8]) -> Result<Self, ListFault> {
        let said = IssuingDistributionPoint::from_der(value).map_err(|_| ListFault::Malformed)?;
        if said.indirect_crl {
            return Err(ListFault::Indirect);
        }
        if said.only_some_reasons.is_some() || said.only_contains_attribute_certs {
            return Err(ListFault::Partial);
        }
        let point = said.distribution_point.map(|point| match point {
            DistributionPointName::FullName(names) => names.iter().filter_map(uri).collect(),
            DistributionPointName::NameRelativeToCRLIssuer(_) => Vec::new(),
        });
        Ok(Self {
            point,
            only_subjects: said.only_contains_user_certs,
            only_authorities: said.only_contains_ca_certs,
        })
    }
}

fn uri(name: &GeneralName) -> Option<String> {
    if let GeneralName::UniformResourceIdentifier(uri) = name { Some(uri.to_string()) } else { None }
}

fn moment(time: Time) -> Option<Timestamp> {
    super::moment(time.to_unix_duration())
}

/// The number without the octets that only say that it is not negative, or that no encoder need have written.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    number.get(zeros..).unwrap_or_default()
}
