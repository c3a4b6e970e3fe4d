//! Bytes over TLS, as no ordinary client would send them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A connection on which any bytes can be sent.
pub struct Raw(StreamOwned<ClientConnection, TcpStream>);

/// What came back until the server closed, or until nothing came any more.
#[derive(Debug)]
pub struct Heard {
    /// All of it.
    pub text: String,
    /// Whether the server closed the connection.
    pub closed: bool,
}

impl Raw {
    /// Connects to a port of this machine and speaks TLS with whoever an authority vouches for.
    pub fn connect(port: u16, authority: &str) -> Self {
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(authority.as_bytes()).expect("an authority"))
            .expect("a root");
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        let socket = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        socket.set_write_timeout(Some(Duration::from_secs(10))).expect("a time-out");
        Self(StreamOwned::new(session, socket))
    }

    /// Sends bytes; that the server has closed already is no error.
    pub fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.write_all(bytes).and_then(|()| self.0.flush()).ok();
        self
    }

    /// Reads until the server closes, or until nothing has come for so long.
    pub fn hear(&mut self, patience: Duration) -> Heard {
        self.0.sock.set_read_timeout(Some(patience)).expect("a time-out");
        let (mut bytes, mut part) = (Vec::new(), [0; 16_384]);
        let closed = loop {
            match self.0.read(&mut part) {
                Ok(0) => break true,
                Ok(count) => bytes.extend_from_slice(&part[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    break false;
                }
                Err(_) => break true,
            }
        };
        Heard { text: String::from_utf8_lossy(&bytes).into_owned(), closed }
    }

    /// Reads one answer to its end, as its head says, or until the server closes; the connection is still good.
    pub fn answer(&mut self) -> Heard {
        self.0.sock.set_read_timeout(Some(Duration::from_mins(1))).expect("a time-out");
        let (mut bytes, mut part) = (Vec::new(), [0; 16_384]);
        let closed = loop {
            if is_whole(&bytes) {
                break false;
            }
            match self.0.read(&mut part) {
                Ok(0) | Err(_) => break true,
                Ok(count) => bytes.extend_from_slice(&part[..count]),
            }
        };
        Heard { text: String::from_utf8_lossy(&bytes).into_owned(), closed }
    }

    /// The certificate that the server showed.
    pub fn certificate(&mut self) -> Vec<u8> {
        while self.0.conn.is_handshaking() {
            self.0.conn.complete_io(&mut self.0.sock).expect("a handshake");
        }
        self.0.conn.peer_certificates().expect("certificates")[0].to_vec()
    }
}

/// Whether these bytes are an answer with all of its body.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..at]).to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or_default();
    bytes.len() >= at + 4 + length
}

impl Heard {
    /// The status of each answer.
    pub fn statuses(&self) -> Vec<u16> {
        let lines = self.text.match_indices("HTTP/1.1 ");
        lines
            .filter_map(|(at, name)| self.text.get(at + name.len()..at + name.len() + 3)?.parse().ok())
            .collect()
    }
}
