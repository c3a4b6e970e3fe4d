//! The whole way, as it should be.

use serde_json::json;

use crate::harness::{App, Browser, World};

#[tokio::test]
async fn a_person_signs_in_agrees_and_is_sent_back_with_a_code() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let scope = "openid fhirUser launch/patient patient/Observation.rs";
    let page = browser.open(&app.authorize_url(scope)).await;
    assert!(page.shows(200).asks_to_sign_in());
    let page = browser.sign_in(&page, &pat).await;
    assert!(page.shows(200).asks_for_consent());
    assert_eq!(page.scopes().join(" "), scope);
    let sent = browser.allow(&page).await;
    assert_eq!(sent.answer.status, 303);
    assert!(sent.location().starts_with("https://app.example/cb?code=hac_"), "{}", sent.location());
    assert_eq!(sent.param("state"), Some(app.state.clone()));
    assert_eq!(sent.param("iss").as_deref(), Some(world.issuer()));

    let record = &world.audit("authorize.respond").await[0];
    assert_eq!(record["outcome"], "granted");
    assert_eq!((&record["client"], &record["person"]), (&json!(app.id), &json!(pat.subject)));
    assert_eq!((&record["patient"], &record["person_organization"]), (&json!("rivera"), &json!("Mercy")));
    assert_eq!(record["scopes_granted"], scope);
    let record = &world.audit("consent.give").await[0];
    assert_eq!((&record["outcome"], &record["scopes_granted"]), (&json!("granted"), &json!(scope)));
    let record = &world.audit("sign_in").await[0];
    assert_eq!((&record["outcome"], &record["person"]), (&json!("granted"), &json!(pat.subject)));
}

#[tokio::test]
async fn an_app_of_each_kind_goes_on_with_its_code() {
    let world = World::start().await;
    let pat = world.patient_person().await;
    let apps = [
        App::public(&world, json!({})).await,
        App::secret(&world, json!({})).await,
        App::asymmetric(&world, json!({})).await,
    ];
    for app in apps {
        let scope = "openid launch/patient patient/Observation.rs offline_access";
        let code = app.code(&mut Browser::new(&world), &pat, scope).await;
        let tokens = app.redeem(&world.public(), &code).await.granted();
        assert_eq!((&tokens["patient"], &tokens["scope"]), (&json!("rivera"), &json!(scope)));
        let refresh = tokens["refresh_token"].as_str().unwrap();
        app.refresh(&world.public(), refresh).await.granted();
    }
}
