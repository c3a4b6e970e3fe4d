//! A type of authorization details that an administrator has registered (RFC 9396).

use crate::moment::Timestamp;
use crate::protocol::authorization_details::schema::Schema;

/// A registered type.
#[derive(Clone, Debug)]
pub struct DetailsType {
    /// The `type` of its details.
    pub name: String,
    /// What people are told that it is.
    pub title: String,
    /// How its details must be.
    pub schema: Schema,
    /// How often it was written.
    pub version: i64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}
