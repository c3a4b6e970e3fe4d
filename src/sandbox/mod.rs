//! The sandbox of `hilum dev`: a FHIR server with people who do not exist, so that a token can be tried out.
//! `hilum serve` has none of it.

pub mod capability;
pub mod compartment;
pub mod data;
pub mod desk;
pub mod enforce;
pub mod fhir;
pub mod issue;
pub mod matching;
pub mod parameters;
pub mod query;
pub mod records;

/// Where the FHIR server stands, under the issuer.
pub const FHIR_PATH: &str = "/sandbox/fhir";
/// The name under which it is registered.
pub const RESOURCE: &str = "sandbox";

/// What `hilum dev` has beside the server itself.
#[derive(Clone)]
pub struct Sandbox {
    /// The FHIR server.
    pub fhir: fhir::FhirEndpoint,
    /// What its pages know.
    pub desk: desk::Desk,
}
