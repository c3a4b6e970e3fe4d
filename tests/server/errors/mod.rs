//! The errors of OAuth, row by row: where, in which case, which code, which status and which headers. Each answer is
//! one row of a table. What each wrong parameter is answered with is held by the matrix; faults are held by
//! `authorize/faults.rs` and `faults/`, waits of people by `sign_in/`, `account/sign_in.rs` and `device/attacks.rs`.

mod authorize;

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::device;
use crate::harness::{
    ASSERTION_TYPE, Answer, App, Backend, Browser, Database, Ehr, FHIR, Prover, World, registration,
};
use crate::token::{agreed, text};

/// What a row is called, what is sent, and the error for it.
type Change<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

/// What a header must be: there and begin so, or not there.
type Header = (&'static str, Option<&'static str>);

/// A row: its name, the answer, and what it must be.
type Row = (&'static str, Answer, (u16, &'static str), &'static [Header]);

const PLAIN: &[Header] = &[("www-authenticate", None), ("content-type", Some("application/json"))];
const BASIC: &[Header] = &[("www-authenticate", Some("Basic realm=\"hilum\""))];
const BEARER: &[Header] = &[("www-authenticate", Some("Bearer realm=\"hilum\", error=\"invalid_token\""))];
const USERINFO: &str = "/oauth2/userinfo";
const SCOPE: &str = "openid fhirUser offline_access launch/patient patient/Observation.rs";

/// Each row is answered as it says, and is not kept.
#[track_caller]
fn hold(rows: Vec<Row>) {
    for (name, answer, (status, error), headers) in rows {
        let told = answer.json();
        assert_eq!((answer.status, told["error"].as_str()), (status, Some(error)), "{name}: {}", answer.text);
        answer.refused(status, error);
        for (header, begins) in headers {
            let shown = answer.header(header);
            match begins {
                Some(begins) => {
                    assert!(shown.is_some_and(|text| text.starts_with(begins)), "{name}: {answer:?}");
                }
                None => assert_eq!(shown, None, "{name}: {header}"),
            }
        }
    }
}

async fn basic(world: &World) -> (String, String) {
    let client =
        world.register_whole(registration("client_secret_basic", json!({"scope": "capacity.read"}))).await;
    (text(&client, "client_id").to_owned(), text(&client, "client_secret").to_owned())
}

#[tokio::test]
async fn err_token_each_error_has_its_code_its_status_and_its_challenge() {
    let world = World::start().await;
    let public = world.public();
    let (id, secret) = basic(&world).await;
    let app = App::public(&world, json!({})).await;
    let cc = [("grant_type", "client_credentials"), ("scope", "capacity.read")];
    let path = "/oauth2/token";
    let form = |more: &[(&'static str, &'static str)]| [&cc[..], more].concat();
    let by = async |form: &[(&str, &str)]| public.post_basic(path, (&id, &secret), form).await;
    let backend = Backend::register(&world, Algorithm::Es384, json!({})).await;
    let other = Backend::register(&world, Algorithm::Es384, json!({})).await;
    let forged = backend.assertion(&world).sign(&other.key);
    let named = |credential: (&'static str, &'static str)| {
        [&cc[..], &[("client_id", id.as_str()), credential]].concat()
    };
    let grant =
        [("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", "https://app.example/cb")];
    hold(vec![
        ("missing", by(&[]).await, (400, "invalid_request"), PLAIN),
        ("repeated", by(&form(&[("scope", "capacity.read")])).await, (400, "invalid_request"), PLAIN),
        ("several methods", by(&form(&[("client_secret", "x")])).await, (400, "invalid_request"), PLAIN),
        ("grant unknown", by(&[("grant_type", "password")]).await, (400, "unsupported_grant_type"), PLAIN),
        ("grant not allowed", by(&grant).await, (400, "unauthorized_client"), PLAIN),
        ("scope", by(&[cc[0], ("scope", "none/none")]).await, (400, "invalid_scope"), PLAIN),
        ("resource", by(&form(&[("resource", "https://x.example")])).await, (400, "invalid_target"), PLAIN),
        (
            "details",
            by(&form(&[("authorization_details", "[]x")])).await,
            (400, "invalid_authorization_details"),
            PLAIN,
        ),
        ("code", app.redeem(&public, "x").await, (400, "invalid_grant"), PLAIN),
        ("refresh token", app.refresh(&public, "x").await, (400, "invalid_grant"), PLAIN),
        ("header", public.post_basic(path, (&id, "wrong"), &cc).await, (401, "invalid_client"), BASIC),
        ("nobody", public.post_basic(path, ("nobody", "wrong"), &cc).await, (401, "invalid_client"), BASIC),
        (
            "secret in the body",
            public.post(path, &named(("client_secret", "wrong"))).await,
            (401, "invalid_client"),
            BASIC,
        ),
        (
            "assertion",
            public.post(path, &Backend::form(&forged, "system/Claim.rs")).await,
            (401, "invalid_client"),
            BASIC,
        ),
        ("no credentials", public.post(path, &cc).await, (401, "invalid_client"), BASIC),
    ]);
    // OA-03: nobody learns which clients there are.
    let (known, unknown) = (
        public.post_basic(path, (&id, "wrong"), &cc).await,
        public.post_basic(path, ("nobody", "wrong"), &cc).await,
    );
    assert_eq!(known.text, unknown.text);
}

#[tokio::test]
async fn err_par_what_is_wrong_is_told_where_it_is_pushed() {
    let world = World::start().await;
    let app = App::asymmetric(&world, json!({})).await;
    let rows: [Change; 10] = [
        ("redirect_uri", &[("redirect_uri", "https://evil.example/cb")], "invalid_request"),
        ("request_uri", &[("request_uri", "urn:x")], "invalid_request"),
        ("PKCE", &[("code_challenge", "")], "invalid_request"),
        ("response_type", &[("response_type", "token")], "unsupported_response_type"),
        ("scope", &[("scope", "system/*.rs")], "invalid_scope"),
        ("resource", &[("resource", "https://x.example")], "invalid_target"),
        ("details", &[("authorization_details", r#"[{"type":"x"}]"#)], "invalid_authorization_details"),
        ("request object", &[("request", "a.b.c")], "invalid_request_object"),
        ("id_token_hint", &[("id_token_hint", "a.b.c")], "invalid_request"),
        ("dpop_jkt", &[("dpop_jkt", "x")], "invalid_request"),
    ];
    let mut all: Vec<Row> = Vec::new();
    for (name, change, error) in rows {
        all.push((name, app.push(&world.public(), SCOPE, change).await, (400, error), PLAIN));
    }
    let proof = world.public().with("dpop", "a.b.c");
    all.push(("proof", app.push(&proof, SCOPE, &[]).await, (400, "invalid_dpop_proof"), PLAIN));
    hold(all);
}

#[tokio::test]
async fn err_token_a_proof_is_told_with_a_nonce() {
    const NONCE: &[Header] = &[("dpop-nonce", Some("")), ("www-authenticate", None)];
    let world = World::start().await;
    let public = world.public();
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let prover = Prover::new(&public).await;
    let ask = async |proof: &str| backend.ask(&world, &public.with("dpop", proof), "system/Claim.rs").await;
    let right = || prover.post(&public, "/oauth2/token");
    hold(vec![
        ("malformed", ask("x").await, (400, "invalid_dpop_proof"), NONCE),
        (
            "method",
            ask(&right().claim("htm", json!("GET")).sign(&prover.key)).await,
            (400, "invalid_dpop_proof"),
            NONCE,
        ),
        (
            "no nonce",
            ask(&right().claim("nonce", Value::Null).sign(&prover.key)).await,
            (400, "use_dpop_nonce"),
            NONCE,
        ),
    ]);
    ask(&right().sign(&prover.key)).await.granted();
}

#[tokio::test]
async fn err_device_pending_too_fast_denied_and_expired() {
    let world = device::world().await;
    let (app, pat) = (device::public(&world).await, world.patient_person().await);
    let codes = device::ask(&world, &app, device::SCOPE).await;
    let pending = device::poll(&world, &app, &codes).await;
    world.database.execute("update device_code set polled_at = now() + interval '1 hour'").await;
    let fast = device::poll(&world, &app, &codes).await;
    let denied = device::ask(&world, &app, device::SCOPE).await;
    let mut browser = Browser::new(&world);
    let question = device::question(&mut browser, &denied, &pat).await;
    browser.deny(&question).await;
    let denied = device::poll(&world, &app, &denied).await;
    device::expire(&world).await;
    hold(vec![
        ("pending", pending, (400, "authorization_pending"), PLAIN),
        ("too fast", fast, (400, "slow_down"), PLAIN),
        ("denied", denied, (400, "access_denied"), PLAIN),
        ("expired", device::poll(&world, &app, &codes).await, (400, "expired_token"), PLAIN),
        (
            "unknown",
            device::poll(&world, &app, &json!({"device_code": "x"})).await,
            (400, "invalid_grant"),
            PLAIN,
        ),
    ]);
}

/// `unapproved_software_statement` and the number of registrations are held by `registration/statements.rs`.
#[tokio::test]
async fn err_register_what_is_wrong_with_a_client_is_told_by_its_code() {
    let world = World::configured(1, "[features]\ndynamic_registration = true\n", Database::url).await;
    let leave = json!({"organization": "Acme", "scope": "openid", "resources": [FHIR], "registrations": 9});
    let leave = world.administer(Method::POST, "/admin/v1/initial-access-tokens", Some(leave)).await.json();
    let token = text(&leave, "token");
    let register = async |token: Option<&str>, members: Value| {
        let mut document = json!({"client_name": "Chart", "redirect_uris": ["https://app.example/cb"],
            "grant_types": ["authorization_code"], "token_endpoint_auth_method": "none"});
        document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        world.public().send(Method::POST, "/oauth2/register", token, Some(document)).await
    };
    let gone = world.public().send(Method::GET, "/oauth2/register/x", Some("hra_x"), None).await;
    hold(vec![
        (
            "redirect_uri",
            register(Some(token), json!({"redirect_uris": ["x"]})).await,
            (400, "invalid_redirect_uri"),
            PLAIN,
        ),
        (
            "metadata",
            register(Some(token), json!({"grant_types": 7})).await,
            (400, "invalid_client_metadata"),
            PLAIN,
        ),
        (
            "statement",
            register(Some(token), json!({"software_statement": "a.b.c"})).await,
            (400, "invalid_software_statement"),
            PLAIN,
        ),
        ("no leave", register(Some("hit_x"), json!({})).await, (401, "invalid_token"), BEARER),
        ("no client", gone, (401, "invalid_token"), BEARER),
    ]);
    assert_eq!(register(Some(token), json!({})).await.status, 201);
}

/// With a proof: `token/dpop/shown.rs`. At introspection: `introspection.rs`. At the admin API: `admin/matrix.rs`.
#[tokio::test]
async fn err_resource_every_refusal_of_a_token_has_a_challenge() {
    const BARE: &[Header] = &[("www-authenticate", Some("Bearer realm=\"hilum\""))];
    const MALFORMED: &[Header] =
        &[("www-authenticate", Some("Bearer realm=\"hilum\", error=\"invalid_request\""))];
    const SCOPE_OF: &[Header] =
        &[("www-authenticate", Some("Bearer realm=\"hilum\", error=\"insufficient_scope\", scope=\""))];
    let world = World::start().await;
    let public = world.public();
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let scope = "launch/patient patient/Observation.rs";
    let nobody = agreed(&world, &app, &pat, scope).await;
    let nobody = text(&nobody, "access_token");
    let none = public.get(USERINFO).await;
    assert_eq!(none.header("www-authenticate"), Some("Bearer realm=\"hilum\""), "RFC 6750, 3.1: no error");
    let get = async |token: &str| public.send(Method::GET, USERINFO, Some(token), None).await;
    hold(vec![
        ("none", none, (401, "invalid_token"), BARE),
        ("bad", get("x").await, (401, "invalid_token"), BEARER),
        (
            "in the URL",
            public.get("/oauth2/userinfo?access_token=x").await,
            (400, "invalid_request"),
            MALFORMED,
        ),
        ("scope", get(nobody).await, (403, "insufficient_scope"), SCOPE_OF),
    ]);
    for path in ["/launch", "/authorization-decisions"] {
        let send = async |token: Option<&str>| public.send(Method::POST, path, token, Some(json!({}))).await;
        for (answer, status, error) in [
            (send(None).await, 401, "invalid_token"),
            (send(Some("x")).await, 401, "invalid_token"),
            (send(Some(nobody)).await, 403, "insufficient_scope"),
        ] {
            answer.refused(status, error);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert!(
                answer.header("www-authenticate").is_some_and(|text| text.starts_with("Bearer realm")),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn err_any_what_comes_too_often_is_told_when_to_come_again() {
    let world = World::start().await;
    let (ehr, app) = (Ehr::register(&world, json!({})).await, crate::smart::app(&world, json!({})).await);
    world.clinician().await;
    let body = json!({"client_id": app.id, "user": "dr.lee"});
    assert_eq!(ehr.ask(&world, body.clone()).await.status, 201);
    let many = "insert into launch select (jsonb_populate_record(l, jsonb_build_object('launch_id', gen_random_uuid(),
                    'digest', sha256(n::text::bytea)))).* from launch l, generate_series(1, 9999) n";
    world.database.execute(many).await;
    let answer = ehr.ask(&world, body).await;
    answer.refused(429, "temporarily_unavailable");
    assert!(answer.header("retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok()), "{answer:?}");
}

#[tokio::test]
async fn err_any_methods_bodies_and_kinds() {
    let on = "[features]\ndevice_authorization = true\ndynamic_registration = true\n";
    let world = World::configured(1, on, Database::url).await;
    let public = world.public();
    let rows = [
        ("/oauth2/token", "POST, OPTIONS"),
        ("/oauth2/par", "POST, OPTIONS"),
        ("/oauth2/revoke", "POST, OPTIONS"),
        ("/oauth2/introspect", "POST"),
        ("/oauth2/device", "POST"),
        ("/oauth2/register", "POST"),
        ("/oauth2/register/x", "GET, PUT, DELETE"),
        ("/launch", "POST"),
        ("/authorization-decisions", "POST"),
        (USERINFO, "GET, POST, OPTIONS"),
        ("/oauth2/authorize", "GET, POST"),
        ("/oauth2/continue", "GET"),
        ("/login", "GET, POST"),
        ("/consent", "GET, POST"),
        ("/patient", "GET, POST"),
        ("/encounter", "GET, POST"),
        ("/device", "GET, POST"),
        ("/account", "GET, POST"),
        ("/oauth2/logout", "GET, POST"),
    ];
    for (path, allowed) in rows {
        for method in ["PATCH", "TRACE", "PROPFIND"] {
            let answer = public.send(method.parse().unwrap(), path, None, None).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
        }
    }
    let ehr = Ehr::register(&world, json!({})).await.token(&world).await;
    for (path, kind) in
        rows[..5].iter().map(|(path, _)| (*path, "x-www-form-urlencoded")).chain([("/launch", "json")])
    {
        let send = async |kind: String, body: String| {
            let request =
                public.request(Method::POST, path).bearer_auth(&ehr).header("content-type", kind).body(body);
            Answer::read(request.send().await.unwrap()).await
        };
        send(format!("application/{kind}"), "x".repeat(400_000)).await.refused(413, "invalid_request");
        send("text/plain".to_owned(), "x".to_owned()).await.refused(415, "invalid_request");
        send(format!("application/{kind}; charset=utf-16"), "x".to_owned())
            .await
            .refused(415, "invalid_request");
    }
}

/// RFC 7009, 2.2.1 has `unsupported_token_type`: it does not arise here, since every kind of token can be revoked.
#[tokio::test]
async fn err_revoke_no_kind_of_token_is_unsupported() {
    let world = World::start().await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    for hint in ["access_token", "refresh_token", "id_token", "x"] {
        let assertion = client.assertion(&world).sign(&client.key);
        let form = [
            ("token", "x"),
            ("token_type_hint", hint),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        let answer = world.public().post("/oauth2/revoke", &form).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{hint}");
    }
}
