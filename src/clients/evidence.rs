//! What a request shows of its sender, before any of it is believed.

use std::sync::Arc;

use crate::model::audit_event::Origin;
use crate::pki::certificate::Certificate;
use crate::protocol::auth_header::AuthHeader;
use crate::protocol::dpop;
use crate::protocol::error::Refusal;

/// A client certificate as the peer sent it: the handshake proved that the peer holds its key, and nothing else has
/// been judged. Of a client behind a proxy, the handshake with the proxy did.
#[derive(Debug)]
pub struct PeerCertificate {
    /// The certificate itself.
    pub leaf: Certificate,
    /// The whole chain in DER, leaf first.
    pub chain: Vec<Vec<u8>>,
}

/// What a request shows of its sender.
#[derive(Debug)]
pub struct Evidence {
    /// The `Authorization` header.
    pub authorization: Option<AuthHeader>,
    /// The certificate of this very connection; of a proxy's connection the one that the proxy hands on with this
    /// very request. Of any other peer no header that claims one is read.
    pub certificate: Option<Arc<PeerCertificate>>,
    /// Why the peer, which bears the name of a proxy, is not believed, if it is not: its certificate is then nobody's.
    pub disbelieved: Option<&'static str>,
    /// The `DPoP` headers.
    pub dpop: dpop::Header,
    /// The method and the addresses of the request, where there is a proof to be held to them.
    pub target: dpop::Target,
    /// From where the request came, for the audit record.
    pub origin: Origin,
}

impl Evidence {
    /// The certificate, by one who cannot do without.
    pub fn needed_certificate(&self) -> Result<&Arc<PeerCertificate>, Refusal> {
        self.certificate.as_ref().ok_or_else(|| {
            let missing = Refusal::invalid_client("certificate_missing");
            match self.disbelieved {
                Some(fault) => missing.detail(format!("proxy: {fault}")),
                None => missing,
            }
        })
    }
}
