//! Making an authority: its key, and the certificate that the root signs, its own included.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DistinguishedName, DnType, IsCa,
    KeyUsagePurpose, SerialNumber,
};
use time::Duration;

use crate::jose::algorithm::Algorithm;
use crate::keys::custody::PrivateKey;
use crate::model::authority::{Authority, AuthorityName, Generation};
use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::protocol::error::{Doing, Fault};
use crate::store::authority::StoredAuthority;

use super::CertificateAuthority;
use super::authorities::{Opened, place};
use super::issue::{BACKDATED, list_url, serial_number};
use super::signer::Signer;

/// How long the root is.
const ROOT: Duration = Duration::days(20 * 365 + 5);
/// How long an authority is that issues.
const ISSUING: Duration = Duration::days(5 * 365 + 1);

/// What an authority is to be.
struct Shape {
    common_name: String,
    path_length: u8,
    until: Timestamp,
}

impl CertificateAuthority {
    /// Makes a root.
    pub(super) async fn make_root(&self, now: Timestamp) -> Result<(StoredAuthority, Arc<Opened>), Fault> {
        let key = Arc::new(self.custody.generate(Algorithm::Es384).await?);
        let signer = Signer::of(key.clone())?;
        let shape = Shape { common_name: "Client root".to_owned(), path_length: 1, until: now + ROOT };
        let params = self.params(&shape, now)?;
        let doing = "signing the certificate of an authority";
        let own = signer.clone();
        let signing = move || params.self_signed(&own);
        let certified = tokio::task::spawn_blocking(signing).await.doing(doing)?.doing(doing)?;
        let stored = self.stored(AuthorityName::Root, &key, certified.der(), now).await?;
        let certificate = Certificate::parse(certified.der()).doing(doing)?;
        Ok((stored, Arc::new(Opened { name: AuthorityName::Root, certificate, signer })))
    }

    /// Makes an authority under the root.
    pub(super) async fn make_issuing(
        &self,
        generation: Generation,
        root: &Arc<Opened>,
        now: Timestamp,
    ) -> Result<StoredAuthority, Fault> {
        let key = Arc::new(self.custody.generate(Algorithm::Es256).await?);
        let signer = Signer::of(key.clone())?;
        // Each has a name of its own: by it lists are told apart (RFC 5280, 6.3.3 b).
        let common_name = match generation {
            Generation::FIRST => "Client issuing authority".to_owned(),
            later => format!("Client issuing authority {}", later.number()),
        };
        let until = root.certificate.not_after().min(now + ISSUING);
        let mut params = self.params(&Shape { common_name, path_length: 0, until }, now)?;
        params.use_authority_key_identifier_extension = true;
        params.crl_distribution_points =
            vec![CrlDistributionPoint { uris: vec![list_url(&self.terms, AuthorityName::Root)] }];
        let doing = "signing the certificate of an authority";
        let root = root.clone();
        let signing = move || params.signed_by(&signer, &root.issuer()?).doing(doing);
        let certified = tokio::task::spawn_blocking(signing).await.doing(doing)??;
        self.stored(AuthorityName::Issuing(generation), &key, certified.der(), now).await
    }

    fn params(&self, shape: &Shape, now: Timestamp) -> Result<CertificateParams, Fault> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&self.terms.issuer, &shape.common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(shape.path_length));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(SerialNumber::from(serial_number(&self.entropy)?));
        (params.not_before, params.not_after) = (now - BACKDATED, shape.until);
        Ok(params)
    }

    async fn stored(
        &self,
        name: AuthorityName,
        key: &PrivateKey,
        certificate: &[u8],
        now: Timestamp,
    ) -> Result<StoredAuthority, Fault> {
        let row = name.to_string();
        let kept = self.custody.keep(key, place(&row)).await?;
        let read = Certificate::parse(certificate).doing("reading an authority")?;
        let authority = Authority {
            name,
            certificate: certificate.to_vec(),
            subject: read.subject_text(),
            not_after: read.not_after(),
            algorithm: key.algorithm(),
            created_at: now,
            revocations: 0,
            revocation: None,
        };
        Ok(StoredAuthority { authority, kept })
    }
}

/// The name of an authority, with that of the server whose it is.
fn named(issuer: &str, name: &str) -> DistinguishedName {
    let mut found = DistinguishedName::new();
    let host = issuer.split("://").last().unwrap_or_default();
    // An organization has 64 characters at most (RFC 5280, appendix A.1).
    if (1..=64).contains(&host.len()) {
        found.push(DnType::OrganizationName, host);
    }
    found.push(DnType::CommonName, name);
    found
}
