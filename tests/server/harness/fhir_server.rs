//! A resource server of somebody else's making: it asks for a client certificate, and serves a bound
//! token over the connection of that certificate alone (RFC 8705, 3).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, Stream};
use serde_json::Value;

use super::{Authority, Identity};

/// A FHIR server that has introspected one token.
pub struct FhirServer {
    port: u16,
    roots: Arc<RootCertStore>,
}

fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).map(|one| one.expect("a certificate")).collect()
}

fn key(pem: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("a key")
}

impl FhirServer {
    /// Starts a server that was told this of its token.
    pub fn start(authority: &Authority, told: &Value) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(chain(&authority.pem).remove(0)).expect("a root");
        let roots = Arc::new(roots);
        let verifier = WebPkiClientVerifier::builder(roots.clone()).build().expect("a verifier");
        let own = authority.server();
        let config = ServerConfig::builder().with_client_cert_verifier(verifier);
        let config =
            Arc::new(config.with_single_cert(chain(&own.certificate), key(&own.key)).expect("a server"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let bound_to = told["cnf"]["x5t#S256"].as_str().expect("a bound token").to_owned();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                answer(socket.expect("a connection"), &config, &bound_to);
            }
        });
        Self { port, roots }
    }

    /// Asks for a patient with a token, over a connection with a certificate; the answer is the status.
    pub fn read_patient(&self, token: &str, identity: &Identity) -> u16 {
        let config = ClientConfig::builder().with_root_certificates(self.roots.clone());
        let config =
            config.with_client_auth_cert(chain(&identity.certificate), key(&identity.key)).expect("a client");
        let name = "localhost".try_into().expect("a name");
        let mut session = ClientConnection::new(Arc::new(config), name).expect("a session");
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        let mut stream = Stream::new(&mut session, &mut socket);
        let request =
            format!("GET /Patient/1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer)
            .rsplit(' ')
            .next()
            .and_then(|code| code.parse().ok())
            .expect("a status")
    }
}

fn answer(mut socket: TcpStream, config: &Arc<ServerConfig>, bound_to: &str) {
    let mut session = ServerConnection::new(config.clone()).expect("a session");
    let mut stream = Stream::new(&mut session, &mut socket);
    let mut request = [0; 4096];
    let length = stream.read(&mut request).expect("a request");
    let bearer = String::from_utf8_lossy(&request[..length]).contains("Authorization: Bearer ");
    let shown = session.peer_certificates().and_then(|chain| chain.first().cloned()).expect("a certificate");
    let thumbprint = hilum::jose::thumbprint::sha256_base64url(&shown);
    let status = if bearer && thumbprint == bound_to { "200 OK" } else { "401 Unauthorized" };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    Stream::new(&mut session, &mut socket).write_all(answer.as_bytes()).expect("an answer");
}
