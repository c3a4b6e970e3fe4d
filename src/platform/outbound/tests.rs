use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::outbound::AllowedHost;

/// Longer than anything here takes that comes to an end.
const AMPLE: Duration = Duration::from_mins(1);
/// A deadline that is waited for: what must come before it comes long before.
const AWAITED: Duration = Duration::from_secs(5);

fn rules(allow: &[&str]) -> Rules {
    Rules {
        allow: allow.iter().map(|text| AllowedHost::parse(text).unwrap()).collect(),
        ca_file: None,
        timeout: AMPLE,
        max_bytes: 65_536,
    }
}

/// A server that answers each connection as told, and counts them.
struct Peer {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Peer {
    async fn answering<A, F>(answer: A) -> Self
    where
        A: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                tokio::spawn(answer(stream));
            }
        });
        Self { address, asked }
    }

    async fn saying(answer: Vec<u8>) -> Self {
        Self::answering(move |mut stream| {
            let answer = answer.clone();
            async move {
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    async fn fetched(&self) -> Result<Fetched, OutboundError> {
        self.fetched_within(AMPLE).await
    }

    async fn fetched_within(&self, timeout: Duration) -> Result<Fetched, OutboundError> {
        let rules = Rules { timeout, ..rules(&[&self.address.to_string()]) };
        let url = OutboundUrl::parse(&format!("http://{}/jwks", self.address), &rules).unwrap();
        Outbound::new(&rules).unwrap().fetch_json(&url).await
    }
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

#[tokio::test]
async fn a_document_is_fetched_with_its_freshness() {
    let peer = Peer::saying(answer("200 OK\r\nCache-Control: max-age=60\r\nAge: 10", b"{\"keys\":[]}")).await;
    let expected =
        Fetched { body: json!({"keys": []}), max_age: Some(Duration::from_secs(50)), no_store: false };
    assert_eq!(peer.fetched().await, Ok(expected));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inside = Peer::saying(answer("200 OK", b"{}")).await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let head = format!("{status}\r\nLocation: http://{}/", inside.address);
        let peer = Peer::saying(answer(&head, b"")).await;
        assert_eq!(peer.fetched().await, Err(OutboundError::Redirect));
    }
    assert_eq!(inside.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_not_200_or_not_json_is_refused() {
    let rows: [(&str, &[u8], OutboundError); 6] = [
        ("404 Not Found", b"{}", OutboundError::Status(404)),
        ("500 Internal Server Error", b"{}", OutboundError::Status(500)),
        ("200 OK", b"<html>", OutboundError::NotJson),
        ("200 OK", b"", OutboundError::NotJson),
        ("200 OK", b"{} {}", OutboundError::NotJson),
        ("200 OK", br#"{"keys":[{"kid":"\u0000"}]}"#, OutboundError::NotJson),
    ];
    for (head, body, expected) in rows {
        assert_eq!(Peer::saying(answer(head, body)).await.fetched().await, Err(expected), "{head}");
    }
    let nested = [vec![b'['; 30_000], vec![b']'; 30_000]].concat();
    assert_eq!(Peer::saying(answer("200 OK", &nested)).await.fetched().await, Err(OutboundError::NotJson));
}

#[tokio::test]
async fn a_body_that_drips_is_cut_at_the_deadline() {
    let peer = Peer::answering(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let cut = tokio::time::timeout(AMPLE, peer.fetched_within(Duration::from_secs(1))).await;
    assert_eq!(cut.unwrap(), Err(OutboundError::TooSlow));
}

#[tokio::test]
async fn a_body_without_end_is_refused() {
    let peer = Peer::answering(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b' '; 8192]).await.is_ok() {}
    })
    .await;
    assert_eq!(peer.fetched().await, Err(OutboundError::TooLarge));
}

#[tokio::test]
async fn the_bound_counts_to_the_byte() {
    for (length, expected) in [(65_536, Ok(json!(""))), (65_537, Err(OutboundError::TooLarge))] {
        let mut body = vec![b' '; length - 2];
        body.extend_from_slice(b"\"\"");
        let fetched = Peer::saying(answer("200 OK", &body)).await.fetched().await;
        assert_eq!(fetched.map(|fetched| fetched.body), expected);
    }
}

#[tokio::test]
async fn a_gzip_bomb_is_refused() {
    let bomb = gzip_of_spaces();
    assert!(bomb.len() < 2000);
    let peer = Peer::saying(answer("200 OK\r\nContent-Encoding: gzip", &bomb)).await;
    assert_eq!(peer.fetched().await, Err(OutboundError::TooLarge));
}

/// About a million spaces in gzip (RFC 1952): one block with fixed codes (RFC 1951, 3.2.6), a space
/// and then "repeat 258 bytes from 1 back" many times.
fn gzip_of_spaces() -> Vec<u8> {
    let mut bits: Vec<u8> = vec![1, 1, 0];
    let code = |value: u32, length: u32| (0..length).rev().map(move |i| u8::from(value >> i & 1 == 1));
    bits.extend(code(0x30 + 0x20, 8));
    for _ in 0..900 {
        bits.extend(code(0b1100_0101, 8)); // length 258 is symbol 285
        bits.extend(code(0, 5)); // distance 1 is symbol 0
    }
    bits.extend(code(0, 7));
    let deflated = bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |value, bit| value << 1 | bit));
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    gzip.extend(deflated);
    gzip.extend([0; 8]);
    gzip
}

#[tokio::test]
async fn a_slow_host_holds_four_places_and_no_other_host() {
    let silent = Peer::answering(|stream| async move {
        tokio::time::sleep(AMPLE).await;
        drop(stream);
    })
    .await;
    let quick = Peer::saying(answer("200 OK", b"{}")).await;
    let rules =
        Rules { timeout: AWAITED, ..rules(&[&silent.address.to_string(), &quick.address.to_string()]) };
    let door = Outbound::new(&rules).unwrap();
    let slow = OutboundUrl::parse(&format!("http://{}/", silent.address), &rules).unwrap();
    let waiting: Vec<_> = (0..12)
        .map(|_| {
            let (door, slow) = (door.clone(), slow.clone());
            tokio::spawn(async move { door.fetch_json(&slow).await })
        })
        .collect();
    while silent.asked.load(Ordering::SeqCst) < FETCHES_PER_HOST {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let url = OutboundUrl::parse(&format!("http://{}/", quick.address), &rules).unwrap();
    assert!(door.fetch_json(&url).await.is_ok());
    assert_eq!(silent.asked.load(Ordering::SeqCst), FETCHES_PER_HOST);
    for fetch in waiting {
        assert_eq!(fetch.await.unwrap(), Err(OutboundError::TooSlow));
    }
}

#[tokio::test]
async fn what_waits_for_a_place_in_vain_is_not_sent() {
    let peer = Peer::saying(answer("200 OK", b"")).await;
    let rules = Rules { timeout: AWAITED, ..rules(&[&peer.address.to_string()]) };
    let door = Outbound::new(&rules).unwrap();
    let url = OutboundUrl::parse(&format!("http://{}/told", peer.address), &rules).unwrap();
    let host = door.host(url.authority()).unwrap();
    let held = host.acquire_many(u32::try_from(FETCHES_PER_HOST).unwrap()).await.unwrap();
    assert_eq!(door.post_form(&url, &[("a", "b")]).await, Err(OutboundError::Busy));
    assert_eq!(peer.asked.load(Ordering::SeqCst), 0);
    drop(held);
    assert_eq!(door.post_form(&url, &[("a", "b")]).await, Ok(200));
}

#[tokio::test]
async fn hosts_that_nobody_asks_are_forgotten() {
    let door = Outbound::new(&rules(&[])).unwrap();
    let held: Vec<_> = (0..HOSTS).map(|i| door.host(format!("h{i}:443")).unwrap()).collect();
    assert_eq!(door.host("one.more:443".into()).err(), Some(OutboundError::Busy));
    assert!(door.host("h0:443".into()).is_ok());
    drop(held);
    assert!(door.host("one.more:443".into()).is_ok());
    assert_eq!(door.hosts.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_before_a_packet_is_sent() {
    let inside = Peer::saying(answer("200 OK", b"{}")).await;
    let rules = rules(&[]);
    let door = Outbound::new(&rules).unwrap();
    // What `https://localtest.me` is to the world, `localhost` is to every resolver.
    let text = format!("https://localhost:{}/", inside.address.port());
    let mut url = OutboundUrl::parse(&text, &self::rules(&["localhost"])).unwrap();
    url.reach = Reach::Public;
    assert_eq!(door.fetch_json(&url).await, Err(OutboundError::NotPublic));
    assert_eq!(inside.asked.load(Ordering::SeqCst), 0);
}

const INSIDE: &[&str] = &[
    "http://127.0.0.1:5432",
    "http://[::1]",
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1",
    "https://127.0.0.1",
    "https://[::1]/",
    "https://169.254.169.254/",
    "https://10.0.0.1/",
    "https://0x7f000001",
    "https://0x7f.1",
    "https://2130706433",
    "https://0177.0.0.1",
    "https://127.1",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://0/",
    "https://0.0.0.0/",
    "https://localhost",
    "https://LOCALHOST/",
    "https://a.localhost/",
    "https://printer.local/",
    "https://db.internal/",
    "https://router.home.arpa/",
    "https://intranet/",
    "https://client.example./",
    "https://localhost./",
    "https://127.0.0.1./",
    "http://client.example/jwks",
    "file:///etc/passwd",
    "gopher://client.example/",
    "ftp://client.example/",
    "data:application/json,{}",
    "//client.example/",
    "client.example/jwks",
    "https://",
    "https:///jwks",
    "https://user@client.example/",
    "https://user:secret@client.example/",
    "https://client.example@127.0.0.1/",
    "https://client.example:22/",
    "https://client.example:0/",
    "https://client.example:80/",
    "https://client.example/#fragment",
    "https://client.example\\@127.0.0.1/",
    "https://client.example/\tjwks",
    " https://client.example/",
    "https://client.example/jwks\n",
    "https://bücher.example/",
    "https://%6c%6f%63%61%6c%68%6f%73%74/",
    "",
];

#[test]
fn urls_that_lead_inside_are_refused() {
    let rules = rules(&["127.0.0.1:9999", "other.internal"]);
    for row in INSIDE {
        assert!(OutboundUrl::parse(row, &rules).is_err(), "{row}");
    }
    assert!(OutboundUrl::parse(&format!("https://a.example/{}", "a".repeat(2048)), &rules).is_err());
}

#[test]
fn public_and_allowed_urls_are_taken() {
    let rules = rules(&["127.0.0.1:9999", "fhir.internal", "[::1]:9999", "localhost:8443"]);
    let rows = [
        ("https://client.example/jwks", Reach::Public),
        ("https://CLIENT.example:8443/a/../jwks?x=1", Reach::Public),
        ("https://8.8.8.8/", Reach::Public),
        ("https://xn--bcher-kva.example/", Reach::Public),
        ("http://127.0.0.1:9999/jwks", Reach::Allowed),
        ("https://fhir.internal:22/", Reach::Allowed),
        ("http://[::1]:9999/", Reach::Allowed),
        ("https://localhost:8443/sandbox/jwks", Reach::Allowed),
    ];
    for (row, reach) in rows {
        let url = OutboundUrl::parse(row, &rules).unwrap();
        assert_eq!((url.as_str(), url.reach), (row, reach));
    }
    for row in ["http://127.0.0.1:9998/", "https://x.fhir.internal/", "https://localhost:8444/"] {
        assert!(OutboundUrl::parse(row, &rules).is_err(), "{row}");
    }
}
