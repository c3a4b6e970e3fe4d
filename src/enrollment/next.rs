//! `simplereenroll`: a client renews its certificate (RFC 7030, 4.2.2). What it shows is the certificate itself, whatever
//! its method elsewhere: so an app without any secret renews the certificate that its tokens are bound to.

use crate::ca::Renewing;
use crate::ledger::Entry;
use crate::model::certificate::KnownCertificate;
use crate::model::client::Client;
use crate::protocol::error::{Failure, Refusal};
use crate::store;

use super::asking::Asking;
use super::{Enrolled, EnrollmentEndpoint, issued};

impl EnrollmentEndpoint {
    /// Renews the certificate that a request shows.
    pub async fn reenroll(&self, asking: Asking) -> Result<Enrolled, Failure> {
        let mut entry = self.entry("certificate.renew", &asking.evidence.origin)?;
        let (client, known) = match self.holder(&mut entry, &asking).await {
            Ok(holder) => holder,
            Err(failure) => return self.settled(entry, Err(failure)).await,
        };
        let request = match asking.request() {
            Ok(request) => request,
            Err(refusal) => return self.settled(entry, Err(refusal.into())).await,
        };
        let renewing = Renewing { known, request };
        let certificate =
            self.administration.authority.renew(Self::acting(&entry, &client), renewing).await?;
        issued(&certificate.known.der)
    }

    /// The client whose certificate this server has issued and the connection shows.
    async fn holder(
        &self,
        entry: &mut Entry,
        asking: &Asking,
    ) -> Result<(Client, KnownCertificate), Failure> {
        let shown = asking.evidence.needed_certificate()?;
        if asking.evidence.authorization.is_some() {
            let told = "the client authenticates in more than one way";
            return Err(Refusal::invalid_request(told, "several_credentials").into());
        }
        let db = &self.administration.db;
        let known = store::certificate::find(db, &shown.leaf.thumbprint()).await?;
        let known = known.ok_or_else(|| Refusal::invalid_client("certificate_unknown"))?;
        entry.event_mut().client = Some(known.client.to_string());
        let client = store::client::find(db, &known.client).await?;
        let client = client.ok_or_else(|| Refusal::invalid_client("unknown_client"))?;
        if !client.is_active() {
            return Err(Refusal::invalid_client("client_disabled").into());
        }
        entry.prove_client(&client);
        Ok((client, known))
    }
}
