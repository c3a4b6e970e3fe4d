//! A key of which a certificate was revoked is certified no more, for no client: somebody else may have it. One whose
//! certificate was only superseded or given up may be.

use crate::model::certificate::KnownCertificate;
use crate::pki::key_thumbprint::key_thumbprint;
use crate::pki::signing_request::SigningRequest;
use crate::protocol::error::{ErrorCode, Failure, Fault, FieldProblem, Reason, Refusal};
use crate::store::{self, Tx};

use super::{CertificateAuthority, IssuedCertificate, unacceptable};

/// The code that audit records and logs carry.
const REASON: &str = "certificate_key_revoked";

impl CertificateAuthority {
    /// Whether the key of a request is certified no more.
    pub(super) async fn is_key_revoked(&self, request: &SigningRequest) -> Result<bool, Fault> {
        store::revoked_key::is_revoked(&self.db, &key_thumbprint(request.public_key_info())).await
    }

    /// Refuses a renewal where a certificate was revoked of one of its keys: the one that is shown, or the next.
    pub(super) async fn keys_stand(
        &self,
        shown: &KnownCertificate,
        request: &SigningRequest,
    ) -> Result<(), Failure> {
        if let Some(thumbprint) = shown.key_thumbprint()
            && store::revoked_key::is_revoked(&self.db, &thumbprint).await?
        {
            return Err(shown_refused().into());
        }
        if self.is_key_revoked(request).await? {
            return Err(refused(ErrorCode::AccessDenied).into());
        }
        Ok(())
    }
}

impl IssuedCertificate {
    /// Refuses it if a certificate of its key was revoked meanwhile.
    pub(super) async fn key_stands(&self, tx: &mut Tx, code: ErrorCode) -> Result<(), Failure> {
        if let Some(thumbprint) = self.known.key_thumbprint()
            && store::revoked_key::is_revoked_in(tx, &thumbprint).await?
        {
            return Err(refused(code).into());
        }
        Ok(())
    }
}

/// Refuses a renewal where, meanwhile, a certificate was revoked of the key of the one that is shown.
pub(super) async fn shown_key_stands(tx: &mut Tx, shown: &KnownCertificate) -> Result<(), Failure> {
    if let Some(thumbprint) = shown.key_thumbprint()
        && store::revoked_key::is_revoked_in(tx, &thumbprint).await?
    {
        return Err(shown_refused().into());
    }
    Ok(())
}

const fn shown_refused() -> Refusal {
    let told = "another certificate of its key was revoked: make another key, and ask for a new certificate";
    Refusal::new(ErrorCode::AccessDenied, told, Reason::new(REASON))
}

/// The refusal of a key.
#[must_use]
pub const fn refused(code: ErrorCode) -> Refusal {
    Refusal::new(code, "a certificate of this key was revoked: make another key", Reason::new(REASON))
}

/// The refusal of a request that somebody makes for a client.
pub(super) fn request_refused() -> Refusal {
    let says = "a certificate of its key was revoked: make another key".to_owned();
    unacceptable(REASON, vec![FieldProblem { field: "csr".to_owned(), says }])
}
