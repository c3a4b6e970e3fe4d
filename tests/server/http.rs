//! The surface: what every request meets, whatever it asks.

use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Backend, Raw, World, encoded, registration};

const ENDPOINTS: [&str; 3] = ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"];
const PATIENCE: Duration = Duration::from_secs(8);
const FORM: &str = "application/x-www-form-urlencoded";

async fn with_secret(world: &World) -> (String, String) {
    let client = world.register_whole(registration("client_secret_post", json!({"scope": "capacity.read"}))).await;
    (client["client_id"].as_str().unwrap().to_owned(), client["client_secret"].as_str().unwrap().to_owned())
}

async fn post_body(world: &World, path: &str, kind: Option<&str>, body: String) -> Answer {
    let mut request = world.public().request(Method::POST, path).body(body);
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    Answer::read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn h01_no_parameter_stands_twice_or_in_the_url() {
    let world = World::start().await;
    let (id, secret) = with_secret(&world).await;
    let right = [("grant_type", "client_credentials"), ("scope", "capacity.read"), ("token", "x"), ("client_id", &id), ("client_secret", &secret)];
    for path in ENDPOINTS {
        for (index, (name, value)) in right.into_iter().enumerate() {
            let mut twice = right.to_vec();
            twice.push((name, value));
            world.public().post(path, &twice).await.refused(400, "invalid_request");
            twice.push((name, "other"));
            world.public().post(path, &twice).await.refused(400, "invalid_request");
            let mut moved = right.to_vec();
            let query = format!("{path}?{name}={value}");
            world.public().post(&query, &moved).await.refused(400, "invalid_request");
            moved.remove(index);
            world.public().post(&query, &moved).await.refused(400, "invalid_request");
        }
    }
    world.public().post("/oauth2/token", &right).await.granted();
}

#[tokio::test]
async fn h02_what_is_too_large_is_refused_at_once_and_the_server_goes_on() {
    let world = World::start().await;
    let (id, secret) = with_secret(&world).await;
    let large = format!("grant_type=client_credentials&scope={}", "a".repeat(10 << 20));
    for path in ENDPOINTS {
        let mut raw = Raw::connect(world.processes[0].public, &world.authority.pem);
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", large.len());
        // As much as is surely more than a body may have; the rest is announced and need not be sent.
        let heard = raw.send(head.as_bytes()).send(&large.as_bytes()[..200_000]).hear(PATIENCE);
        assert_eq!(heard.statuses(), [413], "{path}: {}", heard.text);
    }
    for body in [format!("grant_type={}", "a".repeat(1 << 20)), large] {
        if let Ok(response) = encoded(world.public().request(Method::POST, "/oauth2/token"), &[("scope", body.as_str())]).send().await {
            assert_eq!(response.status(), 413);
        }
    }
    let many: String = (0..10_000).map(|n| format!("a{n}=&")).collect();
    let answer = post_body(&world, "/oauth2/token", Some(FORM), many).await;
    assert!(matches!(answer.status, 400 | 413), "{}", answer.status);
    let over: String = (0..101).map(|n| format!("a{n}=b&")).collect();
    post_body(&world, "/oauth2/token", Some(FORM), over).await.refused(400, "invalid_request");

    let long = "x".repeat(65_536 * 3);
    let requests = [
        format!("GET /oauth2/jwks HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}\r\nConnection: close\r\n\r\n"),
        format!("GET /oauth2/jwks?{long} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        format!("GET /oauth2/jwks HTTP/1.1\r\nHost: localhost\r\n{}Connection: close\r\n\r\n", "X-A: b\r\n".repeat(200)),
    ];
    for request in requests {
        let heard = Raw::connect(world.processes[0].public, &world.authority.pem).send(request.as_bytes()).hear(PATIENCE);
        assert!(heard.closed && matches!(heard.statuses()[..], [] | [400 | 413 | 414 | 431]), "{}", heard.text);
    }
    let right = [("grant_type", "client_credentials"), ("scope", "capacity.read"), ("client_id", &*id), ("client_secret", &*secret)];
    world.public().post("/oauth2/token", &right).await.granted();
}

#[tokio::test]
async fn h03_a_form_is_the_only_kind_of_body_that_the_endpoints_read() {
    let world = World::start().await;
    let (id, secret) = with_secret(&world).await;
    let form = format!("grant_type=client_credentials&scope=capacity.read&client_id={id}&client_secret={secret}&token=x");
    let document = json!({"grant_type": "client_credentials", "client_id": id, "client_secret": secret}).to_string();
    let kinds = [Some("application/json"), Some("multipart/form-data; boundary=x"), Some("text/plain"), None, Some("application/x-www-form-urlencoded; charset=utf-16"),
        Some("application/x-www-form-urlencodedx"), Some("application/x-www-form-urlencoded, application/json"), Some("")];
    for path in ENDPOINTS {
        for kind in kinds {
            for body in [&form, &document] {
                let answer = post_body(&world, path, kind, body.clone()).await;
                answer.refused(415, "invalid_request");
            }
        }
        for kind in ["application/x-www-form-urlencoded; charset=utf-8", "Application/X-WWW-Form-URLEncoded; charset=UTF-8", "application/x-www-form-urlencoded;"] {
            assert_eq!(post_body(&world, path, Some(kind), form.clone()).await.status, 200, "{path} {kind}");
        }
        for broken in ["grant_type=%zz", "grant_type=%ff%fe", "grant_type=%00", "%"] {
            post_body(&world, path, Some(FORM), broken.to_owned()).await.refused(400, "invalid_request");
        }
    }
}

#[tokio::test]
async fn h04_a_request_whose_end_can_be_read_in_two_ways_gets_one_refusal_and_the_connection_closes() {
    let world = World::start().await;
    let smuggled = "GET /.well-known/openid-configuration HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let post = "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let rows = [
        ("CL and TE", format!("{post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}")),
        ("TE and CL", format!("{post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{smuggled}")),
        ("xchunked", format!("{post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}")),
        ("two TE", format!("{post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{smuggled}")),
        ("chunked, identity", format!("{post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}")),
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
        ("bare CR", format!("{post}X-Cr: a\rTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\na=b{smuggled}")),
        ("chunk size", format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\na=b\r\n0\r\n\r\n{smuggled}")),
        ("chunk overflow", format!("{post}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na=b\r\n0\r\n\r\n{smuggled}")),
        ("chunk without end", format!("{post}Transfer-Encoding: chunked\r\n\r\n3\r\na=bX\r\n0\r\n\r\n{smuggled}")),
        ("HTTP/1.0 TE", format!("POST /oauth2/token HTTP/1.0\r\nHost: localhost\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}")),
    ];
    let mut wrong = Vec::new();
    for (name, bytes) in rows {
        let mut raw = Raw::connect(world.processes[0].public, &world.authority.pem);
        let heard = raw.send(bytes.as_bytes()).hear(Duration::from_secs(3));
        let statuses = heard.statuses();
        if !(heard.closed && matches!(statuses[..], [] | [400 | 413 | 415 | 501])) {
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
    silent.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let mut raws = Vec::new();
    for begun in ["", "POST /oauth2/token HTTP/1.1\r\nHost: loc", "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ngrant_"] {
        let mut raw = connect();
        raw.certificate();
        raw.send(begun.as_bytes());
        raws.push((begun, raw));
    }
    for (begun, mut raw) in raws {
        let heard = tokio::task::spawn_blocking(move || raw.hear(Duration::from_secs(15))).await.unwrap();
        assert!(heard.closed, "{begun}");
        assert!(heard.statuses().iter().all(|status| matches!(status, 400 | 408 | 503)), "{begun}: {}", heard.text);
    }
    let read = tokio::task::spawn_blocking(move || std::io::Read::read(&mut &silent, &mut [0; 64])).await.unwrap();
    assert!(matches!(read, Ok(_)) || read.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset), "TLS was never begun");
    assert_eq!(world.public().get("/oauth2/jwks").await.status, 200);
}

#[tokio::test]
async fn h12_h13_h14_answers_are_not_kept_and_no_page_of_another_origin_reads_them() {
    let world = World::start().await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let token = client.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let answers = [
        client.ask(&world, &world.public(), "system/Claim.rs").await, client.ask(&world, &world.public(), "none/none").await,
        client.introspect(&world, &world.public(), &token).await, client.revoke(&world, &world.public(), &token).await,
        world.public().post("/oauth2/token", &[]).await, world.public().post("/oauth2/introspect", &[]).await,
    ];
    for answer in &answers {
        assert_eq!((answer.header("cache-control"), answer.header("pragma")), (Some("no-store"), Some("no-cache")));
        assert!(answer.header("etag").is_none() && answer.header("set-cookie").is_none() && answer.header("server").is_none());
        for (name, value) in [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("referrer-policy", "no-referrer")] {
            assert_eq!(answer.header(name), Some(value));
        }
        assert!(answer.header("strict-transport-security").unwrap().starts_with("max-age=31536000"));
        assert!(answer.header("x-request-id").is_some());
    }
    for path in ENDPOINTS {
        for (method, origin) in [(Method::OPTIONS, "https://evil.example"), (Method::OPTIONS, "null"), (Method::POST, "https://evil.example"), (Method::POST, "null")] {
            let request = world.public().request(method, path).header("origin", origin).header("access-control-request-method", "POST");
            let answer = Answer::read(request.send().await.unwrap()).await;
            assert!(answer.headers.keys().all(|name| !name.starts_with("access-control-")), "{path} {origin}");
        }
    }
    let mut clear = std::net::TcpStream::connect(("127.0.0.1", world.processes[0].public)).unwrap();
    clear.set_read_timeout(Some(PATIENCE)).unwrap();
    std::io::Write::write_all(&mut clear, b"GET /oauth2/jwks HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut heard = Vec::new();
    std::io::Read::read_to_end(&mut clear, &mut heard).ok();
    assert!(!String::from_utf8_lossy(&heard).contains("HTTP/1.1 200"), "no clear text on the TLS port");
}

#[tokio::test]
async fn h16_x02_no_header_moves_the_issuer_and_another_host_is_not_served() {
    let world = World::start().await;
    let path = "/.well-known/openid-configuration";
    let right: Value = world.public().get(path).await.json();
    for (name, value) in [("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "http"), ("forwarded", "host=evil.example;proto=http"), ("x-original-host", "evil.example"),
        ("x-forwarded-for", "127.0.0.1"), ("x-forwarded-port", "1"), ("x-ssl-client-cert", "x"), ("x-forwarded-prefix", "/evil")] {
        let answer = Answer::read(world.public().request(Method::GET, path).header(name, value).send().await.unwrap()).await;
        assert_eq!((answer.status, answer.json()), (200, right.clone()), "{name}");
    }
    let port = world.processes[0].public;
    let hosts = ["evil.example", "localhost.evil.example", "evil.example:443", "localhost@evil.example", "", "127.0.0.1", "localhost evil"];
    for host in hosts {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let heard = Raw::connect(port, &world.authority.pem).send(request.as_bytes()).hear(PATIENCE);
        assert!(matches!(heard.statuses()[..], [400 | 421]) && !heard.text.contains("token_endpoint"), "{host}: {}", heard.text);
    }
    for lines in ["", "Host: localhost\r\nHost: evil.example\r\n", "Host: localhost\r\nHost: localhost\r\n"] {
        let request = format!("GET {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n");
        let heard = Raw::connect(port, &world.authority.pem).send(request.as_bytes()).hear(PATIENCE);
        assert!(matches!(heard.statuses()[..], [400 | 421]), "{lines:?}: {}", heard.text);
    }
    let absolute = format!("GET https://evil.example{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let heard = Raw::connect(port, &world.authority.pem).send(absolute.as_bytes()).hear(PATIENCE);
    assert!(matches!(heard.statuses()[..], [400 | 421]), "{}", heard.text);
    let known = format!("GET {path} HTTP/1.1\r\nHost: LOCALHOST:{port}\r\nConnection: close\r\n\r\n");
    let heard = Raw::connect(port, &world.authority.pem).send(known.as_bytes()).hear(PATIENCE);
    assert!(heard.statuses() == [200] && heard.text.contains(world.issuer()) && !heard.text.contains("LOCALHOST"), "{}", heard.text);
}

#[tokio::test]
async fn h17_other_methods_are_refused_and_use_nothing_up() {
    let world = World::start().await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let assertion = client.assertion(&world).sign(&client.key);
    let form = Backend::form(&assertion, "system/Claim.rs");
    for path in ENDPOINTS {
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND"] {
            let request = encoded(world.public().request(method.parse().unwrap(), path), &form);
            let answer = Answer::read(request.send().await.unwrap()).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method} {path}");
            assert!(!answer.text.contains(&assertion), "TRACE does not echo");
        }
    }
    let post = world.public().post("/oauth2/token", &form).await;
    post.granted();
    for request in ["OPTIONS * HTTP/1.1\r\nHost: localhost\r\n", "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n"] {
        let mut raw = Raw::connect(world.processes[0].public, &world.authority.pem);
        let heard = raw.send(format!("{request}Connection: close\r\n\r\n").as_bytes()).hear(PATIENCE);
        assert!(matches!(heard.statuses()[..], [] | [400 | 404 | 405 | 421 | 501]), "{request}: {}", heard.text);
    }
}
