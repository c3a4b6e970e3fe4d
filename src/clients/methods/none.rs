//! `none`: a public client names itself and proves nothing (RFC 6749, 2.1).

use async_trait::async_trait;

use crate::clients::authenticate::AuthCx;
use crate::model::client::Client;
use crate::policy::Strength;
use crate::protocol::client_metadata::{ClientMetadata, Keys};
use crate::protocol::error::{Failure, FieldProblem};

use super::{Carrier, ClientAuthMethod, problem};

pub(super) struct None;

#[async_trait]
impl ClientAuthMethod for None {
    fn name(&self) -> &'static str {
        "none"
    }

    fn carrier(&self) -> Carrier {
        Carrier::Nowhere
    }

    fn strength(&self) -> Strength {
        Strength::Named
    }

    fn accepts(&self, metadata: &ClientMetadata) -> Result<(), FieldProblem> {
        if !metadata.introspects.is_empty() {
            return Err(problem("introspects", "needs a client that authenticates"));
        }
        if metadata.grant_types.iter().any(|grant| grant == "client_credentials") {
            return Err(problem("grant_types", "client_credentials needs a client that authenticates"));
        }
        match metadata.keys {
            Keys::None => Ok(()),
            Keys::Inline(_) | Keys::At(_) => {
                Err(problem("jwks", "has no use for a client that does not authenticate"))
            }
        }
    }

    async fn verify(&self, _: &mut AuthCx<'_>, _: &Client) -> Result<(), Failure> {
        Ok(())
    }
}
