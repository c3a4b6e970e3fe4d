//! Sender constraints: what ties a token to a key. To add one: its file, its `mod` line, its place in
//! [`CONSTRAINTS`].

mod mtls;

use async_trait::async_trait;

use crate::clients::authenticate::AuthenticatedClient;
use crate::clients::evidence::Evidence;
use crate::ledger::Entry;
use crate::model::binding::Binding;
use crate::protocol::error::{Failure, Refusal};

/// Every constraint of this server.
pub static CONSTRAINTS: &[&dyn SenderConstraint] = &[&mtls::Certificate];

/// What a constraint is given to judge.
pub struct SenderCx<'a> {
    /// The entry of the request, which takes the proofs.
    pub entry: &'a mut Entry,
    /// The client that asks.
    pub client: &'a AuthenticatedClient,
}

/// One way to tie a token to a key.
#[async_trait]
pub trait SenderConstraint: Sync {
    /// The members of discovery that this constraint brings (RFC 8414, 2).
    fn metadata(&self) -> Vec<(&'static str, serde_json::Value)>;

    /// `None` when this proof was not offered; a refusal when it was offered and is false.
    async fn prove(&self, cx: &mut SenderCx<'_>, evidence: &Evidence) -> Result<Option<Binding>, Failure>;
}

/// Asks every constraint; no token is tied to two keys.
pub async fn prove(
    entry: &mut Entry,
    client: &AuthenticatedClient,
    evidence: &Evidence,
) -> Result<Option<Binding>, Failure> {
    let mut found = None;
    for constraint in CONSTRAINTS {
        let mut cx = SenderCx { entry, client };
        let Some(binding) = constraint.prove(&mut cx, evidence).await? else { continue };
        if found.replace(binding).is_some() {
            return Err(Refusal::invalid_request(
                "the request offers two proofs of possession",
                "two_bindings",
            )
            .into());
        }
    }
    Ok(found)
}
