//! JOSE: compact JWS, JSON Web Keys and their thumbprints, over aws-lc.
//!
//! Text becomes a type here once. What is refused by form never reaches a key, and only a
//! verified token gives its claims away as such.

pub mod algorithm;
pub mod base64url;
pub mod claims;
mod der;
pub mod jwk;
pub mod jwk_set;
pub mod jws;
mod material;
pub mod object;
mod private_key;
pub mod signing;
pub mod thumbprint;

pub use algorithm::{Algorithm, KeyType};
pub use claims::{Audience, ClaimError, Claims};
pub use jwk::{BadSignature, Jwk, JwkError};
pub use jwk_set::{JwkSet, JwkSetError, KeyChoiceError};
pub use jws::{Header, JwsError, UnverifiedJws, prove_possession};
pub use signing::{KeyError, SigningKey};

#[cfg(test)]
mod tests;
