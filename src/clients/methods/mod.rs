//! The client authentication methods. To add one: its file, its `mod` line, its place in [`METHODS`].

mod client_secret_basic;
mod client_secret_post;
mod none;
mod private_key_jwt;
mod self_signed_tls_client_auth;
mod shared_secret;
mod tls_client_auth;

use async_trait::async_trait;

use crate::jose::algorithm::Algorithm;
use crate::model::client::Client;
use crate::policy::Strength;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::error::{Failure, FieldProblem};

use super::authenticate::AuthCx;

/// Every method of this server.
pub static METHODS: &[&dyn ClientAuthMethod] = &[
    &private_key_jwt::PrivateKeyJwt,
    &tls_client_auth::TlsClientAuth,
    &self_signed_tls_client_auth::SelfSignedTlsClientAuth,
    &client_secret_basic::ClientSecretBasic,
    &client_secret_post::ClientSecretPost,
    &none::None,
];

/// The method of a certificate that an authority has issued (RFC 8705, 2.1.1).
pub const TLS_CLIENT_AUTH: &str = "tls_client_auth";

/// The method of a certificate that the client has made itself (RFC 8705, 2.2.1).
pub const SELF_SIGNED: &str = "self_signed_tls_client_auth";

/// Where a credential travels; a request may use one place only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// There is no credential.
    Nowhere,
    /// The `Authorization` header.
    Header,
    /// `client_secret` in the body.
    Body,
    /// `client_assertion` in the body.
    Assertion,
    /// The TLS connection.
    Certificate,
}

/// One way to authenticate a client.
#[async_trait]
pub trait ClientAuthMethod: Sync {
    /// The registered name (RFC 7591, 2; RFC 8705, 2).
    fn name(&self) -> &'static str;

    /// Where the credential travels.
    fn carrier(&self) -> Carrier;

    /// How much it proves.
    fn strength(&self) -> Strength;

    /// The algorithms of its signatures, for discovery.
    fn algorithms(&self) -> &'static [Algorithm] {
        &[]
    }

    /// Whether the server makes a secret for it.
    fn uses_secret(&self) -> bool {
        matches!(self.carrier(), Carrier::Header | Carrier::Body)
    }

    /// What a registration must bring for this method to work.
    fn accepts(&self, metadata: &ClientMetadata) -> Result<(), FieldProblem>;

    /// Judges what the request has shown. Its refusals say why to the audit record alone.
    async fn verify(&self, cx: &mut AuthCx<'_>, client: &Client) -> Result<(), Failure>;
}

/// Finds a method by its registered name.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn ClientAuthMethod> {
    METHODS.iter().copied().find(|method| method.name() == name)
}

/// A problem with one member of a registration.
fn problem(field: &str, says: &str) -> FieldProblem {
    FieldProblem { field: field.to_owned(), says: says.to_owned() }
}
