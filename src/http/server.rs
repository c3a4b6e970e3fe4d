//! The listeners.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use rustls::ServerConfig;
use tracing_actix_web::TracingLogger;

use super::middleware::span::RequestSpan;
use super::middleware::{guard, headers, measure, nonce, proxied};

use super::state::State;
use super::{evidence, routes, sandbox};

/// How long a client may take for the handshake and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection may rest between two requests.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Where to listen, and how TLS is spoken there.
pub struct Listeners {
    /// The addresses of the public listener, which never asks for a client certificate.
    pub public: (Vec<SocketAddr>, ServerConfig),
    /// The addresses of the mutual-TLS listener, which asks for one.
    pub mtls: (Vec<SocketAddr>, ServerConfig),
    /// The addresses of the operations listener: loopback, clear text.
    pub operations: Vec<SocketAddr>,
    /// The number of threads that serve requests.
    pub workers: usize,
    /// How long requests under way may take when the server ends.
    pub drain: Duration,
}

/// Binds and starts the server that answers requests over TLS.
pub fn service(listeners: &Listeners, state: &web::Data<State>) -> std::io::Result<Server> {
    let shared = state.clone();
    let mut server = HttpServer::new(move || {
        // The last that is wrapped is the first that is asked.
        App::new()
            .app_data(shared.clone())
            .wrap(from_fn(guard::time))
            .wrap(from_fn(proxied::note))
            .wrap(from_fn(guard::host))
            .wrap(from_fn(nonce::offer))
            .wrap(from_fn(headers::set))
            .wrap(from_fn(measure::request))
            .wrap(TracingLogger::<RequestSpan>::new())
            .configure(|config| {
                if shared.sandbox.is_some() {
                    sandbox::fhir::routes(config);
                    sandbox::pages::routes(config);
                }
            })
            .configure(routes::service)
    })
    .workers(listeners.workers)
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(PATIENCE)
    .client_disconnect_timeout(Duration::from_secs(2))
    .tls_handshake_timeout(PATIENCE)
    .shutdown_timeout(listeners.drain.as_secs())
    .on_connect(evidence::keep_certificate)
    .disable_signals();
    for (addresses, config) in [&listeners.public, &listeners.mtls] {
        for address in addresses {
            server =
                server.bind_rustls_0_23(address, config.clone()).map_err(|error| named(&error, *address))?;
        }
    }
    Ok(server.run())
}

/// Binds and starts the server for operations.
pub fn operations(listeners: &Listeners, state: &web::Data<State>) -> std::io::Result<Server> {
    let shared = state.clone();
    let mut server =
        HttpServer::new(move || App::new().app_data(shared.clone()).configure(routes::operations))
            .workers(1)
            .client_request_timeout(PATIENCE)
            .shutdown_timeout(1)
            .disable_signals();
    for address in &listeners.operations {
        server = server.bind(address).map_err(|error| named(&error, *address))?;
    }
    Ok(server.run())
}

/// An error that says which address could not be had.
fn named(error: &std::io::Error, address: SocketAddr) -> std::io::Error {
    std::io::Error::new(error.kind(), format!("listening on {address}: {error}"))
}

/// The state, ready to be shared by the workers.
#[must_use]
pub fn share(state: Arc<State>) -> web::Data<State> {
    web::Data::from(state)
}
