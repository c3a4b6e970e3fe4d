//! `client_credentials` (SMART Backend Services), and the error table of RFC 6749, 5.2.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::json;

use super::{claims, reasons};
use crate::harness::{Answer, Backend, FHIR, OPAQUE, World, encoded, registration};

#[tokio::test]
async fn sm_b_01_sm_b_03_sm_b_04_x8_a_token_is_a_bearer_for_five_minutes_at_most_and_its_scope_stands_there()
{
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Rs384, json!({})).await;
    let granted = backend.ask(&world, &world.public(), "system/Claim.cruds").await.granted();
    assert_eq!(granted["token_type"].as_str().unwrap().to_lowercase(), "bearer");
    assert_eq!(granted["expires_in"].as_i64(), Some(300));
    assert_eq!(granted["scope"], "system/Claim.cruds");
    assert_eq!(granted.as_object().unwrap().len(), 4, "T12: no refresh token: {granted}");

    let change = json!({"token_seconds": 45});
    world.administer(Method::PATCH, "/admin/v1/resources/fhir", Some(change)).await;
    let shorter = backend.ask(&world, &world.public(), "system/Claim.rs").await.granted();
    assert_eq!(shorter["expires_in"].as_i64(), Some(45));
    let said = claims(shorter["access_token"].as_str().unwrap());
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 45);
}

#[tokio::test]
async fn sm_b_01_sm_b_02_sm_b_05_e04_e06_s09_scope_is_required_and_never_wider_than_registered() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Es384, json!({})).await;
    let refused = [
        ("", "scope_missing"),
        (" ", "scope_missing"),
        ("system/Goal.rs", "scope_not_registered_for_client"),
        ("admin/clients.read", "scope_not_registered_for_client"),
        ("capacity.read", "scope_not_registered_for_client"),
        ("patient/Claim.rs", "scope_level"),
        ("user/Claim.rs system/Claim.rs", "scope_level"),
        ("system/Claim.sr", "scope_not_registered_for_client"),
        ("system/Claim.rs \"", "scope_malformed"),
    ];
    for (scope, _) in refused {
        let answer = backend.ask(&world, &world.public(), scope).await;
        answer.refused(400, "invalid_scope");
        assert!(answer.json()["error_description"].is_string(), "SM-B-05");
    }
    let expected: Vec<&str> = refused.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(reasons(&world, "token.issue").await, expected);

    // The intersection is granted and said.
    for (asked, granted) in [
        ("system/Claim.rs system/Goal.rs", "system/Claim.rs"),
        ("system/Patient.cruds", "system/Patient.rs"),
        ("system/Claim.rs", "system/Claim.rs"),
    ] {
        let answer = backend.ask(&world, &world.public(), asked).await.granted();
        assert_eq!(answer["scope"], granted, "{asked}");
        assert_eq!(claims(answer["access_token"].as_str().unwrap())["scope"], granted);
    }
}

#[tokio::test]
async fn e05_a_token_is_for_exactly_one_registered_resource_server() {
    let world = World::start().await;
    let members = json!({"resources": [FHIR, OPAQUE]});
    let backend = Backend::register(&world, Algorithm::Es384, members).await;
    let ask = async |resources: &[&str]| -> Answer {
        let assertion = backend.assertion(&world).sign(&backend.key);
        let mut form = Backend::form(&assertion, "system/Claim.rs");
        form.extend(resources.iter().map(|url| ("resource", *url)));
        world.public().post("/oauth2/token", &form).await
    };
    let admin = world.issuer_url("/admin");
    let refused: [(&[&str], &str); 7] = [
        (&[], "resource_missing"),
        (&[FHIR, OPAQUE], "several_resources"),
        (&["https://fhir.example/r4/"], "resource_not_registered"),
        (&["https://FHIR.example/r4"], "resource_not_registered"),
        (&["https://fhir.example/r4#x"], "resource_not_registered"),
        (&["not a url"], "resource_not_registered"),
        (&[&admin], "resource_not_registered"),
    ];
    for (resources, _) in refused {
        ask(resources).await.refused(400, "invalid_target");
    }
    let expected: Vec<&str> = refused.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(reasons(&world, "token.issue").await, expected);
    assert_eq!(claims(&ask(&[FHIR]).await.token())["aud"], FHIR);
    assert_eq!(claims(&ask(&[FHIR, FHIR]).await.token())["aud"], FHIR, "the same twice is one");
    assert!(ask(&[OPAQUE]).await.token().starts_with("hat_"));
}

#[tokio::test]
async fn a08_sm_b_07_sm_cs_02_a_grant_is_for_those_who_registered_it_and_can_prove_who_they_are() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Es384, json!({})).await;
    let grantless = Backend::register(&world, Algorithm::Es384, json!({"grant_types": []})).await;
    let public = world.register(registration("none", json!({"grant_types": []}))).await;
    let peer = world.public();
    let with_grant = async |backend: &Backend, grant: &str| -> Answer {
        let assertion = backend.assertion(&world).sign(&backend.key);
        let mut form = Backend::form(&assertion, "system/Claim.rs");
        form[0].1 = grant;
        peer.post("/oauth2/token", &form).await
    };
    for grant in [
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "Client_Credentials",
        "x".repeat(5000).as_str(),
    ] {
        with_grant(&backend, grant).await.refused(400, "unsupported_grant_type");
    }
    with_grant(&backend, "").await.refused(400, "invalid_request");
    with_grant(&grantless, "client_credentials").await.refused(400, "unauthorized_client");
    let form = [("grant_type", "client_credentials"), ("client_id", &public), ("scope", "system/Claim.rs")];
    peer.post("/oauth2/token", &form).await.refused(400, "unauthorized_client");
    let reasons = reasons(&world, "token.issue").await;
    assert_eq!(reasons[5..], ["missing_parameter", "grant_not_registered", "grant_not_registered"]);
    // A secret is not enough for system/ scopes, and a name for nothing: the registration is refused already (SM-CS-02).
    for method in ["client_secret_basic", "client_secret_post", "none"] {
        let document = Some(registration(method, json!({})));
        let answer = world.administer(Method::POST, "/admin/v1/clients", document).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_client_metadata")));
    }
    backend.ask(&world, &peer, "system/Claim.rs").await.granted();
}

#[tokio::test]
async fn oa_01_oa_02_c08_h01_a_request_is_a_form_by_post_with_everything_once() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Es384, json!({})).await;
    let peer = world.public();
    let assertion = backend.assertion(&world).sign(&backend.key);
    let form = Backend::form(&assertion, "system/Claim.rs");
    for path in ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"] {
        let allowed = if path == "/oauth2/introspect" { "POST" } else { "POST, OPTIONS" };
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer =
                peer.send(method, &format!("{path}?grant_type=client_credentials"), None, None).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)));
        }
        let url = format!("{path}?scope=system%2FClaim.rs");
        peer.post(&url, &form).await.refused(400, "invalid_request");
        let typed = |kind: &str| peer.request(Method::POST, path).header("content-type", kind).body("a=b");
        for kind in
            ["application/json", "text/plain", "multipart/form-data", "application/x-www-form-urlencodedx"]
        {
            let answer = Answer::read(typed(kind).send().await.unwrap()).await;
            assert_eq!(
                (answer.status, answer.json()["error"].as_str()),
                (415, Some("invalid_request")),
                "{kind}"
            );
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
        for body in ["a=%ff", "a=%", "a=%00", "grant_type=a&grant_type=b", "client_id=a&client_id=a"] {
            let request = peer.request(Method::POST, path).body(body);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let answer = Answer::read(request.send().await.unwrap()).await;
            answer.refused(400, "invalid_request");
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
    }
    let many: Vec<(String, String)> = (0..101).map(|n| (format!("p{n}"), "1".to_owned())).collect();
    let mut whole: Vec<(&str, &str)> =
        many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    whole.extend(&form);
    peer.post("/oauth2/token", &whole).await.refused(400, "invalid_request");
    // Nothing of all this has used the assertion up; unknown parameters are passed over (RFC 6749, 3.2).
    let request = peer.request(Method::POST, "/oauth2/token");
    let mut right = form.clone();
    right.push(("unknown", "1"));
    Answer::read(encoded(request, &right).send().await.unwrap()).await.granted();
}
