//! `private_key_jwt`: an assertion signed with the client's key (OpenID Connect Core, 9; RFC 7523).

use async_trait::async_trait;

use crate::clients::authenticate::{AuthCx, Shown};
use crate::jose::algorithm::Algorithm;
use crate::model::client::Client;
use crate::policy::Strength;
use crate::protocol::client_metadata::{ClientMetadata, Keys};
use crate::protocol::error::{Failure, FieldProblem, Refusal};

use super::{Carrier, ClientAuthMethod, problem};

pub(super) struct PrivateKeyJwt;

#[async_trait]
impl ClientAuthMethod for PrivateKeyJwt {
    fn name(&self) -> &'static str {
        "private_key_jwt"
    }

    fn carrier(&self) -> Carrier {
        Carrier::Assertion
    }

    fn strength(&self) -> Strength {
        Strength::PrivateKey
    }

    fn algorithms(&self) -> &'static [Algorithm] {
        Algorithm::ALL
    }

    fn accepts(&self, metadata: &ClientMetadata) -> Result<(), FieldProblem> {
        match &metadata.keys {
            Keys::None => Err(problem("jwks", "private_key_jwt needs jwks or jwks_uri")),
            Keys::At(_) => Ok(()),
            Keys::Inline(keys) => match metadata.token_endpoint_auth_signing_alg {
                Some(algorithm) if !keys.keys().iter().any(|key| key.accepts(algorithm)) => Err(problem(
                    "token_endpoint_auth_signing_alg",
                    "none of the keys in jwks can sign with it",
                )),
                Some(_) | None => Ok(()),
            },
        }
    }

    async fn verify(&self, cx: &mut AuthCx<'_>, client: &Client) -> Result<(), Failure> {
        let Shown::Assertion(assertion) = cx.shown else {
            return Err(Refusal::invalid_client("assertion_missing").into());
        };
        let examined = assertion.examine(client, &cx.with.rules, cx.entry.now());
        let examined = examined.inspect_err(|_| assertion.verify_in_vain())?;
        let key = cx.with.keys.find(client, assertion).await;
        let key = key.inspect_err(|_| assertion.verify_in_vain())?;
        assertion.verify(&key)?;
        cx.entry.use_up(examined.proof(client));
        Ok(())
    }
}
