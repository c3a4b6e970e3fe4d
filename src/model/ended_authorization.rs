//! What a payer has decided: from then on no detail about it is granted or alive.

use crate::moment::Timestamp;
use crate::protocol::ids::ClientId;

/// Requests that a decision has ended.
#[derive(Clone, Debug)]
pub struct EndedAuthorization {
    /// The FHIR server that reported it; what is granted for others is untouched.
    pub audience: String,
    /// The type of their details.
    pub kind: String,
    /// By what they are known.
    pub identities: Vec<[u8; 32]>,
    /// The client that reported it.
    pub reported_by: ClientId,
    /// When.
    pub at: Timestamp,
}
