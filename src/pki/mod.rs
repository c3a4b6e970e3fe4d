//! X.509 as this server needs it: what a certificate says, whether a chain may be trusted at a
//! given time, and whether the certificate is the one a client registered (RFC 8705, 2 and 3).
//!
//! Nothing here reads a clock or a file: bytes and a time go in, facts and verdicts come out.

mod attribute;
pub mod certificate;
pub mod chain;
pub mod identity;
pub mod name;
pub mod thumbprint;

pub use certificate::{Certificate, CertificateError};
pub use chain::{PathFault, TrustStore, TrustStoreError, Verdict};
pub use identity::{CertificateIdentity, IdentityError};
pub use name::{DistinguishedName, NameError};
pub use thumbprint::Thumbprint;

#[cfg(test)]
mod tests;
