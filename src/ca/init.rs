//! Setting the client PKI up: once, by somebody at the server.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DistinguishedName, DnType, IsCa, Issuer,
    KeyUsagePurpose, SerialNumber,
};
use time::Duration;

use crate::jose::algorithm::Algorithm;
use crate::keys::custody::PrivateKey;
use crate::ledger::{Done, Work};
use crate::model::authority::{Authority, AuthorityName};
use crate::model::community::{Community, CommunityTerms, OWN, RevocationRule};
use crate::moment::Timestamp;
use crate::pki::identity::NameKind;
use crate::pki::rules::PathRules;
use crate::pki::{TrustStore, pem};
use crate::platform::entropy::Entropy;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};
use crate::protocol::ids::CommunityName;
use crate::store;
use crate::store::authority::StoredAuthority;

use super::authorities::{Chain, place};
use super::issue::{BACKDATED, list_url, serial_number};
use super::signer::Signer;
use super::{Acting, CertificateAuthority, Terms};

/// How long the root is.
const ROOT: Duration = Duration::days(20 * 365 + 5);
/// How long the authority is that issues.
const ISSUING: Duration = Duration::days(5 * 365 + 1);

impl CertificateAuthority {
    /// Makes the root and the authority under it, and the community that trusts them.
    pub async fn init(&self, acting: Acting) -> Result<Chain, Failure> {
        let Acting { event, gate, .. } = acting;
        if self.authorities().await?.is_some() {
            return self.refuse(event, there_already().into()).await;
        }
        let now = event.at;
        let root = Arc::new(self.custody.generate(Algorithm::Es384).await?);
        let issuing = Arc::new(self.custody.generate(Algorithm::Es256).await?);
        let (terms, entropy) = (self.terms.clone(), self.entropy.clone());
        let keys = (root.clone(), issuing.clone());
        let making = move || certify(&terms, &entropy, keys, now);
        let doing = "making the authorities";
        let chain = tokio::task::spawn_blocking(making).await.doing(doing)??;
        let made = [
            self.stored(AuthorityName::Root, &root, &chain.root, now).await?,
            self.stored(AuthorityName::Issuing, &issuing, &chain.issuing, now).await?,
        ];
        let community = community(&chain, now)?;
        let outcome = self
            .ledger
            .transact(event, move |tx, _| -> Work<'_, Chain> {
                Box::pin(async move {
                    gate(tx).await?;
                    for stored in &made {
                        if !store::authority::insert(tx, stored).await? {
                            return Err(there_already().into());
                        }
                    }
                    // Nobody could have given another one that name.
                    store::community::insert(tx, &community).await?;
                    Ok(Done::Changed(chain))
                })
            })
            .await;
        // Nothing was written of what was refused. Of a fault that is not certain.
        if matches!(outcome, Err(Failure::Refusal(_))) {
            root.give_up();
            issuing.give_up();
        }
        outcome
    }

    async fn stored(
        &self,
        name: AuthorityName,
        key: &PrivateKey,
        certificate: &[u8],
        now: Timestamp,
    ) -> Result<StoredAuthority, Fault> {
        let kept = self.custody.keep(key, place(name)).await?;
        let authority = Authority {
            name,
            certificate: certificate.to_vec(),
            algorithm: key.algorithm(),
            created_at: now,
            revocations: 0,
        };
        Ok(StoredAuthority { authority, kept })
    }
}

/// Signs both certificates with the root's key.
fn certify(
    terms: &Terms,
    entropy: &Entropy,
    (root, issuing): (Arc<PrivateKey>, Arc<PrivateKey>),
    now: Timestamp,
) -> Result<Chain, Fault> {
    let doing = "signing the certificate of an authority";
    let (root, issuing) = (Signer::of(root)?, Signer::of(issuing)?);
    let shape = |name, path_length, life| -> Result<CertificateParams, Fault> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(terms, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(SerialNumber::from(serial_number(entropy)?));
        (params.not_before, params.not_after) = (now - BACKDATED, now + life);
        Ok(params)
    };
    let top = shape("Client root", 1, ROOT)?;
    let certificate = top.self_signed(&root).doing(doing)?.der().to_vec();
    let mut below = shape("Client issuing authority", 0, ISSUING)?;
    below.use_authority_key_identifier_extension = true;
    below.crl_distribution_points =
        vec![CrlDistributionPoint { uris: vec![list_url(terms, AuthorityName::Root)] }];
    let issued = below.signed_by(&issuing, &Issuer::new(top, root)).doing(doing)?;
    Ok(Chain { issuing: issued.der().to_vec(), root: certificate })
}

/// The community of whoever has a certificate of this PKI: known by the URI in it, and revoked by our own word.
fn community(chain: &Chain, now: Timestamp) -> Result<Community, Fault> {
    let doing = "naming the community of the client PKI";
    let terms = CommunityTerms {
        title: Some("Certificates that this server issues".to_owned()),
        anchors: TrustStore::parse(pem::write(pem::CERTIFICATE, &chain.root).as_bytes()).doing(doing)?,
        rules: PathRules { names: vec![NameKind::SanUri], ..PathRules::default() },
        revocation: RevocationRule::Own,
        crl_urls: Vec::new(),
    };
    let name = CommunityName::parse(OWN).ok_or_else(|| Fault::new(doing, "it cannot be read"))?;
    Ok(Community { name, terms, version: 1, created_at: now, updated_at: now })
}

/// The name of an authority, with that of the server whose it is.
fn named(terms: &Terms, name: &str) -> DistinguishedName {
    let mut found = DistinguishedName::new();
    let host = terms.issuer.split("://").last().unwrap_or_default();
    // An organization has 64 characters at most (RFC 5280, appendix A.1).
    if (1..=64).contains(&host.len()) {
        found.push(DnType::OrganizationName, host);
    }
    found.push(DnType::CommonName, name);
    found
}

fn there_already() -> Refusal {
    let told =
        "there is a client PKI already, and clients have its certificates; `hilum pki status` shows it";
    Refusal::new(ErrorCode::Conflict, told, Reason::new("pki_exists"))
}
