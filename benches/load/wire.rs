//! HTTP/1.1 over TLS on one connection that is kept: as little work as can be, since the load and
//! the server share the machine.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::Outcome;

/// How long an answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A listener, and how it is spoken to.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) port: u16,
    tls: Arc<ClientConfig>,
}

/// A client certificate and its key, both in PEM.
pub(crate) struct Identity<'a> {
    pub(crate) certificate: &'a Path,
    pub(crate) key: &'a Path,
}

impl Target {
    /// A listener on this machine whose certificate is this very one, in PEM.
    pub(crate) fn new(port: u16, trusted: &Path, identity: Option<&Identity<'_>>) -> Outcome<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(trusted)? {
            roots.add(certificate?)?;
        }
        let builder = ClientConfig::builder().with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?
            }
        };
        Ok(Self { port, tls: Arc::new(config) })
    }

    /// The scheme and authority, without a slash at the end.
    pub(crate) fn origin(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Opens a connection.
    pub(crate) fn connect(&self) -> Outcome<Connection> {
        let socket = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost")?;
        let session = ClientConnection::new(self.tls.clone(), name)?;
        Ok(Connection { stream: StreamOwned::new(session, socket), unread: Vec::new() })
    }

    /// A GET, with headers of the caller's own.
    pub(crate) fn get(&self, path: &str, headers: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\nAccept: */*\r\n{headers}\r\n", self.port)
            .into_bytes()
    }

    /// A POST of a form, with headers of the caller's own.
    pub(crate) fn post(&self, path: &str, headers: &str, form: &[(&str, &str)]) -> Vec<u8> {
        let body = encode_form(form);
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:{}\r\nAccept: */*\r\n{headers}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .into_bytes()
    }
}

/// The `Authorization` header of a client with a secret (RFC 6749, 2.3.1), with the end of its line.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    use base64::Engine;
    let pair = format!("{}:{}", encode(id), encode(secret));
    format!("Authorization: Basic {}\r\n", base64::engine::general_purpose::STANDARD.encode(pair))
}

/// Pairs as `application/x-www-form-urlencoded`.
pub(crate) fn encode_form(form: &[(&str, &str)]) -> String {
    form.iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// An open connection.
pub(crate) struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    unread: Vec<u8>,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    /// Sends a request and waits for the whole answer.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Outcome<Answer> {
        self.stream.write_all(request)?;
        self.stream.flush()?;
        let end = loop {
            match find(&self.unread, b"\r\n\r\n") {
                Some(at) => break at,
                None => self.read()?,
            }
        };
        let head: Vec<u8> = self.unread.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or("no status line")?;
        let body = if let Some(length) = header(&head, "content-length") {
            self.take(length.parse()?)?
        } else if header(&head, "transfer-encoding").is_some() {
            self.take_chunks()?
        } else {
            Vec::new()
        };
        Ok(Answer { status, head, body })
    }

    fn take(&mut self, length: usize) -> Outcome<Vec<u8>> {
        while self.unread.len() < length {
            self.read()?;
        }
        Ok(self.unread.drain(..length).collect())
    }

    fn take_chunks(&mut self) -> Outcome<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                match find(&self.unread, b"\r\n") {
                    Some(at) => break at,
                    None => self.read()?,
                }
            };
            let line: Vec<u8> = self.unread.drain(..end + 2).collect();
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16)?;
            let chunk = self.take(size + 2)?;
            body.extend(chunk.get(..size).unwrap_or_default());
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn read(&mut self) -> Outcome<()> {
        let mut piece = [0; 16_384];
        let length = self.stream.read(&mut piece)?;
        if length == 0 {
            return Err("the server hung up".into());
        }
        self.unread.extend(piece.get(..length).unwrap_or_default());
        Ok(())
    }
}

impl Answer {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Outcome<serde_json::Value> {
        serde_json::from_slice(&self.body).map_err(|error| format!("{error}: {}", self.told()).into())
    }

    /// Status and the beginning of the body, for a complaint.
    pub(crate) fn told(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let words: String = body.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect();
        format!("status {}: {words}", self.status)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    headers(head).find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The headers of an answer, in their order.
pub(crate) fn headers(head: &str) -> impl Iterator<Item = (&str, &str)> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(':').map(|(name, value)| (name.trim(), value.trim())))
}

/// Where a sequence of bytes begins.
pub(crate) fn find(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    bytes.windows(sought.len()).position(|window| window == sought)
}
