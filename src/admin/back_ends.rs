//! A back-end that is known by a certificate of the built-in PKI: registered, and its certificate asked for, in one.

use serde_json::{Map, Value, json};

use crate::ca::{Asked, client_uri};
use crate::clients::methods::TLS_CLIENT_AUTH;
use crate::model::certificate_request::CertificateRequest;
use crate::model::client::Client;
use crate::model::community::OWN;
use crate::pki::CertificateIdentity;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::error::{Doing, Failure, FieldProblem};
use crate::protocol::ids::ClientId;
use crate::store;

use super::actor::Caller;
use super::{Administration, registration};

/// A back-end that is to be registered.
#[derive(Clone, Debug)]
pub struct NewBackEnd {
    /// What people call it.
    pub name: String,
    /// Whose it is; its own name unless somebody says.
    pub organization: Option<String>,
    /// What it may ask for.
    pub scope: String,
    /// The resource server that its tokens are for; the only one unless somebody says.
    pub resource: Option<String>,
    /// Its request for a certificate, PKCS #10 in PEM or DER.
    pub csr: Vec<u8>,
}

impl Administration {
    /// Registers a back-end and asks for its certificate. What can be seen to be wrong is refused before it is registered.
    pub async fn enroll_back_end(
        &self,
        caller: &Caller,
        new: NewBackEnd,
    ) -> Result<(Client, CertificateRequest), Failure> {
        self.authority.readable(&new.csr).await?;
        let id = ClientId::new(self.entropy.id(self.clock.now()).doing("naming a client")?);
        let document = self.document(&new).await?;
        let registered = self.create_client_as(caller, id.clone(), &document).await?;
        let asked = Asked { client: id, csr: new.csr, asked_with: None };
        let request = self.request_certificate(caller, asked).await?;
        Ok((registered.client, request))
    }

    async fn document(&self, new: &NewBackEnd) -> Result<Map<String, Value>, Failure> {
        let resource = match &new.resource {
            Some(resource) => resource.clone(),
            None => self.only_resource().await?,
        };
        let members = [
            ("client_name", json!(new.name)),
            ("organization", json!(new.organization.as_ref().unwrap_or(&new.name))),
            ("grant_types", json!(["client_credentials"])),
            ("resources", json!([resource])),
            ("scope", json!(new.scope)),
            ("token_endpoint_auth_method", json!(TLS_CLIENT_AUTH)),
            ("trust_community", json!(OWN)),
        ];
        Ok(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    async fn only_resource(&self) -> Result<String, Failure> {
        let mut known = store::resource::find_urls(&self.db).await?;
        match (known.pop(), known.is_empty()) {
            (Some(one), true) => Ok(one),
            (None, _) => Err(resource_problem("no resource server is registered yet".to_owned())),
            (Some(last), false) => {
                known.push(last);
                Err(resource_problem(format!("several are registered: give one of {}", known.join(", "))))
            }
        }
    }
}

/// A client of the built-in PKI that is registered without a name is known by the one that its certificates have. Nobody
/// could say it before the client is registered: its `client_id` stands in it.
pub(super) fn named(metadata: ClientMetadata, id: &ClientId, issuer: &str) -> ClientMetadata {
    let is_of_own = metadata.token_endpoint_auth_method == TLS_CLIENT_AUTH
        && metadata.trust_community.as_ref().is_some_and(|community| community.as_str() == OWN);
    if !is_of_own || metadata.certificate_identity.is_some() {
        return metadata;
    }
    let name = CertificateIdentity::SanUri(client_uri(issuer, id));
    ClientMetadata { certificate_identity: Some(name), ..metadata }
}

fn resource_problem(says: String) -> Failure {
    registration::refusal(vec![FieldProblem { field: "resource".to_owned(), says }]).into()
}
