//! The two authorities, opened.

use std::sync::Arc;

use rcgen::Issuer;
use rustls::pki_types::CertificateDer;

use crate::model::authority::AuthorityName;
use crate::pki::certificate::Certificate;
use crate::platform::seal::Place;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::store;
use crate::store::authority::StoredAuthority;

use super::signer::Signer;
use super::{CertificateAuthority, not_set_up};

/// An authority that can sign.
pub(super) struct Opened {
    pub(super) certificate: Certificate,
    pub(super) signer: Signer,
}

/// Both authorities.
pub(super) struct Authorities {
    pub(super) root: Opened,
    pub(super) issuing: Opened,
}

/// The certificates above that of a client, in DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The authority that vouches for clients.
    pub issuing: Vec<u8>,
    /// The one that people trust.
    pub root: Vec<u8>,
}

impl CertificateAuthority {
    /// The authorities of this server; `None` before `hilum pki init`.
    pub(super) async fn authorities(&self) -> Result<Option<Arc<Authorities>>, Fault> {
        if let Some(opened) = self.opened.load_full() {
            return Ok(Some(opened));
        }
        let (mut root, mut issuing) = (None, None);
        for stored in store::authority::find_all(&self.db).await? {
            let name = stored.authority.name;
            let opened = self.open(stored).await?;
            match name {
                AuthorityName::Root => root = Some(opened),
                AuthorityName::Issuing => issuing = Some(opened),
            }
        }
        let (Some(root), Some(issuing)) = (root, issuing) else { return Ok(None) };
        let opened = Arc::new(Authorities { root, issuing });
        // They are made once, and never change.
        self.opened.store(Some(opened.clone()));
        Ok(Some(opened))
    }

    /// The authorities, or the refusal to do what needs them.
    pub(super) async fn needed(&self) -> Result<Arc<Authorities>, Failure> {
        self.authorities().await?.ok_or_else(|| not_set_up().into())
    }

    /// The certificates above those of clients; `None` before `hilum pki init`.
    pub async fn chain(&self) -> Result<Option<Chain>, Fault> {
        Ok(self.authorities().await?.map(|authorities| authorities.chain()))
    }

    async fn open(&self, StoredAuthority { authority, kept }: StoredAuthority) -> Result<Opened, Fault> {
        let key = self.custody.open(authority.algorithm, place(authority.name), &kept).await?;
        Ok(Opened {
            certificate: Certificate::parse(&authority.certificate).doing("reading an authority")?,
            signer: Signer::of(Arc::new(key))?,
        })
    }
}

impl Authorities {
    pub(super) fn chain(&self) -> Chain {
        Chain { issuing: self.issuing.certificate.der().to_vec(), root: self.root.certificate.der().to_vec() }
    }

    pub(super) const fn of(&self, name: AuthorityName) -> &Opened {
        match name {
            AuthorityName::Root => &self.root,
            AuthorityName::Issuing => &self.issuing,
        }
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
pub(super) const fn place(name: AuthorityName) -> Place<'static> {
    Place { table: "authority", column: "sealed_private_key", row: name.as_str() }
}
