//! An issuer whose word about a person is taken for a token (RFC 7523, 2.1).

use crate::moment::Timestamp;
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::ids::IssuerName;
use crate::protocol::trusted_issuer::TrustedIssuerMetadata;

/// A trusted issuer as it stands in the database.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    /// Its short name.
    pub name: IssuerName,
    /// What its registration says.
    pub metadata: TrustedIssuerMetadata,
    /// The number of the registration's version.
    pub version: i64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When its registration last changed.
    pub updated_at: Timestamp,
}

/// The refusal of an assertion, whatever is wrong with it: the same words for all (RFC 7523, 3.1).
#[must_use]
pub const fn not_valid(reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidGrant, "the assertion is not valid", Reason::new(reason))
}
