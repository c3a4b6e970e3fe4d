//! The certificates that this process has noted already, so that the usual grant writes nothing of them.

use moka::future::Cache;

use crate::clients::evidence::PeerCertificate;
use crate::clients::vouching;
use crate::ledger::Entry;
use crate::model::client::Client;
use crate::pki::thumbprint::Thumbprint;

/// How many are remembered; one that was forgotten is noted again, which changes nothing.
const MOST: u64 = 10_000;

/// The certificates that this process has noted already. Clones share them.
#[derive(Clone)]
pub struct NotedCertificates(Cache<Thumbprint, ()>);

impl Default for NotedCertificates {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl NotedCertificates {
    /// Notes a certificate that a token rests on with the entry of its grant, if that was not done before.
    pub fn note(&self, entry: &mut Entry, client: &Client, certificate: &PeerCertificate) {
        if !self.0.contains_key(&certificate.leaf.thumbprint()) {
            entry.note_certificate(vouching::seen(client, certificate, entry.now()));
        }
    }

    /// Remembers what was written.
    pub async fn remember(&self, noted: Option<Thumbprint>) {
        if let Some(thumbprint) = noted {
            self.0.insert(thumbprint, ()).await;
        }
    }
}
