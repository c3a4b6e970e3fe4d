//! Standalone launch: people choose whose record an app opens, among those for whom they may act.

use reqwest::Method;
use serde_json::{Value, json};

use super::app;
use crate::authorize::reasons;
use crate::harness::{App, Browser, FHIR, OPAQUE, Page, Person, World};

const SCOPE: &str = "openid launch/patient patient/Observation.rs offline_access";

fn patient(id: &str, relation: &str, (name, born): (&str, &str)) -> Value {
    json!({"resource": FHIR, "patient": id, "relation": relation, "name": name, "birthDate": born,
        "identifier": format!("M-{id}"), "encounters": []})
}

/// A parent, who is `Patient/rivera`.
async fn parent(world: &World) -> Person {
    let child = patient("child", "proxy", ("Sam Rivera", "2016-09-14"));
    let elsewhere = json!({"resource": OPAQUE, "patient": "other", "relation": "proxy", "name": "Elsewhere"});
    world.person("pat", json!({"name": "Pat Rivera", "patients": [child, elsewhere]})).await
}

/// Two patients of one name, one with visits.
fn team() -> Value {
    let mut first = patient("silva-1961", "care-team", ("Maria Silva", "1961-04-02"));
    first["encounters"] = json!([{"id": "e-1", "title": "Check-up", "date": "2026-01-07"},
        {"id": "e-2", "title": "Blood test", "date": "2026-02-11"}]);
    json!([first, patient("silva-1987", "care-team", ("Maria Silva", "1987-12-19"))])
}

async fn clinician(world: &World, patients: Value) -> Person {
    let members = json!({"name": "Dr. Kim Lee", "roles": ["clinician"], "fhir_user": "Practitioner/lee",
        "patients": patients});
    world.person("dr.lee", members).await
}

/// Opens the page on which a person chooses.
async fn opened(browser: &mut Browser, app: &App, person: &Person, scope: &str) -> Page {
    let page = browser.open(&app.authorize_url(scope)).await;
    let page = if page.asks_to_sign_in() { browser.sign_in(&page, person).await } else { page };
    assert!(page.shows(200).asks_for_patient(), "{}", page.text());
    page
}

/// Chooses a patient and agrees; the answer is what the app is given.
async fn tokens(world: &World, app: &App, person: &Person, id: &str) -> Value {
    let mut browser = Browser::new(world);
    let page = opened(&mut browser, app, person, SCOPE).await;
    let answer = browser.choose(&page, "patient", id).await;
    let page = browser.follow(answer).await;
    let code = browser.allow(&page).await.code();
    app.redeem(&world.public(), &code).await.granted()
}

#[tokio::test]
async fn sm_l_06_sm_l_08_a_person_chooses_among_those_for_whom_they_may_act_at_that_server() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, parent(&world).await);
    let mut browser = Browser::new(&world);
    let page = opened(&mut browser, &app, &pat, SCOPE).await;
    assert_eq!(page.choices("patient"), ["rivera", "child"]);
    for part in
        ["Pat Rivera", "Sam Rivera", "born 14 September 2016", "M-child", ">you<", ">proxy<", "Growth Chart"]
    {
        assert!(page.text().contains(part), "{part} in {}", page.text());
    }
    assert!(!page.text().contains("Elsewhere") && !page.text().contains("<script"), "{}", page.text());
    assert!(!page.text().contains(r#"name="q""#), "few need no search");

    let answer = browser.choose(&page, "patient", "child").await;
    let page = browser.follow(answer).await;
    assert!(
        page.asks_for_consent() && page.text().contains("Sam Rivera, born 14 September 2016, M-child"),
        "{}",
        page.text()
    );
    let code = browser.allow(&page).await.code();
    let tokens = app.redeem(&world.public(), &code).await.granted();
    assert_eq!(tokens["patient"], "child");
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(app.refresh(&world.public(), refresh).await.granted()["patient"], "child");
    let record = &world.audit("authorize.respond").await[0];
    assert_eq!((&record["outcome"], &record["patient"]), (&json!("granted"), &json!("child")));
}

#[tokio::test]
async fn sm_l_07_sm_l_08_one_patient_is_not_asked_for_and_none_is_no_access() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let one = clinician(&world, json!([team()[0]])).await;
    let none =
        world.person("clerk", json!({"roles": ["clinician"], "fhir_user": null, "patients": []})).await;
    let own = world.patient_person().await;
    for (person, patient) in [(&one, "silva-1961"), (&own, "rivera")] {
        let mut browser = Browser::new(&world);
        let page = browser.open(&app.authorize_url(SCOPE)).await;
        let page = browser.sign_in(&page, person).await;
        assert!(page.asks_for_consent(), "{}", page.text());
        let code = browser.allow(&page).await.code();
        assert_eq!(app.redeem(&world.public(), &code).await.granted()["patient"], patient);
    }
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url(SCOPE)).await;
    browser.sign_in(&page, &none).await.told(&app.callback, "access_denied", Some(&app.state));
    assert_eq!(reasons(&world, "authorize.respond").await, ["no_patient"]);
}

#[tokio::test]
async fn s07_a_patient_who_is_not_permitted_is_not_chosen_whatever_the_form_says() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, parent(&world).await);
    clinician(&world, team()).await;
    let mut browser = Browser::new(&world);
    let page = opened(&mut browser, &app, &pat, SCOPE).await;
    let denied =
        ["silva-1961", "other", "RIVERA", "Patient/rivera", "rivera,child", "../child", "%00", "' or 1=1"];
    for id in denied {
        browser.choose(&page, "patient", id).await.shows(403);
    }
    browser.choose(&page, "patient", "").await.shows(400);
    let records = world.audit("patient.choose").await;
    let told: Vec<&str> = records.iter().rev().filter_map(|record| record["detail"].as_str()).collect();
    assert_eq!(told, denied);
    assert!(records.iter().all(|record| record["outcome"] == "refused" && record["person"] == pat.subject));
    assert_eq!(world.database.count("select count(*) from interaction where choice is not null").await, 0);

    // The form of another step, another browser or another interaction chooses nothing.
    let (csrf, interaction) = (page.hidden("csrf"), page.hidden("interaction"));
    let other = opened(&mut browser, &app, &pat, SCOPE).await.hidden("interaction");
    for (path, csrf, interaction) in
        [("/encounter", &csrf, &interaction), ("/consent", &csrf, &interaction), ("/patient", &csrf, &other)]
    {
        let form = [
            ("csrf", csrf.as_str()),
            ("interaction", interaction),
            ("patient", "child"),
            ("encounter", "*"),
            ("decision", "allow"),
        ];
        browser.post(path, &form).await.shows(403);
    }
    let mut thief = Browser::new(&world);
    thief.choose(&page, "patient", "child").await.shows(403);
    thief.open(&format!("/patient?i={interaction}")).await.shows(400);
    assert_eq!(world.database.count("select count(*) from interaction where choice is not null").await, 0);
    let answer = browser.choose(&page, "patient", "child").await;
    assert!(browser.follow(answer).await.asks_for_consent());
}

#[tokio::test]
async fn sm_l_08_what_an_admin_takes_away_ends_the_tokens_at_once() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, parent(&world).await);
    let fhir = crate::token::fhir_server(&world).await;
    let (child, own) =
        (tokens(&world, &app, &pat, "child").await, tokens(&world, &app, &pat, "rivera").await);
    let path = format!("/admin/v1/users/{}", pat.subject);
    let renamed = patient("child", "care-team", ("Sam R.", "2016-09-14"));
    let patched = world.administer(Method::PATCH, &path, Some(json!({"patients": [renamed]}))).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    let access = |tokens: &Value| tokens["access_token"].as_str().unwrap().to_owned();
    fhir.introspect(&world, &world.public(), &access(&child)).await.active();

    let patched = world.administer(Method::PATCH, &path, Some(json!({"patients": []}))).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    fhir.introspect(&world, &world.public(), &access(&child)).await.inactive();
    fhir.introspect(&world, &world.public(), &access(&own)).await.active();
    let refresh = |tokens: &Value| tokens["refresh_token"].as_str().unwrap().to_owned();
    app.refresh(&world.public(), &refresh(&child)).await.refused(400, "invalid_grant");
    app.refresh(&world.public(), &refresh(&own)).await.granted();
    assert!(reasons(&world, "token.issue").await.contains(&"patient_beyond_person".to_owned()));
}

#[tokio::test]
async fn sm_l_06_a_visit_is_chosen_after_the_patient_or_none_in_particular() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let lee = clinician(&world, team()).await;
    let scope = "launch/patient launch/encounter patient/Observation.rs";
    for (chosen, expected) in [("e-2", Some("e-2")), ("*", None)] {
        let mut browser = Browser::new(&world);
        let page = opened(&mut browser, &app, &lee, scope).await;
        let answer = browser.choose(&page, "patient", "silva-1961").await;
        let page = browser.follow(answer).await;
        assert!(page.shows(200).asks_for_encounter(), "{}", page.text());
        assert_eq!(page.choices("encounter"), ["e-2", "e-1", "*"], "the newest first");
        for part in ["Check-up", "7 January 2026", "No visit in particular", "Maria Silva, born 2 April 1961"]
        {
            assert!(page.text().contains(part), "{part} in {}", page.text());
        }
        browser.choose(&page, "encounter", "e-3").await.shows(403);
        let answer = browser.choose(&page, "encounter", chosen).await;
        let page = browser.follow(answer).await;
        // What was agreed to for this patient is remembered.
        let page = if page.asks_for_consent() { browser.allow(&page).await } else { page };
        let tokens = app.redeem(&world.public(), &page.code()).await.granted();
        assert_eq!((&tokens["patient"], tokens["encounter"].as_str()), (&json!("silva-1961"), expected));
    }
    let mut browser = Browser::new(&world);
    let page = opened(&mut browser, &app, &lee, scope).await;
    let answer = browser.choose(&page, "patient", "silva-1987").await;
    assert!(browser.follow(answer).await.asks_for_consent(), "without visits there is nothing to choose");
}

#[tokio::test]
async fn sm_l_08_two_of_one_name_are_told_apart_and_many_are_searched() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let mut all = team().as_array().unwrap().clone();
    all.extend(
        (0..30)
            .map(|at| patient(&format!("p-{at}"), "care-team", (&format!("Zoé Many{at:02}"), "2000-01-01"))),
    );
    let lee = clinician(&world, json!(all)).await;
    let mut browser = Browser::new(&world);
    let page = opened(&mut browser, &app, &lee, SCOPE).await;
    assert_eq!(page.choices("patient").len(), 20);
    assert!(page.text().contains("The first 20 are shown."), "{}", page.text());
    let policy = page.answer.header("content-security-policy").unwrap();
    assert!(
        policy.contains("script-src 'self'; connect-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
    let script = page.text().split("<script src=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let script = browser.get(&script).await;
    assert_eq!(script.answer.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(page.text().matches("<script").count(), 1);

    assert!(!page.text().contains("method=\"get\""), "no words in an address: {}", page.text());
    for (words, found) in [
        ("maria", vec!["silva-1961", "silva-1987"]),
        ("SILVA 1987", vec!["silva-1987"]),
        ("1961-04-02", vec!["silva-1961"]),
        ("m-silva-1961", vec!["silva-1961"]),
        ("zoe many07", vec!["p-7"]),
        ("aria", vec![]),
        ("%", vec![]),
        ("<b>", vec![]),
        ("maria\u{1}\u{7f}1987", vec!["silva-1987"]),
    ] {
        let page = browser.search(&page, words).await;
        assert_eq!(page.shows(200).choices("patient"), found, "{words}");
        assert!(!page.text().contains("<b>"), "{}", page.text());
    }
    let page = browser.search(&page, "maria").await;
    for part in ["born 2 April 1961", "born 19 December 1987", "M-silva-1961", "care team", "2 patients"] {
        assert!(page.text().contains(part), "{part} in {}", page.text());
    }
    // Who thinks better of it may choose again until the decision.
    let answer = browser.choose(&page, "patient", "silva-1987").await;
    assert!(browser.follow(answer).await.asks_for_consent());
    let page = browser.search(&page, "maria").await;
    let answer = browser.choose(&page, "patient", "silva-1961").await;
    let asked = browser.follow(answer).await;
    let code = browser.allow(&asked).await.code();
    assert_eq!(app.redeem(&world.public(), &code).await.granted()["patient"], "silva-1961");
    browser.choose(&page, "patient", "silva-1987").await.shows(403);
    browser.search(&page, "maria").await.shows(403);
    let chosen: Vec<Value> =
        world.audit("patient.choose").await.iter().map(|record| record["patient"].clone()).collect();
    assert_eq!(chosen[1..], ["silva-1961", "silva-1987"], "each choice is recorded, the newest first");
    let searched = world.audit("patient.search").await;
    assert!(searched.iter().all(|record| record["outcome"] == "refused"), "no FHIR server was asked");
}

#[tokio::test]
async fn s07_a_search_is_taken_from_its_own_page_alone_and_never_from_an_address() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, parent(&world).await);
    let mut browser = Browser::new(&world);
    let page = opened(&mut browser, &app, &pat, SCOPE).await;
    let (csrf, id) = (page.hidden("csrf"), page.hidden("interaction"));
    assert_eq!(browser.search(&page, "sam").await.shows(200).choices("patient"), ["child"]);
    let other = browser.get(&format!("/patient?i={id}&q=sam")).await;
    assert_eq!(other.shows(200).choices("patient"), ["rivera", "child"], "an address searches nothing");
    for (csrf, i) in [("", id.as_str()), (&csrf[1..], &id), (&csrf, "018f0000-0000-7000-8000-000000000000")] {
        let form = [("csrf", csrf), ("interaction", i), ("q", "sam"), ("search", "words")];
        browser.post("/patient", &form).await.shows(403);
    }
    Browser::new(&world).search(&page, "sam").await.shows(403);
    let records = world.audit("patient.search").await;
    assert!(records.len() == 4 && records.iter().all(|record| record["outcome"] == "refused"), "{records:?}");
    // Neither a NUL nor what else cannot be shown is a fault.
    browser.search(&page, "sam\0").await.shows(400);
    for address in
        [format!("/patient?i={id}%00"), "/patient?i=%00".to_owned(), "/account?ended=%00".to_owned()]
    {
        let status = browser.get(&address).await.answer.status;
        assert!(matches!(status, 200 | 400), "{address}: {status}");
    }
}

#[tokio::test]
async fn sm_l_06_who_does_not_go_on_refuses_and_the_app_is_told() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let lee = clinician(&world, team()).await;
    let scope = "launch/patient launch/encounter patient/Observation.rs";
    for field in ["patient", "encounter"] {
        let mut browser = Browser::new(&world);
        let mut page = opened(&mut browser, &app, &lee, scope).await;
        if field == "encounter" {
            let answer = browser.choose(&page, "patient", "silva-1961").await;
            page = browser.follow(answer).await;
            assert!(page.asks_for_encounter(), "{}", page.text());
        }
        assert!(page.text().contains(r#"name="leave" value="yes" formnovalidate"#), "{}", page.text());
        let (csrf, id) = (page.hidden("csrf"), page.hidden("interaction"));
        let path = format!("/{field}");
        let forged = [("csrf", "AAAA"), ("interaction", id.as_str()), ("leave", "yes")];
        browser.post(&path, &forged).await.shows(403);
        let form = [("csrf", csrf.as_str()), ("interaction", &id), ("leave", "yes")];
        let answer = browser.post(&path, &form).await;
        browser.follow(answer).await.told(&app.callback, "access_denied", Some(&app.state));
        let record = &world.audit("consent.refuse").await[0];
        assert_eq!((&record["outcome"], &record["person"]), (&json!("granted"), &json!(lee.subject)));
        browser.choose(&page, field, "silva-1961").await.shows(403);
    }
}

#[tokio::test]
async fn oidc_prompt_none_shows_no_picker() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, parent(&world).await);
    let mut browser = Browser::new(&world);
    opened(&mut browser, &app, &pat, SCOPE).await;
    let page = browser.open(&app.authorize_with(SCOPE, &[("prompt", "none")])).await;
    page.told(&app.callback, "interaction_required", Some(&app.state));
}
