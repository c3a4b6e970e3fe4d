//! Who vouches for a client's certificate: the trust community that the client is bound to.

use crate::ledger::Entry;
use crate::model::certificate::KnownCertificate;
use crate::model::client::Client;
use crate::model::community::DEFAULT;
use crate::moment::Timestamp;
use crate::pki::PathFault;
use crate::protocol::error::{Failure, Refusal};
use crate::protocol::ids::CommunityName;

use super::authenticate::{AuthenticatedClient, Authenticator};
use super::evidence::PeerCertificate;
use super::methods::{Carrier, TLS_CLIENT_AUTH};

/// The refusal of a certificate, whatever is wrong with it: the reason is for the audit record alone.
pub(in crate::clients) fn refused(fault: &PathFault) -> Refusal {
    Refusal::invalid_client("certificate_refused").detail(fault.as_str().to_owned())
}

/// The community that a client belongs to.
pub(in crate::clients) fn community(client: &Client) -> &str {
    client.metadata.trust_community.as_ref().map_or(DEFAULT, CommunityName::as_str)
}

impl Authenticator {
    /// Judges the certificate of this connection by the community of a client. At each request: after a resumed
    /// handshake no verifier has run.
    pub(in crate::clients) async fn vouched(
        &self,
        entry: &Entry,
        client: &Client,
        certificate: &PeerCertificate,
    ) -> Result<(), Failure> {
        let judged = self.communities.judge(community(client), &certificate.chain, entry.now()).await?;
        judged.map(|_| ()).map_err(|fault| refused(&fault).into())
    }

    /// Judges the certificate that tokens are to be bound to. Nobody need vouch for it (RFC 8705, 3), unless the
    /// registration says who does.
    pub async fn vouched_for_binding(
        &self,
        entry: &Entry,
        client: &AuthenticatedClient,
        certificate: &PeerCertificate,
    ) -> Result<(), Failure> {
        let metadata = &client.record().metadata;
        if metadata.token_endpoint_auth_method == TLS_CLIENT_AUTH {
            return Ok(());
        }
        if client.carrier() != Carrier::Certificate && metadata.trust_community.is_some() {
            return self.vouched(entry, client.record(), certificate).await;
        }
        // What was revoked here binds nothing, whoever issued it.
        if self.communities.revocations.is_marked(&certificate.leaf.thumbprint()).await? {
            return Err(refused(&PathFault::Revoked).into());
        }
        Ok(())
    }
}

/// What becomes known of a certificate that tokens of a client rest on.
#[must_use]
pub fn seen(client: &Client, certificate: &PeerCertificate, now: Timestamp) -> KnownCertificate {
    let metadata = &client.metadata;
    let is_judged =
        metadata.token_endpoint_auth_method == TLS_CLIENT_AUTH || metadata.trust_community.is_some();
    let shown = (&certificate.leaf, certificate.leaf.der());
    KnownCertificate::seen(shown, &client.id, is_judged.then(|| community(client)), now)
}
