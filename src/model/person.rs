//! A person who can sign in.

use uuid::Uuid;

use crate::moment::Timestamp;

/// A person as stored. The password is an argon2id hash, the second factor's secret is sealed.
pub struct Person {
    /// The person's `sub`, never given to another.
    pub subject: Uuid,
    /// The name to sign in with, in lower case.
    pub username: String,
    /// The password's hash in PHC form.
    pub password_hash: String,
    /// The organization the person acts for.
    pub organization: String,
    /// What the person may be: `clinician`, `patient`, `security-officer`.
    pub roles: Vec<String>,
    /// The FHIR resource that is this person (SMART App Launch, `fhirUser`).
    pub fhir_user: Option<String>,
    /// The patients the person may act for.
    pub patients: Vec<String>,
    /// The sealed secret of the person's second factor.
    pub sealed_totp: Option<Vec<u8>>,
    /// When the person was created.
    pub created_at: Timestamp,
}
