//! Signing out.

use serde_json::json;

use super::{PATIENT_SCOPE, reasons};
use crate::harness::{App, Browser, Page, World};

async fn sign_out(browser: &mut Browser, page: &Page, extent: &str) -> Page {
    let csrf = page.hidden("csrf");
    browser.post("/oauth2/logout", &[("csrf", &csrf), ("scope_of", extent)]).await
}

async fn is_signed_in(browser: &Browser, app: &App) -> bool {
    let page = browser.clone().open(&app.authorize_with(PATIENT_SCOPE, &[("prompt", "none")])).await;
    page.param("error").as_deref() != Some("login_required")
}

#[tokio::test]
async fn f11_r18_a_link_asks_and_ends_nothing_and_sends_nobody_anywhere() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    browser.authorize(&app.authorize_url(PATIENT_SCOPE), &pat).await.code();
    for uri in
        ["https://evil.test", "//evil.test", "/\\evil.test", "/%09/evil.test", "https://app.example/cb"]
    {
        for (more, status) in [("", 200), ("&state=x", 200), ("&id_token_hint=a.b.c&state=x", 400)] {
            let page = browser.get(&format!("/oauth2/logout?post_logout_redirect_uri={uri}{more}")).await;
            page.shows(status);
            assert!(status == 400 || page.text().contains("Pat Rivera"));
            assert!(!page.text().contains("evil"));
            assert!(is_signed_in(&browser, &app).await);
        }
    }
    let page = browser.get("/oauth2/logout").await;
    // Another site, another browser's form, no form at all.
    let foreign = Browser { headers: vec![("sec-fetch-site", "cross-site".to_owned())], ..browser.clone() };
    sign_out(&mut foreign.clone(), &page, "here").await.shows(403);
    browser.post("/oauth2/logout", &[("scope_of", "here")]).await.shows(403);
    let mut other = Browser::new(&world);
    other.authorize(&app.authorize_url(PATIENT_SCOPE), &pat).await.code();
    sign_out(&mut other, &page, "everywhere").await.shows(403);
    sign_out(&mut browser, &page, "nowhere").await.shows(400);
    assert!(is_signed_in(&browser, &app).await && is_signed_in(&other, &app).await);
    let mut found = reasons(&world, "sign_out").await;
    found.retain(|reason| reason != "id_token_hint_not_ours");
    let expected = ["form_from_another_site", "form_without_its_token", "form_token_wrong", "extent_unknown"];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn l14_signing_out_ends_this_session_or_all_of_them_at_once_in_every_process() {
    let world = World::with_processes(2).await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let signed_in = async |index: usize| {
        let mut browser = Browser::at(world.public_of(index));
        browser.authorize(&app.authorize_url(PATIENT_SCOPE), &pat).await.code();
        browser
    };
    let (mut first, second, mut third) = (signed_in(0).await, signed_in(1).await, signed_in(1).await);
    let kept = first.clone();
    let page = first.get("/oauth2/logout").await;
    let gone = sign_out(&mut first, &page, "here").await;
    assert!(gone.shows(200).text().contains("signed out"));
    assert!(gone.set_cookies[0].starts_with("__Host-hilum_session=;"), "{:?}", gone.set_cookies);
    assert_eq!(first.session(), None);
    let elsewhere = Browser { peer: world.public_of(1), ..kept.clone() };
    assert!(!is_signed_in(&kept, &app).await && !is_signed_in(&elsewhere, &app).await, "the cookie is dead");
    assert!(is_signed_in(&second, &app).await && is_signed_in(&third, &app).await);

    let page = third.get("/oauth2/logout").await;
    sign_out(&mut third, &page, "everywhere").await.shows(200);
    assert!(!is_signed_in(&second, &app).await && !is_signed_in(&third, &app).await);
    let records = world.audit("sign_out").await;
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record["person"] == json!(pat.subject)), "{records:?}");

    // There is nothing to sign out of any more, and nothing is recorded.
    let page = third.get("/oauth2/logout").await;
    assert!(page.shows(200).text().contains("signed out"));
    third.post("/oauth2/logout", &[("scope_of", "here")]).await.shows(200);
    assert_eq!(world.audit("sign_out").await.len(), 2);
}
