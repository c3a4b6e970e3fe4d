//! Bound tokens at this server's own resources: userinfo, the admin API, the launch API, introspection
//! (RFC 9449, 7).

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use super::challenged;
use crate::harness::{
    ADMIN_SCOPES, Answer, App, Backend, Browser, FHIR, LAUNCH_URL, Prover, World, encoded, key, now,
};
use crate::token::{fhir_server, reasons};

const USERINFO: &str = "/oauth2/userinfo";

/// A token of a person for an app that shows a proof.
async fn token(world: &World, prover: &Prover) -> String {
    let (app, pat) = (App::public(world, json!({})).await, world.patient_person().await);
    let code = app.code(&mut Browser::new(world), &pat, "openid launch/patient patient/Observation.rs").await;
    app.redeem(&prover.token(&world.public()), &code).await.token()
}

/// Gets userinfo with a token in a scheme, and no proof.
async fn bare(world: &World, scheme: &str, token: &str) -> Answer {
    let peer = world.public().with("authorization", &format!("{scheme} {token}"));
    peer.send(Method::GET, USERINFO, None, None).await
}

#[tokio::test]
async fn dp_06_m10_inv_17_a_bound_token_opens_nothing_without_a_proof_of_its_key() {
    let world = World::start().await;
    let (public, prover) = (world.public(), Prover::new(&world.public()).await);
    let thief = Prover::new(&public).await;
    let token = token(&world, &prover).await;
    for scheme in ["Bearer", "bearer"] {
        let answer = bare(&world, scheme, &token).await;
        answer.refused(401, "invalid_token");
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="hilum", error="invalid_token""#));
    }
    // With a proof, but in the other scheme; and in a form.
    let proof = prover.shown(&public, (&Method::GET, USERINFO), &token).sign(&prover.key);
    let answer = public.with("dpop", &proof).send(Method::GET, USERINFO, Some(&token), None).await;
    answer.refused(401, "invalid_token");
    let proof = prover.shown(&public, (&Method::POST, USERINFO), &token).sign(&prover.key);
    let answer = public.with("dpop", &proof).post(USERINFO, &[("access_token", token.as_str())]).await;
    answer.refused(401, "invalid_token");
    let certificate = world.authority.client("https://app.example/");
    world
        .mtls(&certificate)
        .send(Method::GET, USERINFO, Some(&token), None)
        .await
        .refused(401, "invalid_token");
    // Without proof, and with that of another key.
    challenged(&bare(&world, "DPoP", &token).await, "invalid_dpop_proof");
    challenged(&thief.get(&public, USERINFO, &token).await, "invalid_token");
    for method in [Method::GET, Method::POST] {
        let told = prover.send(&public, method, USERINFO, &token).await;
        assert!(told.granted()["sub"].is_string());
        assert!(told.header("dpop-nonce").is_some());
    }
    let said = reasons(&world, "userinfo.read").await;
    let sender = "token_of_another_sender";
    assert_eq!(said, [sender, sender, sender, sender, sender, "dpop_missing", sender]);
}

#[tokio::test]
async fn dp_06_e07_each_fault_of_a_proof_is_told_at_a_resource() {
    let world = World::start().await;
    let (public, prover) = (world.public(), Prover::new(&world.public()).await);
    let token = token(&world, &prover).await;
    let right = || prover.shown(&public, (&Method::GET, USERINFO), &token);
    let with = |name: &str, value: Value| right().claim(name, value);
    for proof in [
        with("ath", Value::Null),
        with("ath", json!("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo")),
        with("htm", json!("PUT")),
        with("htu", Value::Null),
        with("htu", json!(world.issuer_url("/oauth2/token"))),
        with("iat", Value::Null),
        with("iat", json!(now() - 3600)),
        with("iat", json!(now() + 3600)),
        right().head("typ", json!("JWT")),
        right().head("jwk", prover.key.private_jwk("k").unwrap()),
        right().head("jwk", key(Algorithm::Es256).public_jwk("k")),
    ] {
        challenged(&prover.get_with(&public, USERINFO, &token, &proof).await, "invalid_dpop_proof");
    }
    let answer = prover.get_with(&public, USERINFO, &token, &with("nonce", Value::Null)).await;
    challenged(&answer, "use_dpop_nonce");
    assert!(answer.header("dpop-nonce").is_some());
    let once = right();
    prover.get_with(&public, USERINFO, &token, &once).await.granted();
    challenged(&prover.get_with(&public, USERINFO, &token, &once).await, "invalid_dpop_proof");
    assert_eq!(reasons(&world, "userinfo.read").await.last().unwrap(), "dpop_replayed");
    prover
        .get_with(&public, USERINFO, &token, &with("htu", json!(world.issuer_url("/oauth2/userinfo?a#b"))))
        .await
        .granted();
    // A token that is not bound does not become so by being shown with a proof.
    let (app, lee) = (App::public(&world, json!({})).await, world.clinician().await);
    let plain = crate::token::agreed(&world, &app, &lee, "openid user/Observation.rs").await;
    challenged(
        &prover.get(&public, USERINFO, plain["access_token"].as_str().unwrap()).await,
        "invalid_token",
    );
}

#[tokio::test]
async fn d01_m10_the_admin_api_is_open_to_a_bound_token_at_the_public_listener() {
    let world = World::start().await;
    let (public, prover) = (world.public(), Prover::new(&world.public()).await);
    let members = json!({"scope": ADMIN_SCOPES, "resources": [world.issuer_url("/admin")]});
    let backend = Backend::register(&world, Algorithm::Es256, members).await;
    backend.ask(&world, &public, "admin/keys.read").await.refused(400, "invalid_request");
    let scope = "admin/keys.read admin/clients.read";
    let token = backend.ask(&world, &prover.token(&public), scope).await.token();
    let path = "/admin/v1/keys";
    assert_eq!(prover.get(&public, path, &token).await.status, 200);
    assert_eq!(prover.get(&public, "/admin/v1/clients?limit=1", &token).await.status, 200);
    let challenge = |answer: &Answer| answer.header("www-authenticate").unwrap_or_default().to_owned();
    let answer = public.send(Method::GET, path, Some(&token), None).await;
    assert_eq!((answer.status, challenge(&answer).starts_with("Bearer ")), (401, true));
    let thief = Prover::new(&public).await;
    let answer = thief.get(&public, path, &token).await;
    assert_eq!((answer.status, challenge(&answer).starts_with("DPoP ")), (401, true));
    let once = prover.shown(&public, (&Method::GET, path), &token);
    assert_eq!(prover.get_with(&public, path, &token, &once).await.status, 200);
    let answer = prover.get_with(&public, path, &token, &once).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_dpop_proof")));
    assert!(answer.header("dpop-nonce").is_some() && challenge(&answer).starts_with("DPoP "));
    let answer = prover.send(&public, Method::POST, "/admin/v1/keys/rotate", &token).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (403, Some("insufficient_scope")));
    assert!(challenge(&answer).starts_with("DPoP "));
    let said = reasons(&world, "admin.access").await;
    assert_eq!(
        said,
        ["token_of_another_sender", "token_of_another_sender", "dpop_replayed", "admin_scope_missing"]
    );
}

#[tokio::test]
async fn dp_06_launches_and_introspection_take_a_bound_token_with_its_proof() {
    let world = World::start().await;
    let (public, prover) = (world.public(), Prover::new(&world.public()).await);
    let pat = world.patient_person().await;
    let app = App::public(&world, json!({"launch_urls": [LAUNCH_URL], "scope": "launch patient/*.rs"})).await;
    let members = json!({"scope": "launch.write", "resources": [FHIR], "dpop_bound_access_tokens": true});
    let ehr = Backend::register(&world, Algorithm::Es384, members).await;
    let token = ehr.ask(&world, &prover.token(&public), "launch.write").await.token();
    let body = json!({"client_id": app.id, "user": pat.username, "patient": "rivera"});
    let shown = prover.send_with(&public, (Method::POST, "/launch"), &token, Some(body.clone())).await;
    assert_eq!(shown.status, 201, "{}", shown.text);
    let answer = public.send(Method::POST, "/launch", Some(&token), Some(body.clone())).await;
    assert_eq!(answer.status, 401);

    // The FHIR server asks about a token with a bound token of its own.
    let members = json!({"introspects": [FHIR], "dpop_bound_access_tokens": true});
    let fhir = Backend::register(&world, Algorithm::Es256, members).await;
    let own = fhir.ask(&world, &prover.token(&public), "system/Claim.rs").await.token();
    let path = "/oauth2/introspect";
    let by = |proof: Option<String>, scheme: &str| {
        let mut request =
            public.request(Method::POST, path).header("authorization", format!("{scheme} {own}"));
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        let request = encoded(request, &[("token", token.as_str())]);
        async move { Answer::read(request.send().await.unwrap()).await }
    };
    let proof = || prover.shown(&public, (&Method::POST, path), &own).sign(&prover.key);
    by(Some(proof()), "DPoP").await.active();
    challenged(&by(None, "DPoP").await, "invalid_dpop_proof");
    by(Some(proof()), "Bearer").await.refused(401, "invalid_token");
    // A client that authenticates needs none.
    fhir_server(&world).await.introspect(&world, &public, &token).await.active();
}
