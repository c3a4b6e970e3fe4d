//! What a request shows of its sender: its `Authorization` and `DPoP` headers and the certificate of its
//! connection. No other header is believed, whatever it claims (RFC 9700, 4.13), but those of a proxy that is known
//! by the certificate of its own connection.

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::http::header;
use actix_web::rt::net::TcpStream;
use actix_web::{HttpMessage, HttpRequest};
use tracing_actix_web::RequestId;
use uuid::Uuid;

use crate::clients::evidence::{Evidence, PeerCertificate};
use crate::clients::proxies::{Judged, Proxies, Standing};
use crate::model::audit_event::Origin;
use crate::pki::certificate::Certificate;
use crate::pki::handed_on::Lines;
use crate::protocol::auth_header::AuthHeader;
use crate::protocol::dpop;
use crate::protocol::secret::Secret;
use crate::tokens::challenge::Scheme;

use super::state::State;

/// The header of proofs (RFC 9449, 4.1).
pub const DPOP: &str = "dpop";

/// The header in which proxies write the addresses of their clients.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What a request shows of its client.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its certificate.
    certificate: Option<Arc<PeerCertificate>>,
    /// Why the peer is not believed to be the proxy whose name it bears.
    disbelieved: Option<&'static str>,
    /// Its address.
    peer: Option<IpAddr>,
}

impl Shown {
    fn of(certificate: Option<Arc<PeerCertificate>>, peer: Option<IpAddr>) -> Self {
        Self { certificate, disbelieved: None, peer }
    }
}

/// A request that cannot be believed.
#[derive(Debug)]
pub struct Unbelieved {
    /// From where it came.
    pub origin: Origin,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Keeps the certificate of a new connection with it. Called once for each connection.
pub fn keep_certificate(connection: &dyn Any, data: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else { return };
    let (_, session) = stream.get_ref();
    let Some(chain) = session.peer_certificates() else { return };
    let chain: Vec<Vec<u8>> = chain.iter().map(|certificate| certificate.to_vec()).collect();
    match chain.first().map(|leaf| Certificate::parse(leaf)) {
        Some(Ok(leaf)) => {
            data.insert(Arc::new(PeerCertificate { leaf, chain }));
            data.insert(Arc::<Judged>::default());
        }
        Some(Err(error)) => tracing::info!(%error, "a client certificate could not be read"),
        None => {}
    }
}

/// What a request shows.
#[must_use]
pub fn of(request: &HttpRequest, state: &State) -> Evidence {
    let noted = request.extensions().get::<Shown>().cloned();
    let Shown { certificate, disbelieved, peer } =
        noted.unwrap_or_else(|| Shown::of(None, peer_address(request)));
    let origin = origin(request, state, (peer, certificate.as_deref()));
    let dpop = dpop(request);
    let target = match dpop {
        dpop::Header::One(_) => target(request, state),
        dpop::Header::None | dpop::Header::Several => dpop::Target::default(),
    };
    Evidence { authorization: authorization(request), certificate, disbelieved, dpop, target, origin }
}

/// What a request shows of its client: for itself, or by the headers of a proxy.
pub async fn shown(request: &HttpRequest, state: &State) -> Result<Shown, Unbelieved> {
    let peer = peer_address(request);
    let own = request.conn_data::<Arc<PeerCertificate>>();
    let (Some(proxies), Some(own), Some(judged)) = (&state.proxies, own, request.conn_data::<Arc<Judged>>())
    else {
        return Ok(Shown::of(own.cloned(), peer));
    };
    match proxies.judge(own, judged, state.clock.now()).await {
        Standing::Client => Ok(Shown::of(Some(own.clone()), peer)),
        Standing::Unproved(fault) => Ok(Shown { disbelieved: Some(fault), ..Shown::of(None, peer) }),
        Standing::Proxy => {
            let last = request.headers().get_all(FORWARDED_FOR).last();
            let peer = proxies.client_address(last.map(header::HeaderValue::as_bytes)).or(peer);
            match handed_on(request, proxies) {
                Ok(certificate) => Ok(Shown::of(certificate.map(Arc::new), peer)),
                // Recorded with the certificate that the connection did show: the proxy's.
                Err(why) => {
                    Err(Unbelieved { origin: origin(request, state, (peer, Some(own.as_ref()))), why })
                }
            }
        }
    }
}

/// The certificate that a proxy hands on with a request.
fn handed_on(request: &HttpRequest, proxies: &Proxies) -> Result<Option<PeerCertificate>, &'static str> {
    let lines = |name: &str| -> Vec<&[u8]> {
        request.headers().get_all(name).map(header::HeaderValue::as_bytes).collect()
    };
    let certificate = lines(proxies.form.header());
    let chain = proxies.form.chain_header().map(lines).unwrap_or_default();
    proxies.handed_on(Lines { certificate: &certificate, chain: &chain })
}

/// The address of the TLS peer.
fn peer_address(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|address| address.ip().to_canonical())
}

/// From where a request came.
fn origin(
    request: &HttpRequest,
    state: &State,
    (peer, certificate): (Option<IpAddr>, Option<&PeerCertificate>),
) -> Origin {
    Origin {
        peer,
        certificate: certificate.map(|certificate| certificate.leaf.thumbprint().as_base64url()),
        request: request_id(request),
        process: state.process.clone(),
    }
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
