//! Clients over the admin API.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{ADMIN_SCOPES, Answer, Backend, FHIR, World, key, registration};

const CLIENTS: &str = "/admin/v1/clients";

/// A request that is made for one version of what it changes.
async fn conditional(world: &World, method: Method, path: &str, etag: &str, body: &Value) -> Answer {
    let token = world.admin_token(ADMIN_SCOPES).await;
    let request = world.mtls(&world.admin).request(method, path).bearer_auth(token);
    Answer::read(request.header("if-match", etag).json(body).send().await.unwrap()).await
}

/// Asks for a token with a secret.
async fn ask(world: &World, id: &str, secret: &str) -> Answer {
    let form = [("grant_type", "client_credentials"), ("scope", "capacity.read")];
    world.public().post_basic("/oauth2/token", (id, secret), &form).await
}

fn with_secret() -> Value {
    registration("client_secret_basic", json!({"scope": "capacity.read"}))
}

/// The members that a problem document names.
pub(super) fn named(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.text);
    let problem = answer.json();
    assert_eq!(
        (problem["type"].as_str(), problem["status"].as_u64()),
        (Some("about:blank"), Some(answer.status.into()))
    );
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a09_a_client_lives_from_its_registration_to_its_deletion_and_its_secret_is_shown_once() {
    let world = World::start().await;
    let created = world.administer(Method::POST, CLIENTS, Some(with_secret())).await;
    assert_eq!(
        (created.status, created.header("etag"), created.header("cache-control")),
        (201, Some("\"1\""), Some("no-store"))
    );
    let document = created.json();
    let (id, secret) = (document["client_id"].as_str().unwrap(), document["client_secret"].as_str().unwrap());
    let path = format!("{CLIENTS}/{id}");
    assert_eq!(created.header("location"), Some(path.as_str()));
    ask(&world, id, secret).await.granted();

    let read = world.administer(Method::GET, &path, None).await;
    let list = world.administer(Method::GET, CLIENTS, None).await;
    assert!(
        !read.text.contains(secret) && !read.text.contains("client_secret\"") && !list.text.contains(secret)
    );

    let renamed =
        registration("client_secret_basic", json!({"scope": "capacity.read", "client_name": "Renamed"}));
    let replaced = conditional(&world, Method::PUT, &path, "\"1\"", &renamed).await;
    assert_eq!((replaced.status, replaced.header("etag")), (200, Some("\"2\"")));
    for stale in ["\"1\"", "\"99\"", "other", "\"\""] {
        let refused = conditional(&world, Method::PUT, &path, stale, &renamed).await;
        assert_eq!((refused.status, named(&refused).len()), (412, 0), "{stale}");
    }
    let patch = json!({"contacts": ["ops@payer.example"], "purpose_of_use": "HPAYMT"});
    let patched = conditional(&world, Method::PATCH, &path, "\"2\"", &patch).await;
    assert_eq!(
        (&patched.json()["client_name"], &patched.json()["purpose_of_use"]),
        (&json!("Renamed"), &json!("HPAYMT"))
    );
    let removed = world.administer(Method::PATCH, &path, Some(json!({"purpose_of_use": null}))).await;
    assert!(removed.status == 200 && removed.json().get("purpose_of_use").is_none());

    let disabled = world.administer(Method::POST, &format!("{path}/disable"), None).await;
    assert_eq!(disabled.json()["status"], "disabled");
    ask(&world, id, secret).await.invalid_client();
    let enabled = world.administer(Method::POST, &format!("{path}/enable"), None).await;
    assert_eq!(enabled.json()["status"], "active");
    ask(&world, id, secret).await.granted();

    assert_eq!(world.administer(Method::DELETE, &path, None).await.status, 204);
    ask(&world, id, secret).await.invalid_client();
    for (method, at) in [
        (Method::GET, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::POST, format!("{path}/enable")),
    ] {
        assert_eq!(world.administer(method, &at, None).await.status, 404, "{at}");
    }
}

#[tokio::test]
async fn a_rotated_secret_overlaps_with_the_former_one_for_as_long_as_was_asked() {
    let world = World::start().await;
    let whole = world.register_whole(with_secret()).await;
    let (id, first) = (whole["client_id"].as_str().unwrap(), whole["client_secret"].as_str().unwrap());
    let path = format!("{CLIENTS}/{id}/secret");
    let rotated = world.administer(Method::POST, &path, Some(json!({"overlap_seconds": 600}))).await.json();
    let second = rotated["client_secret"].as_str().unwrap();
    ask(&world, id, first).await.granted();
    ask(&world, id, second).await.granted();
    // As if nine minutes had passed, and then the tenth.
    let pass = async |seconds: u32| {
        let earlier = format!(
            "update client_secret set created_at = created_at - interval '{seconds} s',
                    expires_at = expires_at - interval '{seconds} s' where expires_at is not null"
        );
        world.database.execute(&earlier).await;
    };
    pass(540).await;
    ask(&world, id, first).await.granted();
    pass(60).await;
    ask(&world, id, first).await.invalid_client();
    ask(&world, id, second).await.granted();

    let third = world.administer(Method::POST, &path, None).await.json();
    ask(&world, id, second).await.invalid_client();
    ask(&world, id, third["client_secret"].as_str().unwrap()).await.granted();
    for wrong in [
        json!({"overlap_seconds": -1}),
        json!({"overlap_seconds": 2_592_001}),
        json!({"overlap_seconds": "2"}),
        json!({"secret": "mine"}),
    ] {
        let refused = world.administer(Method::POST, &path, Some(wrong.clone())).await;
        assert_eq!((refused.status, named(&refused).len()), (400, 1), "{wrong}");
    }
    let without = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let refused = world.administer(Method::POST, &format!("{CLIENTS}/{}/secret", without.id), None).await;
    assert_eq!(refused.status, 409);
}

#[tokio::test]
async fn clients_are_listed_once_each_over_pages_that_name_the_next() {
    let world = World::start().await;
    for number in 0..5 {
        world
            .register(registration(
                "client_secret_basic",
                json!({"client_name": format!("Client {number}"), "scope": "capacity.read"}),
            ))
            .await;
    }
    let (mut path, mut found, mut pages) = (format!("{CLIENTS}?limit=2"), Vec::new(), 0);
    loop {
        let page = world.administer(Method::GET, &path, None).await;
        let document = page.json();
        let items = document["items"].as_array().unwrap();
        found.extend(items.iter().map(|client| client["client_id"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(link) = page.header("link") else {
            assert_eq!(document["next"], Value::Null);
            break;
        };
        let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).expect(link);
        assert!(next.contains(document["next"].as_str().unwrap()), "{link}");
        path = next.to_owned();
    }
    // Six clients with the administrator; a full last page may be followed by an empty one.
    let mut sorted = found.clone();
    sorted.sort();
    sorted.dedup();
    assert!(found == sorted && found.len() == 6 && (3..=4).contains(&pages), "{pages}: {found:?}");
    for wrong in ["limit=0", "limit=201", "limit=x", "cursor=!", "cursor=AAAA", "page=2", "limit=1&limit=2"] {
        let refused = world.administer(Method::GET, &format!("{CLIENTS}?{wrong}"), None).await;
        assert_eq!(refused.status, 400, "{wrong}");
        named(&refused);
    }
}

#[tokio::test]
async fn keys_are_added_and_removed_and_a_removed_key_authenticates_no_more() {
    let world = World::start().await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let path = format!("{CLIENTS}/{}/keys", client.id);
    let second = Backend { id: client.id.clone(), key: key(Algorithm::Es384), kid: "k2" };
    second.ask(&world, &world.public(), "system/Claim.rs").await.invalid_client();
    let added = world.administer(Method::POST, &path, Some(second.key.public_jwk("k2"))).await;
    assert_eq!((added.status, added.json()["jwks"]["keys"].as_array().unwrap().len()), (200, 2));
    second.ask(&world, &world.public(), "system/Claim.rs").await.granted();

    assert_eq!(world.administer(Method::DELETE, &format!("{path}/k1"), None).await.status, 200);
    client.ask(&world, &world.public(), "system/Claim.rs").await.invalid_client();
    second.ask(&world, &world.public(), "system/Claim.rs").await.granted();
    assert_eq!(world.administer(Method::DELETE, &format!("{path}/k1"), None).await.status, 404);
    // private_key_jwt without a key could never authenticate again.
    assert_eq!(named(&world.administer(Method::DELETE, &format!("{path}/k2"), None).await), ["jwks"]);

    let private = key(Algorithm::Es256).private_jwk("k3").unwrap();
    let mut unnamed = key(Algorithm::Es256).public_jwk("x");
    unnamed.as_object_mut().unwrap().remove("kid");
    let again = key(Algorithm::Es256).public_jwk("k2");
    for wrong in
        [private, unnamed, again, json!({"kty": "oct", "k": "c2VjcmV0", "kid": "k3"}), json!({"kid": "k3"})]
    {
        let refused = world.administer(Method::POST, &path, Some(wrong.clone())).await;
        assert_eq!((refused.status, named(&refused).len()), (400, 1), "{}", refused.text);
    }
}

#[tokio::test]
async fn sm_l_01_r04_r08_r10_r12_every_bad_member_of_a_registration_is_refused_and_named() {
    let world = World::start().await;
    let es = key(Algorithm::Es256);
    let private = es.private_jwk("k1").unwrap();
    let redirect = |uri: &str| ("redirect_uris", json!([uri]), "redirect_uris[0]");
    let mut rows = vec![
        ("client_name", Value::Null, "client_name"),
        ("client_name", json!("a\nb"), "client_name"),
        ("client_name", json!("x".repeat(257)), "client_name"),
        ("organization", json!(7), "organization"),
        ("grant_types", json!(["password"]), "grant_types[0]"),
        ("grant_types", json!(["client_credentials", "client_credentials"]), "grant_types[1]"),
        ("token_endpoint_auth_method", json!("client_secret_jwt"), "token_endpoint_auth_method"),
        ("token_endpoint_auth_signing_alg", json!("none"), "token_endpoint_auth_signing_alg"),
        ("token_endpoint_auth_signing_alg", json!("RS384"), "token_endpoint_auth_signing_alg"),
        ("scope", json!("system/Claim.xyz"), "scope"),
        ("scope", json!(["system/Claim.rs"]), "scope"),
        ("resources", json!(["https://unknown.example"]), "resources[0]"),
        ("introspects", json!([FHIR, "https://unknown.example"]), "introspects[1]"),
        ("profile", json!("open"), "profile"),
        ("jwks", json!({"keys": [private]}), "jwks"),
        ("jwks", json!({"keys": [{"kty": "oct", "kid": "s", "k": "c2VjcmV0c2VjcmV0"}]}), "jwks"),
        ("jwks", json!({"keys": []}), "jwks"),
        ("jwks", json!({"keys": vec![es.public_jwk("same"); 2]}), "jwks"),
        ("jwks", json!({"keys": (0..33).map(|n| es.public_jwk(&n.to_string())).collect::<Vec<_>>()}), "jwks"),
        ("jwks_uri", json!("https://payer.example/jwks"), "jwks_uri"),
        ("launch_urls", json!(["http://app.example/launch"]), "launch_urls[0]"),
        (
            "tls_client_certificate_bound_access_tokens",
            json!("yes"),
            "tls_client_certificate_bound_access_tokens",
        ),
        ("purpose_of_use", json!("because I can"), "purpose_of_use"),
        ("contacts", json!("me"), "contacts"),
        ("software_statement", json!("x"), "software_statement"),
    ];
    let redirects = [
        "https://app.example/cb#x",
        "https://app.example/cb#",
        "https://app.example/*",
        "https://*.example/cb",
        "https://app.example*",
        ".*",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "http://app.example/cb",
        "/cb",
        "",
        "https://u:p@app.example/cb",
        "https://app.example/a/../cb",
    ];
    rows.extend(redirects.map(redirect));
    let token = world.admin_token(ADMIN_SCOPES).await;
    let admin = world.mtls(&world.admin);
    let good = registration("private_key_jwt", json!({"jwks": {"keys": [es.public_jwk("k1")]}}));
    for (member, value, field) in rows {
        let mut document = good.clone();
        document[member] = value.clone();
        let refused = admin.send(Method::POST, CLIENTS, Some(&token), Some(document)).await;
        assert_eq!((refused.status, named(&refused)), (400, vec![field.to_owned()]), "{member}: {value}");
        let code = if member == "redirect_uris" { "invalid_redirect_uri" } else { "invalid_client_metadata" };
        assert_eq!(refused.json()["error"], code, "{value}");
        assert!(!refused.text.contains(private["d"].as_str().unwrap()));
    }
    assert_eq!(world.database.count("select count(*) from client").await, 1, "nothing was registered");
}

#[tokio::test]
async fn d03_members_that_the_server_sets_or_does_not_know_cannot_be_assigned() {
    let world = World::start().await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let path = format!("{CLIENTS}/{}", client.id);
    let before = world.administer(Method::GET, &path, None).await.json();
    let token = world.admin_token(ADMIN_SCOPES).await;
    let admin = world.mtls(&world.admin);
    let rows = [
        ("client_id", json!(world.admin_id)),
        ("client_secret", json!("mine")),
        ("client_secret_expires_at", json!(0)),
        ("status", json!("active")),
        ("version", json!(9)),
        ("updated_at", json!(0)),
        ("tokens_not_before", json!(0)),
        ("roles", json!(["admin"])),
        ("verified", json!(true)),
        ("tenant_id", json!("other")),
        ("locked_until", json!(1)),
        ("__proto__", json!({"admin": true})),
        ("Scope", json!("admin/clients.write")),
    ];
    for (member, value) in rows {
        let mut whole =
            registration("private_key_jwt", json!({"jwks": {"keys": [client.key.public_jwk("k1")]}}));
        whole[member] = value.clone();
        let bodies = [
            (Method::PATCH, path.as_str(), json!({member: value})),
            (Method::PUT, &path, whole.clone()),
            (Method::POST, CLIENTS, whole),
        ];
        for (method, path, body) in bodies {
            let refused = admin.send(method.clone(), path, Some(&token), Some(body)).await;
            assert_eq!(
                (refused.status, named(&refused)),
                (400, vec![member.to_owned()]),
                "{method} {member}"
            );
        }
    }
    assert_eq!(world.administer(Method::GET, &path, None).await.json(), before);
    let repeated =
        admin.request(Method::PATCH, &path).bearer_auth(&token).header("content-type", "application/json");
    let repeated = repeated.body(r#"{"client_name":"A","client_name":"B"}"#).send().await.unwrap();
    assert_eq!(repeated.status(), 400);
}
