//! Handles of launches in wrong hands, twice, or late: refused, recorded, and nothing is told.

use futures_util::future::join_all;
use serde_json::json;

use super::{EHR_SCOPE, app};
use crate::harness::{App, Browser, Ehr, FHIR, OPAQUE, Page, World};
use crate::token::reasons;

async fn shown(world: &World, app: &App, launch: &str) -> Page {
    Browser::new(world).open(&app.authorize_with(EHR_SCOPE, &[("launch", launch)])).await
}

#[tokio::test]
async fn s02_a_handle_opens_one_request_even_when_fifty_show_it_at_once() {
    let world = World::with_processes(2).await;
    let (ehr, app) = (Ehr::register(&world, json!({})).await, app(&world, json!({})).await);
    world.clinician().await;
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), json!({"patient": "p-7"})).await;
    let address = app.authorize_with(EHR_SCOPE, &[("launch", &launch)]);
    let all = (0..50).map(|index| {
        let (mut browser, address) = (Browser::at(world.public_of(index % 2)), address.clone());
        async move { browser.get(&address).await }
    });
    let pages = join_all(all).await;
    let won = pages.iter().filter(|page| page.answer.status != 503 && page.param("i").is_some()).count();
    assert_eq!(won, 1);
    // Whoever waited too long for the others is to come again.
    let is_told = |page: &Page| {
        let error = (page.answer.status != 503).then(|| page.param("error")).flatten();
        error.filter(|error| error != "invalid_request")
    };
    let errors: Vec<String> = pages.iter().filter_map(is_told).collect();
    assert!(world.was_too_busy(&errors), "{errors:?}");
    let is_busy = |page: &Page| page.answer.status == 503 || is_told(page).is_some();
    let refused: Vec<&Page> =
        pages.iter().filter(|page| !is_busy(page) && page.param("i").is_none()).collect();
    for page in &refused {
        page.told(&app.callback, "invalid_request", Some(&app.state));
    }
    assert_eq!(reasons(&world, "authorize.begin").await, vec!["launch_used"; refused.len()]);
    shown(&world, &app, &launch).await.told(&app.callback, "invalid_request", Some(&app.state));
}

#[tokio::test]
async fn s03_s05_sm_l_03_a_handle_of_another_app_for_another_server_or_of_nobody_is_refused_and_recorded() {
    let world = World::start().await;
    let both = json!({"resources": [FHIR, OPAQUE]});
    let (ehr, app) = (Ehr::register(&world, json!({})).await, app(&world, both).await);
    let thief = super::app(&world, json!({})).await;
    let lee = world.clinician().await;
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), json!({"patient": "p-7"})).await;
    shown(&world, &thief, &launch).await.told(&thief.callback, "invalid_request", Some(&thief.state));
    let other = app.authorize_with(EHR_SCOPE, &[("launch", &launch), ("aud", OPAQUE)]);
    Browser::new(&world).open(&other).await.told(&app.callback, "invalid_request", Some(&app.state));
    for made_up in ["hlh_AAAA", "p-7", &format!("{launch}A"), &launch.to_uppercase()] {
        shown(&world, &app, made_up).await.told(&app.callback, "invalid_request", Some(&app.state));
    }
    let missing = Browser::new(&world).open(&app.authorize_url(EHR_SCOPE)).await;
    missing.told(&app.callback, "invalid_request", Some(&app.state));
    let twice = format!("{}&launch={launch}", app.authorize_with(EHR_SCOPE, &[("launch", &launch)]));
    Browser::new(&world).open(&twice).await.told(&app.callback, "invalid_request", Some(&app.state));
    let expected = [
        "launch_of_another_client",
        "launch_for_another_resource",
        "launch_unknown",
        "launch_unknown",
        "launch_unknown",
        "launch_unknown",
        "launch_missing",
        "repeated_parameter",
    ];
    assert_eq!(reasons(&world, "authorize.begin").await, expected);
    // None of it has used the handle up.
    let page =
        Browser::new(&world).authorize(&app.authorize_with(EHR_SCOPE, &[("launch", &launch)]), &lee).await;
    page.code();
}

#[tokio::test]
async fn sm_l_05_nobody_but_the_person_whom_the_ehr_named_goes_on_with_a_launch() {
    let world = World::start().await;
    let (ehr, app) = (Ehr::register(&world, json!({})).await, app(&world, json!({})).await);
    let lee = world.clinician().await;
    let other =
        world.person("dr.cole", json!({"roles": ["clinician"], "fhir_user": "Practitioner/cole"})).await;
    let mut browser = Browser::new(&world);
    // Somebody else is signed in in this browser already: the person named may still sign in.
    browser.authorize(&app.authorize_url("openid user/Patient.rs"), &other).await.code();
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), json!({"patient": "p-7"})).await;
    let page = browser.open(&app.authorize_with(EHR_SCOPE, &[("launch", &launch)])).await;
    assert!(page.asks_to_sign_in());
    browser.sign_in(&page, &other).await.told(&app.callback, "access_denied", Some(&app.state));
    assert_eq!(reasons(&world, "authorize.respond").await, ["launch_of_another_person"]);
    let record = &world.audit("authorize.respond").await[0];
    assert_eq!(record["person"], json!(other.subject), "{record}");
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), json!({"patient": "p-7"})).await;
    let page = browser.open(&app.authorize_with(EHR_SCOPE, &[("launch", &launch)])).await;
    let page = browser.sign_in(&page, &lee).await;
    browser.allow(&page).await.code();
    // Where no page may be shown, whoever else is signed in is no answer.
    let launch = ehr.launch(&world, (&app.id, "dr.cole"), json!({"patient": "p-7"})).await;
    let page = browser.open(&app.authorize_with(EHR_SCOPE, &[("launch", &launch), ("prompt", "none")])).await;
    page.told(&app.callback, "login_required", Some(&app.state));
}
