//! Who says that a person may act for a patient, and for how long that counts.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{EHR_SCOPE, app};
use crate::authorize::reasons;
use crate::harness::{App, Browser, Ehr, FHIR, Page, Person, World};
use crate::token::{fhir_server, text};

/// What an app is given that an EHR has opened for a person, with a refresh token.
async fn launched(world: &World, ehr: &Ehr, app: &App, (person, patient): (&Person, &str)) -> Value {
    let launch = ehr.launch(world, (&app.id, &person.username), json!({"patient": patient})).await;
    let scope = format!("{EHR_SCOPE} offline_access");
    let page =
        Browser::new(world).authorize(&app.authorize_with(&scope, &[("launch", &launch)]), person).await;
    app.redeem(&world.public(), &page.code()).await.granted()
}

/// Both tokens are dead.
async fn dead(world: &World, app: &App, tokens: &Value) {
    let fhir = fhir_server(world).await;
    fhir.introspect(world, &world.public(), text(tokens, "access_token")).await.inactive();
    app.refresh(&world.public(), text(tokens, "refresh_token")).await.refused(400, "invalid_grant");
}

async fn patch(world: &World, person: &Person, members: Value) {
    let path = format!("/admin/v1/users/{}", person.subject);
    assert_eq!(world.administer(Method::PATCH, &path, Some(members)).await.status, 200);
}

#[tokio::test]
async fn t09_what_an_ehr_opened_for_a_parent_ends_with_the_relationship() {
    let world = World::start().await;
    let (ehr, app) = (Ehr::register(&world, json!({})).await, app(&world, json!({})).await);
    let child = json!({"resource": FHIR, "patient": "child", "relation": "proxy", "name": "Sam Rivera"});
    let pat = world.person("pat", json!({"patients": [child]})).await;
    for patient in ["rivera", "child"] {
        assert_eq!(launched(&world, &ehr, &app, (&pat, patient)).await["patient"], patient);
    }
    // Whoever treats nobody opens no other record, whatever the EHR says.
    let answer = ehr.ask(&world, json!({"client_id": app.id, "user": "pat", "patient": "p-7"})).await;
    assert_eq!((answer.status, &answer.json()["errors"][0]["field"]), (400, &json!("patient")));
    let tokens = launched(&world, &ehr, &app, (&pat, "child")).await;
    patch(&world, &pat, json!({"patients": []})).await;
    dead(&world, &app, &tokens).await;
}

#[tokio::test]
async fn t09_what_an_ehr_opened_for_a_clinician_ends_with_the_role() {
    let world = World::start().await;
    let (ehr, app, lee) =
        (Ehr::register(&world, json!({})).await, app(&world, json!({})).await, world.clinician().await);
    let tokens = launched(&world, &ehr, &app, (&lee, "p-7")).await;
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), json!({"patient": "p-7"})).await;
    patch(&world, &lee, json!({"roles": ["patient"]})).await;
    dead(&world, &app, &tokens).await;
    // So does a launch that was made before.
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_with(EHR_SCOPE, &[("launch", &launch)])).await;
    browser.sign_in(&page, &lee).await.told(&app.callback, "access_denied", Some(&app.state));
    assert_eq!(reasons(&world, "authorize.respond").await, ["launch_patient_beyond_person"]);
}

#[tokio::test]
async fn s03_launches_of_an_ehr_that_was_stopped_open_nothing() {
    let world = World::start().await;
    let (ehr, app) = (Ehr::register(&world, json!({})).await, app(&world, json!({})).await);
    world.clinician().await;
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), json!({"patient": "p-7"})).await;
    let path = format!("/admin/v1/clients/{}", ehr.backend.id);
    for change in ["disable", "enable"] {
        let changed = world.administer(Method::POST, &format!("{path}/{change}"), None).await;
        assert_eq!(changed.status, 200);
        let page = Browser::new(&world).open(&app.authorize_with(EHR_SCOPE, &[("launch", &launch)])).await;
        page.told(&app.callback, "invalid_request", Some(&app.state));
    }
    assert_eq!(reasons(&world, "authorize.begin").await, vec!["launch_of_a_stopped_ehr"; 2]);
}

#[tokio::test]
async fn the_record_says_which_ehr_has_vouched() {
    let world = World::start().await;
    let (ehr, app, lee) =
        (Ehr::register(&world, json!({})).await, app(&world, json!({})).await, world.clinician().await);
    launched(&world, &ehr, &app, (&lee, "p-7")).await;
    let record = &world.audit("authorize.respond").await[0];
    let detail = text(record, "detail");
    assert!(
        detail.starts_with("launch ") && detail.ends_with(&format!(" by {}", ehr.backend.id)),
        "{detail}"
    );
}

#[tokio::test]
async fn nobody_but_those_who_treat_the_patient_goes_unasked_and_only_when_an_ehr_has_opened_the_app() {
    let world = World::start().await;
    let ehr = Ehr::register(&world, json!({})).await;
    let approved = json!({"clinician_consent": "preapproved"});
    let web = app(&world, approved.clone()).await;
    let native = json!({"clinician_consent": "preapproved", "redirect_uris": ["com.example.app:/cb"]});
    let native = app(&world, native).await;
    let roles = json!({"roles": ["clinician", "patient"], "fhir_user": "Patient/kim"});
    let both = world.person("kim", roles).await;
    let lee = world.clinician().await;
    // Standalone.
    asked(&world, &lee, &web.authorize_url("openid user/Patient.rs")).await;
    // Whoever is a patient here, too.
    let launch = ehr.launch(&world, (&web.id, "kim"), json!({"patient": "p-7"})).await;
    asked(&world, &both, &web.authorize_with(EHR_SCOPE, &[("launch", &launch)])).await;
    // A clinician's own record, or that of a child of theirs.
    let tied = |relation: &str| json!({"resource": FHIR, "patient": "self-1", "relation": relation, "name": "Kim Lee"});
    for relation in ["self", "proxy"] {
        patch(&world, &lee, json!({"patients": [tied(relation)]})).await;
        let launch = ehr.launch(&world, (&web.id, "dr.lee"), json!({"patient": "self-1"})).await;
        asked(&world, &lee, &web.authorize_with(EHR_SCOPE, &[("launch", &launch)])).await;
    }
    patch(&world, &lee, json!({"patients": [tied("care-team")]})).await;
    // An app that others could pass themselves off as (RFC 8252, 8.6).
    let launch = ehr.launch(&world, (&native.id, "dr.lee"), json!({"patient": "p-7"})).await;
    asked(&world, &lee, &native.authorize_with(EHR_SCOPE, &[("launch", &launch)])).await;
    // The rest go unasked.
    for patient in ["self-1", "p-7"] {
        let launch = ehr.launch(&world, (&web.id, "dr.lee"), json!({"patient": patient})).await;
        let mut browser = Browser::new(&world);
        let page = browser.open(&web.authorize_with(EHR_SCOPE, &[("launch", &launch)])).await;
        browser.sign_in(&page, &lee).await.code();
    }
}

async fn asked(world: &World, person: &Person, address: &str) {
    let mut browser = Browser::new(world);
    let page = browser.open(address).await;
    let page: Page = browser.sign_in(&page, person).await;
    assert!(page.asks_for_consent(), "{address}: {:?}", page.answer);
}

#[tokio::test]
async fn s06_a_decision_is_about_the_patient_that_its_page_spoke_of_whatever_another_tab_chose() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let child = json!({"resource": FHIR, "patient": "child", "relation": "proxy", "name": "Sam Rivera"});
    let pat = world.person("pat", json!({"patients": [child]})).await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url("openid launch/patient patient/Observation.rs")).await;
    let picker = browser.sign_in(&page, &pat).await;
    assert!(picker.asks_for_patient());
    let answer = browser.choose(&picker, "patient", "rivera").await;
    let first = browser.follow(answer).await;
    assert!(first.asks_for_consent());
    // In another tab the person goes back and chooses the child.
    let answer = browser.choose(&picker, "patient", "child").await;
    let second = browser.follow(answer).await;
    let scopes = first.scopes();
    let ticked: Vec<&str> = scopes.iter().map(String::as_str).collect();
    browser.decide(&first, "allow", &ticked).await.shows(403);
    assert_eq!(reasons(&world, "consent.give").await, ["consent_about_something_else"]);
    let code = browser.allow(&second).await.code();
    assert_eq!(app.redeem(&world.public(), &code).await.granted()["patient"], "child");
    // Once decided, nothing is chosen any more.
    browser.choose(&picker, "patient", "rivera").await.shows(403);
}

#[tokio::test]
async fn s06_a_decision_falls_when_there_is_more_to_choose_from_than_its_page_knew() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let pat = world.patient_person().await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url("openid launch/patient patient/Observation.rs")).await;
    let page = browser.sign_in(&page, &pat).await;
    assert!(page.asks_for_consent(), "one's own record alone");
    let child = json!({"resource": FHIR, "patient": "child", "relation": "proxy", "name": "Sam Rivera"});
    patch(&world, &pat, json!({"patients": [child]})).await;
    let scopes = page.scopes();
    let ticked: Vec<&str> = scopes.iter().map(String::as_str).collect();
    browser.decide(&page, "allow", &ticked).await.shows(403);
    let again = browser.get(&format!("/oauth2/continue?i={}", page.hidden("interaction"))).await;
    let again = browser.follow(again).await;
    assert!(again.asks_for_patient(), "{}", again.text());
}

#[tokio::test]
async fn s06_an_app_is_told_when_there_is_more_to_choose_from_once_the_person_has_decided() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let pat = world.patient_person().await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url("openid launch/patient patient/Observation.rs")).await;
    let page = browser.sign_in(&page, &pat).await;
    let scopes = page.scopes();
    let ticked: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let decided = browser.decide(&page, "allow", &ticked).await;
    let child = json!({"resource": FHIR, "patient": "child", "relation": "proxy", "name": "Sam Rivera"});
    patch(&world, &pat, json!({"patients": [child]})).await;
    browser.follow(decided).await.told(&app.callback, "access_denied", Some(&app.state));
    assert_eq!(reasons(&world, "authorize.respond").await, ["consent_for_something_else"]);
}

#[tokio::test]
async fn what_policy_decides_is_kept_once_however_often_the_answer_is_asked_for() {
    let world = World::with_processes(2).await;
    let ehr = Ehr::register(&world, json!({})).await;
    let app = app(&world, json!({"clinician_consent": "preapproved"})).await;
    let lee = world.clinician().await;
    let mut browser = Browser::new(&world);
    browser.authorize(&app.authorize_url("openid user/Patient.rs"), &lee).await.code();
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), json!({"patient": "p-7"})).await;
    let begun = browser.get(&app.authorize_with(EHR_SCOPE, &[("launch", &launch)])).await;
    let go_on = begun.location().to_owned();
    let all = (0..20).map(|index| {
        let mut browser = Browser { peer: world.public_of(index % 2), ..browser.clone() };
        let go_on = go_on.clone();
        async move { browser.get(&go_on).await }
    });
    let answered = join_all(all).await;
    let codes = answered.iter().filter(|page| {
        page.answer.header("location").is_some_and(|to| to.starts_with(&app.callback) && to.contains("code="))
    });
    assert_eq!(codes.count(), 1);
    assert_eq!(world.database.count("select count(*) from consent where by_policy").await, 1);
}
