//! `authorization_details` (RFC 9396) of back-ends: granted, told, introspected, and ended by a payer's decision.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use super::{claims, reasons};
use crate::harness::{Answer, Backend, FHIR, OPAQUE, World};

/// A prior authorization for an order of a patient, with these members over it.
pub fn request(patient: &str, members: Value) -> Value {
    let mut detail = json!({"type": "prior_authorization", "patient": patient, "coverage": "Coverage/c-1",
        "order": "ServiceRequest/s-1", "actions": ["$submit", "$inquire"]});
    for (name, value) in members.as_object().expect("an object") {
        detail[name] = value.clone();
    }
    detail
}

/// A payer's back-end that may ask for prior authorization.
pub async fn payer(world: &World, members: Value) -> Backend {
    let mut all = json!({"authorization_details_types": ["prior_authorization"], "purpose_of_use": "HPAYMT"});
    for (name, value) in members.as_object().expect("an object") {
        all[name] = value.clone();
    }
    Backend::register(world, Algorithm::Es384, all).await
}

/// A FHIR server that introspects, and reports what it has decided.
pub async fn decider(world: &World, url: &str) -> Backend {
    let name = if url == FHIR { "fhir" } else { "opaque" };
    let scope = "system/*.cruds launch.write patient/*.cruds user/*.cruds authorization_decision.write";
    let path = format!("/admin/v1/resources/{name}");
    let patched = world.administer(Method::PATCH, &path, Some(json!({"scope": scope}))).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    let members = json!({"resources": [url], "introspects": [url], "scope": "authorization_decision.write system/Claim.rs"});
    Backend::register(world, Algorithm::Es384, members).await
}

/// Reports a decision.
pub async fn report(world: &World, decider: &Backend, body: Value) -> Answer {
    let token = decider.ask(world, &world.public(), "authorization_decision.write").await.token();
    world.public().send(Method::POST, "/authorization-decisions", Some(&token), Some(body)).await
}

/// What a payer reports about the order of a patient.
pub fn decision(patient: &str) -> Value {
    json!({"type": "prior_authorization", "patient": patient, "order": "ServiceRequest/s-1"})
}

/// Asks for a token with details, and with scopes unless there are none.
pub async fn ask(world: &World, backend: &Backend, (scope, details): (&str, &str)) -> Answer {
    let assertion = backend.assertion(world).sign(&backend.key);
    let mut form = Backend::form(&assertion, scope);
    form.retain(|(name, value)| *name != "scope" || !value.is_empty());
    form.push(("authorization_details", details));
    world.public().post("/oauth2/token", &form).await
}

#[tokio::test]
async fn rr_02_what_is_granted_stands_in_the_answer_the_token_and_the_introspection() {
    let world = World::start().await;
    let (payer, fhir) = (payer(&world, json!({})).await, decider(&world, FHIR).await);
    let details = json!([request("p-7", json!({})), request("p-8", json!({"locations": [FHIR]}))]);
    for scope in ["", "system/Claim.cruds"] {
        let granted = ask(&world, &payer, (scope, &details.to_string())).await.granted();
        assert_eq!(granted["authorization_details"], details);
        assert_eq!(granted.get("scope").is_some(), !scope.is_empty(), "{granted}");
        let token = granted["access_token"].as_str().unwrap();
        assert_eq!(claims(token)["authorization_details"], details);
        assert_eq!(claims(token).get("scope").is_some(), !scope.is_empty());
        let told = fhir.introspect(&world, &world.public(), token).await.active();
        assert_eq!(told["authorization_details"], details);
    }
    // Not to a server that the token is not for.
    let token = ask(&world, &payer, ("", &details.to_string())).await.token();
    let other = decider(&world, OPAQUE).await;
    other.introspect(&world, &world.public(), &token).await.inactive();
    let one = json!([request("p-7", json!({}))]).to_string();
    ask(&world, &payer, ("", &one)).await.granted();
    let records = world.audit("token.issue").await;
    let record = records.iter().find(|record| record["client"] == payer.id.as_str()).unwrap();
    assert_eq!(record["patient"], "p-7");
    assert_eq!(record["detail"], "authorization_details: prior_authorization");
    // A token that only introspection explains says the same.
    let opaque = json!({"resources": [OPAQUE]});
    let far = self::payer(&world, opaque).await;
    let token = ask(&world, &far, ("", &one)).await.token();
    assert!(token.starts_with("hat_"), "{token}");
    let told = other.introspect(&world, &world.public(), &token).await.active();
    assert_eq!(told["authorization_details"].to_string(), one);
}

#[tokio::test]
async fn rr_01_whoever_is_not_registered_for_a_type_is_told_so_before_its_details_are_judged() {
    let world = World::start().await;
    let other = payer(&world, json!({"authorization_details_types": []})).await;
    let asked = [
        request("p-7", json!({})),
        request("p-7", json!({"purpose": "x"})),
        json!({"type": "prior_authorization"}),
        json!({"type": "unheard_of"}),
    ];
    for detail in &asked {
        let details = json!([detail]).to_string();
        ask(&world, &other, ("", &details)).await.refused(400, "invalid_authorization_details");
    }
    let expected = ["authorization_details_type_not_registered"; 4];
    assert_eq!(reasons(&world, "token.issue").await, expected);
}

#[tokio::test]
async fn rr_01_s16_everything_that_is_not_right_is_refused_and_nothing_of_it_granted() {
    let world = World::start().await;
    let payer = payer(&world, json!({})).await;
    let right = request("p-7", json!({}));
    let with = |members: Value| json!([right, request("p-8", members)]).to_string();
    let mut missing = right.clone();
    missing.as_object_mut().unwrap().remove("coverage");
    let rows = [
        ("{}".to_owned(), "authorization_details_malformed"),
        ("[]".to_owned(), "authorization_details_malformed"),
        ("[{\"type\":\"prior_authorization\",\"type\":\"x\"}]".to_owned(), "authorization_details_malformed"),
        (json!([{"patient": "p-7"}]).to_string(), "authorization_details_malformed"),
        (with(json!({"purpose": "x"})), "authorization_details_wrong"),
        (with(json!({"actions": "$submit"})), "authorization_details_wrong"),
        (with(json!({"actions": ["$everything"]})), "authorization_details_wrong"),
        (with(json!({"claim": "Claim/1"})), "authorization_details_wrong"),
        (json!([missing]).to_string(), "authorization_details_wrong"),
        (json!([right, {"type": "unheard_of"}]).to_string(), "authorization_details_type_not_registered"),
        (with(json!({"locations": [OPAQUE]})), "authorization_details_elsewhere"),
        (format!("[{}]", " ".repeat(20_000)), "authorization_details_too_long"),
    ];
    for (details, _) in &rows {
        ask(&world, &payer, ("system/Claim.cruds", details))
            .await
            .refused(400, "invalid_authorization_details");
    }
    let found = reasons(&world, "token.issue").await;
    assert_eq!(found, rows.iter().map(|(_, reason)| *reason).collect::<Vec<_>>());

    let whole = json!([right]).to_string();
    for (members, reason) in [
        (json!({"authorization_details_types": []}), "authorization_details_type_not_registered"),
        (json!({"purpose_of_use": "TREAT"}), "authorization_details_beyond_purpose"),
    ] {
        let other = self::payer(&world, members).await;
        ask(&world, &other, ("", &whole)).await.refused(400, "invalid_authorization_details");
        assert_eq!(reasons(&world, "token.issue").await.last().unwrap(), reason);
    }
    let unknown = json!({"client_name": "x", "organization": "y", "grant_types": ["client_credentials"],
        "resources": [FHIR], "token_endpoint_auth_method": "client_secret_basic", "authorization_details_types": ["nothing"]});
    let refused = world.administer(Method::POST, "/admin/v1/clients", Some(unknown)).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["errors"][0]["field"], "authorization_details_types[0]");
}

#[tokio::test]
async fn h_10_a_secret_opens_no_details() {
    let world = World::start().await;
    let document = json!({"client_name": "x", "organization": "y", "grant_types": ["client_credentials"],
        "resources": [FHIR], "scope": "capacity.read", "token_endpoint_auth_method": "client_secret_basic",
        "authorization_details_types": ["prior_authorization"]});
    let made = world.register_whole(document).await;
    let (id, secret) = (made["client_id"].as_str().unwrap(), made["client_secret"].as_str().unwrap());
    let details = json!([request("p-7", json!({}))]).to_string();
    let form = [("grant_type", "client_credentials"), ("authorization_details", details.as_str())];
    world.public().post_basic("/oauth2/token", (id, secret), &form).await.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn a_decision_ends_what_it_is_about_and_nothing_else() {
    let world = World::start().await;
    let (fhir, far) = (decider(&world, FHIR).await, decider(&world, OPAQUE).await);
    let both = json!({"resources": [FHIR, OPAQUE]});
    let (payer, peer) = (payer(&world, both).await, world.public());
    let (seven, eight) = (request("p-7", json!({})), request("p-8", json!({})));
    let ask_at = async |resource: &str, scope: &str, details: Value| {
        let assertion = payer.assertion(&world).sign(&payer.key);
        let details = details.to_string();
        let mut form = Backend::form(&assertion, scope);
        form.retain(|(name, value)| *name != "scope" || !value.is_empty());
        form.extend([("authorization_details", details.as_str()), ("resource", resource)]);
        world.public().post("/oauth2/token", &form).await
    };
    let alone = ask_at(FHIR, "", json!([seven])).await.token();
    let two = ask_at(FHIR, "", json!([seven, eight])).await.token();
    let scoped = ask_at(FHIR, "system/Claim.rs", json!([seven])).await.token();
    let elsewhere = ask_at(OPAQUE, "", json!([seven])).await.token();

    for _ in 0..2 {
        let answer = report(&world, &fhir, decision("Patient/p-7")).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "again, it has ended all the same");
    }
    fhir.introspect(&world, &peer, &alone).await.inactive();
    let told = fhir.introspect(&world, &peer, &two).await.active();
    assert_eq!(told["authorization_details"], json!([eight]));
    let told = fhir.introspect(&world, &peer, &scoped).await.active();
    assert!(told.get("authorization_details").is_none() && told["scope"] == "system/Claim.rs", "{told}");
    let told = far.introspect(&world, &peer, &elsewhere).await.active();
    assert_eq!(told["authorization_details"], json!([seven]), "another payer has decided nothing");

    ask_at(FHIR, "", json!([seven])).await.refused(400, "invalid_authorization_details");
    let narrower = request("p-7", json!({"actions": ["$inquire"], "coverage": "Coverage/other"}));
    ask_at(FHIR, "", json!([eight, narrower])).await.refused(400, "invalid_authorization_details");
    assert_eq!(reasons(&world, "token.issue").await, ["authorization_details_ended"; 2]);
    ask_at(FHIR, "", json!([eight, request("p-7", json!({"order": "ServiceRequest/s-2"}))])).await.granted();
    ask_at(OPAQUE, "", json!([seven])).await.granted();

    let records = world.audit("authorization.end").await;
    assert_eq!(records.len(), 1, "what is no news is not recorded again: {records:?}");
    let record = &records[0];
    assert_eq!((&record["client"], &record["patient"]), (&json!(fhir.id), &json!("p-7")));
    assert_eq!((&record["audience"], &record["outcome"]), (&json!(FHIR), &json!("granted")));
}

#[tokio::test]
async fn only_a_payers_fhir_server_ends_anything() {
    let world = World::start().await;
    let fhir = decider(&world, FHIR).await;
    let send = async |token: Option<&str>, body: Value| {
        world.public().send(Method::POST, "/authorization-decisions", token, Some(body)).await
    };
    let answer = send(None, decision("p-7")).await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
    let other = fhir.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let answer = send(Some(&other), decision("p-7")).await;
    assert_eq!((answer.status, &answer.json()["error"]), (403, &json!("insufficient_scope")));
    for (body, field) in [
        (json!({}), "type"),
        (json!({"type": "notes", "patient": "p-7", "order": "ServiceRequest/s-1"}), "type"),
        (json!({"type": "prior_authorization", "patient": "p-7"}), "claim"),
        (json!({"type": "prior_authorization", "patient": "p 7", "claim": "Claim/1"}), "patient"),
        (json!({"type": "prior_authorization", "patient": "p-7", "order": "Claim/1"}), "order"),
        (json!({"type": "prior_authorization", "patient": "p-7", "claim": "Claim/1", "aud": OPAQUE}), "aud"),
    ] {
        let answer = report(&world, &fhir, body).await;
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["field"]),
            (400, &json!(field)),
            "{}",
            answer.text
        );
    }
    assert_eq!(world.database.count("select count(*) from ended_authorization").await, 0);
    // With a secret, which can be copied, nobody gets the scope.
    let document = json!({"client_name": "x", "organization": "y", "grant_types": ["client_credentials"],
        "resources": [FHIR], "scope": "authorization_decision.write", "token_endpoint_auth_method": "client_secret_basic"});
    assert_eq!(world.administer(Method::POST, "/admin/v1/clients", Some(document)).await.status, 400);
    assert_eq!(world.public().get("/authorization-decisions").await.status, 405);
}
