//! What the FHIR server of the sandbox lets a token do (SMART App Launch 2.2, scopes; RFC 6750).

use reqwest::Method;
use serde_json::{Value, json};

use super::Scene;
use super::scene::{found, refused};
use crate::harness::{Browser, Prover, World};

const DEAD: Option<&str> = Some(r#"Bearer realm="hilum", error="invalid_token""#);
const BEYOND: Option<&str> = Some(r#"Bearer realm="hilum", error="insufficient_scope""#);
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

fn lacking(scope: &str) -> String {
    format!(r#"Bearer realm="hilum", error="insufficient_scope", scope="{scope}""#)
}

fn observation(patient: &str, category: &str) -> Value {
    json!({"resourceType": "Observation", "status": "final", "subject": {"reference": format!("Patient/{patient}")},
        "category": [{"coding": [{"system": CATEGORY, "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]}})
}

#[tokio::test]
async fn a_patient_reads_the_own_record_and_no_other() {
    let scene = Scene::start().await;
    let token = scene.token_of(&scene.patient, "launch/patient patient/*.rs patient/Observation.cud").await;
    let own = scene.get(&token, "Patient/rivera").await;
    assert_eq!((own.status, &own.json()["birthDate"]), (200, &json!("1984-02-29")));
    assert_eq!(own.header("etag"), Some("W/\"1\""));
    assert_eq!(found(&scene.get(&token, "Patient").await), ["rivera"]);
    assert_eq!(found(&scene.get(&token, "Patient?_id=rivera").await), ["rivera"]);
    assert_eq!(found(&scene.get(&token, "Encounter?patient=rivera").await), ["rivera-encounter-1"]);
    let conditions = found(&scene.get(&token, "Condition").await);
    assert!(
        conditions.len() > 3
            && conditions.iter().all(|id| id.starts_with("rivera-") && !id.contains("child"))
    );
    assert_eq!(scene.get(&token, "Practitioner/adams").await.status, 200);
    for path in [
        "Patient/smith-1950",
        "Patient/rivera-child",
        "Observation/nguyen-lab-1",
        "Observation?patient=nguyen",
        "Observation?subject=Patient/rivera,Patient/nguyen",
        "Patient?_id=nguyen",
        "Coverage?beneficiary=Patient/nguyen",
    ] {
        refused(&scene.get(&token, path).await, 403, "forbidden", BEYOND);
    }
    refused(&scene.get(&token, "Observation/none").await, 404, "not-found", None);

    let made = scene.send(Method::POST, &token, "Observation", Some(observation("rivera", "survey"))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let mut own = made.json();
    let address = format!("Observation/{}", own["id"].as_str().unwrap());
    assert_eq!(made.header("location").unwrap(), format!("{}/{address}", scene.fhir));
    let stolen = observation("nguyen", "survey");
    refused(&scene.send(Method::POST, &token, "Observation", Some(stolen)).await, 403, "forbidden", BEYOND);
    own["subject"]["reference"] = json!("Patient/nguyen");
    refused(&scene.send(Method::PUT, &token, &address, Some(own.clone())).await, 403, "forbidden", BEYOND);
    own["subject"]["reference"] = json!(format!("{}/Patient/rivera", scene.fhir));
    let changed = scene.send(Method::PUT, &token, &address, Some(own)).await;
    assert_eq!((changed.status, changed.header("etag")), (200, Some("W/\"2\"")), "{}", changed.text);
    assert_eq!(changed.json()["subject"]["reference"], "Patient/rivera");
    let other = "Observation/nguyen-lab-1";
    refused(&scene.send(Method::DELETE, &token, other, None).await, 403, "forbidden", BEYOND);
    assert_eq!(scene.send(Method::DELETE, &token, &address, None).await.status, 204);
    refused(&scene.get(&token, &address).await, 404, "not-found", None);
    let challenge = lacking("patient/Condition.c");
    let condition = json!({"resourceType": "Condition", "subject": {"reference": "Patient/rivera"}});
    let answer = scene.send(Method::POST, &token, "Condition", Some(condition)).await;
    refused(&answer, 403, "forbidden", Some(&challenge));
}

#[tokio::test]
async fn a_scope_with_search_parameters_opens_what_matches_them_alone() {
    let scene = Scene::start().await;
    let scope = format!(
        "launch/patient patient/Observation.rs?category={CATEGORY}|laboratory \
         patient/Observation.cud?category={CATEGORY}|survey patient/Observation.rs?category={CATEGORY}|survey"
    );
    let token = scene.token_of(&scene.patient, &scope).await;
    let all = found(&scene.get(&token, "Observation").await);
    // What is of the social determinants of health is a survey too.
    assert_eq!(all, ["rivera-lab-1", "rivera-lab-2", "rivera-sdoh-1", "rivera-survey-1"]);
    let lab = found(&scene.get(&token, "Observation?category=laboratory").await);
    assert_eq!(lab, ["rivera-lab-1", "rivera-lab-2"]);
    assert!(found(&scene.get(&token, "Observation?category=vital-signs").await).is_empty());
    assert_eq!(scene.get(&token, "Observation/rivera-lab-1").await.status, 200);
    refused(&scene.get(&token, "Observation/rivera-vital-1").await, 403, "forbidden", BEYOND);
    let challenge = lacking("patient/Condition.r");
    refused(&scene.get(&token, "Condition/rivera-problem-1").await, 403, "forbidden", Some(&challenge));

    let made = scene.send(Method::POST, &token, "Observation", Some(observation("rivera", "survey"))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let mut own = made.json();
    let address = format!("Observation/{}", own["id"].as_str().unwrap());
    for (method, path, body) in [
        (Method::POST, "Observation", Some(observation("rivera", "laboratory"))),
        (Method::DELETE, "Observation/rivera-lab-1", None),
    ] {
        refused(&scene.send(method, &token, path, body).await, 403, "forbidden", BEYOND);
    }
    own["category"][0]["coding"][0]["code"] = json!("laboratory");
    refused(&scene.send(Method::PUT, &token, &address, Some(own)).await, 403, "forbidden", BEYOND);
}

#[tokio::test]
async fn a_clinician_reads_every_record_and_a_back_end_what_it_was_granted() {
    let scene = Scene::start().await;
    let token = scene.token_of(&scene.clinician, "user/Patient.rs user/Observation.r").await;
    assert_eq!(found(&scene.get(&token, "Patient").await).len(), 12);
    assert_eq!(scene.get(&token, "Observation/nguyen-lab-1").await.status, 200);
    let challenge = lacking("user/Observation.s");
    refused(&scene.get(&token, "Observation?patient=nguyen").await, 403, "forbidden", Some(&challenge));

    let token = scene.system_token("system/Patient.rs system/Encounter.rs").await;
    assert_eq!(found(&scene.get(&token, "Patient?name=nguyen&_count=21").await), ["nguyen"]);
    let visits = found(&scene.get(&token, "Encounter?patient=nguyen&_count=21").await);
    assert_eq!(visits, ["nguyen-encounter-1", "nguyen-encounter-2"]);
    let challenge = lacking("system/Condition.s");
    refused(&scene.get(&token, "Condition").await, 403, "forbidden", Some(&challenge));
    let challenge = lacking("system/Patient.d");
    let answer = scene.send(Method::DELETE, &token, "Patient/nguyen", None).await;
    refused(&answer, 403, "forbidden", Some(&challenge));
}

#[tokio::test]
async fn t09_a_token_that_is_missing_dead_or_for_another_server_opens_nothing() {
    let scene = Scene::start().await;
    refused(&scene.public.get("/sandbox/fhir/Patient").await, 401, "login", Some(r#"Bearer realm="hilum""#));
    for garbage in ["x", "a.b.c", "hat_x"] {
        refused(&scene.get(garbage, "Patient").await, 401, "login", DEAD);
    }
    // For userinfo, and for another FHIR server of this issuer.
    let url = scene.app.authorize_with("openid", &[("aud", "")]);
    let mut browser = crate::harness::Browser::at(scene.public.clone());
    let code = browser.authorize(&url, &scene.patient).await.code();
    let token = scene.app.redeem(&scene.public, &code).await.token();
    refused(&scene.get(&token, "Patient").await, 401, "login", DEAD);
    let elsewhere = "https://elsewhere.example/r4";
    let other = json!({"name": "elsewhere", "title": "Elsewhere", "url": elsewhere, "kind": "fhir",
        "scope": "system/*.cruds"});
    scene.dev.command(&["resource", "create", "-"], &other.to_string()).expect_success();
    let token = scene.token_at(elsewhere, "system/*.rs").await;
    refused(&scene.get(&token, "Patient").await, 401, "login", DEAD);

    let token = scene.token_of(&scene.patient, "launch/patient patient/Patient.rs").await;
    assert_eq!(scene.get(&token, "Patient/rivera").await.status, 200);
    assert_eq!(scene.app.ask(&scene.public, "/oauth2/revoke", &[("token", &token)]).await.status, 200);
    refused(&scene.get(&token, "Patient/rivera").await, 401, "login", DEAD);
    let token = scene.token_of(&scene.patient, "launch/patient patient/Patient.rs").await;
    scene.dev.command(&["user", "disable", "pat"], "").expect_success();
    refused(&scene.get(&token, "Patient/rivera").await, 401, "login", DEAD);
}

#[tokio::test]
async fn m10_a_bound_token_opens_nothing_without_its_certificate() {
    let scene = Scene::start().await;
    let id = scene.dev.fixtures["clients"]["payer-mtls"]["client_id"].as_str().unwrap().to_owned();
    let form = [("grant_type", "client_credentials"), ("client_id", &*id), ("scope", "system/Claim.rs")];
    let own = scene.dev.mtls("payer-mtls");
    let token = own.post("/oauth2/token", &form).await.token();
    let path = "/sandbox/fhir/Claim?patient=rivera";
    for peer in [scene.public.clone(), scene.dev.mtls("payer-es384")] {
        refused(&peer.send(Method::GET, path, Some(&token), None).await, 401, "login", DEAD);
    }
    let answer = own.send(Method::GET, path, Some(&token), None).await;
    assert_eq!(found(&answer), ["rivera-claim"]);
}

#[tokio::test]
async fn serve_has_no_route_to_the_sandbox() {
    let world = World::start().await;
    for path in
        ["/sandbox/fhir/metadata", "/sandbox/fhir/Patient", "/sandbox/fhir/Patient/rivera", "/sandbox/fhir"]
    {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            assert_eq!(world.public().send(method, path, None, None).await.status, 404, "{path}");
        }
    }
    let smart = world.public().get("/sandbox/fhir/.well-known/smart-configuration").await;
    assert_eq!(smart.status, 404);
}

#[tokio::test]
async fn m10_dp_06_a_token_that_is_bound_to_a_key_is_shown_with_a_proof_of_it() {
    let scene = Scene::start().await;
    let prover = Prover::new(&scene.public).await;
    let url =
        scene.app.authorize_with("launch/patient patient/Observation.rs", &[("aud", scene.fhir.as_str())]);
    let code = Browser::at(scene.public.clone()).authorize(&url, &scene.patient).await.code();
    let token = scene.app.redeem(&prover.token(&scene.public), &code).await.token();
    refused(&scene.get(&token, "Observation").await, 401, "login", DEAD);
    let path = "/sandbox/fhir/Observation?_count=1";
    let answer = prover.get(&scene.public, path, &token).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.header("dpop-nonce").is_some());
    assert!(answer.header("access-control-expose-headers").unwrap().contains("dpop-nonce"));
    let thief = Prover::new(&scene.public).await;
    let once = prover.shown(&scene.public, (&Method::GET, path), &token);
    assert_eq!(prover.get_with(&scene.public, path, &token, &once).await.status, 200);
    for (answer, error) in [
        (thief.get(&scene.public, path, &token).await, "invalid_token"),
        (prover.get_with(&scene.public, path, &token, &once).await, "invalid_dpop_proof"),
    ] {
        let challenge = answer.header("www-authenticate").unwrap().to_owned();
        assert!(
            challenge.starts_with(&format!(r#"DPoP realm="hilum", error="{error}", algs="#)),
            "{challenge}"
        );
        refused(&answer, 401, "login", Some(&challenge));
    }
    let answer = prover.get(&scene.public, "/sandbox/fhir/Condition", &token).await;
    let challenge = answer.header("www-authenticate").unwrap().to_owned();
    assert!(
        challenge.starts_with(r#"DPoP realm="hilum", error="insufficient_scope", scope="#),
        "{challenge}"
    );
    refused(&answer, 403, "forbidden", Some(&challenge));
}
