//! `client_secret_basic`: a shared secret in the Authorization header (RFC 6749, 2.3.1).

use async_trait::async_trait;

use crate::clients::authenticate::{AuthCx, Shown};
use crate::model::client::Client;
use crate::policy::Strength;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::error::{Failure, FieldProblem, Refusal};

use super::{Carrier, ClientAuthMethod, shared_secret};

pub(super) struct ClientSecretBasic;

#[async_trait]
impl ClientAuthMethod for ClientSecretBasic {
    fn name(&self) -> &'static str {
        "client_secret_basic"
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header
    }

    fn strength(&self) -> Strength {
        Strength::SharedSecret
    }

    fn accepts(&self, metadata: &ClientMetadata) -> Result<(), FieldProblem> {
        shared_secret::accepts(metadata)
    }

    async fn verify(&self, cx: &mut AuthCx<'_>, client: &Client) -> Result<(), Failure> {
        let Shown::Header(secret) = cx.shown else {
            return Err(Refusal::invalid_client("secret_missing").into());
        };
        shared_secret::verify(cx, client, secret).await
    }
}
