//! Whether a client could use a certificate of this PKI, and what to change if not.

use crate::model::client::Client;
use crate::model::community::OWN;
use crate::pki::identity::CertificateIdentity;
use crate::protocol::error::{ErrorCode, FieldProblem, Reason, Refusal};

use super::issue::client_uri;
use super::unacceptable;

/// Refuses a client that is stopped, or whose registration leaves it no use for a certificate of this PKI: it
/// authenticates with one, or its tokens are bound to one.
pub(super) fn suits(client: &Client, issuer: &str) -> Result<(), Refusal> {
    if !client.is_active() {
        let told = "the client has been stopped";
        return Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("client_disabled")));
    }
    let problems = problems(client, issuer);
    if problems.is_empty() { Ok(()) } else { Err(unacceptable("client_unsuited", problems)) }
}

fn problems(client: &Client, issuer: &str) -> Vec<FieldProblem> {
    let metadata = &client.metadata;
    let mut found = Vec::new();
    let mut wrong = |field: &str, says: String| found.push(FieldProblem { field: field.to_owned(), says });
    match metadata.token_endpoint_auth_method.as_str() {
        "tls_client_auth" => {
            let uri = client_uri(issuer, &client.id);
            if metadata.certificate_identity != Some(CertificateIdentity::SanUri(uri.clone())) {
                wrong("tls_client_auth_san_uri", format!("must be {uri}: so its certificate will name it"));
            }
            if metadata.trust_community.as_ref().is_none_or(|community| community.as_str() != OWN) {
                wrong("trust_community", format!("must be {OWN}: its certificate will be of that PKI"));
            }
        }
        "self_signed_tls_client_auth" => {
            let says = "must be tls_client_auth: this client shows certificates of its own making";
            wrong("token_endpoint_auth_method", says.to_owned());
        }
        _ if metadata.certificate_bound => {}
        _ => {
            let says =
                "must be true, or token_endpoint_auth_method tls_client_auth, for a certificate to be of use";
            wrong("tls_client_certificate_bound_access_tokens", says.to_owned());
        }
    }
    found
}
