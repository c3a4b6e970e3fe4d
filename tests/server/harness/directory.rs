//! A FHIR server that is searched: it answers with what it was told, and remembers how it was asked.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use super::Authority;

/// The FHIR server.
pub struct Directory {
    /// Its base URL.
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
    saying: Arc<Mutex<(u16, String)>>,
}

impl Directory {
    /// Starts a server with a certificate of an authority.
    pub fn start(authority: &Authority) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let server = Self {
            url: format!("https://localhost:{port}/r4"),
            asked: Arc::default(),
            saying: Arc::new(Mutex::new((200, String::new()))),
        };
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let identity = authority.server();
        let chain =
            vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
        let config = Arc::new(config.expect("a configuration"));
        let (asked, saying) = (server.asked.clone(), server.saying.clone());
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                answer(socket, &config, &asked, &saying);
            }
        });
        server
    }

    /// Its host and port.
    pub fn authority(&self) -> &str {
        self.url.trim_start_matches("https://").trim_end_matches("/r4")
    }

    /// Answers so from now on.
    pub fn say(&self, status: u16, document: &Value) {
        *self.saying.lock().expect("the saying") = (status, document.to_string());
    }

    /// The heads of the requests since it was asked last.
    pub fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("the heads"))
    }
}

fn answer(
    socket: TcpStream,
    config: &Arc<ServerConfig>,
    asked: &Mutex<Vec<String>>,
    saying: &Mutex<(u16, String)>,
) {
    let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).expect("a session"), socket);
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Ok(_) | Err(_) => return,
        }
    }
    asked.lock().expect("the heads").push(String::from_utf8_lossy(&head).into_owned());
    let (status, body) = saying.lock().expect("the saying").clone();
    let text = format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: application/fhir+json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).ok();
    stream.conn.send_close_notify();
    stream.flush().ok();
}
