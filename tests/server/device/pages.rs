//! The page on which a person enters the code of a device, and what follows it.

use serde_json::json;

use super::{SCOPE, approve, ask, enter, poll, public, question, send, world};
use crate::authorize::PATIENT_SCOPE;
use crate::harness::{App, Browser, FHIR, World};
use crate::token::authorization_details::request;
use crate::token::{claims, reasons, text};

#[tokio::test]
async fn dv_01_02_a_person_enters_the_code_agrees_and_the_device_goes_on() {
    let world = world().await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let codes = ask(&world, &app, SCOPE).await;
    poll(&world, &app, &codes).await.refused(400, "authorization_pending");

    let mut browser = Browser::new(&world);
    let typed = format!(" {} ", text(&codes, "user_code").to_lowercase().replace('-', " "));
    let page = enter(&mut browser, &typed).await;
    let page = browser.follow(page).await;
    assert!(page.shows(200).asks_to_sign_in() && page.text().contains("Waiting Room Screen"));
    let page = browser.sign_in(&page, &pat).await;
    assert!(page.shows(200).asks_for_consent());
    assert_eq!(page.scopes().join(" "), SCOPE);
    for part in ["Waiting Room Screen", text(&codes, "user_code"), "A device waits", "Rivera"] {
        assert!(page.text().contains(part), "{part} in {}", page.text());
    }
    assert!(!page.text().contains("sent to"), "{}", page.text());
    let policy = page.answer.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let done = browser.allow(&page).await;
    assert!(done.shows(200).text().contains("Go back to your device"), "{}", done.text());

    let tokens = poll(&world, &app, &codes).await.granted();
    assert_eq!((&tokens["patient"], &tokens["scope"]), (&json!("rivera"), &json!(SCOPE)));
    let access = claims(text(&tokens, "access_token"));
    assert_eq!((&access["sub"], &access["aud"]), (&json!(pat.subject), &json!(FHIR)));
    assert_eq!(claims(text(&tokens, "id_token"))["sub"], json!(pat.subject));
    app.refresh(&world.public(), text(&tokens, "refresh_token")).await.granted();

    let record = &world.audit("device.approve").await[0];
    assert_eq!((&record["outcome"], &record["client"]), (&json!("granted"), &json!(app.id)));
    assert_eq!((&record["person"], &record["patient"]), (&json!(pat.subject), &json!("rivera")));
    assert_eq!(record["scopes_granted"], SCOPE);
    let entered = &world.audit("device.enter").await[0];
    assert_eq!((&entered["outcome"], &entered["client"]), (&json!("granted"), &json!(app.id)));
    // Who was talked into it can be told which device it was.
    for detail in [text(record, "detail"), text(entered, "detail")] {
        assert!(detail.starts_with("asked for at ") && detail.contains(" from "), "{detail}");
    }
    let records = world.audit("token.issue").await;
    let record = records.iter().rfind(|record| record["client"] == json!(app.id)).unwrap();
    assert_eq!((&record["person"], &record["outcome"]), (&json!(pat.subject), &json!("granted")));
}

#[tokio::test]
async fn whoever_is_signed_in_decides_at_once_and_is_asked_each_time() {
    let world = world().await;
    let (app, pat) = (App::secret(&world, super::members()).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    for _ in 0..2 {
        // F13: what was agreed to before does not answer for the next device.
        let codes = ask(&world, &app, SCOPE).await;
        approve(&mut browser, &codes, &pat).await;
        poll(&world, &app, &codes).await.granted();
    }
    assert_eq!(world.audit("sign_in").await.len(), 1);
    assert_eq!(world.audit("consent.give").await.len(), 2);
}

#[tokio::test]
async fn dv_02_a_person_who_refuses_is_asked_no_more_and_the_device_is_told() {
    let world = world().await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let codes = ask(&world, &app, SCOPE).await;
    let mut browser = Browser::new(&world);
    let question = question(&mut browser, &codes, &pat).await;
    let page = browser.deny(&question).await;
    assert!(page.shows(200).text().contains("Nothing was given"), "{}", page.text());
    for _ in 0..2 {
        poll(&world, &app, &codes).await.refused(400, "access_denied");
    }
    enter(&mut browser, text(&codes, "user_code")).await.shows(400);
    assert_eq!(world.audit("device.refuse").await[0]["outcome"], "granted");
    assert_eq!(world.database.count("select count(*) from family").await, 0);
}

#[tokio::test]
async fn a_person_chooses_a_patient_for_a_device_too() {
    let world = world().await;
    let app = public(&world).await;
    let child =
        json!({"resource": FHIR, "patient": "rivera-child", "name": "Kit Rivera", "relation": "proxy"});
    let pat = world.person("pat", json!({"name": "Pat Rivera", "patients": [child]})).await;
    let codes = ask(&world, &app, PATIENT_SCOPE).await;
    let mut browser = Browser::new(&world);
    let page = enter(&mut browser, text(&codes, "user_code")).await;
    let page = browser.follow(page).await;
    let page = browser.sign_in(&page, &pat).await;
    assert!(page.shows(200).asks_for_patient(), "{}", page.text());
    let chosen = browser.choose(&page, "patient", "rivera-child").await;
    let page = browser.follow(chosen).await;
    assert!(page.shows(200).asks_for_consent() && page.text().contains("Kit Rivera"), "{}", page.text());
    browser.allow(&page).await.shows(200);
    assert_eq!(poll(&world, &app, &codes).await.granted()["patient"], "rivera-child");
}

#[tokio::test]
async fn rr_02_a_device_is_given_details_alone_where_it_asks_for_no_more_or_the_person_leaves_no_more() {
    let world = world().await;
    let mut wanted = super::members();
    wanted["authorization_details_types"] = json!(["prior_authorization"]);
    let (app, pat) = (App::asymmetric(&world, wanted).await, world.patient_person().await);
    let detail = request("rivera", json!({}));
    let details = json!([detail]).to_string();
    for scope in ["", "launch/patient patient/Observation.rs"] {
        let form = [("scope", scope), ("aud", FHIR), ("authorization_details", details.as_str())];
        let codes = app.ask(&world.public(), "/oauth2/device", &form).await.granted();
        let mut browser = Browser::new(&world);
        let page = question(&mut browser, &codes, &pat).await;
        let keys = page.choices("authorization_detail");
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        assert_eq!(keys.len(), 1);
        let answer = browser.decide_all(&page, "allow", (&[], &[], &keys)).await;
        let done = browser.follow(answer).await;
        assert!(done.shows(200).text().contains("Go back to your device"), "{}", done.text());
        let tokens = poll(&world, &app, &codes).await.granted();
        assert_eq!(tokens["authorization_details"], json!([detail]), "asked for {scope}");
        assert!(tokens.get("scope").is_none(), "{tokens}");
    }
}

#[tokio::test]
async fn a_device_is_told_when_nothing_can_be_given_to_it() {
    let world = world().await;
    let app = public(&world).await;
    let clerk = world.person("clerk", json!({"fhir_user": null, "patients": []})).await;
    let codes = ask(&world, &app, PATIENT_SCOPE).await;
    let mut browser = Browser::new(&world);
    let page = enter(&mut browser, text(&codes, "user_code")).await;
    let page = browser.follow(page).await;
    let page = browser.sign_in(&page, &clerk).await;
    assert!(page.shows(200).text().contains("Nothing was given"), "{}", page.text());
    poll(&world, &app, &codes).await.refused(400, "access_denied");
    let record = &world.audit("device.refuse").await[0];
    assert!(text(record, "detail").starts_with("no_patient; asked for at "), "{record}");
}

#[tokio::test]
async fn a_code_that_no_device_shows_is_asked_for_again() {
    let world = world().await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    for code in ["WDJB-MJHT", "hello", "<b>bold</b>", ""] {
        let page = enter(&mut browser, code).await;
        page.shows(400);
        assert!(page.text().contains("No device shows this code") && !page.text().contains("<b>bold"));
        assert!(page.text().contains(r#"aria-invalid="true""#));
    }
    let expected = ["user_code_unknown", "user_code_malformed", "user_code_malformed", "user_code_malformed"];
    assert_eq!(reasons(&world, "device.enter").await, expected);
    let failures = world.database.count("select max(failures) from sign_in_attempts").await;
    assert_eq!(failures, 1, "what cannot be a code is no attempt");
    // Too old, answered before, of a client that was stopped: the same words for all.
    let codes = ask(&world, &app, SCOPE).await;
    approve(&mut browser, &codes, &pat).await;
    enter(&mut browser, text(&codes, "user_code")).await.shows(400);
    let codes = ask(&world, &app, SCOPE).await;
    super::expire(&world).await;
    enter(&mut browser, text(&codes, "user_code")).await.shows(400);
    poll(&world, &app, &codes).await.refused(400, "expired_token");
}

#[tokio::test]
async fn f08_the_pages_of_devices_are_shown_in_no_frame_and_kept_nowhere() {
    let world: World = world().await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let codes = ask(&world, &app, SCOPE).await;
    let mut browser = Browser::new(&world);
    let form = browser.get(&format!("/device?user_code={}", text(&codes, "user_code"))).await;
    let wrong = send(&mut browser, &form, "WDJB-MJHT").await;
    let done = approve(&mut browser, &codes, &pat).await;
    for (page, status, target) in [(&form, 200, "'self'"), (&wrong, 400, "'self'"), (&done, 200, "'none'")] {
        page.shows(status);
        let policy = page.answer.header("content-security-policy").unwrap();
        let expected = format!(
            "default-src 'none'; style-src 'self'; form-action {target}; frame-ancestors 'none'; base-uri 'none'"
        );
        assert_eq!(policy, expected);
        assert_eq!(page.answer.header("x-frame-options"), Some("DENY"));
        assert_eq!(page.answer.header("referrer-policy"), Some("no-referrer"));
    }
}
