//! What people let apps do.

use reqwest::Method;
use serde_json::json;

use super::{PATIENT_SCOPE, reasons};
use crate::harness::{App, Browser, FHIR, OPAQUE, World};

#[tokio::test]
async fn what_is_ticked_is_given_and_nothing_else() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let asked = "openid patient/Observation.rs patient/Patient.rs offline_access system/Claim.rs unknown";
    let page = browser
        .open(&app.authorize_url("openid patient/Observation.rs patient/Patient.rs offline_access"))
        .await;
    let page = browser.sign_in(&page, &pat).await;
    assert_eq!(page.scopes().join(" "), "openid patient/Observation.rs patient/Patient.rs offline_access");
    for part in ["Growth Chart", "Chart Makers", "Pat Rivera", "rivera", "app.example", "when you are away"] {
        assert!(page.text().contains(part), "{part} in {}", page.text());
    }
    // A form that says more than was asked, or wider, gives no more than what was offered.
    let ticked =
        ["patient/Observation.rs", "patient/*.cruds", "user/*.cruds", "openid ", "Patient/Patient.rs"];
    let answer = browser.decide(&page, "allow", &ticked).await;
    browser.follow(answer).await.code();
    assert_eq!(world.database.text("select scope from authorization_code").await, "patient/Observation.rs");
    let record = &world.audit("consent.give").await[0];
    assert_eq!(record["scopes_granted"], "patient/Observation.rs");
    assert_eq!((&record["audience"], &record["patient"]), (&json!(FHIR), &json!("rivera")));

    // What cannot be granted is not offered, and all of it unticked is a no.
    let page = browser.open(&app.authorize_with(asked, &[("prompt", "consent")])).await;
    page.told(&app.callback, "invalid_scope", Some(&app.state));
    let offered = "openid patient/Observation.rs patient/Goal.rs";
    for ticked in [&[][..], &["system/Claim.rs"]] {
        let page = browser.open(&app.authorize_with(offered, &[("prompt", "consent")])).await;
        let answer = browser.decide(&page, "allow", ticked).await;
        browser.follow(answer).await.told(&app.callback, "access_denied", Some(&app.state));
    }
    assert_eq!(world.audit("consent.refuse").await.len(), 2);
}

#[tokio::test]
async fn sm_a_14_a_person_may_say_no_and_is_asked_again_next_time() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let page = browser.sign_in(&page, &pat).await;
    browser.deny(&page).await.told(&app.callback, "access_denied", Some(&app.state));
    assert_eq!(reasons(&world, "authorize.respond").await, ["consent_refused"]);
    let record = &world.audit("consent.refuse").await[0];
    assert_eq!((&record["outcome"], &record["person"]), (&json!("granted"), &json!(pat.subject)));
    let page = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    assert!(page.asks_for_consent());
    browser.allow(&page).await.code();
}

#[tokio::test]
async fn a_decision_is_remembered_for_the_same_and_for_no_more() {
    let world = World::start().await;
    let app = App::secret(&world, json!({"resources": [FHIR, OPAQUE]})).await;
    let other = App::secret(&world, json!({})).await;
    let (pat, sam) =
        (world.patient_person().await, world.person("sam", json!({"fhir_user": "Patient/sam"})).await);
    let mut browser = Browser::new(&world);
    browser.authorize(&app.authorize_url("openid patient/Observation.rs patient/Goal.rs"), &pat).await.code();
    for covered in
        ["openid patient/Observation.rs patient/Goal.rs", "patient/Goal.r", "openid patient/Observation.read"]
    {
        browser.open(&app.authorize_url(covered)).await.code();
    }
    assert_eq!(
        world.database.count("select count(*) from authorization_code where scope = 'patient/Goal.r'").await,
        1,
        "what is asked now, not what was agreed to then"
    );
    let elsewhere = app.authorize_with("openid patient/Goal.rs", &[("aud", OPAQUE)]);
    let asks = [
        app.authorize_url("patient/Goal.cruds"),
        app.authorize_url("openid fhirUser patient/Goal.rs"),
        app.authorize_url("patient/Goal.rs offline_access"),
        elsewhere,
        other.authorize_url("patient/Goal.rs"),
    ];
    for address in &asks {
        assert!(browser.open(address).await.asks_for_consent(), "{address}");
    }
    let mut of_sam = Browser::new(&world);
    let page = of_sam.open(&app.authorize_url("patient/Goal.rs")).await;
    assert!(of_sam.sign_in(&page, &sam).await.asks_for_consent(), "another person");

    // What a person agreed to before they were stopped does not count after.
    for step in ["disable", "enable"] {
        let path = format!("/admin/v1/users/{}/{step}", pat.subject);
        assert_eq!(world.administer(Method::POST, &path, None).await.status, 200);
    }
    world.database.execute("update person set not_before = now() - interval '1 microsecond'").await;
    let page = browser.open(&app.authorize_url("patient/Goal.r")).await;
    assert!(page.asks_to_sign_in());
    assert!(browser.sign_in(&page, &pat).await.asks_for_consent());
}

#[tokio::test]
async fn l10_the_question_is_not_reached_without_signing_in() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    let mut browser = Browser::new(&world);
    let begun = browser.get(&app.authorize_url(PATIENT_SCOPE)).await;
    let id = begun.param("i").unwrap();
    let page = browser.open(&format!("/consent?i={id}")).await;
    assert!(page.asks_to_sign_in());
    let form = [("interaction", id.as_str()), ("decision", "allow"), ("scope", "openid")];
    browser.post("/consent", &form).await.shows(403);
    let csrf = page.hidden("csrf");
    let form = [form.as_slice(), &[("csrf", csrf.as_str())]].concat();
    browser.post("/consent", &form).await.shows(403);
    assert_eq!(reasons(&world, "consent.give").await, ["form_without_session"; 2]);
    assert_eq!(world.database.count("select count(*) from consent").await, 0);
}

#[tokio::test]
async fn an_interaction_gives_one_code_however_often_it_is_asked() {
    let world = World::with_processes(2).await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let page = browser.sign_in(&page, &pat).await;
    let scopes = page.scopes();
    let ticked: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let decided = browser.decide(&page, "allow", &ticked).await;
    let next = decided.location().to_owned();
    let all = (0..20).map(|index| {
        let mut browser = Browser { peer: world.public_of(index % 2), ..browser.clone() };
        let next = next.clone();
        async move { browser.get(&next).await }
    });
    let answers = futures_util::future::join_all(all).await;
    let (sent, rest): (Vec<_>, Vec<_>) = answers.iter().partition(|page| page.answer.status == 303);
    let (told, codes): (Vec<_>, Vec<_>) = sent.into_iter().partition(|page| page.param("error").is_some());
    assert_eq!(codes.len(), 1);
    // Whoever waited too long for the others is to come again.
    let errors: Vec<String> = told.iter().filter_map(|page| page.param("error")).collect();
    assert!(world.was_too_busy(&errors), "{errors:?}");
    assert!(rest.iter().all(|page| [400, 403, 503].contains(&page.answer.status)));
    assert_eq!(world.database.count("select count(*) from authorization_code").await, 1);
    browser.get(&next).await.shows(400);
}
