//! Where a request begins and ends: too large, too slow, or readable in two ways.

use std::time::Duration;

use reqwest::Method;

use crate::harness::{Raw, World, encoded};
use crate::http::{ENDPOINTS, FORM, post_body, with_secret};

/// The server gives up after 5 seconds, or 10 where a body is missing, and closes within 2 more. A connection that is only
/// idle stays open for 30.
const PATIENCE: Duration = Duration::from_secs(25);

#[tokio::test]
async fn h02_what_is_too_large_is_refused_at_once_and_the_server_goes_on() {
    let world = World::start().await;
    let (id, secret) = with_secret(&world).await;
    let large = format!("grant_type=client_credentials&scope={}", "a".repeat(10 << 20));
    for path in ENDPOINTS {
        let mut raw = Raw::connect(world.processes[0].public, &world.authority.pem);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            large.len()
        );
        // As much as is surely more than a body may have; the rest is announced and need not be sent.
        let heard = raw.send(head.as_bytes()).send(&large.as_bytes()[..200_000]).hear(PATIENCE);
        assert_eq!(heard.statuses(), [413], "{path}: {}", heard.text);
    }
    for body in [format!("grant_type={}", "a".repeat(1 << 20)), large] {
        if let Ok(response) =
            encoded(world.public().request(Method::POST, "/oauth2/token"), &[("scope", body.as_str())])
                .send()
                .await
        {
            assert_eq!(response.status(), 413);
        }
    }
    let many: String = (0..10_000).map(|n| format!("a{n}=&")).collect::<Vec<_>>().concat();
    let answer = post_body(&world, "/oauth2/token", Some(FORM), many).await;
    assert!(matches!(answer.status, 400 | 413), "{}", answer.status);
    let over: String = (0..101).map(|n| format!("a{n}=b&")).collect::<Vec<_>>().concat();
    post_body(&world, "/oauth2/token", Some(FORM), over).await.refused(400, "invalid_request");

    let long = "x".repeat(65_536 * 3);
    let requests = [
        format!(
            "GET /oauth2/jwks HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}\r\nConnection: close\r\n\r\n"
        ),
        format!("GET /oauth2/jwks?{long} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        format!(
            "GET /oauth2/jwks HTTP/1.1\r\nHost: localhost\r\n{}Connection: close\r\n\r\n",
            "X-A: b\r\n".repeat(200)
        ),
    ];
    for request in requests {
        let heard = Raw::connect(world.processes[0].public, &world.authority.pem)
            .send(request.as_bytes())
            .hear(PATIENCE);
        assert!(
            heard.closed && matches!(heard.statuses()[..], [] | [400 | 413 | 414 | 431]),
            "{}",
            heard.text
        );
    }
    let right = [
        ("grant_type", "client_credentials"),
        ("scope", "capacity.read"),
        ("client_id", &*id),
        ("client_secret", &*secret),
    ];
    world.public().post("/oauth2/token", &right).await.granted();
}

#[tokio::test]
async fn h04_a_request_whose_end_can_be_read_in_two_ways_gets_one_refusal_and_the_connection_closes() {
    let world = World::start().await;
    let smuggled = "GET /.well-known/openid-configuration HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let post = "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let rows = [
        (
            "CL and TE",
            format!("{post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        ),
        (
            "TE and CL",
            format!("{post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{smuggled}"),
        ),
        ("xchunked", format!("{post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}")),
        (
            "two TE",
            format!(
                "{post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{smuggled}"
            ),
        ),
        (
            "chunked, identity",
            format!("{post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"),
        ),
        ("two CL", format!("{post}Content-Length: 3\r\nContent-Length: 0\r\n\r\na=b{smuggled}")),
        ("CL list", format!("{post}Content-Length: 3, 3\r\n\r\na=b{smuggled}")),
        ("CL plus", format!("{post}Content-Length: +3\r\n\r\na=b{smuggled}")),
        ("CL minus", format!("{post}Content-Length: -1\r\n\r\n{smuggled}")),
        ("CL hex", format!("{post}Content-Length: 0x3\r\n\r\na=b{smuggled}")),
        ("CL huge", format!("{post}Content-Length: 99999999999999999999\r\n\r\na=b{smuggled}")),
        ("space before colon", format!("{post}Content-Length : 3\r\n\r\na=b{smuggled}")),
        ("TE space before colon", format!("{post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{smuggled}")),
        ("obs-fold", format!("{post}X-Folded: a\r\n b\r\nContent-Length: 3\r\n\r\na=b{smuggled}")),
        ("NUL", format!("{post}X-Nul: a\0b\r\nContent-Length: 3\r\n\r\na=b{smuggled}")),
        (
            "bare CR",
            format!("{post}X-Cr: a\rTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\na=b{smuggled}"),
        ),
        ("chunk size", format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\na=b\r\n0\r\n\r\n{smuggled}")),
        (
            "chunk overflow",
            format!(
                "{post}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na=b\r\n0\r\n\r\n{smuggled}"
            ),
        ),
        (
            "chunk without end",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n3\r\na=bX\r\n0\r\n\r\n{smuggled}"),
        ),
        (
            "HTTP/1.0 TE",
            format!(
                "POST /oauth2/token HTTP/1.0\r\nHost: localhost\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
            ),
        ),
    ];
    let mut wrong = Vec::new();
    for (name, bytes) in rows {
        let mut raw = Raw::connect(world.processes[0].public, &world.authority.pem);
        let heard = raw.send(bytes.as_bytes()).hear(PATIENCE);
        let statuses = heard.statuses();
        if !heard.closed || statuses != [400] {
            wrong.push(format!("{name}: {statuses:?}, closed: {}", heard.closed));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn h06_a_connection_that_says_nothing_or_too_little_is_closed() {
    let world = World::start().await;
    let connect = || Raw::connect(world.processes[0].public, &world.authority.pem);
    let silent = std::net::TcpStream::connect(("127.0.0.1", world.processes[0].mtls)).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut raws = Vec::new();
    for begun in [
        "",
        "POST /oauth2/token HTTP/1.1\r\nHost: loc",
        "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ngrant_",
    ] {
        let mut raw = connect();
        raw.certificate();
        raw.send(begun.as_bytes());
        raws.push((begun, raw));
    }
    for (begun, mut raw) in raws {
        let heard = tokio::task::spawn_blocking(move || raw.hear(PATIENCE)).await.unwrap();
        assert!(heard.closed, "{begun}");
        assert!(
            heard.statuses().iter().all(|status| matches!(status, 400 | 408 | 503)),
            "{begun}: {}",
            heard.text
        );
    }
    let read =
        tokio::task::spawn_blocking(move || std::io::Read::read(&mut &silent, &mut [0; 64])).await.unwrap();
    let waiting = |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
    assert!(!read.as_ref().is_err_and(waiting), "TLS was never begun, and the connection is still open");
    assert_eq!(world.public().get("/oauth2/jwks").await.status, 200);
}
