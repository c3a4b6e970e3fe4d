//! Who may call what: generated from the table of routes, so that a new route is held too.

use hilum::http::admin::routes::ROUTES;
use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::json;

use crate::harness::{ADMIN_SCOPES, Answer, Backend, Peer, World, plain_client, registration};

/// A path with something for its variables that does not exist.
fn path(pattern: &str) -> String {
    let pattern = pattern.replace("{id}", "nobody").replace("{name}", "nothing");
    pattern.replace("{kid}", "none").replace("{subject}", "nobody").replace("{thumbprint}", "none")
}

fn method(route: &hilum::http::admin::routes::AdminRoute) -> Method {
    route.method.as_str().parse().unwrap()
}

#[tokio::test]
async fn d01_d04_every_admin_route_is_closed_to_all_but_the_holder_of_its_scope_with_its_key() {
    let world = World::start().await;
    let (own, other) =
        (world.mtls(&world.admin), world.mtls(&world.authority.client("https://other.example/")));
    let ordinary_certificate = world.authority.client("https://payer.example/");
    let members = json!({"tls_client_auth_san_uri": "https://payer.example/"});
    let id = world.register(registration("tls_client_auth", members)).await;
    let form =
        [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("scope", "system/Patient.rs")];
    let ordinary_peer = world.mtls(&ordinary_certificate);
    let ordinary = ordinary_peer.post("/oauth2/token", &form).await.token();
    let all = world.admin_token(ADMIN_SCOPES).await;
    for route in ROUTES {
        assert!(
            ADMIN_SCOPES.split(' ').any(|scope| scope == route.scope),
            "{} has no known scope",
            route.path
        );
        let lacking: Vec<&str> = ADMIN_SCOPES.split(' ').filter(|scope| *scope != route.scope).collect();
        let (right, lacking) =
            (world.admin_token(route.scope).await, world.admin_token(&lacking.join(" ")).await);
        let (public, garbage) = (world.public(), format!("{right}x"));
        let rows: [(&Peer, Option<&str>, u16); 8] = [
            (&own, None, 401),
            (&public, None, 401),
            (&own, Some(&garbage), 401),
            (&ordinary_peer, Some(&ordinary), 401),
            (&other, Some(&right), 401),
            (&public, Some(&right), 401),
            (&other, Some(&all), 401),
            (&own, Some(&lacking), 403),
        ];
        for (index, (peer, token, status)) in rows.into_iter().enumerate() {
            let answer = peer.send(method(route), &path(route.path), token, None).await;
            assert_eq!(answer.status, status, "{} {} row {index}: {}", route.method, route.path, answer.text);
            let error = if status == 401 { "invalid_token" } else { "insufficient_scope" };
            assert!(answer.header("www-authenticate").unwrap().contains(error), "{}", route.path);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            if status == 403 {
                let wanted =
                    format!(r#"Bearer realm="hilum", error="insufficient_scope", scope="{}""#, route.scope);
                assert_eq!(answer.header("www-authenticate"), Some(wanted.as_str()), "RFC 6750, 3");
                let told = format!("ask for a token with the scope {}", route.scope);
                assert_eq!(answer.json()["detail"], told);
            }
        }
    }
    // Last, since one of the routes replaces the keys that signed the tokens.
    for route in ROUTES {
        let token = world.admin_token(route.scope).await;
        let answer = own.send(method(route), &path(route.path), Some(&token), None).await;
        assert!(
            ![401, 403, 405].contains(&answer.status) && answer.status < 500,
            "{} {}: {}",
            route.method,
            route.path,
            answer.text
        );
    }
    assert!(world.audit("admin.access").await.len() >= ROUTES.len(), "who was kept out is recorded");
}

#[tokio::test]
async fn d06_no_other_way_of_writing_a_path_or_a_method_leads_past_the_decision() {
    let world = World::start().await;
    let token = world.admin_token("admin/clients.read").await;
    let paths = [
        "/admin/..;/admin/v1/clients",
        "//admin/v1/clients",
        "/admin%2fv1%2fclients",
        "/admin/v1/clients/",
        "/admin/v1/clients.",
        "/admin/v1;x/clients",
        "/admin/v1/clients;x=1",
        "/ADMIN/v1/clients",
        "/admin/v1//clients",
        "/x/%2e%2e/admin/v1/clients",
        "/oauth2/token/../../admin/v1/clients",
        "/admin/v1/./clients",
        "/admin/v1/clients%00",
        "/admin/v1/clients%20",
        "/admin",
        "/admin/v1",
    ];
    for port in [world.processes[0].public, world.processes[0].mtls] {
        for path in paths {
            let mut raw = crate::harness::Raw::connect(port, &world.authority.pem);
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
            );
            let heard = raw.send(request.as_bytes()).hear(std::time::Duration::from_secs(30));
            assert!(matches!(heard.statuses()[..], [400 | 401 | 404]), "{path}: {}", heard.text);
            assert!(!heard.text.contains("items"), "{path}");
        }
    }
    let admin = world.mtls(&world.admin);
    for name in
        ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"]
    {
        for value in ["DELETE", "POST", "/healthz"] {
            let request = admin
                .request(Method::GET, &format!("/admin/v1/clients/{}", world.admin_id))
                .bearer_auth(&token);
            let answer = Answer::read(request.header(name, value).send().await.unwrap()).await;
            assert_eq!(
                (answer.status, answer.json()["client_id"].as_str()),
                (200, Some(world.admin_id.as_str()))
            );
        }
    }
    let deleted =
        admin.send(Method::POST, "/admin/v1/clients?_method=DELETE", Some(&token), Some(json!({}))).await;
    assert_eq!(deleted.status, 403);
    let wrong = admin.send(Method::PUT, "/admin/v1/clients", Some(&token), None).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST, GET")));
}

#[tokio::test]
async fn d08_no_page_of_another_origin_reads_or_writes_the_admin_api() {
    let world = World::start().await;
    let token = world.admin_token(ADMIN_SCOPES).await;
    for route in ROUTES {
        let request = world
            .mtls(&world.admin)
            .request(Method::OPTIONS, &path(route.path))
            .header("origin", "https://evil.example");
        let request = request.header("access-control-request-method", route.method.as_str());
        let answer = Answer::read(
            request.header("access-control-request-headers", "authorization").send().await.unwrap(),
        )
        .await;
        assert!((400..500).contains(&answer.status), "{}: {}", route.path, answer.status);
        assert!(
            answer.headers.keys().all(|name| !name.starts_with("access-control-")),
            "{:?}",
            answer.headers
        );
    }
    let document = registration("client_secret_basic", json!({"scope": "capacity.read"})).to_string();
    for kind in [
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("text/json"),
        None,
    ] {
        let mut request = world
            .mtls(&world.admin)
            .request(Method::POST, "/admin/v1/clients")
            .bearer_auth(&token)
            .body(document.clone());
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let answer =
            Answer::read(request.header("origin", "https://evil.example").send().await.unwrap()).await;
        assert_eq!(answer.status, 415, "{kind:?}");
        assert!(answer.header("access-control-allow-origin").is_none());
    }
    let request = world.mtls(&world.admin).request(Method::POST, "/admin/v1/clients").bearer_auth(&token);
    let cookie = Answer::read(
        request
            .header("cookie", "session=x")
            .header("content-type", "application/json; charset=utf-8")
            .body(document)
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!((cookie.status, cookie.header("set-cookie")), (201, None));
}

#[tokio::test]
async fn d10_the_last_administrator_stays_and_nobody_rises_above_itself() {
    let world = World::start().await;
    let own = format!("/admin/v1/clients/{}", world.admin_id);
    let last = [
        (Method::DELETE, own.clone(), None),
        (Method::POST, format!("{own}/disable"), None),
        (Method::PATCH, own.clone(), Some(json!({"scope": "admin/clients.read"}))),
        (Method::PATCH, own.clone(), Some(json!({"scope": null}))),
    ];
    for (method, path, body) in last {
        let refused = world.administer(method.clone(), &path, body).await;
        assert_eq!(refused.status, 409, "{method} {path}: {}", refused.text);
    }
    let certificate = world.authority.client("https://small.example/");
    let members = json!({"scope": "admin/clients.read admin/clients.write", "resources": [world.issuer_url("/admin")],
        "tls_client_auth_san_uri": "https://small.example/"});
    let small = world.register(registration("tls_client_auth", members.clone())).await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", small.as_str()),
        ("scope", "admin/clients.write admin/clients.read"),
    ];
    let peer = world.mtls(&certificate);
    let token = peer.post("/oauth2/token", &form).await.token();
    let more = json!({"scope": ADMIN_SCOPES});
    let mut another = registration("tls_client_auth", members);
    another["scope"] = json!("admin/audit.read");
    let rows = [
        (Method::PATCH, format!("/admin/v1/clients/{small}"), Some(more)),
        (Method::POST, "/admin/v1/clients".to_owned(), Some(another)),
        (Method::PATCH, own.clone(), Some(json!({"client_name": "Taken over"}))),
        (Method::DELETE, own.clone(), None),
        (Method::POST, format!("{own}/disable"), None),
        (Method::PATCH, own.clone(), Some(json!({"tls_client_auth_san_uri": "https://small.example/"}))),
    ];
    for (method, path, body) in rows {
        let refused = peer.send(method.clone(), &path, Some(&token), body).await;
        assert_eq!(refused.status, 403, "{method} {path}: {}", refused.text);
    }
    let gone = world.administer(Method::DELETE, &format!("/admin/v1/clients/{small}"), None).await;
    assert_eq!(gone.status, 204, "an administrator who is not the last may go");
    assert_eq!(
        peer.send(Method::GET, "/admin/v1/clients", Some(&token), None).await.status,
        401,
        "and its tokens are dead"
    );
}

#[tokio::test]
async fn d10_two_administrators_who_remove_each_other_at_once_do_not_both_succeed() {
    let world = World::start().await;
    let certificate = world.authority.client("https://second.example/");
    let members = json!({"scope": ADMIN_SCOPES, "resources": [world.issuer_url("/admin")],
        "tls_client_auth_san_uri": "https://second.example/"});
    for round in 0..5 {
        let second = world.register(registration("tls_client_auth", members.clone())).await;
        let peer = world.mtls(&certificate);
        let form =
            [("grant_type", "client_credentials"), ("client_id", second.as_str()), ("scope", ADMIN_SCOPES)];
        let token = peer.post("/oauth2/token", &form).await.token();
        let (own, first_token) = (world.mtls(&world.admin), world.admin_token(ADMIN_SCOPES).await);
        let (theirs, ours) = (
            format!("/admin/v1/clients/{second}/disable"),
            format!("/admin/v1/clients/{}/disable", world.admin_id),
        );
        let (one, other) = tokio::join!(
            own.send(Method::POST, &theirs, Some(&first_token), None),
            peer.send(Method::POST, &ours, Some(&token), None)
        );
        let statuses = [one.status, other.status];
        let active = "select count(*) from client where status = 'active' and metadata ->> 'scope' like '%clients.write%'";
        assert_eq!(
            (world.database.count(active).await, statuses.contains(&200)),
            (1, true),
            "round {round}: {statuses:?}"
        );
        assert!(statuses.iter().all(|status| matches!(status, 200 | 401 | 409)), "{statuses:?}");
        world.command(&["client", "enable", &world.admin_id], "").expect_success();
        world.command(&["client", "delete", &second], "").expect_success();
        // What was issued in the second of a stop is dead; the first token of the next is awaited.
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", world.admin_id.as_str()),
            ("scope", ADMIN_SCOPES),
        ];
        crate::harness::eventually(
            "the administrator is back",
            std::time::Duration::from_mins(1),
            || async {
                let token = own.post("/oauth2/token", &form).await.token();
                (own.send(Method::GET, "/admin/v1/keys", Some(&token), None).await.status == 200)
                    .then_some(())
            },
        )
        .await;
    }
}

#[tokio::test]
async fn d01_no_admin_token_is_issued_without_a_key_or_by_a_weak_method() {
    let world = World::start().await;
    let (public, admin) = (world.public(), world.mtls(&world.admin));
    let members = json!({"scope": ADMIN_SCOPES, "resources": [world.issuer_url("/admin")]});
    let unbound = Backend::register(&world, Algorithm::Es256, members.clone()).await;
    for peer in [&public, &admin] {
        let refused = unbound.ask(&world, peer, "admin/clients.read").await;
        refused.refused(400, "invalid_request");
        assert!(
            refused.text.contains("tls_client_certificate_bound_access_tokens"),
            "it says what to register"
        );
    }
    let mut bound = members.clone();
    bound["tls_client_certificate_bound_access_tokens"] = json!(true);
    let bound = Backend::register(&world, Algorithm::Es256, bound).await;
    bound.ask(&world, &public, "admin/clients.read").await.refused(400, "invalid_request");
    let token = bound.ask(&world, &admin, "admin/clients.read").await.token();
    let read = |peer: Peer, token: String| async move {
        peer.send(Method::GET, "/admin/v1/clients", Some(&token), None).await.status
    };
    assert_eq!((read(public.clone(), token.clone()).await, read(admin.clone(), token).await), (401, 200));

    let secret = registration("client_secret_basic", members);
    let answer = world.administer(Method::POST, "/admin/v1/clients", Some(secret)).await;
    assert_eq!(answer.status, 400, "a secret is not enough for an administrator: {}", answer.text);
}

#[tokio::test]
async fn d11_health_and_measurements_stay_inside_and_tell_nothing_of_the_server() {
    let world = World::start().await;
    Backend::register(&world, Algorithm::Es256, json!({})).await;
    for peer in [world.public(), world.mtls(&world.admin)] {
        for path in [
            "/metrics",
            "/healthz",
            "/readyz",
            "/debug",
            "/debug/pprof",
            "/status",
            "/actuator",
            "/backup",
            "/.env",
            "/config",
        ] {
            assert_eq!(peer.get(path).await.status, 404, "{path}");
        }
    }
    let base = format!("http://127.0.0.1:{}", world.processes[0].operations);
    let mut all = String::new();
    for (path, kind) in [
        ("/healthz", "application/json"),
        ("/readyz", "application/json"),
        ("/metrics", "text/plain; version=0.0.4"),
    ] {
        let answer = Answer::read(plain_client().get(format!("{base}{path}")).send().await.unwrap()).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        assert!(answer.header("server").is_none());
        all.push_str(&answer.text);
    }
    for told in
        ["postgres", "hilum_app", env!("CARGO_PKG_VERSION"), world.database.name(), &world.admin_id, "/tmp"]
    {
        assert!(!all.contains(told), "{told}");
    }
    assert!(all.contains("hilum_http_requests_total"));
    // What is watched for its first increase is there before, or the increase is not seen.
    for first in [
        "hilum_alerts_total{kind=\"refresh_token_reused\"} 0",
        "hilum_alerts_total{kind=\"certificate_revoked\"} 0",
        "hilum_sign_in_total{outcome=\"access_denied\"} 0",
        "hilum_backchannel_logout_total{outcome=\"given_up\"} 0",
        "hilum_ocsp_failures_total 0",
    ] {
        assert!(all.lines().any(|line| line == first), "{first}: {all}");
    }
    for path in ["/admin/v1/clients", "/oauth2/token"] {
        assert_eq!(plain_client().get(format!("{base}{path}")).send().await.unwrap().status(), 404);
    }
}
