//! Introspection (RFC 7662; SMART App Launch 2.2).

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    ASSERTION_TYPE, Answer, App, Assertion, Backend, Browser, FHIR, OPAQUE, Peer, World, encoded, key,
    registration,
};
use crate::token::{agreed, claims, reasons, text};

const PATH: &str = "/oauth2/introspect";

/// Introspects with an access token of the caller.
async fn by_bearer(peer: &Peer, bearer: &str, form: &[(&str, &str)]) -> Answer {
    let request = peer.request(Method::POST, PATH).header("authorization", format!("Bearer {bearer}"));
    Answer::read(encoded(request, form).send().await.expect("an answer")).await
}

async fn server(world: &World, members: Value) -> Backend {
    Backend::register(world, Algorithm::Es256, members).await
}

#[tokio::test]
async fn sm_i_01_sm_i_04_sm_i_06_sm_b_06_a_resource_server_is_told_what_its_token_says() {
    let world = World::start().await;
    let fhir = server(&world, json!({"introspects": [FHIR]})).await;
    let client = server(&world, json!({})).await;
    let token = client.ask(&world, &world.public(), "system/Claim.cruds system/Patient.rs").await.granted();
    let text = token["access_token"].as_str().unwrap();
    let own = fhir.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let said = fhir.introspect(&world, &world.public(), text).await.active();
    for (name, value) in claims(text).as_object().unwrap() {
        assert_eq!(&said[name], value, "{name}");
    }
    assert_eq!((&said["scope"], said["client_id"].as_str()), (&token["scope"], Some(client.id.as_str())));
    assert!(said["exp"].is_i64() && said["token_type"] == "Bearer" && said.get("cnf").is_none());
    // SM-I-06: by a token of the caller's own; SM-I-07: a wrong hint still finds it.
    for hint in ["", "access_token", "refresh_token", "nonsense"] {
        let form = [("token", text), ("token_type_hint", hint)];
        assert_eq!(by_bearer(&world.public(), &own, &form).await.active(), said);
    }
    // D8: once in the audit trail for a token and a resource server, however often it is asked.
    let records = world.audit("token.introspect").await;
    let of_token: Vec<_> = records.iter().filter(|record| record["token"] == said["jti"]).collect();
    assert_eq!(of_token.len(), 1);
    assert_eq!(
        (of_token[0]["client"].as_str(), of_token[0]["target"].as_str()),
        (Some(fhir.id.as_str()), Some(client.id.as_str()))
    );
}

#[tokio::test]
async fn i01_sm_i_06_sm_i_07_who_asks_proves_who_it_is_and_asks_by_post_for_a_token() {
    let world = World::start().await;
    let fhir = server(&world, json!({"introspects": [FHIR]})).await;
    let client = server(&world, json!({})).await;
    let public = world.register(registration("none", json!({"grant_types": []}))).await;
    // A name alone cannot even be registered to introspect.
    let named = registration("none", json!({"grant_types": [], "introspects": [FHIR]}));
    assert_eq!(world.administer(Method::POST, "/admin/v1/clients", Some(named)).await.status, 400);
    let token = client.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let peer = world.public();
    let unproven = peer.post(PATH, &[("token", &token)]).await;
    unproven.invalid_client();
    assert!(unproven.header("www-authenticate").is_some(), "RFC 9110, 15.5.2: a 401 says how");
    peer.post(PATH, &[("token", &token), ("client_id", &public)]).await.invalid_client();
    peer.post_basic(PATH, (&fhir.id, "wrong"), &[("token", &token)]).await.invalid_client();
    let assertion = fhir.assertion(&world).sign(&client.key);
    let form = [
        ("token", token.as_str()),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &assertion),
    ];
    peer.post(PATH, &form).await.invalid_client();
    let expected = ["no_client_named", "public_client", "not_the_registered_method", "assertion_signature"];
    assert_eq!(reasons(&world, "token.introspect").await, expected);

    let get = peer.get(&format!("{PATH}?token={token}")).await;
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    let own = fhir.ask(&world, &peer, "system/Claim.rs").await.token();
    by_bearer(&peer, &own, &[]).await.refused(400, "invalid_request");
    by_bearer(&peer, &own, &[("token", "")]).await.refused(400, "invalid_request");
    by_bearer(&peer, &own, &[("token", &token), ("token", &token)]).await.refused(400, "invalid_request");
    // I10: one token proves the caller, in one place.
    for more in ["access_token", "client_secret"] {
        by_bearer(&peer, &own, &[("token", &token), (more, &own)]).await.refused(400, "invalid_request");
    }
    by_bearer(&peer, &own, &[("token", &token)]).await.active();
}

#[tokio::test]
async fn d4_s13_sm_i_08_tokens_of_another_audience_are_inactive_and_the_question_is_recorded() {
    let world = World::start().await;
    let fhir = server(&world, json!({"introspects": [FHIR]})).await;
    let opaque = server(&world, json!({"introspects": [OPAQUE]})).await;
    let nobody = server(&world, json!({})).await;
    let at_fhir =
        server(&world, json!({})).await.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let elsewhere = server(&world, json!({"resources": [OPAQUE]})).await;
    let at_opaque = elsewhere.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let peer = world.public();
    opaque.introspect(&world, &peer, &at_fhir).await.inactive();
    fhir.introspect(&world, &peer, &at_opaque).await.inactive();
    nobody.introspect(&world, &peer, &at_fhir).await.inactive();
    let own = nobody.ask(&world, &peer, "system/Claim.rs").await.token();
    nobody.introspect(&world, &peer, &own).await.inactive();
    by_bearer(&peer, &own, &[("token", &at_fhir)]).await.inactive();
    let admin = world.admin_token("admin/audit.read").await;
    fhir.introspect(&world, &peer, &admin).await.inactive();
    let reason = "introspection_for_another_resource";
    assert_eq!(reasons(&world, "token.introspect").await, [reason; 6]);
    let records = world.audit("token.introspect").await;
    assert!(records.iter().any(|record| record["client"] == opaque.id && record["audience"] == FHIR));
    fhir.introspect(&world, &peer, &at_fhir).await.active();
    opaque.introspect(&world, &peer, &at_opaque).await.active();
}

#[tokio::test]
async fn i03_sm_i_05_at_04_what_this_server_did_not_write_as_an_access_token_is_inactive() {
    let world = World::start().await;
    let fhir = server(&world, json!({"introspects": [FHIR]})).await;
    let client = server(&world, json!({})).await;
    let token = client.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let assertion = client.assertion(&world).sign(&client.key);
    let (thief, kid) = (key(Algorithm::Es256), crate::token::header(&token)["kid"].clone());
    let forged = Assertion {
        header: json!({"alg": "ES256", "typ": "at+jwt", "kid": kid}).as_object().unwrap().clone(),
        claims: claims(&token).as_object().unwrap().clone(),
    };
    let parts: Vec<&str> = token.split('.').collect();
    let wider = forged.clone().claim("scope", json!("system/*.cruds")).text();
    let garbage = [
        "x".to_owned(),
        "...".to_owned(),
        "hat_x".to_owned(),
        "é".to_owned(),
        "x".repeat(40_000),
        "' OR 1=1 --".to_owned(),
        assertion,
        forged.sign(&thief),
        format!("{wider}.{}", parts[2]),
        format!("{}.", forged.clone().head("alg", json!("none")).text()),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{token}="),
        format!("{token} "),
        token[..token.len() - 1].to_owned(),
        world.issuer().to_owned(),
    ];
    for text in &garbage {
        fhir.introspect(&world, &world.public(), text).await.inactive();
    }
    assert!(world.audit("token.introspect").await.is_empty(), "what told nothing is not recorded");
    fhir.introspect(&world, &world.public(), &token).await.active();
}

#[tokio::test]
async fn m10_mt_06_i04_a_token_as_a_credential_is_alive_and_shown_with_its_certificate() {
    let world = World::start().await;
    let certificate = world.authority.client("https://fhir.example/system");
    let thief = world.authority.client("https://thief.example/");
    let members = json!({"introspects": [FHIR], "tls_client_certificate_bound_access_tokens": true});
    let fhir = server(&world, members).await;
    let client = server(&world, json!({})).await;
    let token = client.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let own = fhir.ask(&world, &world.mtls(&certificate), "system/Claim.rs").await.token();
    let bearer_401 = |answer: Answer| {
        answer.refused(401, "invalid_token");
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Bearer ") && challenge.contains("invalid_token"), "{challenge}");
    };
    let form = [("token", token.as_str())];
    bearer_401(by_bearer(&world.public(), &own, &form).await);
    bearer_401(by_bearer(&world.mtls_of(0, None), &own, &form).await);
    bearer_401(by_bearer(&world.mtls(&thief), &own, &form).await);
    bearer_401(by_bearer(&world.public(), "x.y.z", &form).await);
    bearer_401(by_bearer(&world.public(), &client.assertion(&world).sign(&client.key), &form).await);
    let (other, dead) = ("token_of_another_sender", "token_not_alive");
    assert_eq!(reasons(&world, "token.introspect").await, [other, other, other, dead, dead]);
    by_bearer(&world.mtls(&certificate), &own, &form).await.active();
    let told = fhir.introspect(&world, &world.public(), &own).await.active();
    assert_eq!(told["cnf"], json!({"x5t#S256": certificate.thumbprint()}), "SM-I-09");
    // A revoked token proves nothing any more.
    assert_eq!(fhir.revoke(&world, &world.public(), &own).await.status, 200);
    bearer_401(by_bearer(&world.mtls(&certificate), &own, &form).await);
}

#[tokio::test]
async fn sm_i_02_sm_i_03_sm_i_04_d8_a_persons_token_is_told_with_its_context_and_its_person() {
    let world = World::start().await;
    let (fhir, peer) = (server(&world, json!({"introspects": [FHIR]})).await, world.public());
    let (app, pat, lee) =
        (App::public(&world, json!({})).await, world.patient_person().await, world.clinician().await);
    for (person, scope) in [
        (&pat, "openid fhirUser offline_access launch/patient patient/Observation.rs patient/Condition.read"),
        (&lee, "openid fhirUser user/Patient.rs"),
        (&lee, "user/Patient.rs"),
    ] {
        let tokens = agreed(&world, &app, person, scope).await;
        let token = text(&tokens, "access_token");
        let said = fhir.introspect(&world, &peer, token).await.active();
        assert_eq!(said["scope"], tokens["scope"], "SM-I-04");
        assert_eq!(said.get("patient"), tokens.get("patient"), "SM-I-02");
        assert_eq!((&said["sub"], &said["client_id"]), (&json!(person.subject), &json!(app.id)));
        if let Some(id_token) = tokens["id_token"].as_str() {
            for name in ["iss", "sub", "fhirUser", "auth_time", "amr"] {
                assert_eq!(said[name], claims(id_token)[name], "SM-I-03: {name}");
                assert!(!said[name].is_null(), "{name}");
            }
        }
        assert!(said["exp"].is_i64() && said["token_type"] == "Bearer");
        let records = world.audit("token.introspect").await;
        let record = records.iter().find(|record| record["token"] == said["jti"]).expect("a record");
        assert_eq!(
            (&record["person"], &record["patient"]),
            (&json!(person.subject), tokens.get("patient").unwrap_or(&Value::Null))
        );
    }
}

#[tokio::test]
async fn at_05_sm_i_02_d4_a_persons_token_may_be_opaque_and_is_told_to_its_resource_server_alone() {
    let world = World::with_processes(2).await;
    let opaque = server(&world, json!({"introspects": [OPAQUE]})).await;
    let fhir = server(&world, json!({"introspects": [FHIR]})).await;
    let (app, pat) =
        (App::secret(&world, json!({"resources": [OPAQUE]})).await, world.patient_person().await);
    let scope = "openid fhirUser launch/patient patient/Observation.rs";
    let url = app.authorize_with(scope, &[("aud", OPAQUE)]);
    let code = Browser::new(&world).authorize(&url, &pat).await.code();
    let tokens = app.redeem(&world.public(), &code).await.granted();
    let token = text(&tokens, "access_token");
    assert!(token.starts_with("hat_") && !token.contains('.'), "{token}");
    for index in [0, 1] {
        let said = opaque.introspect(&world, &world.public_of(index), token).await.active();
        assert_eq!((&said["patient"], &said["aud"]), (&json!("rivera"), &json!(OPAQUE)));
        assert_eq!((&said["sub"], &said["scope"]), (&json!(pat.subject), &json!(scope)));
        assert_eq!(said["fhirUser"], format!("{OPAQUE}/Patient/rivera"));
        fhir.introspect(&world, &world.public_of(index), token).await.inactive();
    }
    let disable = format!("/admin/v1/users/{}/disable", pat.subject);
    assert_eq!(world.administer(Method::POST, &disable, None).await.status, 200);
    for index in [0, 1] {
        opaque.introspect(&world, &world.public_of(index), token).await.inactive();
    }
}

#[tokio::test]
async fn t09_inv_06_a_persons_tokens_are_inactive_everywhere_once_the_person_is_stopped_or_reset_for_good() {
    let world = World::with_processes(2).await;
    let fhir = server(&world, json!({"introspects": [FHIR]})).await;
    let app = App::public(&world, json!({})).await;
    let bystander = world.patient_person().await;
    let kept = agreed(&world, &app, &bystander, "launch/patient patient/Observation.rs").await;
    for steps in [&["disable"][..], &["disable", "enable"], &["reset"]] {
        let who = world.person(&format!("who.{}", steps.join(".")), json!({})).await;
        let tokens = agreed(&world, &app, &who, "launch/patient patient/Observation.rs").await;
        let token = text(&tokens, "access_token");
        fhir.introspect(&world, &world.public_of(1), token).await.active();
        for step in steps {
            let path = format!("/admin/v1/users/{}/{step}", who.subject);
            assert_eq!(world.administer(Method::POST, &path, None).await.status, 200);
            for index in [1, 0] {
                fhir.introspect(&world, &world.public_of(index), token).await.inactive();
            }
        }
    }
    fhir.introspect(&world, &world.public(), text(&kept, "access_token")).await.active();
}
