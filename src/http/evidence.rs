//! What a request shows of its sender: its `Authorization` and `DPoP` headers and the certificate of its
//! connection. No other header is believed, whatever it claims (RFC 9700, 4.13).

use std::any::Any;
use std::sync::Arc;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::http::header;
use actix_web::rt::net::TcpStream;
use actix_web::{HttpMessage, HttpRequest};
use tracing_actix_web::RequestId;
use uuid::Uuid;

use crate::clients::evidence::{Evidence, PeerCertificate};
use crate::model::audit_event::Origin;
use crate::pki::certificate::Certificate;
use crate::protocol::auth_header::AuthHeader;
use crate::protocol::dpop;
use crate::protocol::secret::Secret;
use crate::tokens::challenge::Scheme;

use super::state::State;

/// The header of proofs (RFC 9449, 4.1).
pub const DPOP: &str = "dpop";

/// Keeps the certificate of a new connection with it. Called once for each connection.
pub fn keep_certificate(connection: &dyn Any, data: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else { return };
    let (_, session) = stream.get_ref();
    let Some(chain) = session.peer_certificates() else { return };
    let chain: Vec<Vec<u8>> = chain.iter().map(|certificate| certificate.to_vec()).collect();
    match chain.first().map(|leaf| Certificate::parse(leaf)) {
        Some(Ok(leaf)) => {
            data.insert(Arc::new(PeerCertificate { leaf, chain }));
        }
        Some(Err(error)) => tracing::info!(%error, "a client certificate could not be read"),
        None => {}
    }
}

/// What a request shows.
#[must_use]
pub fn of(request: &HttpRequest, state: &State) -> Evidence {
    let certificate = request.conn_data::<Arc<PeerCertificate>>().cloned();
    let origin = Origin {
        peer: request.peer_addr().map(|address| address.ip().to_canonical()),
        certificate: certificate.as_ref().map(|certificate| certificate.leaf.thumbprint().as_base64url()),
        request: request_id(request),
        process: state.process.clone(),
    };
    let dpop = dpop(request);
    let target = match dpop {
        dpop::Header::One(_) => target(request, state),
        dpop::Header::None | dpop::Header::Several => dpop::Target::default(),
    };
    Evidence { authorization: authorization(request), certificate, dpop, target, origin }
}

/// The scheme in which a request shows its token.
#[must_use]
pub fn scheme(request: &HttpRequest) -> Scheme {
    Scheme::of(authorization(request).as_ref())
}

/// The `Authorization` header.
fn authorization(request: &HttpRequest) -> Option<AuthHeader> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    match (headers.next(), headers.next()) {
        (None, _) => None,
        (Some(one), None) => Some(one.to_str().map_or(AuthHeader::Unreadable, AuthHeader::parse)),
        // Two headers are two credentials.
        (Some(_), Some(_)) => Some(AuthHeader::Unreadable),
    }
}

/// The `DPoP` headers. One that is no text is as good as any other that is no proof.
fn dpop(request: &HttpRequest) -> dpop::Header {
    let mut headers = request.headers().get_all(DPOP);
    match (headers.next(), headers.next()) {
        (None, _) => dpop::Header::None,
        (Some(one), None) => {
            dpop::Header::One(Secret::new(String::from_utf8_lossy(one.as_bytes()).into_owned()))
        }
        (Some(_), Some(_)) => dpop::Header::Several,
    }
}

/// The addresses at which a request may be made: its path at each of the listeners, by the names that they have in
/// the configuration.
fn target(request: &HttpRequest, state: &State) -> dpop::Target {
    let urls = [&state.addresses.issuer, &state.addresses.mtls].map(|base| base.join(request.path()));
    dpop::Target::new(request.method().as_str(), &urls)
}

/// The identifier of a request, which the client gets too.
#[must_use]
pub fn request_id(request: &HttpRequest) -> Uuid {
    request.extensions().get::<RequestId>().map_or_else(Uuid::nil, |id| Uuid::from(*id))
}
