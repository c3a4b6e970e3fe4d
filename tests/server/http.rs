//! The surface: what every request meets, whatever it asks.

use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Backend, Raw, World, encoded, registration};

pub const ENDPOINTS: [&str; 3] = ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"];
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const FORM: &str = "application/x-www-form-urlencoded";

pub async fn with_secret(world: &World) -> (String, String) {
    let client =
        world.register_whole(registration("client_secret_post", json!({"scope": "capacity.read"}))).await;
    (client["client_id"].as_str().unwrap().to_owned(), client["client_secret"].as_str().unwrap().to_owned())
}

pub async fn post_body(world: &World, path: &str, kind: Option<&str>, body: String) -> Answer {
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
    let right = [
        ("grant_type", "client_credentials"),
        ("scope", "capacity.read"),
        ("token", "x"),
        ("client_id", &id),
        ("client_secret", &secret),
    ];
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
async fn h03_a_form_is_the_only_kind_of_body_that_the_endpoints_read() {
    let world = World::start().await;
    let (id, secret) = with_secret(&world).await;
    let form = format!(
        "grant_type=client_credentials&scope=capacity.read&client_id={id}&client_secret={secret}&token=x"
    );
    let document =
        json!({"grant_type": "client_credentials", "client_id": id, "client_secret": secret}).to_string();
    let kinds = [
        Some("application/json"),
        Some("multipart/form-data; boundary=x"),
        Some("text/plain"),
        None,
        Some("application/x-www-form-urlencoded; charset=utf-16"),
        Some("application/x-www-form-urlencodedx"),
        Some("application/x-www-form-urlencoded, application/json"),
        Some(""),
    ];
    for path in ENDPOINTS {
        for kind in kinds {
            for body in [&form, &document] {
                let answer = post_body(&world, path, kind, body.clone()).await;
                answer.refused(415, "invalid_request");
            }
        }
        for kind in [
            "application/x-www-form-urlencoded; charset=utf-8",
            "Application/X-WWW-Form-URLEncoded; charset=UTF-8",
            "application/x-www-form-urlencoded;",
        ] {
            assert_eq!(post_body(&world, path, Some(kind), form.clone()).await.status, 200, "{path} {kind}");
        }
        for broken in ["grant_type=%zz", "grant_type=%ff%fe", "grant_type=%00", "%"] {
            post_body(&world, path, Some(FORM), broken.to_owned()).await.refused(400, "invalid_request");
        }
    }
}

#[tokio::test]
async fn h12_h13_h14_answers_are_not_kept_and_no_page_of_another_origin_reads_them() {
    let world = World::start().await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let token = client.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let answers = [
        client.ask(&world, &world.public(), "system/Claim.rs").await,
        client.ask(&world, &world.public(), "none/none").await,
        client.introspect(&world, &world.public(), &token).await,
        client.revoke(&world, &world.public(), &token).await,
        world.public().post("/oauth2/token", &[]).await,
        world.public().post("/oauth2/introspect", &[]).await,
    ];
    for answer in &answers {
        assert_eq!(
            (answer.header("cache-control"), answer.header("pragma")),
            (Some("no-store"), Some("no-cache"))
        );
        assert!(
            answer.header("etag").is_none()
                && answer.header("set-cookie").is_none()
                && answer.header("server").is_none()
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), Some(value));
        }
        assert!(answer.header("strict-transport-security").unwrap().starts_with("max-age=31536000"));
        assert!(answer.header("x-request-id").is_some());
    }
    for path in ENDPOINTS {
        for (method, origin) in [
            (Method::OPTIONS, "https://evil.example"),
            (Method::OPTIONS, "null"),
            (Method::POST, "https://evil.example"),
            (Method::POST, "null"),
        ] {
            let request = world
                .public()
                .request(method, path)
                .header("origin", origin)
                .header("access-control-request-method", "POST");
            let answer = Answer::read(request.send().await.unwrap()).await;
            assert!(
                answer.headers.keys().all(|name| !name.starts_with("access-control-")),
                "{path} {origin}"
            );
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
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-original-host", "evil.example"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-port", "1"),
        ("x-ssl-client-cert", "x"),
        ("x-forwarded-prefix", "/evil"),
    ] {
        let answer =
            Answer::read(world.public().request(Method::GET, path).header(name, value).send().await.unwrap())
                .await;
        assert_eq!((answer.status, answer.json()), (200, right.clone()), "{name}");
    }
    let port = world.processes[0].public;
    let hosts = [
        "evil.example",
        "localhost.evil.example",
        "evil.example:443",
        "localhost@evil.example",
        "",
        "127.0.0.1",
        "localhost evil",
    ];
    for host in hosts {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let heard = Raw::connect(port, &world.authority.pem).send(request.as_bytes()).hear(PATIENCE);
        assert!(
            matches!(heard.statuses()[..], [400 | 421]) && !heard.text.contains("token_endpoint"),
            "{host}: {}",
            heard.text
        );
    }
    for lines in ["", "Host: localhost\r\nHost: evil.example\r\n", "Host: localhost\r\nHost: localhost\r\n"] {
        let request = format!("GET {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n");
        let heard = Raw::connect(port, &world.authority.pem).send(request.as_bytes()).hear(PATIENCE);
        assert!(matches!(heard.statuses()[..], [400 | 421]), "{lines:?}: {}", heard.text);
    }
    let absolute =
        format!("GET https://evil.example{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let heard = Raw::connect(port, &world.authority.pem).send(absolute.as_bytes()).hear(PATIENCE);
    assert!(matches!(heard.statuses()[..], [400 | 421]), "{}", heard.text);
    let known = format!("GET {path} HTTP/1.1\r\nHost: LOCALHOST:{port}\r\nConnection: close\r\n\r\n");
    let heard = Raw::connect(port, &world.authority.pem).send(known.as_bytes()).hear(PATIENCE);
    assert!(
        heard.statuses() == [200] && heard.text.contains(world.issuer()) && !heard.text.contains("LOCALHOST"),
        "{}",
        heard.text
    );
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
            let called = path != "/oauth2/introspect";
            if called && method == "OPTIONS" {
                assert_eq!(answer.status, 204, "a browser's question");
                continue;
            }
            let allowed = if called { "POST, OPTIONS" } else { "POST" };
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
            assert!(!answer.text.contains(&assertion), "TRACE does not echo");
        }
    }
    let post = world.public().post("/oauth2/token", &form).await;
    post.granted();
    for request in
        ["OPTIONS * HTTP/1.1\r\nHost: localhost\r\n", "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n"]
    {
        let mut raw = Raw::connect(world.processes[0].public, &world.authority.pem);
        let heard = raw.send(format!("{request}Connection: close\r\n\r\n").as_bytes()).hear(PATIENCE);
        assert!(
            matches!(heard.statuses()[..], [] | [400 | 404 | 405 | 421 | 501]),
            "{request}: {}",
            heard.text
        );
    }
}
