//! `client_secret_basic` and `client_secret_post`: for clients that use no `system/` scopes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use super::reasons;
use crate::harness::{Answer, Backend, Peer, World, encoded, registration};

const FORM: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", "capacity.read")];

/// Registers a client with a secret; the answer is its identifier and the secret.
async fn register(world: &World, method: &str) -> (String, String) {
    let whole = world.register_whole(registration(method, json!({"scope": "capacity.read"}))).await;
    (text(&whole["client_id"]), text(&whole["client_secret"]))
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

async fn rotate(world: &World, id: &str, overlap: i64) -> String {
    let path = format!("/admin/v1/clients/{id}/secret");
    let answer = world.administer(Method::POST, &path, Some(json!({"overlap_seconds": overlap}))).await;
    text(&answer.json()["client_secret"])
}

async fn by_header(peer: &Peer, authorization: &str, more: &[(&str, &str)]) -> Answer {
    let request = peer.request(Method::POST, "/oauth2/token").header("authorization", authorization);
    let form: Vec<_> = FORM.iter().chain(more).copied().collect();
    Answer::read(encoded(request, &form).send().await.expect("an answer")).await
}

async fn by_body(peer: &Peer, id: &str, secret: &str) -> Answer {
    let mut form = FORM.to_vec();
    form.extend([("client_id", id), ("client_secret", secret)]);
    peer.post("/oauth2/token", &form).await
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

#[tokio::test]
async fn sm_cs_01_oa_03_a_secret_is_taken_where_it_is_registered_and_every_refusal_is_alike() {
    let world = World::start().await;
    let peer = world.public();
    let (id, secret) = register(&world, "client_secret_basic").await;
    let (poster, of_poster) = register(&world, "client_secret_post").await;
    // Each part is form-encoded first (RFC 6749, 2.3.1); encoding more than needed is allowed.
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    by_header(&peer, &basic(&id, &secret), &[]).await.granted();
    by_header(&peer, &basic(&percent(&id), &percent(&secret)), &[]).await.granted();
    by_header(&peer, &basic(&id, &secret).replace("Basic", "bAsIC"), &[("client_id", &id)]).await.granted();
    by_body(&peer, &poster, &of_poster).await.granted();

    let wrong = [
        (basic(&id, "wrong"), "wrong_secret"),
        (basic(&id, &secret[1..]), "wrong_secret"),
        (basic(&id, &format!("{secret} ")), "wrong_secret"),
        (basic(&id, ""), "wrong_secret"),
        (basic(&id, &of_poster), "wrong_secret"),
        (basic(&poster, &of_poster), "not_the_registered_method"),
        (basic("nobody", &secret), "unknown_client"),
        (basic("", ""), "unknown_client"),
        ("Basic ???".to_owned(), "unreadable_authorization_header"),
        (basic(&id, "%zz"), "unreadable_authorization_header"),
        (format!("Bearer {secret}"), "unreadable_authorization_header"),
        ("Digest username=\"x\"".to_owned(), "unreadable_authorization_header"),
    ];
    for (authorization, reason) in &wrong {
        let answer = by_header(&peer, authorization, &[]).await;
        answer.invalid_client();
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        let scheme = if authorization.starts_with("Bearer") { "Bearer realm=" } else { "Basic realm=" };
        assert!(challenge.starts_with(scheme), "{reason}: {challenge}");
    }
    by_body(&peer, &poster, "wrong").await.invalid_client();
    by_body(&peer, &id, &secret).await.invalid_client();
    let expected =
        wrong.iter().map(|(_, reason)| *reason).chain(["wrong_secret", "not_the_registered_method"]);
    assert_eq!(reasons(&world, "token.issue").await, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a01_a02_a05_one_client_authenticates_in_one_way() {
    let world = World::start().await;
    let peer = world.public();
    let (id, secret) = register(&world, "client_secret_basic").await;
    let (other, of_other) = register(&world, "client_secret_post").await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let assertion = backend.assertion(&world).sign(&backend.key);
    let asserted =
        [("client_assertion_type", crate::harness::ASSERTION_TYPE), ("client_assertion", &assertion)];

    let header = basic(&id, &secret);
    by_header(&peer, &header, &[("client_secret", &secret)]).await.refused(400, "invalid_request");
    by_header(&peer, &header, &asserted).await.refused(400, "invalid_request");
    let body_and_assertion: Vec<_> =
        FORM.iter().chain(&asserted).copied().chain([("client_secret", "x")]).collect();
    peer.post("/oauth2/token", &body_and_assertion).await.refused(400, "invalid_request");
    by_header(&peer, &header, &[("client_id", &other)]).await.invalid_client();
    // A client with a key shows a secret, or nothing at all.
    by_header(&peer, &basic(&backend.id, "x"), &[]).await.invalid_client();
    by_body(&peer, &backend.id, &of_other).await.invalid_client();
    let named: Vec<_> = FORM.iter().copied().chain([("client_id", backend.id.as_str())]).collect();
    peer.post("/oauth2/token", &named).await.invalid_client();
    let confidential: Vec<_> = FORM.iter().copied().chain([("client_id", id.as_str())]).collect();
    peer.post("/oauth2/token", &confidential).await.invalid_client();
    peer.post("/oauth2/token", &FORM).await.invalid_client();
    // A client with a certificate shows a secret as well.
    let certificate = world.authority.client("https://payer.example/");
    let members = json!({"tls_client_auth_san_uri": "https://payer.example/"});
    let with_certificate = world.register(registration("tls_client_auth", members)).await;
    by_body(&world.mtls(&certificate), &with_certificate, "x").await.invalid_client();

    let (many, unfit) = ("several_credentials", "not_the_registered_method");
    let expected =
        [many, many, many, "several_clients_named", unfit, unfit, unfit, unfit, "no_client_named", unfit];
    assert_eq!(reasons(&world, "token.issue").await, expected);
    let records = world.audit("token.issue").await;
    let named = records.iter().filter(|record| record["reason"] == many && record["client"] == id).count();
    assert_eq!(named, 2, "the record names the client that was named, whatever else it showed");
    // None of it has used the assertion up.
    super::ask_with(&peer, &assertion).await.granted();
}

#[tokio::test]
async fn a07_sm_cs_03_former_secrets_live_through_their_overlap_and_are_dead_everywhere_without_one() {
    let world = World::with_processes(2).await;
    let peers = [world.public_of(0), world.public_of(1)];
    let (id, first) = register(&world, "client_secret_basic").await;
    let second = rotate(&world, &id, 600).await;
    for peer in &peers {
        by_header(peer, &basic(&id, &first), &[]).await.granted();
        by_header(peer, &basic(&id, &second), &[]).await.granted();
    }
    let mut newest = second.clone();
    for _ in 0..5 {
        let previous = std::mem::replace(&mut newest, rotate(&world, &id, 600).await);
        by_header(&peers[1], &basic(&id, &newest), &[]).await.granted();
        by_header(&peers[1], &basic(&id, &previous), &[]).await.granted();
        by_header(&peers[1], &basic(&id, &first), &[]).await.invalid_client();
    }
    let last = rotate(&world, &id, 0).await;
    for peer in &peers {
        for dead in [&first, &second, &newest] {
            by_header(peer, &basic(&id, dead), &[]).await.invalid_client();
        }
        by_header(peer, &basic(&id, &last), &[]).await.granted();
    }
    assert!(reasons(&world, "token.issue").await.iter().all(|reason| reason == "wrong_secret"));
}

#[tokio::test]
async fn a07_i08_a_client_that_is_stopped_is_dead_at_once_on_all_processes() {
    let world = World::with_processes(2).await;
    let peers = [world.public_of(0), world.public_of(1)];
    let server =
        Backend::register(&world, Algorithm::Es256, json!({"introspects": [crate::harness::FHIR]})).await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let (id, secret) = register(&world, "client_secret_basic").await;
    let token = backend.ask(&world, &peers[1], "system/Claim.rs").await.token();
    server.introspect(&world, &peers[1], &token).await.active();
    for client in [&backend.id, &id] {
        let path = format!("/admin/v1/clients/{client}/disable");
        assert_eq!(world.administer(Method::POST, &path, None).await.status, 200);
    }
    let shown = backend.assertion(&world).sign(&backend.key);
    for peer in &peers {
        by_header(peer, &basic(&id, &secret), &[]).await.invalid_client();
        backend.ask(&world, peer, "system/Claim.rs").await.invalid_client();
        server.introspect(&world, peer, &token).await.inactive();
        backend.revoke(&world, peer, &token).await.invalid_client();
    }
    super::ask_with(&peers[0], &shown).await.invalid_client();
    assert!(reasons(&world, "token.issue").await.iter().all(|reason| reason == "client_disabled"));

    let path = format!("/admin/v1/clients/{}/enable", backend.id);
    assert_eq!(world.administer(Method::POST, &path, None).await.status, 200);
    backend.ask(&world, &peers[1], "system/Claim.rs").await.granted();
    server.introspect(&world, &peers[1], &token).await.inactive();
    // What it showed while it was stopped stays used up.
    super::ask_with(&peers[0], &shown).await.invalid_client();
    let path = format!("/admin/v1/clients/{}", backend.id);
    assert_eq!(world.administer(Method::DELETE, &path, None).await.status, 204);
    backend.ask(&world, &peers[1], "system/Claim.rs").await.invalid_client();
}

#[tokio::test]
async fn a09_a_secret_is_shown_once_and_never_again() {
    let world = World::start().await;
    let (id, first) = register(&world, "client_secret_basic").await;
    let second = rotate(&world, &id, 600).await;
    by_header(&world.public(), &basic(&id, &first), &[]).await.granted();
    by_header(&world.public(), &basic(&id, &second[1..]), &[]).await.invalid_client();
    let path = format!("/admin/v1/clients/{id}");
    let change = Some(json!({"client_name": "Renamed"}));
    let mut said = vec![
        world.administer(Method::GET, &path, None).await.text,
        world.administer(Method::GET, "/admin/v1/clients?limit=100", None).await.text,
        world.administer(Method::PATCH, &path, change).await.text,
        world.administer(Method::GET, "/admin/v1/audit?limit=200", None).await.text,
        world.processes[0].log() + &id,
    ];
    let dump =
        world.database.text("select coalesce(string_agg(s::text, ' '), '') from client_secret s").await;
    said.push(dump);
    for text in said {
        assert!(text.contains(&id) && !text.contains("\"client_secret\""), "{text}");
        assert!([&first, &second].iter().all(|secret| !text.contains(secret.as_str())), "a secret in {text}");
    }
}
