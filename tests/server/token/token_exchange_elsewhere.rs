//! Token exchange (RFC 8693) for another resource server: as far as the person has agreed, and is known there.

use serde_json::{Value, json};

use super::token_exchange::{ACCESS_TOKEN, EXCHANGE, Scene};
use super::{agreed, claims, reasons, text};
use crate::harness::{Answer, App, Browser, FHIR, OPAQUE, Person, World};

/// What the app asks for at the first FHIR server.
const SCOPE: &str = "launch/patient patient/Observation.rs patient/Condition.rs";

/// An app that exchanges tokens of its own, and is registered for two FHIR servers.
async fn app(world: &World) -> App {
    let grants = ["authorization_code", "refresh_token", EXCHANGE];
    App::secret(world, json!({"grant_types": grants, "resources": [FHIR, OPAQUE]})).await
}

/// Has a person agree to what an app asks for at the other FHIR server.
async fn agree_there(world: &World, app: &App, (person, scope): (&Person, &str)) {
    let address = app.authorize_with(scope, &[("aud", OPAQUE)]);
    Browser::new(world).authorize(&address, person).await.code();
}

/// Exchanges a token as its own app for one of another FHIR server; an empty scope is none.
async fn exchange_own(world: &World, app: &App, (token, scope): (&str, &str)) -> Answer {
    let mut form = vec![
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
        ("resource", OPAQUE),
    ];
    if !scope.is_empty() {
        form.push(("scope", scope));
    }
    app.ask(&world.public(), "/oauth2/token", &form).await
}

#[tokio::test]
async fn e01_an_app_s_own_token_goes_elsewhere_as_far_as_the_person_has_agreed_there() {
    let world = World::start().await;
    let (pat, app) = (world.patient_person().await, app(&world).await);
    let given = agreed(&world, &app, &pat, SCOPE).await;
    let token = text(&given, "access_token");
    exchange_own(&world, &app, (token, "patient/Observation.r")).await.refused(400, "invalid_target");
    let here = [
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
        ("resource", FHIR),
        ("scope", "patient/Observation.r"),
    ];
    let less = app.ask(&world.public(), "/oauth2/token", &here).await.token();
    assert_eq!(
        (&claims(&less)["aud"], &claims(&less)["scope"]),
        (&json!(FHIR), &json!("patient/Observation.r"))
    );

    agree_there(&world, &app, (&pat, "launch/patient patient/Observation.rs")).await;
    for (scope, is_agreed_to) in [
        ("patient/Observation.r", true),
        ("patient/Observation.rs", true),
        ("patient/Condition.r", false),
        ("patient/Observation.r patient/Condition.r", false),
        ("", false),
    ] {
        let answer = exchange_own(&world, &app, (token, scope)).await;
        if is_agreed_to {
            let granted = answer.granted();
            assert_eq!((&granted["scope"], &granted["patient"]), (&json!(scope), &json!("rivera")));
        } else {
            answer.refused(400, "invalid_target");
        }
    }
    assert_eq!(reasons(&world, "token.issue").await, ["consent_missing"; 4]);
}

#[tokio::test]
async fn e01_nobody_else_s_agreement_counts_nor_one_for_another_app_or_patient() {
    let world = World::start().await;
    let (pat, app, other) = (world.patient_person().await, app(&world).await, app(&world).await);
    let asked = (&pat, "launch/patient patient/Observation.rs");
    agree_there(&world, &other, asked).await;
    let patient = |resource, patient| json!({"resource": resource, "patient": patient, "relation": "proxy", "name": patient});
    let of_two = json!({"fhir_user": "RelatedPerson/kim", "patients": [patient(FHIR, "one"), patient(OPAQUE, "one"),
        patient(OPAQUE, "two")]});
    let kim = world.person("kim", of_two).await;
    // Of the patients whom Kim acts for there, the one of the token is not the one who was agreed to.
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_with(asked.1, &[("aud", OPAQUE)])).await;
    let page = browser.sign_in(&page, &kim).await;
    let chosen = browser.choose(&page, "patient", "two").await;
    let page = browser.follow(chosen).await;
    browser.allow(&page).await.code();
    for person in [&pat, &kim] {
        let given = agreed(&world, &app, person, SCOPE).await;
        let token = text(&given, "access_token");
        exchange_own(&world, &app, (token, "patient/Observation.r")).await.refused(400, "invalid_target");
    }
    assert_eq!(reasons(&world, "token.issue").await, ["consent_missing"; 2]);
}

#[tokio::test]
async fn e01_what_a_service_was_shown_crosses_for_those_alone_who_are_known_at_the_other_fhir_server() {
    let scene = Scene::start().await;
    let known = |at: &str| json!(format!("{at}/Practitioner/lee"));
    let rows: [(&str, Value, Option<&str>); 4] = [
        ("everywhere", json!("Practitioner/lee"), None),
        ("there", known(OPAQUE), None),
        ("here", known(FHIR), Some("person_of_another_server")),
        ("nowhere", Value::Null, Some("person_of_another_server")),
    ];
    for (name, fhir_user, refusal) in &rows {
        let members = json!({"roles": ["clinician"], "fhir_user": fhir_user});
        let person = scene.world.person(name, members).await;
        let given = agreed(&scene.world, &scene.app, &person, "user/Observation.rs").await;
        let token = text(&given, "access_token");
        let answer = scene.exchange(token, &[("resource", OPAQUE)]).await;
        match refusal {
            None => assert_eq!(answer.granted()["scope"], "user/Observation.rs", "{name}"),
            Some(_) => answer.refused(400, "invalid_target"),
        }
        // Where the token is good already it stays good.
        scene.exchange(token, &[("resource", FHIR)]).await.granted();
    }
    let expected: Vec<&str> = rows.iter().filter_map(|(_, _, refusal)| *refusal).collect();
    assert_eq!(reasons(&scene.world, "token.issue").await, expected);
}

#[tokio::test]
async fn e01_whoever_acts_for_a_patient_there_without_being_a_user_there_is_given_that_patient_alone() {
    let scene = Scene::start().await;
    let patient =
        |resource| json!({"resource": resource, "patient": "one", "relation": "care-team", "name": "One"});
    let members = json!({"roles": ["clinician"], "fhir_user": format!("{FHIR}/Practitioner/lee"),
        "patients": [patient(FHIR), patient(OPAQUE)]});
    let lee = scene.world.person("lee", members).await;
    let scope = "launch/patient patient/Observation.rs user/Condition.rs";
    let given = agreed(&scene.world, &scene.app, &lee, scope).await;
    let token = text(&given, "access_token");
    for (scope, is_given) in [
        ("patient/Observation.r", true),
        ("user/Condition.r", false),
        ("patient/Observation.r user/Condition.r", false),
    ] {
        let answer = scene.exchange(token, &[("resource", OPAQUE), ("scope", scope)]).await;
        if is_given {
            assert_eq!(answer.granted()["patient"], "one");
        } else {
            answer.refused(400, "invalid_target");
        }
    }
    assert_eq!(reasons(&scene.world, "token.issue").await, ["person_of_another_server"; 2]);
}
