//! Setting the client PKI up: once, by somebody at the server.

use crate::ledger::{Done, Work};
use crate::model::authority::Generation;
use crate::model::community::{Community, CommunityTerms, OWN, RevocationRule};
use crate::moment::Timestamp;
use crate::pki::identity::NameKind;
use crate::pki::rules::PathRules;
use crate::pki::{TrustStore, pem};
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};
use crate::protocol::ids::CommunityName;
use crate::store;

use super::{Acting, CertificateAuthority};

impl CertificateAuthority {
    /// Makes the root and the authority under it, and the community that trusts them.
    pub async fn init(&self, acting: Acting) -> Result<(), Failure> {
        let Acting { event, gate, .. } = acting;
        if self.is_there().await? {
            return self.refuse(event, there_already().into()).await;
        }
        let now = event.at;
        let (root, opened) = self.make_root(now).await?;
        // Nothing is written yet: what fails leaves no key in the HSM.
        let issuing = self.make_issuing(Generation::FIRST, &opened, now).await;
        let issuing = issuing.inspect_err(|_| self.custody.give_up(&root.kept))?;
        let community = community(&root.authority.certificate, now)?;
        let kept = [root.kept.clone(), issuing.kept.clone()];
        let outcome = self
            .ledger
            .transact(event, move |tx, _| -> Work<'_, ()> {
                Box::pin(async move {
                    gate(tx).await?;
                    for stored in [root, issuing] {
                        if !store::authority::insert(tx, &stored).await? {
                            return Err(there_already().into());
                        }
                    }
                    // Nobody could have given another one that name.
                    store::community::insert(tx, &community).await?;
                    Ok(Done::Changed(()))
                })
            })
            .await;
        // Nothing was written of what was refused. Of a fault that is not certain.
        if matches!(outcome, Err(Failure::Refusal(_))) {
            for kept in &kept {
                self.custody.give_up(kept);
            }
        }
        outcome
    }
}

/// The community of whoever has a certificate of this PKI: known by the URI in it, and revoked by our own word.
fn community(root: &[u8], now: Timestamp) -> Result<Community, Fault> {
    let doing = "naming the community of the client PKI";
    let terms = CommunityTerms {
        title: Some("Certificates that this server issues".to_owned()),
        anchors: TrustStore::parse(pem::write(pem::CERTIFICATE, root).as_bytes()).doing(doing)?,
        rules: PathRules { names: vec![NameKind::SanUri], ..PathRules::default() },
        revocation: RevocationRule::Own,
        crl_urls: Vec::new(),
    };
    let name = CommunityName::parse(OWN).ok_or_else(|| Fault::new(doing, "it cannot be read"))?;
    Ok(Community { name, terms, version: 1, created_at: now, updated_at: now })
}

fn there_already() -> Refusal {
    let told =
        "there is a client PKI already, and clients have its certificates; `hilum pki status` shows it";
    Refusal::new(ErrorCode::Conflict, told, Reason::new("pki_exists"))
}
