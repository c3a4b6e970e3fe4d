//! What a resumed TLS session is believed, and what a handshake of odd bytes does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use crate::harness::{Identity, World, eventually, registration};

const SERIAL: u64 = 4242;

fn config(world: &World, identity: &Identity) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(world.authority.pem.as_bytes()).unwrap()).unwrap();
    let chain = vec![CertificateDer::from(identity.der.clone())];
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_client_auth_cert(chain, key);
    let mut config = config.unwrap();
    config.enable_early_data = true;
    Arc::new(config)
}

/// Asks for a token over a connection of its own; the answer, and how the handshake went.
fn ask(world: &World, config: &Arc<ClientConfig>, id: &str) -> (String, HandshakeKind) {
    let mut session = ClientConnection::new(config.clone(), "localhost".try_into().unwrap()).unwrap();
    // No ticket of this server lets a request be sent before the handshake has ended (RFC 8446, 8).
    assert!(session.early_data().is_none());
    let socket = TcpStream::connect(("127.0.0.1", world.processes[0].mtls)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut stream = StreamOwned::new(session, socket);
    let body = format!("grant_type=client_credentials&scope=system/Claim.rs&client_id={id}");
    let head = "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = Vec::new();
    // A connection that is closed without a TLS farewell has still answered.
    stream.read_to_end(&mut answer).ok();
    (String::from_utf8_lossy(&answer).into_owned(), stream.conn.handshake_kind().unwrap())
}

fn bound_to(answer: &str) -> String {
    let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let payload = body["access_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&hilum::jose::base64url::decode(payload).unwrap()).unwrap();
    claims["cnf"]["x5t#S256"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn m12_a_resumed_session_carries_its_own_certificate_which_is_judged_again_at_each_request() {
    let world = World::start().await;
    let uri = "https://payer.example/resumed";
    let certificate = world.authority.client_with(uri, |params| params.serial_number = Some(SERIAL.into()));
    let id = world.register(registration("tls_client_auth", json!({"tls_client_auth_san_uri": uri}))).await;
    let client = config(&world, &certificate);
    let (first, kind) = ask(&world, &client, &id);
    assert_eq!((kind, bound_to(&first)), (HandshakeKind::Full, certificate.thumbprint()));
    let (second, kind) = ask(&world, &client, &id);
    assert_eq!((kind, bound_to(&second)), (HandshakeKind::Resumed, certificate.thumbprint()));
    // The session of one certificate does not serve the client of another.
    let other = world
        .register(registration("tls_client_auth", json!({"tls_client_auth_san_uri": "https://b.example/"})))
        .await;
    let (stranger, kind) = ask(&world, &client, &other);
    assert_eq!(kind, HandshakeKind::Resumed);
    assert!(stranger.starts_with("HTTP/1.1 401"), "{stranger}");

    // Revoked after the full handshake: the resumed session is worth nothing any more.
    std::fs::write(world.file("anchors.crl"), world.authority.revoke(&[SERIAL])).unwrap();
    world.processes[0].signal(Signal::SIGHUP);
    eventually(
        "the revoked certificate is refused over a resumed session",
        Duration::from_secs(20),
        || async {
            let (answer, kind) = ask(&world, &client, &id);
            (kind == HandshakeKind::Resumed && answer.starts_with("HTTP/1.1 401")).then_some(())
        },
    )
    .await;
}

#[tokio::test]
async fn h15_handshakes_of_odd_bytes_end_their_own_connection_alone() {
    let world = World::start().await;
    let mut long_name = vec![0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x00, 0x3f, 0xfc];
    long_name.extend(std::iter::repeat_n(b'a', 16_380));
    let rows: [(&str, &[u8]); 5] = [
        ("nothing but zeros", &[0; 512]),
        ("a record of 16 kB that is no hello", &long_name),
        ("a hello that breaks off", &[0x16, 0x03, 0x01, 0x00, 0xff, 0x01, 0x00, 0x00, 0xfb]),
        ("an empty record", &[0x16, 0x03, 0x01, 0x00, 0x00]),
        ("an alert before anything", &[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28]),
    ];
    for port in [world.processes[0].public, world.processes[0].mtls] {
        for (name, bytes) in rows {
            let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
            // In single bytes: a record may come in any number of pieces.
            for byte in bytes.iter().take(64) {
                socket.write_all(&[*byte]).ok();
            }
            socket.write_all(bytes.get(64..).unwrap_or_default()).ok();
            socket.shutdown(std::net::Shutdown::Write).ok();
            socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let mut answer = Vec::new();
            let heard = socket.read_to_end(&mut answer);
            let open = heard.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
            assert!(!open && !answer.starts_with(b"HTTP"), "{name}");
            assert_eq!(world.public().get("/oauth2/jwks").await.status, 200, "after {name}");
        }
    }
    assert!(!world.processes[0].log().contains("panicked"), "{}", world.processes[0].log());
}
