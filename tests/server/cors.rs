//! What browser apps may read from their own origins (SMART App Launch 2.2, CORS; RFC 9700, 2.6).

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::json;

use crate::harness::{ASSERTION_TYPE, Answer, App, Assertion, Browser, Credential, World, encoded, key};
use crate::token::{agreed, text};

const CALLED: [&str; 3] = ["/oauth2/token", "/oauth2/revoke", "/oauth2/userinfo"];
const HEADERS: [&str; 4] = [
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-max-age",
];

async fn preflight(world: &World, path: &str, origin: &str) -> Answer {
    let request = world.public().request(Method::OPTIONS, path).header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    let request = request.header("access-control-request-headers", "authorization,content-type,dpop");
    Answer::read(request.send().await.unwrap()).await
}

/// A request from a page of an origin, with a form or without.
async fn from(world: &World, origin: &str, path: &str, form: &[(&str, &str)]) -> Answer {
    let request = world.public().request(Method::POST, path).header("origin", origin);
    Answer::read(encoded(request, form).send().await.unwrap()).await
}

#[track_caller]
fn told(answer: &Answer, origin: Option<&str>) {
    assert_eq!(answer.header("access-control-allow-origin"), origin, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    if origin.is_none() {
        for name in HEADERS {
            assert_eq!(answer.header(name), None, "{name}");
        }
    }
}

/// Origins that nobody registered, though they look like some that somebody did.
const STRANGERS: [&str; 12] = [
    "https://evil.example",
    "null",
    "",
    "https://app.example.evil.test",
    "https://app.example:8443",
    "http://app.example",
    "https://app.example/",
    "https://APP.example",
    "https://sub.app.example",
    "http://127.0.0.1.evil.test",
    "http://localhost:3000",
    "https://127.0.0.1",
];

#[tokio::test]
async fn sm_d_05_h13_a_registered_origin_may_ask_and_no_other_is_told_anything() {
    let world = World::start().await;
    App::public(&world, json!({"redirect_uris": ["https://app.example/cb", "http://127.0.0.1/cb"]})).await;
    for path in CALLED {
        for origin in ["https://app.example", "http://127.0.0.1", "http://127.0.0.1:51234"] {
            let answer = preflight(&world, path, origin).await;
            assert_eq!(answer.status, 204, "{path} {origin}");
            told(&answer, Some(origin));
            assert_eq!(answer.header("vary"), Some("origin"));
            assert_eq!(
                answer.header("access-control-allow-headers"),
                Some("authorization, content-type, dpop")
            );
            assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST"));
        }
        for origin in STRANGERS {
            told(&preflight(&world, path, origin).await, None);
            told(&from(&world, origin, path, &[]).await, None);
        }
    }
}

#[tokio::test]
async fn sm_d_05_h13_an_app_reads_its_answers_from_its_own_origin_and_from_no_other_clients() {
    let world = World::start().await;
    let pat = world.patient_person().await;
    let app = App::public(&world, json!({})).await;
    let other = App::public(&world, json!({"redirect_uris": ["https://other.example/cb"]})).await;
    let own = "https://app.example";
    let form = [("client_id", app.id.as_str()), ("grant_type", "authorization_code"), ("code", "x")];
    told(&from(&world, own, "/oauth2/token", &form).await, Some(own));
    for origin in STRANGERS.into_iter().chain(["https://other.example"]) {
        told(&from(&world, origin, "/oauth2/token", &form).await, None);
        told(&from(&world, origin, "/oauth2/revoke", &form).await, None);
    }
    let code = app.code(&mut Browser::new(&world), &pat, "openid offline_access").await;
    let redeem = [
        ("client_id", app.id.as_str()),
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &app.callback),
        ("code_verifier", &app.verifier),
    ];
    let granted = from(&world, own, "/oauth2/token", &redeem).await;
    told(&granted, Some(own));
    // RFC 9449, 8: the nonce for the next proof.
    assert_eq!(granted.header("access-control-expose-headers"), Some("www-authenticate, dpop-nonce"));
    let token = granted.token();
    let ask = async |origin: &str| {
        let request = world.public().request(Method::GET, "/oauth2/userinfo").header("origin", origin);
        Answer::read(request.bearer_auth(&token).send().await.unwrap()).await
    };
    let answer = ask(own).await;
    told(&answer, Some(own));
    assert_eq!((answer.status, answer.header("vary")), (200, Some("origin")));
    told(&ask("https://evil.example").await, None);
    told(&ask("null").await, None);
    let revoke = [("client_id", app.id.as_str()), ("token", &token)];
    let revoked = from(&world, own, "/oauth2/revoke", &revoke).await;
    assert_eq!(revoked.status, 200);
    told(&revoked, Some(own));
    // A stopped client has no origin any more.
    let stopped = format!("/admin/v1/clients/{}/disable", other.id);
    assert_eq!(world.administer(Method::POST, &stopped, None).await.status, 200);
    told(&preflight(&world, "/oauth2/token", "https://other.example").await, None);
    told(&preflight(&world, "/oauth2/token", own).await, Some(own));
}

#[tokio::test]
async fn h13_the_pages_introspection_and_the_admin_api_are_read_from_no_other_origin() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let tokens = agreed(&world, &app, &pat, "openid").await;
    let own = "https://app.example";
    let (peer, admin) = (world.public(), world.mtls(&world.admin));
    let authorize = app.authorize_url("openid");
    for path in [
        authorize.as_str(),
        "/oauth2/authorize",
        "/oauth2/continue",
        "/login",
        "/consent",
        "/oauth2/logout",
        "/oauth2/introspect",
        "/admin/v1/clients",
        "/admin/v1/users",
        "/admin/v1/audit",
    ] {
        for method in [Method::OPTIONS, Method::GET, Method::POST] {
            for peer in [&peer, &admin] {
                let request = peer.request(method.clone(), path).header("origin", own);
                let request = request.header("access-control-request-method", "POST");
                let request = request.bearer_auth(text(&tokens, "access_token"));
                told(&Answer::read(request.send().await.unwrap()).await, None);
            }
        }
    }
}

#[tokio::test]
async fn h13_who_is_not_asked_by_a_browser_gets_no_header_of_cors() {
    let world = World::start().await;
    App::public(&world, json!({})).await;
    for path in CALLED {
        let answer = world.public().post(path, &[]).await;
        told(&answer, None);
        assert_eq!(answer.header("vary"), None, "{path}");
    }
}

#[tokio::test]
async fn h13_an_assertion_of_whoever_no_client_can_be_called_is_refused_as_any_other() {
    let world = World::start().await;
    let key = key(Algorithm::Es384);
    let nobody = Assertion::of("a\0b", &world.issuer_url("/oauth2/token"), &key, "k1").sign(&key);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &nobody),
    ];
    let answer = from(&world, "https://app.example", "/oauth2/token", &form).await;
    told(&answer, None);
    answer.invalid_client();
}

#[tokio::test]
async fn sm_d_05_an_app_that_signs_reads_its_answers_whether_or_not_it_names_itself_beside() {
    let world = World::start().await;
    let app = App::asymmetric(&world, json!({})).await;
    let Credential::Key(key) = &app.credential else { panic!("no key") };
    let assertion = || Assertion::of(&app.id, &world.issuer_url("/oauth2/token"), key, "k1").sign(key);
    let own = "https://app.example";
    for path in ["/oauth2/token", "/oauth2/revoke"] {
        for (named, origin, reader) in [
            (None, own, Some(own)),
            (Some(app.id.as_str()), own, Some(own)),
            (None, "https://other.example", None),
            // Whoever is named beside counts, as the request is refused for it.
            (Some("somebody-else"), own, None),
        ] {
            let assertion = assertion();
            let mut form = vec![
                ("grant_type", "refresh_token"),
                ("refresh_token", "x"),
                ("token", "x"),
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", &assertion),
            ];
            form.extend(named.map(|id| ("client_id", id)));
            told(&from(&world, origin, path, &form).await, reader);
        }
    }
}
