//! Context goes with the scopes that are granted and used: `launch`, `launch/patient`, both, or neither.

use serde_json::{Value, json};

use super::{EHR_SCOPE, app};
use crate::harness::{App, Browser, Ehr, FHIR, Person, World};
use crate::token::{claims, fhir_server, text};

const BOTH: &str = "launch launch/patient openid patient/Observation.rs";

fn open() -> Value {
    json!({"patient": "p-7", "encounter": "e-1", "need_patient_banner": true, "intent": "reconcile", "tenant": "north",
        "fhirContext": [{"reference": "ImagingStudy/9"}]})
}

const ALL: [&str; 6] = ["patient", "encounter", "need_patient_banner", "intent", "tenant", "fhirContext"];

/// What an answer, its token and introspection say is in context; they must agree.
async fn told(world: &World, fhir: &crate::harness::Backend, tokens: &Value) -> Vec<&'static str> {
    let token = text(tokens, "access_token");
    let explained = fhir.introspect(world, &world.public(), token).await.active();
    let signed = claims(token);
    let mut found = Vec::new();
    for name in ALL {
        assert_eq!((explained.get(name), signed.get(name)), (tokens.get(name), tokens.get(name)), "{name}");
        found.extend(tokens.get(name).map(|_| name));
    }
    found
}

async fn scene() -> (World, Ehr, App, Person) {
    let world = World::start().await;
    let (ehr, app) = (Ehr::register(&world, json!({})).await, app(&world, json!({})).await);
    let patient = |id: &str, name: &str| {
        json!({"resource": FHIR, "patient": id, "relation": "care-team", "name": name, "birthDate": "1961-04-02",
            "identifier": id, "encounters": []})
    };
    let patients = json!([patient("silva", "Maria Silva"), patient("okafor", "Ada Okafor")]);
    let members = json!({"name": "Dr. Kim Lee", "roles": ["clinician"], "fhir_user": "Practitioner/lee", "patients": patients});
    let lee = world.person("dr.lee", members).await;
    (world, ehr, app, lee)
}

#[tokio::test]
async fn sm_c_07_context_shrinks_when_refresh_leaves_launch_out_and_is_back_when_it_does_not() {
    let (world, ehr, app, lee) = scene().await;
    let fhir = fhir_server(&world).await;
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), open()).await;
    let scope = format!("{EHR_SCOPE} online_access");
    let page =
        Browser::new(&world).authorize(&app.authorize_with(&scope, &[("launch", &launch)]), &lee).await;
    let mut tokens = app.redeem(&world.public(), &page.code()).await.granted();
    assert_eq!(told(&world, &fhir, &tokens).await, ALL);
    for (scope, kept) in [
        ("patient/Observation.rs", &["patient"][..]),
        ("openid", &[]),
        ("launch patient/Observation.rs", &ALL),
        ("openid patient/Observation.rs", &["patient"]),
        ("", &ALL),
    ] {
        let refresh = text(&tokens, "refresh_token").to_owned();
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        if !scope.is_empty() {
            form.push(("scope", scope));
        }
        tokens = app.ask(&world.public(), "/oauth2/token", &form).await.granted();
        assert_eq!(told(&world, &fhir, &tokens).await, kept, "{scope}");
    }
}

#[tokio::test]
async fn sm_c_07_who_leaves_launch_unticked_keeps_the_patient_and_gives_nothing_else_of_the_context() {
    let (world, ehr, app, lee) = scene().await;
    let fhir = fhir_server(&world).await;
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), open()).await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_with(EHR_SCOPE, &[("launch", &launch)])).await;
    let page = browser.sign_in(&page, &lee).await;
    assert!(page.scopes().contains(&"launch".to_owned()), "{:?}", page.scopes());
    let answer = browser.decide(&page, "allow", &["openid", "patient/Observation.rs"]).await;
    let page = browser.follow(answer).await;
    let tokens = app.redeem(&world.public(), &page.code()).await.granted();
    assert_eq!(tokens["scope"], "openid patient/Observation.rs");
    assert_eq!(told(&world, &fhir, &tokens).await, ["patient"]);
    assert_eq!(tokens["patient"], "p-7");
}

#[tokio::test]
async fn sm_l_04_where_launch_and_launch_patient_are_asked_together_the_patient_of_the_ehr_counts() {
    let (world, ehr, app, lee) = scene().await;
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), open()).await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_with(BOTH, &[("launch", &launch)])).await;
    let page = browser.sign_in(&page, &lee).await;
    assert!(page.asks_for_consent() && !page.asks_for_patient(), "{}", page.text());
    let code = browser.allow(&page).await.code();
    let tokens = app.redeem(&world.public(), &code).await.granted();
    assert_eq!((&tokens["patient"], &tokens["intent"]), (&json!("p-7"), &json!("reconcile")));
    assert_eq!(tokens["scope"], BOTH);
}

#[tokio::test]
async fn sm_l_06_where_launch_and_launch_patient_are_asked_together_without_a_patient_the_person_chooses() {
    let (world, ehr, app, lee) = scene().await;
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), json!({"intent": "inbox", "tenant": "north"})).await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_with(BOTH, &[("launch", &launch)])).await;
    let page = browser.sign_in(&page, &lee).await;
    assert!(page.shows(200).asks_for_patient(), "{}", page.text());
    browser.choose(&page, "patient", "p-7").await.shows(403);
    let answer = browser.choose(&page, "patient", "silva").await;
    let page = browser.follow(answer).await;
    let code = browser.allow(&page).await.code();
    let tokens = app.redeem(&world.public(), &code).await.granted();
    assert_eq!((&tokens["patient"], &tokens["intent"]), (&json!("silva"), &json!("inbox")));
    assert_eq!((&tokens["tenant"], &tokens["scope"]), (&json!("north"), &json!(BOTH)));
}
