//! How far the tokens of a code go: no further than asked, registered, allowed to the person, and agreed to.

use reqwest::Method;
use serde_json::{Value, json};

use super::{agreed, claims, fhir_server, reasons, text};
use crate::harness::{Answer, App, Backend, Browser, FHIR, Page, World, encoded};

async fn patched(world: &World, app: &App, members: Value) {
    let path = format!("/admin/v1/clients/{}", app.id);
    let answer = world.administer(Method::PATCH, &path, Some(members)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn inv_16_a_registration_that_is_narrowed_before_the_code_is_redeemed_narrows_the_tokens() {
    let world = World::start().await;
    let (pat, peer) = (world.patient_person().await, world.public());
    let scope = "openid offline_access launch/patient patient/Observation.cruds patient/Condition.rs";
    let mut browser = Browser::new(&world);

    let app = App::public(&world, json!({})).await;
    let code = app.code(&mut browser, &pat, scope).await;
    patched(&world, &app, json!({"scope": "openid launch/patient patient/Observation.rs"})).await;
    let granted = app.redeem(&peer, &code).await.granted();
    let left = "openid launch/patient patient/Observation.rs";
    assert_eq!((&granted["scope"], &granted["patient"]), (&json!(left), &json!("rivera")));
    assert_eq!(claims(text(&granted, "access_token"))["scope"], left);
    assert!(granted.get("refresh_token").is_none(), "offline_access is not registered any more: {granted}");

    let app = App::public(&world, json!({})).await;
    let code = app.code(&mut browser, &pat, scope).await;
    patched(&world, &app, json!({"scope": "openid"})).await;
    let granted = app.redeem(&peer, &code).await.granted();
    assert_eq!(granted["scope"], "openid");
    let said = claims(text(&granted, "access_token"));
    assert!(granted.get("patient").is_none() && said.get("patient").is_none(), "SM-C-07: {granted}");

    let app = App::public(&world, json!({})).await;
    let code = app.code(&mut browser, &pat, scope).await;
    patched(&world, &app, json!({"scope": "user/Patient.rs"})).await;
    app.redeem(&peer, &code).await.refused(400, "invalid_scope");
    let app = App::public(&world, json!({})).await;
    let code = app.code(&mut browser, &pat, scope).await;
    patched(&world, &app, json!({"resources": ["https://opaque.example/r4"]})).await;
    app.redeem(&peer, &code).await.refused(400, "invalid_target");
    let app = App::public(&world, json!({})).await;
    let code = app.code(&mut browser, &pat, scope).await;
    patched(&world, &app, json!({"grant_types": ["authorization_code"]})).await;
    let granted = app.redeem(&peer, &code).await.granted();
    assert!(granted.get("refresh_token").is_none(), "{granted}");
    assert_eq!(granted["scope"], "openid launch/patient patient/Observation.cruds patient/Condition.rs");
}

#[tokio::test]
async fn t09_a_client_that_may_not_go_on_alone_any_more_is_not_refreshed() {
    let world = World::start().await;
    let (pat, peer) = (world.patient_person().await, world.public());
    let app = App::public(&world, json!({})).await;
    let tokens = agreed(&world, &app, &pat, "openid offline_access").await;
    let next = app.refresh(&peer, text(&tokens, "refresh_token")).await.granted();
    patched(&world, &app, json!({"scope": "openid"})).await;
    app.refresh(&peer, text(&next, "refresh_token")).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn s14_inv_16_what_is_granted_is_what_was_ticked() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let asked = "openid fhirUser offline_access launch/patient patient/Observation.rs patient/Condition.rs";
    for (ticked, granted) in [
        (
            vec!["openid", "launch/patient", "patient/Condition.rs"],
            "openid launch/patient patient/Condition.rs",
        ),
        // What was not offered is not given, and what needs another scope falls with it.
        (
            vec!["fhirUser", "patient/Condition.rs", "patient/*.cruds", "system/*.cruds"],
            "patient/Condition.rs",
        ),
        (vec!["offline_access", "openid"], "openid offline_access"),
    ] {
        let mut browser = Browser::new(&world);
        let page = browser.open(&app.authorize_url(asked)).await;
        let page = browser.sign_in(&page, &pat).await;
        let sent = browser.decide(&page, "allow", &ticked).await;
        let code = browser.follow(sent).await.code();
        let tokens = app.redeem(&world.public(), &code).await.granted();
        assert_eq!(tokens["scope"], granted);
        assert_eq!(claims(text(&tokens, "access_token"))["scope"], granted);
        let has = |scope: &str| granted.split(' ').any(|known| known == scope);
        assert_eq!(tokens.get("refresh_token").is_some(), has("offline_access"), "T10: {tokens}");
        assert_eq!(tokens.get("id_token").is_some(), has("openid"), "{tokens}");
        assert_eq!(tokens.get("patient").is_some(), granted.contains("patient"), "SM-C-07: {tokens}");
    }
}

/// Opens the way of a request, signed in.
async fn signed_in(world: &World, app: &App, person: &crate::harness::Person, scope: &str) -> Page {
    let mut browser = Browser::new(world);
    let page = browser.open(&app.authorize_url(scope)).await;
    browser.sign_in(&page, person).await
}

#[tokio::test]
async fn s09_sm_s_09_e06_levels_do_not_imply_each_other_and_those_of_systems_are_not_for_people() {
    let world = World::start().await;
    let scope = "openid launch/patient patient/*.rs user/*.rs";
    let app = App::public(&world, json!({"scope": scope})).await;
    let (pat, lee) = (world.patient_person().await, world.clinician().await);
    let mut browser = Browser::new(&world);
    for scope in [
        "system/*.rs",
        "openid patient/Observation.rs system/Observation.rs",
        "openid system/Observation.read",
        "openid admin/clients.read",
        "admin/clients.read admin/users.write",
        "openid admin/anything.new",
    ] {
        let page = browser.open(&app.authorize_url(scope)).await;
        page.told(&app.callback, "invalid_scope", Some(&app.state));
    }
    let refused = reasons(&world, "authorize.begin").await;
    assert_eq!(refused, vec!["scope_of_a_system"; 6]);

    // A patient is not given what is for clinicians, asked alone or beside other scopes.
    let page =
        signed_in(&world, &app, &pat, "openid launch/patient user/Patient.rs patient/Observation.rs").await;
    assert_eq!(page.scopes(), ["openid", "launch/patient", "patient/Observation.rs"]);
    let page = signed_in(&world, &app, &pat, "user/Patient.rs user/Observation.rs").await;
    page.told(&app.callback, "invalid_scope", Some(&app.state));
    // A clinician is nobody's patient here, and without a patient nothing of a patient is given.
    for scope in
        ["patient/Observation.rs", "openid user/Patient.rs patient/Observation.rs", "openid launch/patient"]
    {
        let page = signed_in(&world, &app, &lee, scope).await;
        page.told(&app.callback, "access_denied", Some(&app.state));
    }
    let tokens = agreed(&world, &app, &lee, "openid user/Patient.rs").await;
    assert_eq!(tokens["scope"], "openid user/Patient.rs");
    assert!(tokens.get("patient").is_none(), "{tokens}");
}

#[tokio::test]
async fn mt_05_m10_the_tokens_of_a_bound_app_are_issued_and_taken_with_its_certificate_alone() {
    let world = World::start().await;
    let (pat, fhir) = (world.patient_person().await, fhir_server(&world).await);
    let (own, thief) =
        (world.authority.client("https://app.example/"), world.authority.client("https://thief.example/"));
    let bound = json!({"tls_client_certificate_bound_access_tokens": true});
    // The refresh token of an app that proves nothing else is bound too; the others' tokens alone are.
    for (app, without) in [
        (App::public(&world, bound.clone()).await, "invalid_grant"),
        (App::secret(&world, bound.clone()).await, "invalid_request"),
        (App::asymmetric(&world, bound.clone()).await, "invalid_request"),
    ] {
        let code = app.code(&mut Browser::new(&world), &pat, "openid fhirUser offline_access").await;
        for peer in [world.public(), world.mtls_of(0, None)] {
            app.redeem(&peer, &code).await.refused(400, "invalid_request");
        }
        let tokens = app.redeem(&world.mtls(&own), &code).await.granted();
        assert_eq!(tokens["token_type"], "Bearer");
        let token = text(&tokens, "access_token");
        let confirmed = json!({"x5t#S256": own.thumbprint()});
        assert_eq!(claims(token)["cnf"], confirmed);
        let told = fhir.introspect(&world, &world.public(), token).await.active();
        assert_eq!(told["cnf"], confirmed, "SM-I-09");
        let userinfo = async |peer: &crate::harness::Peer| {
            peer.send(Method::GET, "/oauth2/userinfo", Some(token), None).await
        };
        for peer in [world.public(), world.mtls_of(0, None), world.mtls(&thief)] {
            let answer = userinfo(&peer).await;
            answer.refused(401, "invalid_token");
            assert_eq!(
                answer.header("www-authenticate"),
                Some(r#"Bearer realm="hilum", error="invalid_token""#)
            );
        }
        assert_eq!(userinfo(&world.mtls(&own)).await.granted()["sub"], json!(pat.subject));
        for peer in [world.public(), world.mtls_of(0, None)] {
            app.refresh(&peer, text(&tokens, "refresh_token")).await.refused(400, without);
        }
        let next = app.refresh(&world.mtls(&own), text(&tokens, "refresh_token")).await.granted();
        assert_eq!(claims(text(&next, "access_token"))["cnf"], confirmed);
    }
}

#[tokio::test]
async fn sm_s_13_t10_t12_x7_a_refresh_token_is_for_whoever_may_go_on_without_the_person() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let once = App::public(&world, json!({"grant_types": ["authorization_code"]})).await;
    let unregistered = App::public(&world, json!({"scope": "openid patient/*.rs launch/patient"})).await;
    for (app, asked, granted) in [
        (
            &app,
            "openid launch/patient patient/Observation.rs",
            "openid launch/patient patient/Observation.rs",
        ),
        (&once, "openid offline_access", "openid"),
        (&once, "openid online_access", "openid"),
        (&unregistered, "openid offline_access", "openid"),
    ] {
        let tokens = agreed(&world, app, &pat, asked).await;
        assert_eq!(tokens["scope"], granted);
        assert!(tokens.get("refresh_token").is_none(), "{tokens}");
    }
    for (asked, granted, outlives) in [
        ("openid offline_access", "openid offline_access", true),
        ("openid online_access", "openid online_access", false),
        // Of two wishes the narrower.
        ("openid offline_access online_access", "openid online_access", false),
    ] {
        let mut browser = Browser::new(&world);
        let code = app.code(&mut browser, &pat, asked).await;
        let tokens = app.redeem(&world.public(), &code).await.granted();
        assert_eq!(tokens["scope"], granted);
        let next = app.refresh(&world.public(), text(&tokens, "refresh_token")).await.granted();
        let page = browser.get("/oauth2/logout").await;
        let csrf = page.hidden("csrf");
        let out = browser.post("/oauth2/logout", &[("csrf", &csrf), ("scope_of", "here")]).await;
        assert_eq!(out.answer.status, 200, "{}", out.text());
        let after = app.refresh(&world.public(), text(&next, "refresh_token")).await;
        if outlives {
            after.granted();
        } else {
            after.refused(400, "invalid_grant");
        }
    }
    // T12: a back-end asks for none, and is given none.
    let members = json!({"scope": "system/Claim.rs offline_access openid"});
    let backend = Backend::register(&world, hilum::jose::algorithm::Algorithm::Es256, members).await;
    backend
        .ask(&world, &world.public(), "system/Claim.rs offline_access")
        .await
        .refused(400, "invalid_scope");
    let granted = backend.ask(&world, &world.public(), "system/Claim.rs").await.granted();
    assert!(granted.get("refresh_token").is_none() && granted.get("id_token").is_none(), "{granted}");
}

#[tokio::test]
async fn e05_a_code_is_for_the_resource_server_that_was_agreed_to() {
    let world = World::start().await;
    let opaque = "https://opaque.example/r4";
    let app = App::public(&world, json!({"resources": [FHIR, opaque]})).await;
    let pat = world.patient_person().await;
    let code =
        app.code(&mut Browser::new(&world), &pat, "openid launch/patient patient/Observation.rs").await;
    let form = |resource: &'static str| {
        let all = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &app.callback),
            ("code_verifier", &app.verifier),
            ("client_id", &app.id),
            ("resource", resource),
        ];
        encoded(world.public().request(Method::POST, "/oauth2/token"), &all)
    };
    for other in [opaque, "https://fhir.example/r4/", "https://evil.example"] {
        Answer::read(form(other).send().await.unwrap()).await.refused(400, "invalid_target");
    }
    let token = Answer::read(form(FHIR).send().await.unwrap()).await.token();
    assert_eq!(claims(&token)["aud"], FHIR);
}
