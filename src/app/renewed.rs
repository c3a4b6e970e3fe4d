//! What is read again while the server runs: its own certificate, the anchors of clients with their revocation lists,
//! and the anchors of proxies.

use std::path::PathBuf;

use crate::admin::certificates::InForce;
use crate::clients::proxies::Proxies;
use crate::config::Config;
use crate::model::watched_certificate::Kind;
use crate::pki::bundle;
use crate::pki::chain::TrustStore;
use crate::platform::clock::Clock;
use crate::platform::tls::ServerCertificate;
use crate::protocol::error::Fault;
use crate::trust::{Communities, Revocations};

use super::renewal::{Files, PutInForce, Renewable};
use super::{read_own, read_proxy_anchors, read_revocations, read_trust};

/// The certificates that stand in the files of a configuration, as far as they can be read.
#[must_use]
pub fn in_files(config: &Config) -> InForce {
    let in_force = InForce::default();
    let proxy = config.proxy.as_ref().map(|proxy| &proxy.anchors_file);
    let files = [
        (Kind::Server, config.tls.certificate_file.as_ref()),
        (Kind::Anchor, config.tls.client_anchors_file.as_ref()),
        (Kind::ProxyAnchor, proxy),
    ];
    for (kind, file) in files {
        let Some(content) = file.and_then(|file| std::fs::read(file).ok()) else { continue };
        in_force.keep(kind, &bundle::certificates(&content));
    }
    in_force
}

/// The server's own certificate.
pub struct OwnCertificate {
    /// The one in force.
    pub certificate: ServerCertificate,
    /// Where it is watched.
    pub in_force: InForce,
    /// The database's time.
    pub clock: Clock,
}

impl Renewable for OwnCertificate {
    fn name(&self) -> &'static str {
        "server certificate"
    }

    fn keys(&self) -> &'static [&'static str] {
        &["tls.certificate_file", "tls.key_file", "tls.ocsp_file"]
    }

    fn files(&self, files: &Files) -> Vec<PathBuf> {
        let tls = &files.tls;
        tls.certificate_file.iter().chain(&tls.key_file).chain(&tls.ocsp_file).cloned().collect()
    }

    /// A certificate that nobody would accept replaces none that somebody would.
    fn read(&self, files: &Files) -> Result<PutInForce, Fault> {
        let (next, facts) = read_own(&files.tls)?;
        let now = self.clock.now();
        let is_current = facts.first().is_some_and(|leaf| leaf.is_current(now));
        if !is_current && self.in_force.is_current(Kind::Server, now) {
            return Err(Fault::new("tls.certificate_file", "the certificate is not valid now"));
        }
        let (certificate, in_force) = (self.certificate.clone(), self.in_force.clone());
        Ok(Box::new(move || {
            certificate.replace_by(&next);
            in_force.keep(Kind::Server, &facts);
        }))
    }
}

/// The anchors of clients that the configuration names.
pub struct ClientAnchors {
    /// Where they are in force.
    pub communities: Communities,
    /// Where they are watched.
    pub in_force: InForce,
}

impl Renewable for ClientAnchors {
    fn name(&self) -> &'static str {
        "client anchors"
    }

    fn keys(&self) -> &'static [&'static str] {
        &["tls.client_anchors_file"]
    }

    fn files(&self, files: &Files) -> Vec<PathBuf> {
        files.tls.client_anchors_file.iter().cloned().collect()
    }

    fn read(&self, files: &Files) -> Result<PutInForce, Fault> {
        let (anchors, rule) = read_trust(&files.tls)?;
        let (communities, in_force) = (self.communities.clone(), self.in_force.clone());
        Ok(Box::new(move || {
            let subjects = anchors.anchor_subjects().join("; ");
            tracing::info!(anchors = subjects, revocation = rule.as_str(), "anchors of client certificates");
            in_force.keep(Kind::Anchor, anchors.authorities());
            communities.configure(anchors, rule);
        }))
    }
}

/// The revocation lists that the configuration names.
pub struct RevocationListFiles {
    /// Where they are in force.
    pub revocations: Revocations,
}

impl Renewable for RevocationListFiles {
    fn name(&self) -> &'static str {
        "revocation lists"
    }

    fn keys(&self) -> &'static [&'static str] {
        &["tls.client_crl_files"]
    }

    fn files(&self, files: &Files) -> Vec<PathBuf> {
        files.tls.client_crl_files.clone()
    }

    fn read(&self, files: &Files) -> Result<PutInForce, Fault> {
        let (lists, revocations) = (read_revocations(&files.tls)?, self.revocations.clone());
        Ok(Box::new(move || revocations.replace(lists)))
    }
}

/// The anchors of proxies.
pub struct ProxyAnchors {
    /// The proxies.
    pub proxies: Proxies,
    /// Where they are watched.
    pub in_force: InForce,
}

impl Renewable for ProxyAnchors {
    fn name(&self) -> &'static str {
        "proxy anchors"
    }

    fn keys(&self) -> &'static [&'static str] {
        &["proxy.anchors_file"]
    }

    fn files(&self, files: &Files) -> Vec<PathBuf> {
        files.proxy.iter().map(|proxy| proxy.anchors_file.clone()).collect()
    }

    /// Names and header are those of the start. A configuration that has lost its section trusts no proxy.
    fn read(&self, files: &Files) -> Result<PutInForce, Fault> {
        let next = files.proxy.as_ref().map_or_else(|| Ok(TrustStore::empty()), read_proxy_anchors)?;
        let (proxies, in_force) = (self.proxies.clone(), self.in_force.clone());
        Ok(Box::new(move || {
            in_force.keep(Kind::ProxyAnchor, next.authorities());
            proxies.trust(next);
        }))
    }
}
