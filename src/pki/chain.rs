//! Whether a chain of certificates may be trusted (RFC 8705, 2.1; RFC 5280, 6).

use std::fmt;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage,
    OwnedCertRevocationList, RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy,
    VerifiedPath,
};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::certificate::Certificate;
use crate::moment::Timestamp;

/// More certificates than this in a chain are not looked at.
const LONGEST_CHAIN: usize = 10;
/// A larger certificate is not looked at.
const LARGEST_CERTIFICATE: usize = 64 * 1024;

/// The authorities that clients' certificates may come from, and what these have revoked.
///
/// Revocation is checked as soon as one revocation list is configured, and then for every
/// certificate of the path but the anchor: what no list covers is refused, and so is what a stale
/// list covers. Without any list revocation is not checked; the configuration decides that.
pub struct TrustStore {
    anchors: Vec<TrustAnchor<'static>>,
    /// The anchors' certificates, in the same order.
    authorities: Vec<Certificate>,
    /// The newest first: of several lists that cover a certificate, the first is asked.
    revocations: Vec<CertRevocationList<'static>>,
    epoch: u64,
}

/// Why anchors or revocation lists cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustStoreError {
    /// The anchors are not PEM.
    #[error("the trust anchors are not PEM")]
    AnchorsNotPem,
    /// There is no certificate among the anchors.
    #[error("there is no certificate among the trust anchors")]
    NoAnchor,
    /// An anchor that cannot be read, counted from 1.
    #[error("trust anchor {0} is not a certificate that can be read")]
    Anchor(usize),
    /// An anchor that is not a certificate authority.
    #[error("the trust anchor {0} is not a certificate authority")]
    NotAnAuthority(String),
    /// A file of revocation lists, counted from 1, that cannot be read or holds none.
    #[error("revocation list file {file} cannot be used: {cause}")]
    RevocationList {
        /// Which of the files, counted from 1.
        file: usize,
        /// What is wrong with it.
        cause: String,
    },
}

/// What is thought of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A path from the leaf to an anchor was found and nothing speaks against it.
    Trusted,
    /// There is no such path.
    Refused(PathFault),
}

/// Why a chain is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// The peer showed none.
    NoCertificate,
    /// A certificate that cannot be read, is too large, or one of too many.
    Malformed,
    /// No path leads to an anchor: the issuer is unknown, or has not signed.
    Unknown,
    /// A certificate of the path, or its anchor, has expired.
    Expired,
    /// A certificate of the path, or its anchor, is not valid yet.
    NotYetValid,
    /// A certificate of the path has been revoked.
    Revoked,
    /// No revocation list that can be believed covers a certificate of the path.
    RevocationUnknown,
    /// The revocation list is past its next update.
    RevocationStale,
    /// A key is used for what its certificate does not allow.
    WrongUsage,
    /// The leaf is a certificate authority.
    AuthorityAsLeaf,
    /// A name lies outside what an authority may vouch for.
    NameConstraint,
    /// Anything else, by the verifier's name for it.
    Other(String),
}

impl TrustStore {
    /// Reads trust anchors, as one PEM bundle, and revocation lists, each file's bytes in PEM or DER.
    pub fn parse(anchors_pem: &[u8], crls_pem: &[Vec<u8>]) -> Result<Self, TrustStoreError> {
        let mut store = Self::empty();
        for (at, der) in CertificateDer::pem_slice_iter(anchors_pem).enumerate() {
            let der = der.map_err(|_| TrustStoreError::AnchorsNotPem)?;
            let unreadable = TrustStoreError::Anchor(at + 1);
            let authority = Certificate::parse(&der).map_err(|_| unreadable.clone())?;
            if !authority.is_authority() || !authority.may_sign_certificates() {
                return Err(TrustStoreError::NotAnAuthority(authority.subject_text()));
            }
            let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|_| unreadable)?;
            store.anchors.push(anchor.to_owned());
            store.authorities.push(authority);
        }
        if store.anchors.is_empty() {
            return Err(TrustStoreError::NoAnchor);
        }
        store.revocations = read_revocations(crls_pem)?;
        Ok(store)
    }

    /// A store that trusts nobody.
    pub fn empty() -> Self {
        Self { anchors: Vec::new(), authorities: Vec::new(), revocations: Vec::new(), epoch: 0 }
    }

    /// The same store under another number; one that replaces another takes a higher one.
    #[must_use]
    pub fn in_epoch(self, epoch: u64) -> Self {
        Self { epoch, ..self }
    }

    /// The number by which a verdict's age is known: a verdict of another epoch must be sought anew.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether it trusts nobody.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// Whether revocation is checked.
    pub fn checks_revocation(&self) -> bool {
        !self.revocations.is_empty()
    }

    /// The anchors' subjects in the text form of RFC 4514.
    pub fn anchor_subjects(&self) -> Vec<String> {
        self.authorities.iter().map(Certificate::subject_text).collect()
    }

    /// Judges a chain as the peer sent it, in DER, the leaf first; the rest may be in any order and
    /// need not be of use.
    ///
    /// The leaf must name clientAuth in its ExtendedKeyUsage, must have digitalSignature if it has a
    /// KeyUsage, and must not be an authority; authorities that restrict their ExtendedKeyUsage must
    /// allow clientAuth. Signatures by SHA-1 or by RSA keys below 2048 bits do not count.
    pub fn judge(&self, chain: &[Vec<u8>], now: Timestamp) -> Verdict {
        match self.examine(chain, now) {
            Ok(()) => Verdict::Trusted,
            Err(fault) => Verdict::Refused(fault),
        }
    }

    fn examine(&self, chain: &[Vec<u8>], now: Timestamp) -> Result<(), PathFault> {
        let (leaf, others) = chain.split_first().ok_or(PathFault::NoCertificate)?;
        if chain.len() > LONGEST_CHAIN || chain.iter().any(|der| der.len() > LARGEST_CERTIFICATE) {
            return Err(PathFault::Malformed);
        }
        let facts = Certificate::parse(leaf).map_err(|_| PathFault::Malformed)?;
        self.find_path(leaf, others, now)?;
        if facts.is_authority() {
            return Err(PathFault::AuthorityAsLeaf);
        }
        // The verifier does not look at KeyUsage, and lets a leaf without ExtendedKeyUsage pass.
        if !facts.may_sign() || !facts.names_client_authentication() {
            return Err(PathFault::WrongUsage);
        }
        Ok(())
    }

    fn find_path(&self, leaf: &[u8], others: &[Vec<u8>], now: Timestamp) -> Result<(), PathFault> {
        let leaf = CertificateDer::from(leaf);
        let others: Vec<_> = others.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let leaf = EndEntityCert::try_from(&leaf).map_err(fault_of)?;
        let revocations: Vec<_> = self.revocations.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&revocations).ok().map(|options| {
            options
                .with_depth(RevocationCheckDepth::Chain)
                .with_status_policy(UnknownStatusPolicy::Deny)
                .with_expiration_policy(ExpirationPolicy::Enforce)
                .build()
        });
        let time = unix_time(now);
        let usage = KeyUsage::client_auth();
        let (algorithms, anchors) = (ALL_VERIFICATION_ALGS, &self.anchors);
        let authorities = |path: &VerifiedPath<'_>| self.check_authorities(path, now, time);
        leaf.verify_for_usage(algorithms, anchors, &others, time, usage, revocation, Some(&authorities))
            .map(|_| ())
            .map_err(fault_of)
    }

    /// What the verifier leaves open: that each authority may sign certificates if it has a KeyUsage
    /// (RFC 5280, 6.1.4 n), and that the anchor itself is current.
    fn check_authorities(
        &self,
        path: &VerifiedPath<'_>,
        now: Timestamp,
        time: UnixTime,
    ) -> Result<(), webpki::Error> {
        for authority in path.intermediate_certificates() {
            let facts = Certificate::parse(&authority.der()).map_err(|_| webpki::Error::BadDer)?;
            if !facts.may_sign_certificates() {
                return Err(webpki::Error::EndEntityUsedAsCa);
            }
        }
        let known = self.anchors.iter().zip(&self.authorities);
        let mut alike = known.filter(|(anchor, _)| *anchor == path.anchor()).map(|(_, found)| found);
        let Some(first) = alike.next() else { return Err(webpki::Error::UnknownIssuer) };
        if first.is_current(now) || alike.any(|other| other.is_current(now)) {
            return Ok(());
        }
        if now < first.not_before() {
            return Err(webpki::Error::CertNotValidYet { time, not_before: unix_time(first.not_before()) });
        }
        Err(webpki::Error::CertExpired { time, not_after: unix_time(first.not_after()) })
    }
}

impl fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustStore")
            .field("anchors", &self.anchor_subjects())
            .field("revocations", &self.revocations.len())
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl PathFault {
    /// The code that audit records and logs carry.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown_issuer",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Revoked => "revoked",
            Self::RevocationUnknown => "revocation_unknown",
            Self::RevocationStale => "revocation_stale",
            Self::WrongUsage => "wrong_usage",
            Self::AuthorityAsLeaf => "authority_as_leaf",
            Self::NameConstraint => "name_constraint",
            Self::Other(_) => "other",
        }
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(name) => write!(f, "other ({name})"),
            Self::NoCertificate
            | Self::Malformed
            | Self::Unknown
            | Self::Expired
            | Self::NotYetValid
            | Self::Revoked
            | Self::RevocationUnknown
            | Self::RevocationStale
            | Self::WrongUsage
            | Self::AuthorityAsLeaf
            | Self::NameConstraint => f.write_str(self.as_str()),
        }
    }
}

/// A time before 1970 becomes 1970: no certificate in use was valid at either.
fn unix_time(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.unix_timestamp()).unwrap_or_default()))
}

fn read_revocations(files: &[Vec<u8>]) -> Result<Vec<CertRevocationList<'static>>, TrustStoreError> {
    let mut dated = Vec::new();
    for (at, bytes) in files.iter().enumerate() {
        let unusable = |cause| TrustStoreError::RevocationList { file: at + 1, cause };
        for der in revocations_in(bytes).map_err(unusable)? {
            let list =
                OwnedCertRevocationList::from_der(&der).map_err(|error| unusable(error.to_string()))?;
            let (_, facts) = CertificateRevocationList::from_der(&der)
                .map_err(|_| unusable("its date cannot be read".to_owned()))?;
            dated.push((facts.last_update().to_datetime(), list));
        }
    }
    dated.sort_by_key(|(issued, _)| std::cmp::Reverse(*issued));
    Ok(dated.into_iter().map(|(_, list)| list.into()).collect())
}

fn revocations_in(bytes: &[u8]) -> Result<Vec<CertificateRevocationListDer<'_>>, String> {
    // DER begins with a SEQUENCE of more than 127 octets, as no text does.
    if matches!(bytes, [0x30, 0x80..=0xff, ..]) {
        return Ok(vec![bytes.into()]);
    }
    let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|_| "it is not PEM".to_owned())?;
    if lists.is_empty() { Err("it holds no revocation list".to_owned()) } else { Ok(lists) }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the verifier's errors are an open set")]
fn fault_of(error: webpki::Error) -> PathFault {
    use webpki::Error;
    match error {
        Error::UnknownIssuer | Error::InvalidSignatureForPublicKey => PathFault::Unknown,
        Error::CertExpired { .. } => PathFault::Expired,
        Error::CertNotValidYet { .. } => PathFault::NotYetValid,
        Error::CertRevoked => PathFault::Revoked,
        Error::CrlExpired { .. } => PathFault::RevocationStale,
        Error::UnknownRevocationStatus
        | Error::InvalidCrlSignatureForPublicKey
        | Error::UnsupportedCrlSignatureAlgorithmContext(_)
        | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_)
        | Error::IssuerNotCrlSigner => PathFault::RevocationUnknown,
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension | Error::EndEntityUsedAsCa => {
            PathFault::WrongUsage
        }
        Error::CaUsedAsEndEntity => PathFault::AuthorityAsLeaf,
        Error::NameConstraintViolation
        | Error::MalformedNameConstraint
        | Error::InvalidNetworkMaskConstraint => PathFault::NameConstraint,
        Error::BadDer
        | Error::BadDerTime
        | Error::ExtensionValueInvalid
        | Error::InvalidCertValidity
        | Error::InvalidSerialNumber
        | Error::MalformedDnsIdentifier
        | Error::MalformedExtensions
        | Error::SignatureAlgorithmMismatch
        | Error::TrailingData(_)
        | Error::UnsupportedCertVersion => PathFault::Malformed,
        // The name alone: what it carries may come from the peer.
        other => {
            PathFault::Other(format!("{other:?}").chars().take_while(char::is_ascii_alphanumeric).collect())
        }
    }
}
