//! What a request shows of its sender: its `Authorization` header and the certificate of its
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

use super::state::State;

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
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let authorization = match (headers.next(), headers.next()) {
        (None, _) => None,
        (Some(one), None) => Some(one.to_str().map_or(AuthHeader::Unreadable, AuthHeader::parse)),
        // Two headers are two credentials.
        (Some(_), Some(_)) => Some(AuthHeader::Unreadable),
    };
    let certificate = request.conn_data::<Arc<PeerCertificate>>().cloned();
    let origin = Origin {
        peer: request.peer_addr().map(|address| address.ip().to_canonical()),
        certificate: certificate.as_ref().map(|certificate| certificate.leaf.thumbprint().as_base64url()),
        request: request_id(request),
        process: state.process.clone(),
    };
    Evidence { authorization, certificate, origin }
}

/// The identifier of a request, which the client gets too.
#[must_use]
pub fn request_id(request: &HttpRequest) -> Uuid {
    request.extensions().get::<RequestId>().map_or_else(Uuid::nil, |id| Uuid::from(*id))
}
