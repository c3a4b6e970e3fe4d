//! The page of somebody for whom apps hold very much, and of what policy gave.

use std::time::Duration;

use serde_json::json;

use crate::harness::{App, Browser, Ehr, FHIR, Person, World, eventually};
use crate::smart::{self, EHR_SCOPE};

/// An app that clinicians are not asked for, opened by an EHR for a clinician; the answer is what it was given.
async fn opened(world: &World, browser: &mut Browser, lee: &Person) -> (App, serde_json::Value) {
    let ehr = Ehr::register(world, json!({})).await;
    let app = smart::app(world, json!({"clinician_consent": "preapproved", "client_name": "Rounds"})).await;
    let launch = ehr.launch(world, (&app.id, "dr.lee"), json!({"patient": "p-7"})).await;
    let scope = format!("{EHR_SCOPE} online_access");
    let page = browser.authorize(&app.authorize_with(&scope, &[("launch", &launch)]), lee).await;
    let tokens = app.redeem(&world.public(), &page.code()).await.granted();
    (app, tokens)
}

#[tokio::test]
async fn on_04_of_very_much_the_newest_is_told_of_each_app_and_all_of_it_can_be_ended() {
    let world = World::start().await;
    let (lee, mut browser) = (world.clinician().await, Browser::new(&world));
    let (rounds, _) = opened(&world, &mut browser, &lee).await;
    let many = "insert into family select (jsonb_populate_record(f, jsonb_build_object(
                    'family_id', gen_random_uuid(), 'grant_id', gen_random_uuid(), 'patient', 'p-1' || n,
                    'created_at', f.created_at + n * interval '1 microsecond'))).*
                  from family f, generate_series(1000, 3499) n";
    world.database.execute(many).await;
    let page = browser.open("/account").await;
    let text = page.shows(200).text();
    assert_eq!(text.matches("Patient <bdi>").count(), 200);
    assert!(text.contains("Patient <bdi>p-13499</bdi>") && text.contains("Patient <bdi>p-13300</bdi>"));
    assert!(text.contains("There is more than fits on this page"));

    // An app that holds less, and longer, is told beside it.
    let diary = App::public(&world, json!({"client_name": "Diary"})).await;
    browser.authorize(&diary.authorize_url("openid user/Patient.rs"), &lee).await.code();
    world.database.execute("update consent set given_at = given_at - interval '1 hour'").await;
    world.database.execute("update person set not_before = not_before - interval '1 day'").await;
    let page = browser.open("/account").await;
    assert!(page.text().contains("Diary") && page.text().contains("Rounds"), "{}", page.text());
    assert_eq!(page.text().matches("Patient <bdi>").count(), 100);

    let answer = browser.end_access(&page, &rounds.id).await;
    let page = browser.follow(answer).await;
    assert!(page.text().contains("Diary") && !page.text().contains("There is more than fits"));
    let left = "select count(*) from family where revoked_at is null";
    assert_eq!(world.database.count(left).await, 0, "what was not shown has ended too");
}

#[tokio::test]
async fn on_04_what_policy_gave_is_told_as_long_as_it_is_held_and_is_no_decision_of_the_person() {
    let world = World::start().await;
    let (lee, mut browser) = (world.clinician().await, Browser::new(&world));
    let (app, tokens) = opened(&world, &mut browser, &lee).await;
    assert_eq!(world.database.count("select count(*) from consent where by_policy").await, 1);
    let page = browser.open("/account").await;
    assert!(page.text().contains("Rounds") && page.text().contains("Patient <bdi>p-7</bdi>"));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    app.ask(&world.public(), "/oauth2/revoke", &[("token", refresh)]).await;
    let page = browser.open("/account").await;
    assert!(page.text().contains("No app may act for you"), "{}", page.text());
}

#[tokio::test]
async fn what_policy_gave_is_kept_for_a_day_and_what_people_decided_for_ever() {
    let world = World::start().await;
    let (lee, mut browser) = (world.clinician().await, Browser::new(&world));
    opened(&world, &mut browser, &lee).await;
    let copy = "insert into consent select (jsonb_populate_record(c, jsonb_build_object('consent_id', gen_random_uuid(),
                    'by_policy', p, 'given_at', c.given_at - n * interval '1 hour'))).*
                  from consent c, (values (23, true), (25, true), (9000, false)) as more (n, p)";
    world.database.execute(copy).await;
    let old = "select count(*) from consent where by_policy and given_at < now() - interval '1 day'";
    let gone = async || (world.database.count(old).await == 0).then_some(());
    eventually("what policy gave is gone", Duration::from_mins(1), gone).await;
    assert_eq!(world.database.count("select count(*) from consent").await, 3);
    let rows = format!("select count(*) from consent where audience = '{FHIR}' and not by_policy");
    assert_eq!(world.database.count(&rows).await, 1);
}
