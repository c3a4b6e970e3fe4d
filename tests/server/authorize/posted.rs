//! Authorization requests of a form (SMART App Launch 2.2, `authorize-post`).

use serde_json::json;

use super::PATIENT_SCOPE;
use crate::harness::{App, Browser, World, query};

#[tokio::test]
async fn sm_a_01_f09_a_form_of_another_site_finds_whoever_is_signed_in() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    browser.authorize(&app.authorize_url(PATIENT_SCOPE), &pat).await.code();
    let request = app.changed(PATIENT_SCOPE, &[("prompt", "none")]);
    let form: Vec<(&str, &str)> =
        request.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();

    // SameSite=Lax: the browser withholds its cookies from the form, and sends them where it is sent on to.
    let cookies = std::mem::take(&mut browser.cookies);
    browser.headers = vec![("sec-fetch-site", "cross-site".to_owned())];
    let page = browser.post("/oauth2/authorize", &form).await;
    assert_eq!(page.answer.status, 303);
    assert!(page.location().starts_with("/oauth2/authorize?"), "{}", page.location());
    assert!(page.set_cookies.is_empty(), "no cookie of another tab is replaced");
    let link = page.location().to_owned();
    (browser.cookies, browser.headers) = (cookies, Vec::new());
    browser.open(&link).await.code();

    // Of its own site, or of no browser, it is answered as it is.
    let page = Browser::new(&world).post("/oauth2/authorize", &form).await;
    page.told(&app.callback, "login_required", Some(&app.state));
}

#[tokio::test]
async fn sm_a_01_no_hint_of_a_person_is_put_into_an_address_however_its_name_is_written() {
    let world = World::start().await;
    let app = App::secret(&world, json!({})).await;
    let right = query(&app.request(PATIENT_SCOPE));
    for (more, is_link) in [
        ("&display=page", true),
        ("&launch=hlh_handle", true),
        ("&id_token_hint=secret", false),
        ("&id_token%5Fhint=secret", false),
        ("&login%5fhint=secret", false),
    ] {
        let request = world.public().request(reqwest::Method::POST, "/oauth2/authorize");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.header("sec-fetch-site", "cross-site").body(format!("{right}{more}"));
        let answer = request.send().await.unwrap();
        let to = answer.headers()["location"].to_str().unwrap();
        assert_eq!(to.starts_with("/oauth2/authorize?"), is_link, "{more}: {to}");
        assert!(!to.contains("secret"), "{to}");
    }
}
