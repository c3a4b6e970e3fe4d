//! Why a chain is refused: a code for audit records and logs, never told to the peer.

use std::fmt;

/// Why a chain is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// The peer showed none.
    NoCertificate,
    /// A certificate that cannot be read, is too large, or one of too many.
    Malformed,
    /// The trust community that the client is bound to is not there.
    UnknownCommunity,
    /// No path leads to an anchor: the issuer is unknown, or has not signed.
    Unknown,
    /// A certificate of the path, or its anchor, has expired.
    Expired,
    /// A certificate of the path, or its anchor, is not valid yet.
    NotYetValid,
    /// A certificate of the path has been revoked.
    Revoked,
    /// Nothing that can be believed tells whether a certificate of the path was revoked.
    RevocationUnknown,
    /// What tells of revocation is past its next update.
    RevocationStale,
    /// A key is used for what its certificate does not allow, or the community does not take.
    WrongUsage,
    /// The leaf is a certificate authority.
    AuthorityAsLeaf,
    /// A name lies outside what an authority may vouch for.
    NameConstraint,
    /// More authorities stand below one than it allows.
    PathLength,
    /// An extension that must be understood, and is not.
    CriticalExtension,
    /// A key of the path is too small, or of a kind that is not taken.
    WeakKey,
    /// A signature of the path is over SHA-1, or what is weaker.
    WeakSignature,
    /// No certificate policy of the community holds for the whole path.
    MissingPolicy,
    /// The name is of a type that the community does not take.
    NameType,
    /// Anything else, by the verifier's name for it.
    Other(String),
}

impl PathFault {
    /// The code that audit records and logs carry.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::Malformed => "malformed",
            Self::UnknownCommunity => "unknown_community",
            Self::Unknown => "unknown_issuer",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Revoked => "revoked",
            Self::RevocationUnknown => "revocation_unknown",
            Self::RevocationStale => "revocation_stale",
            Self::WrongUsage => "wrong_usage",
            Self::AuthorityAsLeaf => "authority_as_leaf",
            Self::NameConstraint => "name_constraint",
            Self::PathLength => "path_length",
            Self::CriticalExtension => "critical_extension",
            Self::WeakKey => "weak_key",
            Self::WeakSignature => "weak_signature",
            Self::MissingPolicy => "missing_policy",
            Self::NameType => "name_type",
            Self::Other(_) => "other",
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the verifier's errors are an open set")]
    /// What the verifier found.
    #[must_use]
    pub fn of(error: &webpki::Error) -> Self {
        use webpki::Error;
        match error {
            // The last one: the key of whoever bears the issuer's name cannot have signed so.
            Error::UnknownIssuer
            | Error::InvalidSignatureForPublicKey
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Self::Unknown,
            Error::CertExpired { .. } => Self::Expired,
            Error::CertNotValidYet { .. } => Self::NotYetValid,
            Error::CertRevoked => Self::Revoked,
            Error::CrlExpired { .. } => Self::RevocationStale,
            Error::UnknownRevocationStatus
            | Error::InvalidCrlSignatureForPublicKey
            | Error::UnsupportedCrlSignatureAlgorithmContext(_)
            | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_)
            | Error::IssuerNotCrlSigner => Self::RevocationUnknown,
            Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension | Error::EndEntityUsedAsCa => {
                Self::WrongUsage
            }
            Error::CaUsedAsEndEntity => Self::AuthorityAsLeaf,
            Error::NameConstraintViolation
            | Error::MalformedNameConstraint
            | Error::InvalidNetworkMaskConstraint => Self::NameConstraint,
            Error::PathLenConstraintViolated => Self::PathLength,
            Error::UnsupportedCriticalExtension => Self::CriticalExtension,
            Error::BadDer
            | Error::BadDerTime
            | Error::ExtensionValueInvalid
            | Error::InvalidCertValidity
            | Error::InvalidSerialNumber
            | Error::MalformedDnsIdentifier
            | Error::MalformedExtensions
            | Error::SignatureAlgorithmMismatch
            | Error::TrailingData(_)
            | Error::UnsupportedCertVersion => Self::Malformed,
            // The name alone: what it carries may come from the peer.
            other => {
                Self::Other(format!("{other:?}").chars().take_while(char::is_ascii_alphanumeric).collect())
            }
        }
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(name) => write!(f, "other ({name})"),
            Self::NoCertificate
            | Self::Malformed
            | Self::UnknownCommunity
            | Self::Unknown
            | Self::Expired
            | Self::NotYetValid
            | Self::Revoked
            | Self::RevocationUnknown
            | Self::RevocationStale
            | Self::WrongUsage
            | Self::AuthorityAsLeaf
            | Self::NameConstraint
            | Self::PathLength
            | Self::CriticalExtension
            | Self::WeakKey
            | Self::WeakSignature
            | Self::MissingPolicy
            | Self::NameType => f.write_str(self.as_str()),
        }
    }
}
