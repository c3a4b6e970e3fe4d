//! A client looks after its registration (RFC 7592).

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Own, names, not_authorized, reasons, register, world};
use crate::harness::{App, Browser, Credential, FHIR, World, key, registration};

/// The app of a registration.
fn client(world: &World, own: &Own) -> App {
    let mut client = App::known(&own.id, "https://app.example/cb", world.issuer());
    if let Some(secret) = own.document["client_secret"].as_str() {
        client.credential = Credential::Secret(secret.to_owned());
    }
    client
}

#[tokio::test]
async fn dc_04_a_client_reads_and_replaces_its_registration_as_a_whole() {
    let world = world().await;
    let members =
        json!({"contacts": ["ops@app.example"], "token_endpoint_auth_method": "client_secret_post"});
    let own = Own::registered(&world, members).await;
    let read = own.send(&world, Method::GET, None).await;
    assert_eq!((read.status, read.header("cache-control")), (200, Some("no-store")));
    let mut expected = own.document.clone();
    for shown_once in ["client_secret", "client_secret_expires_at"] {
        expected.as_object_mut().unwrap().remove(shown_once);
    }
    assert_eq!(read.json(), expected);

    let secret = own.document["client_secret"].clone();
    let replaced = own
        .put(&world, json!({"client_name": "Renamed", "client_secret": secret, "token_endpoint_auth_method": "client_secret_post",
            "redirect_uris": ["https://app.example/other"]}))
        .await;
    assert_eq!(replaced.status, 200, "{}", replaced.text);
    let document = replaced.json();
    assert_eq!((&document["client_name"], &document["contacts"]), (&json!("Renamed"), &json!([])));
    assert_eq!(document["redirect_uris"], json!(["https://app.example/other"]));
    assert_eq!(
        (&document["client_id"], &document["registration_access_token"]),
        (&json!(own.id), &json!(own.token))
    );
    assert!(document.get("client_secret").is_none(), "A09: it is not shown again");
    assert_eq!(own.send(&world, Method::GET, None).await.json(), document);
    let record = &world.audit("registration.replace").await[0];
    assert_eq!(
        (&record["outcome"], &record["client"], &record["target"]),
        (&json!("granted"), &json!(own.id), &json!(own.id))
    );
}

#[tokio::test]
async fn dc_04_an_update_names_its_own_client_and_nothing_that_is_the_servers() {
    let world = world().await;
    let own = Own::registered(&world, json!({"token_endpoint_auth_method": null})).await;
    let usual = json!({"token_endpoint_auth_method": "client_secret_basic"});
    let rows = [
        (json!({"client_id": null}), "client_id"),
        (json!({"client_id": world.admin_id}), "client_id"),
        (json!({"client_id": [own.id]}), "client_id"),
        (json!({"client_secret": "wrong"}), "client_secret"),
        (json!({"client_secret": 7}), "client_secret"),
        (json!({"registration_access_token": own.token}), "registration_access_token"),
        (json!({"registration_client_uri": own.path}), "registration_client_uri"),
        (json!({"client_secret_expires_at": 0}), "client_secret_expires_at"),
        (json!({"client_id_issued_at": 0}), "client_id_issued_at"),
    ];
    for (members, member) in rows {
        let mut asked = usual.clone();
        asked.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        names(&own.put(&world, asked).await, "invalid_client_metadata", member);
    }
    own.send(&world, Method::PUT, None).await.refused(415, "invalid_request");
    assert_eq!(own.send(&world, Method::GET, None).await.json()["client_name"], "Growth Chart");
    assert_eq!(reasons(&world, "registration.replace").await.len(), 10);
}

#[tokio::test]
async fn a10_no_update_makes_a_client_weaker() {
    let world = world().await;
    let jwk = key(Algorithm::Es384).public_jwk("k1");
    let signed = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk]}});
    let (secret, signed_own) = (
        Own::registered(&world, json!({"token_endpoint_auth_method": null})).await,
        Own::registered(&world, signed.clone()).await,
    );
    let weaker = [
        (&secret, json!({"token_endpoint_auth_method": "none"})),
        (&signed_own, json!({"token_endpoint_auth_method": "none"})),
        (&signed_own, json!({"token_endpoint_auth_method": "client_secret_basic"})),
        (&signed_own, json!({"token_endpoint_auth_method": null})),
    ];
    for (own, members) in weaker {
        names(&own.put(&world, members).await, "invalid_client_metadata", "token_endpoint_auth_method");
    }
    // A type that a check would pass over and a reader would not.
    for swapped in [json!(["none"]), json!({"value": "none"}), json!(0), json!(true)] {
        let answer = signed_own
            .put(&world, super::with(signed.clone(), json!({"token_endpoint_auth_method": swapped})))
            .await;
        names(&answer, "invalid_client_metadata", "token_endpoint_auth_method");
    }
    for (member, value) in [
        ("redirect_uris", json!("https://evil.test/*")),
        ("redirect_uris", json!({"0": "javascript:alert(1)"})),
        ("redirect_uris", json!([["https://evil.test/cb"]])),
        ("scope", json!(["admin/clients.write"])),
        ("grant_types", json!({"0": "client_credentials"})),
        ("jwks_uri", json!(["http://127.0.0.1/"])),
        ("jwks", json!("{}")),
    ] {
        let answer = signed_own.put(&world, super::with(signed.clone(), json!({member: value}))).await;
        assert_eq!(answer.status, 400, "{member}: {}", answer.text);
    }
    // All policy is looked at again.
    for uri in
        ["https://app.example/*", "javascript:alert(1)", "http://app.example/cb", "https://app.example/cb#x"]
    {
        let answer =
            secret.put(&world, json!({"token_endpoint_auth_method": null, "redirect_uris": [uri]})).await;
        names(&answer, "invalid_redirect_uri", "redirect_uris[0]");
    }
    // Stronger is welcome: the secret ends, or the first one is made.
    let stronger = secret.put(&world, signed.clone()).await;
    assert_eq!(stronger.status, 200, "{}", stronger.text);
    let secrets = format!(
        "select count(*) from client_secret where client_id = '{}' and expires_at is null",
        secret.id
    );
    assert_eq!(world.database.count(&secrets).await, 0);
    let public = Own::registered(&world, json!({})).await;
    let made = public.put(&world, json!({"token_endpoint_auth_method": "client_secret_basic"})).await.json();
    assert!(made["client_secret"].as_str().is_some_and(|secret| secret.len() == 43));
    assert_eq!(made["client_secret_expires_at"], 0);
}

#[tokio::test]
async fn a10_what_was_bound_stays_bound() {
    let world = world().await;
    let members = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key(Algorithm::Es256).public_jwk("k1")]},
        "tls_client_certificate_bound_access_tokens": true});
    let own = Own::registered(&world, members.clone()).await;
    let member = "tls_client_certificate_bound_access_tokens";
    let lowered = own.put(&world, super::with(members.clone(), json!({member: false}))).await;
    names(&lowered, "invalid_client_metadata", member);
    let silent = own.put(&world, super::with(members, json!({member: null}))).await;
    assert_eq!((silent.status, &silent.json()[member]), (200, &json!(true)));
}

#[tokio::test]
async fn a10_dc_04_only_its_own_token_opens_a_registration_and_no_answer_tells_whose_there_are() {
    let world = world().await;
    let (own, other) = (Own::registered(&world, json!({})).await, Own::registered(&world, json!({})).await);
    let initial = super::invited(&world, json!({})).await;
    let admin = world.admin_token(crate::harness::ADMIN_SCOPES).await;
    let by_admin =
        world.register(registration("client_secret_basic", json!({"scope": "capacity.read"}))).await;
    let paths = [
        own.path.clone(),
        format!("/oauth2/register/{by_admin}"),
        "/oauth2/register/nobody".to_owned(),
        "/oauth2/register/%00".to_owned(),
    ];
    let mut told: Vec<Value> = Vec::new();
    for path in &paths {
        for token in
            [None, Some("hra_x"), Some(other.token.as_str()), Some(initial.as_str()), Some(admin.as_str())]
        {
            for method in [Method::GET, Method::PUT, Method::DELETE] {
                let body = (method == Method::PUT).then(|| super::app(json!({"client_id": own.id})));
                let answer = world.public().send(method, path, token, body).await;
                not_authorized(&answer);
                told.push(answer.json());
            }
        }
    }
    assert!(told.iter().all(|answer| *answer == told[0]), "the same words for all");
    assert_eq!(own.send(&world, Method::GET, None).await.status, 200);
    let records = reasons(&world, "registration.delete").await;
    assert!(
        records.contains(&"registration_token_of_another".to_owned())
            && records.contains(&"client_unknown".to_owned())
    );
    // A client that an administrator has stopped is as good as none.
    let path = format!("/admin/v1/clients/{}/disable", own.id);
    assert_eq!(world.administer(Method::POST, &path, None).await.status, 200);
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let body = (method == Method::PUT).then(|| super::app(json!({"client_id": own.id})));
        let answer = own.send(&world, method, body).await;
        not_authorized(&answer);
        assert_eq!(answer.json(), told[0]);
    }
}

#[tokio::test]
async fn dc_04_a_client_that_deletes_itself_takes_all_it_holds_along() {
    let world = world().await;
    let own = Own::registered(&world, json!({"token_endpoint_auth_method": null})).await;
    let (app, pat) = (client(&world, &own), world.patient_person().await);
    let scope = "openid offline_access launch/patient patient/Patient.rs";
    let code = app.code(&mut Browser::new(&world), &pat, scope).await;
    let tokens = app.redeem(&world.public(), &code).await.granted();
    let mut browser = Browser::new(&world);
    let waiting = app.code(&mut browser, &pat, scope).await;
    let page = browser.open(&app.authorize_with("openid launch/patient patient/Claim.rs", &[])).await;
    let gone = own.send(&world, Method::DELETE, None).await;
    assert_eq!((gone.status, gone.text.as_str(), gone.header("cache-control")), (204, "", Some("no-store")));
    app.redeem(&world.public(), &waiting).await.invalid_client();
    app.refresh(&world.public(), tokens["refresh_token"].as_str().unwrap()).await.invalid_client();
    let token = tokens["access_token"].as_str().unwrap();
    let userinfo = world.public().send(Method::GET, "/oauth2/userinfo", Some(token), None).await;
    assert_eq!(userinfo.status, 401);
    let members = json!({"introspects": [FHIR], "scope": "capacity.read"});
    let server = world.register_whole(registration("client_secret_basic", members)).await;
    let (id, secret) = (server["client_id"].as_str().unwrap(), server["client_secret"].as_str().unwrap());
    world.public().post_basic("/oauth2/introspect", (id, secret), &[("token", token)]).await.inactive();
    browser.allow(&page).await.shows(400);
    not_authorized(&own.send(&world, Method::GET, None).await);
    not_authorized(&own.send(&world, Method::DELETE, None).await);
    let record = &world.audit("registration.delete").await;
    assert!(record.iter().any(|record| record["outcome"] == "granted" && record["target"] == json!(own.id)));
    let left = "select count(*) from client_registration";
    assert_eq!(world.database.count(left).await, 0);
    // Its identifier is not given out again.
    let token = super::invited(&world, json!({})).await;
    assert_ne!(Own::of(&world, &register(&world, Some(&token), super::app(json!({}))).await).id, own.id);
}
