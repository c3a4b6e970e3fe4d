//! What a responder has answered about a certificate, as all processes share it.

use crate::moment::Timestamp;

/// A certificate that responders are asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Questioned {
    /// Its thumbprint.
    pub thumbprint: String,
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// Who issued it, in DER.
    pub authority: Vec<u8>,
    /// Whether it is an authority's itself.
    pub is_authority: bool,
    /// The host and port of its first responder.
    pub host: String,
}

/// A certificate that this process is to ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueQuestion {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// Who issued it, in DER.
    pub authority: Vec<u8>,
    /// How often in a row nobody has told.
    pub failures: i32,
    /// Since when the newest answer is so.
    pub this_update: Option<Timestamp>,
}

/// How many certificates this process may ask about now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// In all.
    pub of_all: i64,
    /// At each host at which it is asking about none.
    pub of_a_host: i64,
    /// The hosts at which it is asking.
    pub hosts: Vec<String>,
    /// At each of these.
    pub of_hosts: Vec<i64>,
}

/// An answer as it was kept. It says nothing before it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The chance in the question.
    pub nonce: Vec<u8>,
    /// The answer in DER.
    pub der: Vec<u8>,
    /// When it was asked for.
    pub asked_at: Timestamp,
}
