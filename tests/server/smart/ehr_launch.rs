//! EHR launch: what the EHR has open reaches the app, and stays with it.

use serde_json::{Value, json};

use super::{EHR_SCOPE, app};
use crate::harness::{Browser, Ehr, World};
use crate::token::{claims, fhir_server, text};

fn everything() -> Value {
    json!({"patient": "p-7", "encounter": "e-1", "need_patient_banner": false, "intent": "reconcile-medications",
        "smart_style_url": "https://ehr.example/styles/v1.json", "tenant": "north",
        "fhirContext": [{"reference": "ImagingStudy/9"}, {"canonical": "https://ehr.example/Q/1", "role": "https://ehr.example/r"}]})
}

#[tokio::test]
async fn sm_c_01_to_05_all_that_the_ehr_has_open_is_in_the_answer_in_introspection_and_after_refresh() {
    let world = World::start().await;
    let (ehr, app, lee) =
        (Ehr::register(&world, json!({})).await, app(&world, json!({})).await, world.clinician().await);
    let fhir = fhir_server(&world).await;
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), everything()).await;
    let scope = format!("{EHR_SCOPE} online_access");
    let page =
        Browser::new(&world).authorize(&app.authorize_with(&scope, &[("launch", &launch)]), &lee).await;
    let tokens = app.redeem(&world.public(), &page.code()).await.granted();
    let refreshed = app.refresh(&world.public(), text(&tokens, "refresh_token")).await.granted();
    for tokens in [&tokens, &refreshed] {
        let told = fhir.introspect(&world, &world.public(), text(tokens, "access_token")).await.active();
        let token = claims(text(tokens, "access_token"));
        for (name, value) in everything().as_object().unwrap() {
            assert_eq!(tokens[name], *value, "SM-C-08: {name}");
            assert_eq!(told[name], *value, "SM-I-02: {name}");
            assert_eq!(token[name], *value, "{name}");
        }
        assert_eq!(told["scope"], tokens["scope"], "SM-I-04");
    }
    let records = world.audit("token.issue").await;
    let named =
        records.iter().filter(|record| record["patient"] == "p-7" && record["person"] == json!(lee.subject));
    assert_eq!(named.count(), 2, "the code's and the refresh token's");
}

#[tokio::test]
async fn sm_l_02_the_person_is_named_by_subject_by_user_name_or_by_fhir_resource() {
    let world = World::start().await;
    let (ehr, app, lee) =
        (Ehr::register(&world, json!({})).await, app(&world, json!({})).await, world.clinician().await);
    for user in
        [lee.subject.as_str(), "dr.lee", "Practitioner/lee", "https://fhir.example/r4/Practitioner/lee"]
    {
        let launch = ehr.launch(&world, (&app.id, user), json!({"patient": "p-7"})).await;
        let page = Browser::new(&world)
            .authorize(&app.authorize_with(EHR_SCOPE, &[("launch", &launch)]), &lee)
            .await;
        let tokens = app.redeem(&world.public(), &page.code()).await.granted();
        assert_eq!(tokens["patient"], "p-7", "{user}");
        assert_eq!(tokens["scope"], EHR_SCOPE);
    }
}

#[tokio::test]
async fn sm_l_04_without_the_scope_launch_a_handle_is_not_looked_at() {
    let world = World::start().await;
    let (ehr, app, pat) =
        (Ehr::register(&world, json!({})).await, app(&world, json!({})).await, world.patient_person().await);
    let launch = ehr.launch(&world, (&app.id, "pat"), json!({"patient": "rivera", "intent": "x"})).await;
    let scope = "openid launch/patient";
    let page = Browser::new(&world).authorize(&app.authorize_with(scope, &[("launch", &launch)]), &pat).await;
    let tokens = app.redeem(&world.public(), &page.code()).await.granted();
    assert_eq!((&tokens["patient"], tokens.get("intent")), (&json!("rivera"), None));
    // It has not been used up either.
    let page =
        Browser::new(&world).authorize(&app.authorize_with(EHR_SCOPE, &[("launch", &launch)]), &pat).await;
    assert_eq!(app.redeem(&world.public(), &page.code()).await.granted()["intent"], "x");
}

#[tokio::test]
async fn sm_l_07_an_app_that_an_ehr_opens_without_a_patient_gets_no_patient_of_its_own_making() {
    let world = World::start().await;
    let (ehr, app) = (Ehr::register(&world, json!({})).await, app(&world, json!({})).await);
    let lee = world.clinician().await;
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), json!({"intent": "inbox"})).await;
    let address = app.authorize_with(EHR_SCOPE, &[("launch", &launch), ("patient", "p-7")]);
    let mut browser = Browser::new(&world);
    let page = browser.open(&address).await;
    browser.sign_in(&page, &lee).await.told(&app.callback, "access_denied", Some(&app.state));
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), json!({"intent": "inbox"})).await;
    let address = app.authorize_with("launch openid user/Patient.rs", &[("launch", &launch)]);
    let tokens = app.redeem(&world.public(), &browser.authorize(&address, &lee).await.code()).await.granted();
    assert_eq!((tokens["intent"].as_str(), tokens.get("patient")), (Some("inbox"), None));
}

#[tokio::test]
async fn clinicians_are_not_asked_for_an_app_that_their_organization_has_approved_and_patients_are() {
    let world = World::start().await;
    let ehr = Ehr::register(&world, json!({})).await;
    let app = app(&world, json!({"clinician_consent": "preapproved"})).await;
    let (lee, pat) = (world.clinician().await, world.patient_person().await);
    let launched = |user: &'static str| {
        let (ehr, app, world) = (&ehr, &app, &world);
        async move {
            let launch = ehr.launch(world, (&app.id, user), json!({"patient": "p-7"})).await;
            app.authorize_with(EHR_SCOPE, &[("launch", &launch)])
        }
    };
    let mut browser = Browser::new(&world);
    let page = browser.open(&launched("dr.lee").await).await;
    let page = browser.sign_in(&page, &lee).await;
    let tokens = app.redeem(&world.public(), &page.code()).await.granted();
    assert_eq!((&tokens["patient"], &tokens["scope"]), (&json!("p-7"), &json!(EHR_SCOPE)));
    let record = &world.audit("authorize.respond").await[0];
    assert_eq!(record["rule"], "clinician_consent", "{record}");
    // Whoever wants the person asked gets that.
    let address = format!("{}&prompt=consent", launched("dr.lee").await);
    assert!(browser.open(&address).await.asks_for_consent());
    // It is no decision that is remembered once the approval is withdrawn.
    let patch = json!({"clinician_consent": "ask"});
    let path = format!("/admin/v1/clients/{}", app.id);
    assert_eq!(world.administer(reqwest::Method::PATCH, &path, Some(patch)).await.status, 200);
    assert!(browser.open(&launched("dr.lee").await).await.asks_for_consent());
    let patch = json!({"clinician_consent": "preapproved"});
    assert_eq!(world.administer(reqwest::Method::PATCH, &path, Some(patch)).await.status, 200);
    let mut browser = Browser::new(&world);
    let launch = ehr.launch(&world, (&app.id, "pat"), json!({"patient": "rivera"})).await;
    let page = browser.open(&app.authorize_with(EHR_SCOPE, &[("launch", &launch)])).await;
    assert!(browser.sign_in(&page, &pat).await.asks_for_consent());
}

#[tokio::test]
async fn r20_clinicians_are_asked_for_an_app_that_has_changed_itself() {
    let world = World::start().await;
    let ehr = Ehr::register(&world, json!({})).await;
    let app = app(&world, json!({"clinician_consent": "preapproved"})).await;
    let lee = world.clinician().await;
    let launched = async || {
        let launch = ehr.launch(&world, (&app.id, "dr.lee"), json!({"patient": "p-7"})).await;
        app.authorize_with(EHR_SCOPE, &[("launch", &launch)])
    };
    let mut browser = Browser::new(&world);
    let page = browser.open(&launched().await).await;
    browser.sign_in(&page, &lee).await.code();
    // As it stands when it registered itself, was approved, and has changed since.
    let by_itself =
        "update client set registered_by = 'initial_access_token', registered_with = gen_random_uuid()";
    world.database.execute(&format!("{by_itself} where client_id = '{}'", app.id)).await;
    assert!(browser.open(&launched().await).await.asks_for_consent());
    world.command(&["client", "approve", &app.id], "").expect_success();
    browser.open(&launched().await).await.code();
}

#[tokio::test]
async fn sm_r_06_what_an_ehr_opened_online_ends_with_the_session() {
    let world = World::start().await;
    let (ehr, app, lee) =
        (Ehr::register(&world, json!({})).await, app(&world, json!({})).await, world.clinician().await);
    let launch = ehr.launch(&world, (&app.id, "dr.lee"), json!({"patient": "p-7"})).await;
    let mut browser = Browser::new(&world);
    let scope = format!("{EHR_SCOPE} online_access");
    let page = browser.authorize(&app.authorize_with(&scope, &[("launch", &launch)]), &lee).await;
    let tokens = app.redeem(&world.public(), &page.code()).await.granted();
    let page = browser.open("/oauth2/logout").await;
    let form = [("csrf", page.hidden("csrf")), ("scope_of", "here".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post("/oauth2/logout", &form).await.shows(200);
    app.refresh(&world.public(), text(&tokens, "refresh_token")).await.refused(400, "invalid_grant");
}
