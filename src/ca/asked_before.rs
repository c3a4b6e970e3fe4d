//! What became of a request that is made again: clients of EST ask until there is an answer (RFC 7030, 4.2.3).

use crate::model::certificate::KnownCertificate;
use crate::model::certificate_request::{CertificateRequest, RequestState};
use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::pki::signing_request::SigningRequest;
use crate::protocol::error::Fault;
use crate::protocol::ids::ClientId;
use crate::store;

use super::CertificateAuthority;

/// Of the requests and certificates of one client, so many are looked at, the newest first.
const MOST: i64 = 50;

/// What became of a request for the same client and the same key.
#[derive(Debug)]
pub enum Before {
    /// There was none, or nobody decided in time, or what was issued has expired.
    Nothing,
    /// It waits.
    Pending,
    /// Somebody said no.
    Denied,
    /// A certificate of its key was revoked, whoever had it: the key will have no other.
    Revoked,
    /// A certificate was issued.
    Issued(Box<KnownCertificate>),
}

impl CertificateAuthority {
    /// What became of the same request. A certificate counts by its key, whoever asked for it, and however long ago; one
    /// that was only superseded or given up counts for nothing.
    pub async fn asked_before(
        &self,
        client: &ClientId,
        request: &SigningRequest,
        now: Timestamp,
    ) -> Result<Before, Fault> {
        if self.is_key_revoked(request).await? {
            return Ok(Before::Revoked);
        }
        let issued = store::certificate::find_of_client(&self.db, client, now, MOST).await?;
        let requests = store::certificate_request::find_of_client(&self.db, client, MOST).await?;
        let known = issued.into_iter().find(|known| known.revocation.is_none() && has_key(known, request));
        Ok(match known {
            Some(known) => Before::Issued(Box::new(known)),
            None => asked(&requests, request, now),
        })
    }
}

fn has_key(known: &KnownCertificate, request: &SigningRequest) -> bool {
    Certificate::parse(&known.der).is_ok_and(|leaf| leaf.public_key_info() == request.public_key_info())
}

fn asked(requests: &[CertificateRequest], request: &SigningRequest, now: Timestamp) -> Before {
    let is_same = |known: &&CertificateRequest| {
        SigningRequest::parse(&known.csr).is_ok_and(|csr| csr.public_key_info() == request.public_key_info())
    };
    match requests.iter().find(is_same).map(|known| known.state(now)) {
        Some(RequestState::Pending) => Before::Pending,
        Some(RequestState::Denied) => Before::Denied,
        Some(RequestState::Approved | RequestState::Expired) | None => Before::Nothing,
    }
}
