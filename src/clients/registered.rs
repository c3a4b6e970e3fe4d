//! The certificates that stand in registrations (`x5c`): noted, so that their ends are watched before they are shown.

use crate::model::certificate::{CertificateOrigin, KnownCertificate};
use crate::model::client::Client;
use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::protocol::client_metadata::Keys;
use crate::protocol::error::Fault;
use crate::store::{self, Tx};

/// Notes the certificates of a registration, in place of those of before, in the transaction that writes it.
pub async fn keep_certificates(tx: &mut Tx, client: &Client, now: Timestamp) -> Result<(), Fault> {
    let known = certificates(client, now);
    let names: Vec<String> = known.iter().map(|one| one.thumbprint.as_base64url()).collect();
    store::certificate::purge_registered(tx, &client.id, &names).await?;
    for one in &known {
        store::certificate::note(tx, one).await?;
    }
    Ok(())
}

/// The certificates of a registration that have not ended. What strangers say of themselves counts once an administrator
/// has approved it: nobody is told of the ends of certificates that anybody may make up.
#[must_use]
pub fn certificates(client: &Client, now: Timestamp) -> Vec<KnownCertificate> {
    let Keys::Inline(keys) = &client.metadata.keys else { return Vec::new() };
    if !client.provenance.is_approved() {
        return Vec::new();
    }
    let ders = keys.keys().iter().filter_map(|key| key.x5c().first());
    let parsed = ders.filter_map(|der| Some((Certificate::parse(der).ok()?, der)));
    let current = parsed.filter(|(leaf, _)| now <= leaf.not_after());
    let known = current.map(|(leaf, der)| KnownCertificate {
        origin: CertificateOrigin::Registered,
        ..KnownCertificate::seen((&leaf, der), &client.id, None, now)
    });
    known.collect()
}
