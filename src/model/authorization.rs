//! What a grant found to be true, before policy has judged it.

use uuid::Uuid;

use crate::pki::thumbprint::Thumbprint;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::ids::ClientId;
use crate::protocol::launch_context::LaunchContext;
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::scope::set::ScopeSet;

use super::delegation::{Particulars, SignIn};
use super::refresh_token::RefreshToken;
use super::standing::Standing;

/// Whom the token will speak for.
#[derive(Clone, Debug)]
pub enum Subject {
    /// The client itself (RFC 9068, 2.2: its `client_id` is the `sub`).
    Client(ClientId),
    /// A person who has let the client act.
    Person(Box<OnBehalf>),
}

/// A person in whose name a client acts.
#[derive(Clone, Debug)]
pub struct OnBehalf {
    /// The person as they stand now.
    pub standing: Standing,
    /// What is in context (SMART App Launch 2.2).
    pub context: LaunchContext,
    /// The sign-in that it rests on.
    pub sign_in: SignIn,
    /// What ties all tokens of one authorization together.
    pub grant: Uuid,
    /// What else was asked for and agreed to.
    pub particulars: Particulars,
}

/// What comes with the access token where the policy allows it.
#[derive(Clone, Debug, Default)]
pub struct Companions {
    /// The refresh token.
    pub refresh: Option<RefreshToken>,
    /// What the id token repeats of the authorization request.
    pub nonce: Option<String>,
}

/// Whether a resource server's tokens must be bound to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderDemand {
    /// As the client is registered.
    AsRegistered,
    /// Always, whatever the client's registration says.
    Always,
    /// Always, since the token that it is exchanged for is bound (RFC 8693): what is stolen must not become what
    /// anybody can use.
    Kept,
}

/// What a token keeps of the one that it was exchanged for (RFC 8693).
#[derive(Clone, Debug)]
pub struct Descent {
    /// Who acts, and for whom they do, the last one first (RFC 8693, 4.1).
    pub actors: Vec<ClientId>,
    /// The `jti` of the tokens before, the last one first.
    pub ancestors: Vec<Uuid>,
    /// The certificates that they rest on.
    pub certificates: Vec<Thumbprint>,
    /// How long the last of them still lives, in seconds.
    pub seconds: i64,
}

/// What a grant found to be true.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// The `grant_type`.
    pub grant_type: &'static str,
    /// Whom the token will speak for.
    pub subject: Subject,
    /// The scopes that were asked for.
    pub asked: ScopeSet,
    /// What was asked for beside them (RFC 9396), of types that are known and not ended.
    pub details: AuthorizationDetails,
    /// The one resource server it is for.
    pub resource: ResourceMetadata,
    /// Whether its tokens must be bound to a key.
    pub sender: SenderDemand,
    /// What comes with it.
    pub companions: Companions,
    /// What it keeps of the token that it was exchanged for.
    pub descent: Option<Descent>,
}
