//! What an EHR opened without a question is ended like everything else.

use serde_json::json;

use super::is_dead;
use crate::harness::{Browser, Ehr, FHIR, OPAQUE, World};
use crate::smart::{self, EHR_SCOPE};
use crate::token::refresh_token::{Scene, Tokens};

#[tokio::test]
async fn on_04_what_was_approved_beforehand_is_withdrawn_with_code_jwt_opaque_and_refresh_token() {
    let scene = Scene::of(World::with_processes(2).await).await;
    let world = &scene.world;
    let lee = world.clinician().await;
    let members = json!({"clinician_consent": "preapproved", "resources": [FHIR, OPAQUE]});
    let app = smart::app(world, members).await;
    let (near, far) =
        (Ehr::register(world, json!({})).await, Ehr::register(world, json!({"resources": [OPAQUE]})).await);
    let mut browser = Browser::new(world);
    let scope = format!("{EHR_SCOPE} online_access");
    let mut codes = Vec::new();
    for (ehr, aud) in [(&near, FHIR), (&near, FHIR), (&far, OPAQUE)] {
        let launch = ehr.launch(world, (&app.id, "dr.lee"), json!({"patient": "p-7"})).await;
        let page = browser.open(&app.authorize_with(&scope, &[("launch", &launch), ("aud", aud)])).await;
        let page = if page.asks_to_sign_in() { browser.sign_in(&page, &lee).await } else { page };
        codes.push(page.code());
    }
    let code = codes.swap_remove(0);
    let mut all = Vec::new();
    for code in &codes {
        all.push(Tokens(app.redeem(&world.public(), code).await.granted()));
    }
    let is_jwt = |tokens: &Tokens| tokens.access().split('.').count() == 3;
    assert!(all.iter().any(is_jwt) && !all.iter().all(is_jwt));
    for tokens in &all {
        assert!(scene.is_alive(tokens).await);
    }

    let mut elsewhere = Browser::at(world.public_of(1));
    let page = elsewhere.account(&lee).await;
    elsewhere.end_access(&page, &app.id).await;
    for index in 0..2 {
        app.redeem(&world.public_of(index), &code).await.refused(400, "invalid_grant");
    }
    for tokens in &all {
        is_dead(&scene, &app, tokens).await;
    }
    // The approval is the organization's, and stands: the EHR opens the app anew.
    let launch = near.launch(world, (&app.id, "dr.lee"), json!({"patient": "p-7"})).await;
    browser.open(&app.authorize_with(&scope, &[("launch", &launch)])).await.code();
}
