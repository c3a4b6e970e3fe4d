//! The proxies that end the TLS of clients: who is one, and what of it is believed.
//!
//! A proxy is known by a certificate of its own, shown at the mutual-TLS listener. That certificate is then never
//! taken for a client's: what a client could do with it, everybody behind the proxy could do.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use time::Duration;

use crate::config::proxy::{ClientAddress, Proxy};
use crate::model::community::RevocationRule;
use crate::moment::Timestamp;
use crate::pki::TrustedPath;
use crate::pki::certificate::Certificate;
use crate::pki::chain::TrustStore;
use crate::pki::handed_on::{Form, HandedOnError, Lines};
use crate::pki::identity::CertificateIdentity;
use crate::pki::rules::PathRules;
use crate::trust::Revocations;

use super::evidence::PeerCertificate;

/// In place of the name of a community: whose lists those are that proxies' certificates name.
const PROXIES: &str = "(proxies)";
/// For how long a verdict about a connection is good, when nothing else ends it.
const MEMORY: Duration = Duration::seconds(10);

/// Whom the server takes for a proxy. Clones share the anchors.
#[derive(Clone)]
pub struct Proxies {
    trusted: Trusted,
    revocations: Revocations,
    /// How it is known that a certificate of a proxy was revoked.
    revocation: RevocationRule,
    /// In which header they hand certificates on.
    pub form: Form,
    address: ClientAddress,
}

/// By whom proxies are vouched for, and how they are named.
#[derive(Clone, Debug)]
struct Trusted {
    anchors: Arc<ArcSwap<Anchors>>,
    names: Arc<[CertificateIdentity]>,
}

/// The anchors, and how often they have been replaced: a verdict under others is none.
#[derive(Debug)]
struct Anchors {
    anchors: TrustStore,
    epoch: u64,
}

/// What a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A client for itself.
    Client,
    /// A proxy.
    Proxy,
    /// It bears the name of a proxy, and proves nothing, for this reason: neither its headers nor its certificate count.
    Unproved(&'static str),
}

/// The verdict about a connection, as long as it is good.
#[derive(Debug, Default)]
pub struct Judged(Mutex<Option<(Standing, Timestamp, u64)>>);

/// What a certificate is, before anybody is asked whether it was revoked.
enum Found {
    /// No proxy's.
    Client,
    /// It bears the name of a proxy, and is not believed.
    Unproved(&'static str),
    /// A proxy's, unless a certificate of its path was revoked.
    Proxy(TrustedPath),
}

impl Judged {
    /// The verdict, while it is good.
    fn remembered(&self, peer: &PeerCertificate, epoch: u64, now: Timestamp) -> Option<Standing> {
        let (standing, at, under) = (*self.kept())?;
        let is_fresh = at <= now && now - at < MEMORY && epoch == under;
        (is_fresh && (standing != Standing::Proxy || peer.leaf.is_current(now))).then_some(standing)
    }

    fn remember(&self, standing: Standing, epoch: u64, now: Timestamp) {
        *self.kept() = Some((standing, now, epoch));
    }

    fn kept(&self) -> MutexGuard<'_, Option<(Standing, Timestamp, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trusted {
    fn find(&self, peer: &PeerCertificate, anchors: &Anchors, now: Timestamp) -> Found {
        if !self.is_named(&peer.leaf) {
            return Found::Client;
        }
        match anchors.anchors.judge(&peer.chain, &PathRules::default(), now) {
            Ok(path) => Found::Proxy(path),
            Err(fault) => {
                disbelieve(peer, fault.as_str());
                Found::Unproved(fault.as_str())
            }
        }
    }

    /// Whether a certificate bears the name of a proxy.
    fn is_named(&self, certificate: &Certificate) -> bool {
        self.names.iter().any(|name| name.matches(certificate))
    }

    /// Trusts other anchors from now on.
    fn trust(&self, anchors: TrustStore) {
        let epoch = self.anchors.load().epoch + 1;
        self.anchors.store(Arc::new(Anchors { anchors, epoch }));
    }
}

impl Proxies {
    /// Those whom a configuration names, under these anchors.
    #[must_use]
    pub fn new(config: &Proxy, anchors: TrustStore, revocations: Revocations) -> Self {
        Self {
            trusted: Trusted {
                anchors: Arc::new(ArcSwap::from_pointee(Anchors { anchors, epoch: 0 })),
                names: Arc::from(config.names.as_slice()),
            },
            revocations,
            revocation: config.revocation,
            form: config.header,
            address: config.client_address,
        }
    }

    /// Trusts other anchors from now on, on open connections too.
    pub fn trust(&self, anchors: TrustStore) {
        self.trusted.trust(anchors);
    }

    /// Judges the peer of a connection. A verdict is kept with the connection; the end of its certificate, other
    /// anchors and some seconds end the verdict.
    pub async fn judge(&self, peer: &PeerCertificate, judged: &Judged, now: Timestamp) -> Standing {
        let anchors = self.trusted.anchors.load_full();
        if let Some(standing) = judged.remembered(peer, anchors.epoch, now) {
            return standing;
        }
        let standing = match self.trusted.find(peer, &anchors, now) {
            Found::Client => Standing::Client,
            Found::Unproved(fault) => Standing::Unproved(fault),
            Found::Proxy(path) => {
                match self.revocations.judge(&path, (PROXIES, self.revocation), now).await {
                    Ok(Ok(())) => Standing::Proxy,
                    Ok(Err(fault)) => {
                        disbelieve(peer, fault.as_str());
                        Standing::Unproved(fault.as_str())
                    }
                    Err(fault) => {
                        // Nothing is known of it, so nothing is remembered.
                        tracing::warn!(%fault, "whether the certificate of a proxy was revoked cannot be told");
                        return Standing::Unproved("revocation_unknown");
                    }
                }
            }
        };
        judged.remember(standing, anchors.epoch, now);
        standing
    }

    /// The certificate that a proxy hands on. The proxy has seen the proof of possession; everything else is judged
    /// as if the client had shown it here.
    pub fn handed_on(&self, lines: Lines<'_>) -> Result<Option<PeerCertificate>, &'static str> {
        let Some(chain) = self.form.read(lines).map_err(HandedOnError::as_str)? else { return Ok(None) };
        let leaf = chain.first().and_then(|leaf| Certificate::parse(leaf).ok()).ok_or("not_a_certificate")?;
        // A proxy behind a proxy would be the client of everybody behind it.
        if self.trusted.is_named(&leaf) {
            Err("certificate_of_a_proxy")
        } else {
            Ok(Some(PeerCertificate { leaf, chain }))
        }
    }

    /// The address that a proxy wrote of its client: the last of the last line, which it wrote itself. What stands
    /// before came with the request.
    #[must_use]
    pub fn client_address(&self, last_line: Option<&[u8]>) -> Option<IpAddr> {
        match self.address {
            ClientAddress::None => None,
            ClientAddress::ForwardedFor => {
                let text = std::str::from_utf8(last_line?).ok()?;
                let last = text.rsplit(',').next().unwrap_or_default().trim();
                let bare = last.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(last);
                let address = bare.parse().ok().or_else(|| Some(last.parse::<SocketAddr>().ok()?.ip()));
                address.map(|address: IpAddr| address.to_canonical())
            }
        }
    }
}

fn disbelieve(peer: &PeerCertificate, fault: &str) {
    let subject = peer.leaf.subject_text();
    tracing::warn!(subject, fault, "a peer that bears a proxy's name is not believed");
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
    };
    use time::macros::datetime;

    const NOW: Timestamp = datetime!(2026-03-01 12:00 UTC);

    fn authority() -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = NOW - Duration::days(365);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn anchors(authority: &CertifiedIssuer<'static, KeyPair>) -> TrustStore {
        TrustStore::parse(authority.pem().as_bytes()).unwrap()
    }

    fn peer(authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> PeerCertificate {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        (params.not_before, params.not_after) = (NOW - Duration::days(1), NOW + Duration::seconds(5));
        let made = params.signed_by(&KeyPair::generate().unwrap(), authority).unwrap();
        PeerCertificate { leaf: Certificate::parse(made.der()).unwrap(), chain: vec![made.der().to_vec()] }
    }

    /// A verdict as it is, and is kept, where nothing is revoked.
    fn judge(trusted: &Trusted, peer: &PeerCertificate, judged: &Judged, now: Timestamp) -> Standing {
        let anchors = trusted.anchors.load_full();
        if let Some(standing) = judged.remembered(peer, anchors.epoch, now) {
            return standing;
        }
        let standing = match trusted.find(peer, &anchors, now) {
            Found::Client => Standing::Client,
            Found::Unproved(fault) => Standing::Unproved(fault),
            Found::Proxy(_) => Standing::Proxy,
        };
        judged.remember(standing, anchors.epoch, now);
        standing
    }

    #[test]
    fn mt_09_a_proxy_is_one_until_its_certificate_ends_and_under_the_anchors_of_now() {
        let (own, other) = (authority(), authority());
        let proxies = Trusted {
            anchors: Arc::new(ArcSwap::from_pointee(Anchors { anchors: anchors(&own), epoch: 0 })),
            names: Arc::from([CertificateIdentity::san_dns("proxy.example").unwrap()]),
        };
        let (proxy, judged) = (peer(&own, "proxy.example"), Judged::default());
        let at = |seconds: i64| judge(&proxies, &proxy, &judged, NOW + Duration::seconds(seconds));
        assert_eq!(
            [0, 5, 6, 0].map(at),
            [Standing::Proxy, Standing::Proxy, Standing::Unproved("expired"), Standing::Proxy]
        );
        proxies.trust(anchors(&other));
        assert_eq!(at(1), Standing::Unproved("unknown_issuer"));
        proxies.trust(anchors(&own));
        assert_eq!(at(1), Standing::Proxy);
        let rows = [
            (peer(&own, "client.example"), Standing::Client),
            (peer(&other, "client.example"), Standing::Client),
            (peer(&other, "proxy.example"), Standing::Unproved("unknown_issuer")),
            (peer(&own, "x.proxy.example"), Standing::Client),
        ];
        for (peer, standing) in rows {
            assert_eq!(judge(&proxies, &peer, &Judged::default(), NOW), standing, "{:?}", peer.leaf);
        }
    }
}
