//! What the two secret methods share.

use crate::clients::authenticate::AuthCx;
use crate::model::client::Client;
use crate::policy::needs_key;
use crate::protocol::client_metadata::{ClientMetadata, Profile};
use crate::protocol::error::{Failure, FieldProblem, Refusal};
use crate::protocol::secret::Secret;
use crate::store;

use super::problem;

/// A back-end that uses `system/` scopes must hold a key (SMART Backend Services), and so must an
/// administrator and a client of the FAPI 2.0 profile.
pub(super) fn accepts(metadata: &ClientMetadata) -> Result<(), FieldProblem> {
    let back_end = metadata.grant_types.iter().any(|grant| grant == "client_credentials");
    if back_end && needs_key(&metadata.scope) {
        let says =
            "system/ and admin/ scopes need private_key_jwt, tls_client_auth or self_signed_tls_client_auth";
        return Err(problem("token_endpoint_auth_method", says));
    }
    match metadata.profile {
        Profile::Smart => Ok(()),
        Profile::Udap | Profile::Fapi2 => {
            Err(problem("token_endpoint_auth_method", "this profile does not allow client secrets"))
        }
    }
}

pub(super) async fn verify(cx: &AuthCx<'_>, client: &Client, secret: &Secret) -> Result<(), Failure> {
    let stored = store::client_secret::find_current(&cx.with.db, &client.id, cx.entry.now()).await?;
    if cx.with.secrets.matches(&client.id, secret, &stored) {
        Ok(())
    } else {
        Err(Refusal::invalid_client("wrong_secret").into())
    }
}
