//! What those are told who are not let in.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;

use crate::authorize::{PATIENT_SCOPE, reasons};
use crate::harness::{App, Browser, Page, World};

/// The headers, without what is new each time.
fn headers(page: &Page) -> BTreeMap<&str, &str> {
    let all = page.answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    all.filter(|(name, _)| !["date", "x-request-id"].contains(name)).collect()
}

#[tokio::test]
async fn l01_whatever_is_wrong_the_answer_is_the_same() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    let pat = world.person("user-a", json!({})).await;
    let disabled = world.person("user-b", json!({})).await;
    world.person("user-c", json!({})).await;
    let path = format!("/admin/v1/users/{}/disable", disabled.subject);
    assert_eq!(world.administer(Method::POST, &path, None).await.status, 200);
    world.database.execute("update person set sealed_totp = '\\x01' where username = 'user-c'").await;
    let right = pat.password.as_str();
    let cases = [
        ("user-a", "wrong password", "wrong_password"),
        ("user-b", right, "person_disabled"),
        ("user-b", "wrong password", "wrong_password"),
        ("user-c", right, "second_factor_not_available"),
        ("user-c", "wrong password", "wrong_password"),
        ("user-d", right, "unknown_username"),
        ("user e", right, "unknown_username"),
        ("us\u{e9}r", right, "unknown_username"),
        ("' or 1", right, "unknown_username"),
    ];
    let mut seen = Vec::new();
    for (username, password, _) in cases {
        let mut browser = Browser::new(&world);
        let form = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
        let page = browser.try_password(&form, username, password).await;
        assert_eq!(page.answer.status, 400, "{username}");
        assert!(page.asks_to_sign_in() && page.set_cookies.is_empty());
        let shown = crate::harness::escaped(username);
        let mut headers = headers(&page);
        if shown.len() != 6 {
            headers.remove("content-length");
        }
        let headers = format!("{headers:?}");
        seen.push((page.without_nonces().replace(&format!("\"{shown}\""), "\"name\""), headers, shown.len()));
    }
    for (text, headers, length) in &seen {
        assert_eq!(text, &seen[0].0);
        assert!(*length != 6 || headers == &seen[0].1, "{headers}");
    }
    // One reason for all, so that floods are counted, and answered, alike; the record has the particulars.
    assert_eq!(reasons(&world, "sign_in").await, ["credentials_wrong"; 9]);
    assert_eq!(world.database.count("select count(*) from session").await, 0);
    // A record names the person whose account it was, and never what was typed for a name.
    let records = world.audit("sign_in").await;
    assert!(records.iter().any(|record| record["person"] == json!(pat.subject)));
    let details: Vec<&str> = records.iter().rev().map(|record| record["detail"].as_str().unwrap()).collect();
    assert_eq!(details, cases.map(|(_, _, detail)| detail));
}

#[tokio::test]
async fn l01_who_has_to_wait_is_told_the_same_whether_the_account_exists_or_not() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    let pat = world.person("user-a", json!({})).await;
    let mut seen = Vec::new();
    for username in ["user-a", "user-b", "user c"] {
        let mut browser = Browser::new(&world);
        let form = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
        for _ in 0..4 {
            browser.try_password(&form, username, "wrong").await.shows(400);
        }
        // Held by a longer wait than any machine is slow, and told in minutes: in the midst of one.
        world.database.execute("update sign_in_attempts set blocked_until = now() + interval '3570 seconds' where blocked_until > 'epoch'").await;
        let page = browser.try_password(&form, username, &pat.password).await;
        assert_eq!(page.answer.status, 429, "{username}");
        assert_eq!(page.answer.header("retry-after").map(str::len), Some(4), "{:?}", page.answer);
        seen.push(page.without_nonces().replace(&format!("\"{username}\""), "\"name\""));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    assert!(reasons(&world, "sign_in").await.contains(&"sign_in_throttled".to_owned()));
}

#[tokio::test]
async fn a_name_is_one_name_however_it_is_typed() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.person("Dr.Lee", json!({})).await);
    let mut browser = Browser::new(&world);
    let form = browser.open(&app.authorize_with(PATIENT_SCOPE, &[("login_hint", "DR.LEE")])).await;
    assert!(form.text().contains(r#"value="DR.LEE""#));
    let page = browser.try_password(&form, "DR.LEE", &pat.password).await;
    assert_eq!(page.answer.status, 303);
}
