//! The authorities as they stand, and opened. What there is stands in the database and is read each time: another process
//! may have made a successor meanwhile. A key that was opened stays so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::Issuer;
use rustls::pki_types::CertificateDer;

use crate::model::authority::{Authority, AuthorityName, Standing};
use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::platform::seal::Place;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::store;
use crate::store::authority::StoredAuthority;

use super::signer::Signer;
use super::{CertificateAuthority, not_set_up};

/// An authority that can sign.
pub(super) struct Opened {
    pub(super) name: AuthorityName,
    pub(super) certificate: Certificate,
    pub(super) signer: Signer,
}

/// Those that were opened.
pub(super) type Keys = Mutex<BTreeMap<AuthorityName, Arc<Opened>>>;

/// All of them.
pub(super) struct Authorities {
    pub(super) root: StoredAuthority,
    /// The one that issues.
    pub(super) issuing: StoredAuthority,
    /// Those that did before it, the last first.
    pub(super) retired: Vec<StoredAuthority>,
}

/// The certificates above that of a client, in DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The authority that vouches for it.
    pub issuing: Vec<u8>,
    /// The one that people trust.
    pub root: Vec<u8>,
}

/// All authorities, and what each is there for.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The one that people trust.
    pub root: Authority,
    /// The one that issues.
    pub issuing: Authority,
    /// It, and those that issued before it, the last first.
    pub standings: Vec<(Authority, Standing)>,
}

impl CertificateAuthority {
    /// The authorities of this server; `None` before `hilum pki init`.
    pub(super) async fn authorities(&self) -> Result<Option<Authorities>, Fault> {
        let (mut root, mut under) = (None, Vec::new());
        for stored in store::authority::find_all(&self.db).await? {
            match stored.authority.name {
                AuthorityName::Root => root = Some(stored),
                AuthorityName::Issuing(_) => under.push(stored),
            }
        }
        under.sort_by_key(|stored| stored.authority.name);
        let (Some(root), Some(issuing)) = (root, under.pop()) else { return Ok(None) };
        under.reverse();
        Ok(Some(Authorities { root, issuing, retired: under }))
    }

    /// The authorities, or the refusal to do what needs them.
    pub(super) async fn needed(&self) -> Result<Authorities, Failure> {
        self.authorities().await?.ok_or_else(|| not_set_up().into())
    }

    /// Whether `hilum pki init` has been run.
    pub async fn is_there(&self) -> Result<bool, Fault> {
        Ok(self.authorities().await?.is_some())
    }

    /// The one that issues; `None` before `hilum pki init`.
    pub async fn issuing(&self) -> Result<Option<Authority>, Fault> {
        Ok(self.authorities().await?.map(|authorities| authorities.issuing.authority))
    }

    /// What a client needs to build a path from any certificate that is good: the authorities under the root, the one
    /// that issues first, and the root; `None` before `hilum pki init`.
    pub async fn certificates(&self, now: Timestamp) -> Result<Option<Vec<Vec<u8>>>, Fault> {
        let Some(authorities) = self.authorities().await? else { return Ok(None) };
        let under = authorities.under().filter(|stored| stored.authority.stands(now));
        let all = under.chain([&authorities.root]);
        Ok(Some(all.map(|stored| stored.authority.certificate.clone()).collect()))
    }

    /// The authorities and how they stand; `None` before `hilum pki init`.
    pub async fn overview(&self, now: Timestamp) -> Result<Option<Overview>, Fault> {
        let Some(authorities) = self.authorities().await? else { return Ok(None) };
        let ends: BTreeMap<String, Timestamp> =
            store::issued_certificate::find_last_ends(&self.db).await?.into_iter().collect();
        let newest = authorities.issuing.authority.name;
        let standings = authorities.under().map(|stored| {
            let authority = stored.authority.clone();
            let last = ends.get(&authority.subject).copied();
            let standing = Standing::of(&authority, newest, last, now);
            (authority, standing)
        });
        let standings = standings.collect();
        Ok(Some(Overview {
            root: authorities.root.authority,
            issuing: authorities.issuing.authority,
            standings,
        }))
    }

    /// An authority with its key.
    pub(super) async fn opened(&self, stored: &StoredAuthority) -> Result<Arc<Opened>, Fault> {
        let StoredAuthority { authority, kept } = stored;
        let held = self.keys().get(&authority.name).cloned();
        if let Some(opened) = held.filter(|opened| opened.certificate.der() == authority.certificate) {
            return Ok(opened);
        }
        let name = authority.name;
        let row = name.to_string();
        let key = self.custody.open(authority.algorithm, place(&row), kept).await?;
        let opened = Arc::new(Opened {
            name,
            certificate: Certificate::parse(&authority.certificate).doing("reading an authority")?,
            signer: Signer::of(Arc::new(key))?,
        });
        self.keys().insert(name, opened.clone());
        Ok(opened)
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, BTreeMap<AuthorityName, Arc<Opened>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Authorities {
    /// All but the root, the one that issues first.
    pub(super) fn under(&self) -> impl Iterator<Item = &StoredAuthority> {
        [&self.issuing].into_iter().chain(&self.retired)
    }

    /// Those that the root has revoked.
    pub(super) fn revoked(&self) -> impl Iterator<Item = &Authority> {
        self.under().map(|stored| &stored.authority).filter(|authority| authority.revocation.is_some())
    }

    /// The one of a name.
    pub(super) fn find(&self, name: AuthorityName) -> Option<&StoredAuthority> {
        self.under().chain([&self.root]).find(|stored| stored.authority.name == name)
    }

    /// What stands above a certificate of an authority.
    pub(super) fn chain(&self, issuing: &Authority) -> Chain {
        Chain { issuing: issuing.certificate.clone(), root: self.root.authority.certificate.clone() }
    }

    /// What stands above the certificates of an issuer, if it is one of these.
    pub(super) fn chain_of(&self, issuer: &str) -> Option<Chain> {
        let found = self.under().find(|stored| stored.authority.subject == issuer)?;
        Some(self.chain(&found.authority))
    }
}

impl Opened {
    /// The authority as rcgen wants it.
    pub(super) fn issuer(&self) -> Result<Issuer<'static, Signer>, Fault> {
        let certificate = CertificateDer::from(self.certificate.der());
        Issuer::from_ca_cert_der(&certificate, self.signer.clone()).doing("reading an authority")
    }
}

/// Where the private key of an authority stands.
pub(super) const fn place(row: &str) -> Place<'_> {
    Place { table: "authority", column: "sealed_private_key", row }
}
