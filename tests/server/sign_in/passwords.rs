//! What counts as a password.

use serde_json::json;

use crate::authorize::{PATIENT_SCOPE, reasons};
use crate::harness::{Answer, App, Browser, World};
use reqwest::Method;

#[tokio::test]
async fn l13_a_password_is_bounded_before_it_is_hashed_and_never_cut_short() {
    let world = World::start().await;
    let (app, _pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let form = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let long = "x".repeat(1025);
    browser.try_password(&form, "pat", &long).await.shows(400);
    browser.try_password(&form, "pat", &"é".repeat(513)).await.shows(400);
    browser.try_password(&form, &long, "x").await.shows(400);
    browser.try_password(&form, "pat", "").await.shows(400);
    browser.try_password(&form, "", "x").await.shows(400);
    browser.try_password(&form, "pat", &"x".repeat(1 << 20)).await.shows(413);
    browser.try_password(&form, "pat", "violet tractor pencil\0").await.shows(400);
    browser.try_password(&form, "pat", "violet tractor pencil\0more").await.shows(400);
    let twice = format!(
        "csrf={}&interaction={}&username=pat&password=a&password=b",
        form.hidden("csrf"),
        form.hidden("interaction")
    );
    let cookie = format!("__Host-hilum_browser={}", browser.cookies["__Host-hilum_browser"]);
    let request = world.public().request(Method::POST, "/login").header("cookie", cookie);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(twice);
    assert_eq!(Answer::read(request.send().await.unwrap()).await.status, 400);
    let expected = [
        "credentials_too_long",
        "credentials_too_long",
        "credentials_too_long",
        "credentials_missing",
        "credentials_missing",
        "body_too_large",
        "bad_encoding",
        "bad_encoding",
        "repeated_parameter",
    ];
    assert_eq!(reasons(&world, "sign_in").await, expected);
    assert_eq!(world.database.count("select count(*) from sign_in_attempts").await, 0, "nothing was tried");
    let most = browser.try_password(&form, "pat", &"x".repeat(1024)).await;
    assert!(most.shows(400).asks_to_sign_in());
}

#[tokio::test]
async fn l13_normal_forms_long_phrases_and_all_that_can_be_typed_are_passwords() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    let long = "fjord & glyph; vext % quiz + bank ".repeat(6);
    let rows = [
        ("a", "caf\u{e9} tractor pencil", "cafe\u{301} tractor pencil"),
        ("b", long.as_str(), long.as_str()),
        ("c", "小猫の鍵は青い箱の中に七つある\u{1f511}", "小猫の鍵は青い箱の中に七つある\u{1f511}"),
    ];
    for (username, chosen, typed) in rows {
        world.person(username, json!({"password": chosen})).await;
        let mut browser = Browser::new(&world);
        let form = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
        let cut: String = typed.chars().take(typed.chars().count() - 1).collect();
        for wrong in [cut, typed.to_uppercase(), format!("{typed} ")] {
            if wrong != typed {
                browser.try_password(&form, username, &wrong).await.shows(400);
            }
        }
        assert_eq!(browser.try_password(&form, username, typed).await.answer.status, 303, "{typed}");
    }
}
