//! Explaining requests of apps that an EHR opens, and of people who are yet to choose a patient.

use serde_json::{Value, json};

use super::scopes::{app, told};
use crate::harness::{App, Browser, FHIR, OPAQUE, World};

const ASKED: &str = "launch openid patient/Patient.rs";

fn outcome(told: &Value) -> (&str, &str) {
    (told["outcome"].as_str().unwrap(), told["refusal"]["reason"].as_str().unwrap_or(""))
}

fn context<'a>(told: &'a Value, needs: &str) -> &'a Value {
    let all = told["context"].as_array().unwrap();
    all.iter().find(|need| need["needs"] == needs).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn an_ehr_vouches_for_the_patient_of_a_clinician_and_of_nobody_else() {
    let world = World::start().await;
    let app = app(&world, json!({"scope": ASKED})).await;
    world.clinician().await;
    world.patient_person().await;
    let ask = |user: &str, scope: &str, patient: Option<&str>| {
        let mut question = json!({"client_id": app, "user": user, "resource": FHIR, "scope": scope});
        if let Some(patient) = patient {
            question["patient"] = json!(patient);
        }
        told(&world, question)
    };
    let vouched = ask("dr.lee", ASKED, Some("silva")).await;
    assert_eq!((outcome(&vouched), &vouched["scope"]), (("granted", ""), &json!(ASKED)));
    let patient = context(&vouched, "patient");
    assert!(patient["met"] == true && patient["says"].as_str().unwrap().contains("vouches"), "{patient}");
    let open = ask("dr.lee", ASKED, None).await;
    assert_eq!((outcome(&open), &context(&open, "patient")["met"]), (("granted", ""), &Value::Null));
    let alone = ask("dr.lee", "openid patient/Patient.rs", Some("silva")).await;
    assert_eq!(outcome(&alone), ("refused", "patient_beyond_person"));
    assert_eq!(outcome(&ask("dr.lee", "openid patient/Patient.rs", None).await), ("refused", "no_patient"));
    assert_eq!(outcome(&ask("pat", ASKED, Some("silva")).await), ("refused", "patient_beyond_person"));
    assert_eq!(outcome(&ask("pat", ASKED, Some("rivera")).await), ("granted", ""));
}

#[tokio::test]
async fn an_app_that_cannot_have_launch_is_refused_as_the_real_request_is() {
    let world = World::start().await;
    let app = App::public(&world, json!({"scope": "openid patient/Patient.rs"})).await;
    world.patient_person().await;
    let question = json!({"client_id": app.id, "user": "pat", "resource": FHIR, "scope": ASKED});
    let answer = told(&world, question).await;
    assert_eq!(outcome(&answer), ("refused", "launch_missing"));
    assert_eq!((&answer["refusal"]["rule"], &answer["context"]), (&json!("launch"), &json!([])));
    let mut browser = Browser::new(&world);
    let error = answer["refusal"]["error"].as_str().unwrap();
    browser.open(&app.authorize_url(ASKED)).await.told(&app.callback, error, Some(&app.state));
    assert_eq!(world.audit("authorize.begin").await[0]["reason"], "launch_missing");
}

#[tokio::test]
async fn whoever_is_yet_to_choose_a_patient_is_told_for_whom_they_have_agreed() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let patient = |id: &str| json!({"resource": FHIR, "patient": id, "relation": "proxy", "name": id});
    let members = json!({"patients": [patient("silva")]});
    let pat = world.person("pat", members).await;
    let consent = async |scope: &str| {
        let question = json!({"client_id": app, "user": "pat", "resource": FHIR, "scope": scope});
        told(&world, question).await["consent"].clone()
    };
    let before = consent("openid patient/Patient.rs").await;
    assert!(before["because"].as_str().unwrap().contains("not agreed"), "{before}");
    let given = format!(
        "insert into consent (consent_id, subject, client_id, audience, patient, scope, given_at) values
         (gen_random_uuid(), '{}', '{app}', '{FHIR}', 'rivera', 'openid patient/Patient.rs', now())",
        pat.subject
    );
    world.database.execute(&given).await;
    let whole = consent("openid patient/Patient.r").await;
    let because = "The person has agreed to all of it for rivera, and would be asked for any other patient.";
    assert_eq!((&whole["asked"], &whole["because"]), (&json!(true), &json!(because)));
    assert!(whole["given_at"].is_string(), "{whole}");
    let part = consent("openid patient/Patient.rs patient/Observation.rs").await;
    assert_eq!(part["because"], "The person has agreed to less before, for rivera.");
    assert_eq!(part["new"], json!(["patient/Observation.rs"]));
}

#[tokio::test]
async fn pre_approval_is_foretold_for_clinicians_whom_an_ehr_has_sent_alone() {
    let world = World::start().await;
    let members = json!({"scope": ASKED, "clinician_consent": "preapproved"});
    let app = app(&world, members).await;
    world.clinician().await;
    world.person("both", json!({"roles": ["clinician", "patient"]})).await;
    let rows = [
        ("dr.lee", ASKED, "silva", false),
        ("both", ASKED, "silva", true),
        ("both", "openid patient/Patient.rs", "rivera", true),
    ];
    for (user, scope, patient, asked) in rows {
        let question =
            json!({"client_id": app, "user": user, "resource": FHIR, "scope": scope, "patient": patient});
        let answer = told(&world, question).await;
        assert_eq!(answer["consent"]["asked"], asked, "{user} {scope}: {answer}");
    }
}

#[tokio::test]
async fn who_leaves_out_the_fhir_server_is_told_which_to_name() {
    let world = World::start().await;
    let question = |client: &str| json!({"client_id": client, "scope": "patient/Patient.rs patient/Foo.rs"});
    let one = app(&world, json!({"resources": [FHIR]})).await;
    let answer = told(&world, question(&one)).await;
    assert_eq!(answer["refusal"]["advice"], format!("Ask again with --resource {FHIR}"));
    let (asked, misspelt) = (&answer["scopes"][0], &answer["scopes"][1]);
    assert!(asked["rule"] == "resource" && !asked["because"].as_str().unwrap().contains("aud"), "{asked}");
    assert!(
        misspelt["rule"] == "spelling" && misspelt["because"].as_str().unwrap().contains("Foo"),
        "{misspelt}"
    );
    let both = app(&world, json!({})).await;
    let answer = told(&world, question(&both)).await;
    let advice = answer["refusal"]["advice"].as_str().unwrap();
    assert!(advice.contains(FHIR) && advice.contains(OPAQUE), "{advice}");
}
