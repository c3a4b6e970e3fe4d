//! Where an answer may go (attacks on redirect URIs).

use reqwest::Method;
use serde_json::json;

use super::{PATIENT_SCOPE, reasons};
use crate::harness::{App, Browser, Page, World};

/// Opens a request with another redirect URI; it must be refused on a page that repeats nothing of it.
async fn refused_on_a_page(browser: &mut Browser, address: &str, name: &str) -> Page {
    let page = browser.get(address).await;
    page.shows(400);
    for part in ["evil", "javascript:", "<script", "vbscript:", "data:text"] {
        assert!(!page.text().contains(part), "{name}: {part} in {}", page.text());
    }
    assert!(!page.asks_to_sign_in() && page.set_cookies.is_empty(), "{name}");
    page
}

#[tokio::test]
async fn r01_r02_r04_r05_r06_r07_r09_r10_d6_sm_a_04_only_what_is_registered_is_redirected_to() {
    let world = World::start().await;
    let uris = json!(["https://app.example/cb", "https://foo.example.com/cb?tenant=1"]);
    let app = App::public(&world, json!({"redirect_uris": uris})).await;
    let mut browser = Browser::new(&world);
    let wrong = [
        "https://app.example.evil.test/cb",
        "https://app.example@evil.test/cb",
        "https://app.example%40evil.test/cb",
        "https://evil.test/cb",
        "https://app.example/cb#x",
        "https://app.example/cb#",
        "https://app.example/cb%23",
        "https://app.example/cb?next=evil",
        "https://app.example/cb?",
        "https://foo.example.com/cb",
        "https://foo.example.com/cb?tenant=2",
        "https://foo.example.com/cb?tenant=1&next=evil",
        "https://app.example/CB",
        "HTTPS://APP.EXAMPLE/cb",
        "https://app.example/cb/",
        "https://app.example/cb/../evil",
        "https://app.example/cb/..%2f",
        "https://app.example/cb%252f..%252f",
        "https://app.example/cb/..;/evil",
        "https://app.example/cb//evil",
        "https://app.example/cb\\evil",
        "https://app.example:443/cb",
        "http://app.example/cb",
        "//app.example/cb",
        "/cb",
        "https://fooaexample.com/cb?tenant=1",
        " https://app.example/cb",
        "https://app.example/cb\r\nx: y",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
    ];
    for uri in wrong {
        for mode in ["", "form_post"] {
            let change = [("redirect_uri", uri), ("response_mode", mode)];
            refused_on_a_page(&mut browser, &app.authorize_with(PATIENT_SCOPE, &change), uri).await;
        }
    }
    let reasons = reasons(&world, "authorize.begin").await;
    assert!(reasons.iter().all(|reason| reason == "redirect_uri_not_registered"), "{reasons:?}");
    assert!(reasons.len() >= 60, "a flood of them is counted, not recorded one by one");
    let right = app.authorize_with(PATIENT_SCOPE, &[("redirect_uri", "https://foo.example.com/cb?tenant=1")]);
    assert!(browser.open(&right).await.asks_to_sign_in());
}

#[tokio::test]
async fn r13_r15_sm_a_12_h01_it_is_required_and_stands_there_once() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    let two = json!({"redirect_uris": ["https://app.example/cb", "https://app.example/two"]});
    let other = App::public(&world, two).await;
    let mut browser = Browser::new(&world);
    for app in [&app, &other] {
        let without = app.authorize_with("openid", &[("redirect_uri", "")]);
        refused_on_a_page(&mut browser, &without, "missing").await;
    }
    let url = app.authorize_with("openid", &[("redirect_uri", "")]);
    let (good, evil) =
        ("redirect_uri=https%3A%2F%2Fapp.example%2Fcb", "redirect_uri=https%3A%2F%2Fevil.test%2Fcb");
    for (first, second) in [(good, evil), (evil, good), (good, good), (good, "redirect_uri=")] {
        refused_on_a_page(&mut browser, &format!("{url}&{first}&{second}"), "twice").await;
    }
    let url = app.authorize_url("openid");
    for twice in [format!("client_id={}", app.id), format!("client_id={}", other.id), "client_id=".to_owned()]
    {
        refused_on_a_page(&mut browser, &format!("{url}&{twice}"), &twice).await;
    }
    let reasons = reasons(&world, "authorize.begin").await;
    assert_eq!(reasons[..2], ["redirect_uri_missing"; 2]);
    assert_eq!(reasons[2..], ["repeated_parameter"; 7]);
}

#[tokio::test]
async fn sm_a_03_d6_a_client_that_is_unknown_or_stopped_has_no_callback() {
    let world = World::start().await;
    let (app, stopped) = (App::public(&world, json!({})).await, App::public(&world, json!({})).await);
    let path = format!("/admin/v1/clients/{}/disable", stopped.id);
    assert_eq!(world.administer(Method::POST, &path, None).await.status, 200);
    let mut browser = Browser::new(&world);
    let mut texts = Vec::new();
    for id in ["", "unknown", "a b", "<img src=evil>", &"x".repeat(65), stopped.id.as_str()] {
        let address = app.authorize_with("openid", &[("client_id", id)]);
        texts.push(refused_on_a_page(&mut browser, &address, id).await.without_nonces());
    }
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "which of them it is, is not told");
    let expected = [
        "client_id_missing",
        "unknown_client",
        "unknown_client",
        "unknown_client",
        "unknown_client",
        "client_disabled",
    ];
    assert_eq!(reasons(&world, "authorize.begin").await, expected);
    // What cannot be read proves no callback.
    for text in ["%ff", "client_id=%00", "%"] {
        refused_on_a_page(&mut browser, &format!("/oauth2/authorize?{text}"), text).await;
    }
    refused_on_a_page(&mut browser, "/oauth2/authorize", "nothing at all").await;
    let many = format!("{}{}", app.authorize_url("openid"), "&a=1".repeat(101));
    refused_on_a_page(&mut browser, &many, "too many").await;
}

#[tokio::test]
async fn a_client_that_is_stopped_or_moves_while_a_person_signs_in_gets_nothing() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let question = browser.sign_in(&page, &pat).await;
    let path = format!("/admin/v1/clients/{}", app.id);
    let moved = json!({"redirect_uris": ["https://elsewhere.example/cb"]});
    assert_eq!(world.administer(Method::PATCH, &path, Some(moved)).await.status, 200);
    browser.allow(&question).await.shows(400);
    let back = json!({"redirect_uris": ["https://app.example/cb"]});
    assert_eq!(world.administer(Method::PATCH, &path, Some(back)).await.status, 200);
    assert_eq!(world.administer(Method::POST, &format!("{path}/disable"), None).await.status, 200);
    browser.allow(&question).await.shows(400);
    assert_eq!(reasons(&world, "consent.give").await, ["redirect_uri_not_registered", "client_disabled"]);
    assert_eq!(world.database.count("select count(*) from authorization_code").await, 0);
}
