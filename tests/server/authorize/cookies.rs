//! The cookies of browsers.

use serde_json::json;

use super::PATIENT_SCOPE;
use crate::harness::{App, Browser, World};

const SESSION: &str = "__Host-hilum_session";

#[tokio::test]
async fn f10_cookies_are_of_this_host_over_tls_and_out_of_reach_of_scripts() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let begun = browser.get(&app.authorize_url(PATIENT_SCOPE)).await;
    let mut set = begun.set_cookies.clone();
    let page = browser.follow(begun).await;
    assert!(page.set_cookies.is_empty());
    let signed_in = browser.try_password(&page, "pat", &pat.password).await;
    set.extend(signed_in.set_cookies.clone());
    let names: Vec<&str> = set.iter().filter_map(|text| text.split('=').next()).collect();
    assert_eq!(names, ["__Host-hilum_browser", SESSION, "__Host-hilum_device"]);
    for text in &set {
        for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
            assert!(text.split("; ").any(|found| found == part), "{part} in {text}");
        }
        assert!(!text.to_lowercase().contains("domain"));
        let lasts = text.contains("Max-Age=31536000") || text.contains("Max-Age=31449600");
        assert_eq!(lasts, text.starts_with("__Host-hilum_device"), "{text}");
        let value = text.split(['=', ';']).nth(1).unwrap();
        assert!(value.len() >= 43, "256 bits: {text}");
        // A copy of the database signs nobody in.
        let known = format!("select count(*) from session where encode(digest, 'escape') like '%{value}%'");
        assert_eq!(world.database.count(&known).await, 0);
    }
    assert!(signed_in.location().starts_with("/oauth2/continue?i="));
}

#[tokio::test]
async fn f04_a_session_that_was_planted_is_never_taken_over() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let sam = world.person("sam", json!({"fhir_user": "Patient/sam"})).await;
    let mut attacker = Browser::new(&world);
    attacker.authorize(&app.authorize_url(PATIENT_SCOPE), &sam).await.code();
    let planted = attacker.session().unwrap().to_owned();
    for value in ["x".to_owned(), "A".repeat(43), planted] {
        let mut victim = Browser::new(&world);
        victim.cookies.insert(SESSION.to_owned(), value.clone());
        let page = victim.open(&app.authorize_with(PATIENT_SCOPE, &[("prompt", "login")])).await;
        let page = victim.sign_in(&page, &pat).await;
        let own = victim.session().unwrap().to_owned();
        assert_ne!(own, value);
        if page.asks_for_consent() {
            victim.allow(&page).await.code();
        }
        let subject = world
            .database
            .text("select subject::text from authorization_code order by issued_at desc limit 1")
            .await;
        assert_eq!(subject, pat.subject);
        // Whoever knows the former value has nothing.
        let mut other = Browser::new(&world);
        other.cookies.insert(SESSION.to_owned(), value);
        assert!(other.open(&app.authorize_url(PATIENT_SCOPE)).await.asks_to_sign_in());
    }
}

#[tokio::test]
async fn requests_side_by_side_in_one_browser_do_not_disturb_each_other() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let first = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let second = browser.open(&app.authorize_url("openid")).await;
    let question = browser.sign_in(&second, &pat).await;
    browser.allow(&question).await.code();
    let question = browser.sign_in(&first, &pat).await;
    browser.allow(&question).await.code();
}
