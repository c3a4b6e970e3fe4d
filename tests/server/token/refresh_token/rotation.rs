//! What a refresh gives, to whom, and how much of it.

use serde_json::json;

use super::{SCOPE, Scene, Tokens};
use crate::harness::{App, FHIR, OPAQUE};
use crate::token::{claims, reasons};

#[tokio::test]
async fn sm_r_02_sm_c_08_oi_08_a_refresh_gives_new_tokens_the_same_context_and_the_same_sign_in() {
    let mut scene = Scene::start().await;
    let app = App::public(&scene.world, json!({})).await;
    let request = app.authorize_with(SCOPE, &[("nonce", "n-0S6_WzA2Mj")]);
    let code = scene.browser.authorize(&request, &scene.pat).await.code();
    let first = Tokens(app.redeem(&scene.world.public(), &code).await.granted());
    let second = Tokens(app.refresh(&scene.world.public(), first.refresh()).await.granted());

    let members: Vec<&String> = second.0.as_object().unwrap().keys().collect();
    let expected =
        ["access_token", "expires_in", "id_token", "patient", "refresh_token", "scope", "token_type"];
    assert_eq!(members, expected);
    assert_eq!((&second.0["token_type"], &second.0["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert_eq!((&second.0["scope"], &second.0["patient"]), (&json!(SCOPE), &json!("rivera")));
    assert_eq!((&second.0["scope"], &second.0["patient"]), (&first.0["scope"], &first.0["patient"]));
    assert!(second.refresh().starts_with("hrt_") && second.refresh() != first.refresh());
    assert_ne!(second.access(), first.access());
    assert!(scene.is_alive(&second).await && scene.is_alive(&first).await);

    let [before, after] = [&first, &second].map(|tokens| claims(tokens.0["id_token"].as_str().unwrap()));
    for same in ["iss", "sub", "aud", "auth_time", "amr"] {
        assert!(!before[same].is_null() && before[same] == after[same], "{same}: {before} {after}");
    }
    assert_eq!((&before["nonce"], after.get("nonce")), (&json!("n-0S6_WzA2Mj"), None));
    assert_ne!(before["at_hash"], after["at_hash"]);
    let [before, after] = [&first, &second].map(|tokens| claims(tokens.access()));
    for same in ["sub", "aud", "client_id", "scope", "auth_time"] {
        assert!(!before[same].is_null() && before[same] == after[same], "{same}: {before} {after}");
    }
    assert_ne!(before["jti"], after["jti"]);

    let record =
        &scene.world.audit("token.issue").await.into_iter().find(|record| {
            (&record["grant_type"], &record["token"]) == (&json!("refresh_token"), &after["jti"])
        });
    let record = record.as_ref().expect("a record of the refresh");
    assert_eq!((&record["person"], &record["patient"]), (&json!(scene.pat.subject), &json!("rivera")));
    assert_eq!((&record["client"], &record["scopes_granted"]), (&json!(app.id), &json!(SCOPE)));
}

#[tokio::test]
async fn t04_sm_r_01_sm_r_03_a_refresh_token_is_for_its_client_alone_and_nobody_else_spends_or_kills_it() {
    let mut scene = Scene::start().await;
    let (world, peer) = (&scene.world, scene.world.public());
    let owner = App::secret(world, json!({})).await;
    let (other, stranger) = (App::secret(world, json!({})).await, App::public(world, json!({})).await);
    let first = scene.launch(&owner, SCOPE).await;
    let second = Tokens(owner.refresh(&peer, first.refresh()).await.granted());
    let third = Tokens(owner.refresh(&peer, second.refresh()).await.granted());
    let world = &scene.world;
    // Live, and spent so long ago that its own client would end the family by it.
    for token in [third.refresh(), first.refresh()] {
        other.refresh(&peer, token).await.refused(400, "invalid_grant");
        stranger.refresh(&peer, token).await.refused(400, "invalid_grant");
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", owner.id.as_str())];
        peer.post("/oauth2/token", &form).await.invalid_client();
        peer.post_basic("/oauth2/token", (&owner.id, "wrong"), &form[..2]).await.invalid_client();
    }
    let records = world.audit("token.issue").await;
    let foreign = |record: &&serde_json::Value| record["reason"] == "refresh_token_of_another_client";
    let named: Vec<_> =
        records.iter().rev().filter(foreign).map(|record| record["client"].as_str().unwrap()).collect();
    assert_eq!(named, [&other.id, &stranger.id, &other.id, &stranger.id]);
    assert!(scene.is_alive(&third).await && scene.alerts().await.is_empty());
    let fourth = Tokens(owner.refresh(&peer, third.refresh()).await.granted());
    assert!(scene.is_alive(&fourth).await);
}

#[tokio::test]
async fn sm_r_03_what_is_no_refresh_token_is_refused_alike() {
    let mut scene = Scene::start().await;
    let (app, peer) = (App::public(&scene.world, json!({})).await, scene.world.public());
    let tokens = scene.launch(&app, SCOPE).await;
    let good = tokens.refresh();
    let flipped = if good.ends_with('A') { "B" } else { "A" };
    let garbage = [
        "x".to_owned(),
        "hrt_".to_owned(),
        "hrt_AAAA".to_owned(),
        tokens.access().to_owned(),
        good[..good.len() - 4].to_owned(),
        format!("{good}AAAA"),
        format!("{}{flipped}{}", &good[..20], &good[21..]).replace("hrt_", "hrt_A"),
        format!("hrt_{}", "A".repeat(4096)),
        "hrt_' or 1=1 --".to_owned(),
        good.to_uppercase(),
    ];
    for text in &garbage {
        app.refresh(&peer, text).await.refused(400, "invalid_grant");
    }
    let unknown = reasons(&scene.world, "token.issue").await;
    assert_eq!(unknown, vec!["refresh_token_unknown"; garbage.len()]);
    app.ask(&peer, "/oauth2/token", &[("grant_type", "refresh_token")]).await.refused(400, "invalid_request");
    let twice = [("grant_type", "refresh_token"), ("refresh_token", good), ("refresh_token", good)];
    app.ask(&peer, "/oauth2/token", &twice).await.refused(400, "invalid_request");
    app.refresh(&peer, good).await.granted();
}

#[tokio::test]
async fn t05_sm_s_16_scope_is_narrowed_for_one_token_and_never_widened() {
    let mut scene = Scene::start().await;
    let (app, peer) = (App::public(&scene.world, json!({})).await, scene.world.public());
    let whole = "openid offline_access launch/patient patient/Observation.rs patient/Condition.rs";
    let first = scene.launch(&app, whole).await;
    let ask = async |token: &str, scope: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)];
        app.ask(&peer, "/oauth2/token", &form).await
    };
    let narrow = Tokens(ask(first.refresh(), "patient/Observation.r").await.granted());
    assert_eq!((&narrow.0["scope"], narrow.0.get("id_token")), (&json!("patient/Observation.r"), None));
    assert_eq!(claims(narrow.access())["scope"], "patient/Observation.r");

    let wider = [
        "patient/Observation.cruds",
        "patient/Observation.rs patient/Patient.rs",
        "patient/*.rs",
        "user/Observation.rs",
        "system/Observation.rs",
        "online_access",
        "profile",
        "admin/clients.read",
        "unheard-of",
    ];
    for scope in wider {
        ask(narrow.refresh(), scope).await.refused(400, "invalid_scope");
    }
    ask(narrow.refresh(), "a\"b").await.refused(400, "invalid_scope");
    let reasons = reasons(&scene.world, "token.issue").await;
    assert!(reasons[..wider.len()].iter().all(|reason| reason == "scope_widened"), "{reasons:?}");

    // None of this has spent the token, and the narrow token has not narrowed the grant.
    let again = Tokens(app.refresh(&peer, narrow.refresh()).await.granted());
    assert_eq!(again.0["scope"], whole);
    assert!(scene.alerts().await.is_empty());
}

#[tokio::test]
async fn t05_a_client_that_may_do_less_now_gets_less() {
    let mut scene = Scene::start().await;
    let (app, peer) = (App::public(&scene.world, json!({})).await, scene.world.public());
    let first = scene.launch(&app, "offline_access patient/Observation.rs patient/Condition.rs").await;
    let path = format!("/admin/v1/clients/{}", app.id);
    let less = json!({"scope": "offline_access patient/Observation.r"});
    let patched = scene.world.administer(reqwest::Method::PATCH, &path, Some(less)).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    let second = app.refresh(&peer, first.refresh()).await.granted();
    assert_eq!(second["scope"], "offline_access patient/Observation.r");
}

#[tokio::test]
async fn t09_a_client_that_may_not_go_on_without_the_person_any_more_does_not() {
    let mut scene = Scene::start().await;
    let (app, peer) = (App::public(&scene.world, json!({})).await, scene.world.public());
    let offline = scene.launch(&app, SCOPE).await;
    let online = scene.launch(&app, "online_access patient/Observation.rs").await;
    let path = format!("/admin/v1/clients/{}", app.id);
    let patch = async |document: serde_json::Value| {
        let answer = scene.world.administer(reqwest::Method::PATCH, &path, Some(document)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    patch(json!({"scope": "openid online_access launch/patient patient/*.rs"})).await;
    app.refresh(&peer, offline.refresh()).await.refused(400, "invalid_grant");
    let online = Tokens(app.refresh(&peer, online.refresh()).await.granted());
    patch(json!({"scope": "openid offline_access launch/patient patient/*.rs"})).await;
    app.refresh(&peer, online.refresh()).await.refused(400, "invalid_grant");
    assert_eq!(reasons(&scene.world, "token.issue").await, ["refresh_not_registered"; 2]);
    let offline = Tokens(app.refresh(&peer, offline.refresh()).await.granted());
    patch(json!({"grant_types": ["authorization_code"]})).await;
    app.refresh(&peer, offline.refresh()).await.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn ri_02_a_refresh_is_for_the_resource_that_was_agreed_to() {
    let mut scene = Scene::start().await;
    let app = App::public(&scene.world, json!({"resources": [FHIR, OPAQUE]})).await;
    let peer = scene.world.public();
    let first = scene.launch(&app, SCOPE).await;
    let ask = async |token: &str, resources: &[&str]| {
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        form.extend(resources.iter().map(|resource| ("resource", *resource)));
        app.ask(&peer, "/oauth2/token", &form).await
    };
    for wrong in [&[OPAQUE][..], &["https://unknown.example"], &[FHIR, OPAQUE]] {
        ask(first.refresh(), wrong).await.refused(400, "invalid_target");
    }
    assert_eq!(reasons(&scene.world, "token.issue").await, ["resource_differs"; 3]);
    let second = Tokens(ask(first.refresh(), &[FHIR]).await.granted());
    assert_eq!(claims(second.access())["aud"], FHIR);
    ask(second.refresh(), &[FHIR, FHIR]).await.granted();
}
