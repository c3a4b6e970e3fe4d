//! `authorization_code` (RFC 6749, 4.1.3): the form of the request and of the answer.

use reqwest::Method;
use serde_json::{Value, json};

use super::{agreed, claims, header, reasons, text};
use crate::harness::{Answer, App, Browser, FHIR, World};

const TOKEN: &str = "/oauth2/token";
const SCOPE: &str = "openid fhirUser offline_access launch/patient patient/Observation.rs";

/// The form that redeems a code, as it should be.
fn form<'a>(app: &'a App, code: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &app.callback),
        ("code_verifier", &app.verifier),
    ]
}

/// The form with another value of a member; an empty one takes the member away.
fn with<'a>(form: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut all: Vec<_> = form.iter().filter(|(known, _)| *known != name).copied().collect();
    all.extend(Some((name, value)).filter(|_| !value.is_empty()));
    all
}

fn names(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn sm_t_09_sm_t_10_sm_c_01_sm_c_02_x8_a_code_becomes_tokens_and_the_answer_says_all_of_them() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let code = app.code(&mut Browser::new(&world), &pat, SCOPE).await;
    let answer = app.redeem(&world.public(), &code).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let granted = answer.granted();
    assert_eq!(
        names(&granted),
        ["access_token", "expires_in", "id_token", "patient", "refresh_token", "scope", "token_type"]
    );
    assert_eq!((&granted["token_type"], &granted["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert_eq!((&granted["scope"], &granted["patient"]), (&json!(SCOPE), &json!("rivera")));
    // SM-T-10 holds for errors too.
    let spent = app.redeem(&world.public(), &code).await;
    spent.refused(400, "invalid_grant");
    assert_eq!(spent.header("pragma"), Some("no-cache"));
}

#[tokio::test]
async fn at_01_at_02_at_05_the_access_token_of_a_person_names_them_their_sign_in_and_no_more() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let granted = agreed(&world, &app, &pat, SCOPE).await;
    let token = text(&granted, "access_token");
    let head = header(token);
    assert_eq!((head["typ"].as_str(), head["alg"].as_str()), (Some("at+jwt"), Some("ES256")));
    let said = claims(token);
    let all = [
        "amr",
        "aud",
        "auth_time",
        "client_id",
        "exp",
        "fhirUser",
        "grant_id",
        "iat",
        "iss",
        "jti",
        "patient",
        "scope",
        "sub",
    ];
    assert_eq!(names(&said), all, "no name, no record number");
    assert_eq!((&said["iss"], &said["aud"]), (&json!(world.issuer()), &json!(FHIR)));
    assert_eq!((&said["sub"], &said["client_id"]), (&json!(pat.subject), &json!(app.id)));
    assert_eq!((&said["scope"], &said["amr"]), (&json!(SCOPE), &json!(["pwd"])));
    assert_eq!(said["fhirUser"], json!(format!("{FHIR}/Patient/rivera")));
    let at = |name: &str| said[name].as_i64().unwrap();
    assert!(at("exp") - at("iat") == 900 && at("auth_time") <= at("iat") && at("iat") - at("auth_time") < 60);

    let records = world.audit("token.issue").await;
    let record = records.iter().find(|record| record["token"] == said["jti"]).expect("its record");
    for (name, value) in [
        ("outcome", "granted"),
        ("client", app.id.as_str()),
        ("person", &pat.subject),
        ("person_organization", "Mercy"),
        ("patient", "rivera"),
        ("scopes_granted", SCOPE),
        ("audience", FHIR),
        ("grant_type", "authorization_code"),
    ] {
        assert_eq!(record[name], value, "{name}: {record}");
    }
}

#[tokio::test]
async fn sm_t_01_c08_a_code_is_shown_in_a_form_by_post_and_any_other_way_leaves_it_unused_and_unlogged() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let code = app.code(&mut Browser::new(&world), &pat, SCOPE).await;
    let peer = world.public();
    let mut all = form(&app, &code);
    all.push(("client_id", &app.id));
    let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&all).finish();
    let in_url = format!("{TOKEN}?{encoded}");
    let got = peer.get(&in_url).await;
    assert_eq!((got.status, got.header("allow")), (405, Some("POST, OPTIONS")));
    peer.post(&in_url, &[]).await.refused(400, "invalid_request");
    peer.post(&format!("{TOKEN}?code={code}"), &with(&all, "code", "")).await.refused(400, "invalid_request");
    let pairs: serde_json::Map<String, Value> =
        all.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let sent = peer.send(Method::POST, TOKEN, None, Some(Value::Object(pairs))).await;
    sent.refused(415, "invalid_request");
    app.redeem(&peer, &code).await.granted();
    assert!(!world.processes[0].log().contains(&code), "C08: not logged");
}

#[tokio::test]
async fn sm_t_02_sm_t_03_oa_02_what_is_missing_repeated_or_unknown_is_told_and_leaves_the_code_unused() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let code = app.code(&mut Browser::new(&world), &pat, SCOPE).await;
    let peer = world.public();
    let right = form(&app, &code);
    for (name, value, error) in [
        ("grant_type", "", "invalid_request"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("grant_type", "implicit", "unsupported_grant_type"),
        ("grant_type", "Authorization_Code", "unsupported_grant_type"),
        ("grant_type", "client_credentials", "unauthorized_client"),
        ("code", "", "invalid_request"),
        ("redirect_uri", "", "invalid_request"),
        ("resource", "https://opaque.example/r4", "invalid_target"),
    ] {
        app.ask(&peer, TOKEN, &with(&right, name, value)).await.refused(400, error);
    }
    for (name, value) in [("code", code.as_str()), ("code_verifier", "x"), ("client_id", &app.id)] {
        let twice = [right.as_slice(), &[(name, value)]].concat();
        app.ask(&peer, TOKEN, &twice).await.refused(400, "invalid_request");
    }
    peer.post(TOKEN, &right).await.invalid_client();
    for id in ["", "nobody", "a b", "é", "00000000-0000-0000-0000-000000000000"] {
        peer.post(TOKEN, &[right.as_slice(), &[("client_id", id)]].concat()).await.invalid_client();
    }
    let named = [right.as_slice(), &[("resource", FHIR), ("unknown", "1")]].concat();
    app.ask(&peer, TOKEN, &named).await.granted();
}

#[tokio::test]
async fn sm_t_02_sm_t_12_a03_a05_each_app_redeems_by_its_own_method_alone() {
    let world = World::start().await;
    let pat = world.patient_person().await;
    let apps = [
        App::public(&world, json!({})).await,
        App::secret(&world, json!({})).await,
        App::asymmetric(&world, json!({})).await,
    ];
    let peer = world.public();
    let mut browser = Browser::new(&world);
    for (index, app) in apps.iter().enumerate() {
        let code = app.code(&mut browser, &pat, SCOPE).await;
        let right = form(app, &code);
        let named = [right.as_slice(), &[("client_id", app.id.as_str())]].concat();
        if index > 0 {
            peer.post(TOKEN, &named).await.invalid_client();
        }
        if index != 1 {
            peer.post_basic(TOKEN, (&app.id, "any secret at all"), &right).await.invalid_client();
        }
        let in_body = [named.as_slice(), &[("client_secret", "any secret at all")]].concat();
        peer.post(TOKEN, &in_body).await.invalid_client();
        let other = apps[(index + 1) % 3].id.as_str();
        if index > 0 {
            let mismatch = [right.as_slice(), &[("client_id", other)]].concat();
            app.ask(&peer, TOKEN, &mismatch).await.invalid_client();
        }
        // Naming itself once more is tolerated.
        let again = if index == 0 { right } else { named };
        app.ask(&peer, TOKEN, &again).await.granted();
    }
    let reasons = reasons(&world, "token.issue").await;
    for reason in ["not_the_registered_method", "several_clients_named"] {
        assert!(reasons.iter().any(|known| known == reason), "{reason}: {reasons:?}");
    }
}

#[tokio::test]
async fn c10_a_code_of_any_form_and_size_is_no_code_and_no_fault() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let code = app.code(&mut Browser::new(&world), &pat, SCOPE).await;
    let peer = world.public();
    let wrong = [
        "x".to_owned(),
        "hac_".to_owned(),
        "' or 1=1 --".to_owned(),
        "%00".to_owned(),
        "é\u{1F512}".to_owned(),
        "x".repeat(15_000),
        format!("{code} "),
        format!("{code}A"),
        code[..code.len() - 1].to_owned(),
        code[4..].to_owned(),
        code.to_uppercase(),
    ];
    for code in &wrong {
        app.redeem(&peer, code).await.refused(400, "invalid_grant");
    }
    assert!(reasons(&world, "token.issue").await.iter().all(|reason| reason == "code_unknown"));
    for (body, expected) in [
        ("grant_type=authorization_code&code=a%00b".to_owned(), 400),
        ("grant_type=authorization_code&code=%ff%fe".to_owned(), 400),
        (format!("grant_type=authorization_code&code={}", "x".repeat(1_048_576)), 413),
    ] {
        let request = peer.request(Method::POST, TOKEN).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = Answer::read(request.send().await.unwrap()).await;
        answer.refused(expected, "invalid_request");
    }
    app.redeem(&peer, &code).await.granted();
}
