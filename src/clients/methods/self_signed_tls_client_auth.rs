//! `self_signed_tls_client_auth`: the very certificate that was registered as `x5c` (RFC 8705, 2.2).

use async_trait::async_trait;

use crate::clients::authenticate::AuthCx;
use crate::clients::vouching::refused;
use crate::model::client::Client;
use crate::pki::PathFault;
use crate::pki::thumbprint::Thumbprint;
use crate::policy::Strength;
use crate::protocol::client_metadata::{ClientMetadata, Keys, Profile};
use crate::protocol::error::{Failure, FieldProblem, Refusal};

use super::{Carrier, ClientAuthMethod, SELF_SIGNED, problem};

pub(super) struct SelfSignedTlsClientAuth;

#[async_trait]
impl ClientAuthMethod for SelfSignedTlsClientAuth {
    fn name(&self) -> &'static str {
        SELF_SIGNED
    }

    fn carrier(&self) -> Carrier {
        Carrier::Certificate
    }

    fn strength(&self) -> Strength {
        Strength::PrivateKey
    }

    fn accepts(&self, metadata: &ClientMetadata) -> Result<(), FieldProblem> {
        if metadata.profile == Profile::Udap {
            return Err(problem(
                "token_endpoint_auth_method",
                "the udap profile trusts no self-signed certificates",
            ));
        }
        match &metadata.keys {
            Keys::Inline(keys) if keys.keys().iter().any(|key| !key.x5c().is_empty()) => Ok(()),
            Keys::At(_) => Ok(()),
            Keys::Inline(_) | Keys::None => Err(problem(
                "jwks",
                "self_signed_tls_client_auth needs a key with the certificate as x5c, or jwks_uri",
            )),
        }
    }

    async fn verify(&self, cx: &mut AuthCx<'_>, client: &Client) -> Result<(), Failure> {
        let certificate = cx.evidence.needed_certificate()?;
        if !certificate.leaf.is_current(cx.entry.now()) {
            return Err(Refusal::invalid_client("certificate_not_current").into());
        }
        let shown = certificate.leaf.thumbprint();
        let registered = cx.with.keys.all(client, &shown).await?;
        let known = registered.keys().iter().filter_map(|key| key.x5c().first());
        if !known.into_iter().any(|der| Thumbprint::of_der(der).matches(&shown)) {
            return Err(Refusal::invalid_client("certificate_not_registered").into());
        }
        // Nobody publishes lists of such certificates: what was revoked here is.
        if cx.with.communities.revocations.is_marked(&shown).await? {
            return Err(refused(&PathFault::Revoked).into());
        }
        Ok(())
    }
}
