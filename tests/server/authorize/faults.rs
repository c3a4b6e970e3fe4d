//! What is told when the server cannot.

use serde_json::json;

use super::PATIENT_SCOPE;
use crate::harness::{App, Browser, World};

#[tokio::test]
async fn sm_a_14_d8_a_fault_is_a_page_until_the_callback_is_proved_and_a_redirect_after() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let rename = async |from: &str, to: &str| {
        world.database.execute(&format!("alter table {from} rename to {to}")).await;
    };

    rename("client", "gone").await;
    let answer = browser.get(&app.authorize_url(PATIENT_SCOPE)).await;
    assert_eq!(answer.shows(503).answer.header("retry-after"), Some("1"));
    rename("gone", "client").await;

    rename("interaction", "gone").await;
    let answer = browser.get(&app.authorize_url(PATIENT_SCOPE)).await;
    answer.told(&app.callback, "server_error", Some(&app.state));
    assert!(!answer.location().contains("interaction") && !answer.location().contains("relation"));
    browser.try_password(&page, "pat", &pat.password).await.shows(503);
    rename("gone", "interaction").await;

    // No audit record, no session; no code, and nothing used up.
    rename("session", "gone").await;
    browser.try_password(&page, "pat", &pat.password).await.shows(503);
    rename("gone", "session").await;
    let question = browser.sign_in(&page, &pat).await;
    let scopes = question.scopes();
    let ticked: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let decided = browser.decide(&question, "allow", &ticked).await;
    let next = decided.location().to_owned();
    rename("authorization_code", "gone").await;
    browser.get(&next).await.told(&app.callback, "server_error", Some(&app.state));
    rename("gone", "authorization_code").await;
    world.database.execute("revoke insert on audit_event from hilum_app").await;
    browser.get(&next).await.told(&app.callback, "server_error", Some(&app.state));
    world.database.execute("grant insert on audit_event to hilum_app").await;
    assert_eq!(world.database.count("select count(*) from authorization_code").await, 0);
    browser.get(&next).await.code();
}
