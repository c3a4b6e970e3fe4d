//! `tls_client_auth`: a certificate of a trusted issuer that shows what was registered (RFC 8705, 2.1).

use async_trait::async_trait;

use crate::clients::authenticate::AuthCx;
use crate::clients::vouching;
use crate::model::client::Client;
use crate::pki::PathFault;
use crate::policy::Strength;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::error::{Failure, FieldProblem, Refusal};

use super::{Carrier, ClientAuthMethod, TLS_CLIENT_AUTH, problem};

pub(super) struct TlsClientAuth;

#[async_trait]
impl ClientAuthMethod for TlsClientAuth {
    fn name(&self) -> &'static str {
        TLS_CLIENT_AUTH
    }

    fn carrier(&self) -> Carrier {
        Carrier::Certificate
    }

    fn strength(&self) -> Strength {
        Strength::PrivateKey
    }

    fn accepts(&self, metadata: &ClientMetadata) -> Result<(), FieldProblem> {
        match metadata.certificate_identity {
            Some(_) => Ok(()),
            None => Err(problem(
                "tls_client_auth_san_uri",
                "tls_client_auth needs exactly one of tls_client_auth_subject_dn, _san_dns, _san_uri, _san_ip, _san_email",
            )),
        }
    }

    async fn verify(&self, cx: &mut AuthCx<'_>, client: &Client) -> Result<(), Failure> {
        let certificate = cx.evidence.needed_certificate()?;
        cx.with.vouched(cx.entry, client, certificate).await?;
        match &client.metadata.certificate_identity {
            // The community may have changed its mind since the client was registered.
            Some(identity) if !cx.with.communities.take(vouching::community(client), identity.kind()) => {
                Err(vouching::refused(&PathFault::NameType).into())
            }
            Some(identity) if identity.matches(&certificate.leaf) => Ok(()),
            Some(_) | None => {
                let shown = certificate.leaf.subject_text();
                Err(Refusal::invalid_client("certificate_of_another").detail(shown).into())
            }
        }
    }
}
