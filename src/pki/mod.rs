//! X.509 as this server needs it: what a certificate says, whether a chain may be trusted at a
//! given time, and whether the certificate is the one a client registered (RFC 8705, 2 and 3).
//!
//! Nothing here reads a clock or a file: bytes and a time go in, facts and verdicts come out.

mod attribute;
pub mod bundle;
pub mod certificate;
pub mod certs_only;
pub mod chain;
mod der;
pub mod fault;
pub mod handed_on;
pub mod identity;
pub mod key_thumbprint;
pub mod name;
pub mod oid;
pub mod path;
pub mod pem;
pub mod requested_names;
pub mod revocation;
pub mod rules;
mod signature;
pub mod signing_request;
pub mod strength;
pub mod thumbprint;

pub use certificate::{Certificate, CertificateError};
pub use chain::{TrustStore, TrustStoreError};
pub use fault::PathFault;
pub use identity::{CertificateIdentity, IdentityError, NameKind};
pub use name::{DistinguishedName, NameError};
pub use oid::ObjectId;
pub use path::TrustedPath;
pub use rules::{KeyUse, PathRules};
pub use signing_request::{SigningRequest, SigningRequestError};
pub use strength::{KeyKind, LeastKeys};
pub use thumbprint::Thumbprint;

#[cfg(test)]
mod tests;
