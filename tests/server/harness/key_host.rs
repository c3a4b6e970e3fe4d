//! A host that publishes a client's keys over HTTPS, well or badly, and counts who asks.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Authority, Identity};

/// How the host answers.
#[derive(Clone, Debug)]
pub enum Saying {
    /// With a status, header lines and a body.
    Answer(&'static str, String, String),
    /// With the head of an answer and then a byte now and then.
    Drips,
    /// With spaces, for ever.
    Endless,
    /// Not at all: the connection is closed before TLS.
    Nothing,
    /// Not at all: the request is read, and the connection stays open.
    Silence,
}

/// The host.
pub struct KeyHost {
    /// Its port on this machine.
    pub port: u16,
    asked: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<String>>>,
    bodies: Arc<Mutex<Vec<String>>>,
    saying: Arc<Mutex<Saying>>,
    config: Arc<Mutex<Arc<ServerConfig>>>,
}

impl Saying {
    /// A status and no more.
    pub fn status(status: &'static str) -> Self {
        Self::Answer(status, String::new(), String::new())
    }

    /// A JSON document that may be kept so.
    pub fn keys(cache_control: &str, document: &serde_json::Value) -> Self {
        let head = format!("Content-Type: application/json\r\nCache-Control: {cache_control}\r\n");
        Self::Answer("200 OK", head, document.to_string())
    }
}

impl KeyHost {
    /// Starts a host with a certificate of an authority.
    pub fn start(authority: &Authority, saying: Saying) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let saying = Arc::new(Mutex::new(saying));
        let config = Arc::new(Mutex::new(config(&authority.server())));
        let asked: Arc<AtomicUsize> = Arc::default();
        let (heard, bodies) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Vec<String>>>::default());
        let host = Self {
            port,
            asked: asked.clone(),
            heard: heard.clone(),
            bodies: bodies.clone(),
            saying: saying.clone(),
            config: config.clone(),
        };
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                asked.fetch_add(1, Ordering::SeqCst);
                let (heard, bodies, saying) = (heard.clone(), bodies.clone(), saying.clone());
                let config = config.lock().expect("the configuration").clone();
                std::thread::spawn(move || answer(socket, config, (&heard, &bodies), &saying));
            }
        });
        host
    }

    /// The URL of its key set.
    pub fn url(&self) -> String {
        format!("https://localhost:{}/jwks.json", self.port)
    }

    /// Answers otherwise from now on.
    pub fn say(&self, saying: Saying) {
        *self.saying.lock().expect("the saying") = saying;
    }

    /// Shows a certificate of another authority from now on.
    pub fn show(&self, authority: &Authority) {
        *self.config.lock().expect("the configuration") = config(&authority.server());
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The bodies of the requests, in their order.
    pub fn bodies(&self) -> Vec<String> {
        self.bodies.lock().expect("the bodies").clone()
    }

    /// The heads of the requests, in small letters.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("the heads").clone()
    }
}

fn config(identity: &Identity) -> Arc<ServerConfig> {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
    Arc::new(
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("a configuration"),
    )
}

fn answer(
    socket: TcpStream,
    config: Arc<ServerConfig>,
    (heard, bodies): (&Mutex<Vec<String>>, &Mutex<Vec<String>>),
    saying: &Mutex<Saying>,
) {
    let saying = saying.lock().expect("the saying").clone();
    if matches!(saying, Saying::Nothing) {
        return;
    }
    let mut stream = StreamOwned::new(ServerConnection::new(config).expect("a session"), socket);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Ok(_) | Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or_default()];
    if stream.read_exact(&mut body).is_err() {
        return;
    }
    heard.lock().expect("the heads").push(head);
    bodies.lock().expect("the bodies").push(String::from_utf8_lossy(&body).into_owned());
    let begin = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n";
    match saying {
        Saying::Answer(status, headers, body) => {
            let length = body.len();
            let text = format!(
                "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            stream.write_all(text.as_bytes()).ok();
            stream.conn.send_close_notify();
            stream.flush().ok();
        }
        Saying::Drips => {
            stream.sock.set_read_timeout(Some(Duration::from_millis(200))).ok();
            stream.write_all(begin.as_bytes()).ok();
            // Nothing comes from the other side: reading is how the next byte is awaited.
            while stream.write_all(b" ").and_then(|()| stream.flush()).is_ok() {
                if matches!(stream.read(&mut byte), Ok(0)) {
                    return;
                }
            }
        }
        Saying::Endless => {
            stream.write_all(begin.as_bytes()).ok();
            while stream.write_all(&[b' '; 4096]).is_ok() {}
        }
        Saying::Silence => {
            // Until the other side has had enough.
            // The peer may have gone away: then there is nothing to read.
            drop(stream.read_exact(&mut byte));
        }
        Saying::Nothing => {}
    }
}
