//! Forms count where they were shown, and nowhere else.

use serde_json::json;

use super::{PATIENT_SCOPE, reasons};
use crate::harness::{App, Browser, Page, World};

const FOREIGN: [&[(&str, &str)]; 5] = [
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("origin", "https://evil.test")],
    &[("origin", "null"), ("sec-fetch-site", "cross-site")],
    &[("origin", "https://evil.test"), ("sec-fetch-site", "same-origin")],
];

fn with_headers(browser: &Browser, headers: &[(&'static str, &'static str)]) -> Browser {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Browser { headers, ..browser.clone() }
}

#[tokio::test]
async fn f01_nobody_is_signed_in_by_a_page_of_somebody_else() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let other = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let refused = |answer: Page, name: &str| {
        answer.shows(403);
        assert!(answer.set_cookies.is_empty(), "{name}");
    };
    for headers in FOREIGN {
        let mut from_elsewhere = with_headers(&browser, headers);
        refused(from_elsewhere.try_password(&page, "pat", &pat.password).await, "another site");
    }
    // The attacker's own form, sent from the victim's browser, and the other way round.
    let mut attacker = Browser::new(&world);
    let of_attacker = attacker.open(&app.authorize_url(PATIENT_SCOPE)).await;
    refused(browser.clone().try_password(&of_attacker, "pat", &pat.password).await, "another browser's form");
    refused(attacker.try_password(&page, "pat", &pat.password).await, "in another browser");
    refused(Browser::new(&world).try_password(&page, "pat", &pat.password).await, "no browser cookie");
    // The token of one interaction with another.
    let (csrf, interaction) = (page.hidden("csrf"), other.hidden("interaction"));
    let send = async |fields: &[(&str, &str)]| {
        let own = [("username", "pat"), ("password", pat.password.as_str())];
        browser.clone().post("/login", &[fields, &own].concat()).await
    };
    refused(send(&[("csrf", &csrf), ("interaction", &interaction)]).await, "another interaction");
    refused(send(&[("csrf", ""), ("interaction", &interaction)]).await, "no token");
    refused(send(&[("csrf", &csrf)]).await, "no interaction");
    refused(send(&[("csrf", &csrf), ("interaction", "x")]).await, "no such interaction");

    let reasons = reasons(&world, "sign_in").await;
    assert_eq!(reasons[..5], ["form_from_another_site"; 5]);
    assert_eq!(
        reasons[5..],
        [
            "form_token_wrong",
            "form_token_wrong",
            "form_without_its_browser",
            "form_token_wrong",
            "form_without_its_token",
            "form_without_interaction",
            "form_without_interaction",
        ]
    );
    assert_eq!(world.database.count("select count(*) from session").await, 0);
    assert_eq!(world.database.count("select count(*) from sign_in_attempts").await, 0);
    // What browsers really send with a page that asks for no referrer.
    let own = world.issuer().to_owned();
    for origin in ["null", &own] {
        let mut real = browser.clone();
        real.headers = vec![("origin", origin.to_owned()), ("sec-fetch-site", "same-origin".to_owned())];
        let page = real.open(&app.authorize_url(PATIENT_SCOPE)).await;
        assert_eq!(real.try_password(&page, "pat", &pat.password).await.answer.status, 303);
    }
}

#[tokio::test]
async fn f02_a_decision_counts_once_for_its_own_request_in_its_own_session() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let question = browser.sign_in(&page, &pat).await;
    let other = browser.open(&app.authorize_url("openid")).await;
    assert!(question.asks_for_consent() && other.asks_for_consent());

    for headers in FOREIGN {
        with_headers(&browser, headers).decide(&question, "allow", &["openid"]).await.shows(403);
    }
    // A link decides nothing, whatever it says.
    let id = question.hidden("interaction");
    let csrf = question.hidden("csrf");
    let link = format!("/consent?i={id}&interaction={id}&csrf={csrf}&decision=allow&scope=openid");
    assert!(browser.open(&link).await.shows(200).asks_for_consent());
    // The token of another request, or of a form for signing in.
    let form = |csrf: &str, id: &str| {
        [("csrf", csrf), ("interaction", id), ("decision", "allow"), ("scope", "openid")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    for csrf in [other.hidden("csrf"), page.hidden("csrf"), String::new()] {
        let fields = form(&csrf, &id);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.post("/consent", &fields).await.shows(403);
    }
    // The same person in another session.
    let mut later = browser.clone();
    let again = later.open(&app.authorize_with(PATIENT_SCOPE, &[("prompt", "login")])).await;
    later.sign_in(&again, &pat).await;
    later.decide(&question, "allow", &["openid"]).await.shows(403);
    assert_eq!(world.database.count("select count(*) from consent").await, 0);

    // The session that the question was shown in has ended, so it is asked anew after signing in.
    let page = browser.decide(&question, "allow", &["openid"]).await;
    let page = browser.follow(page).await;
    assert!(page.asks_to_sign_in());
    let question = browser.sign_in(&page, &pat).await;
    browser.allow(&question).await.code();
    browser.decide(&question, "allow", &["openid"]).await.shows(403);
    browser.decide(&question, "deny", &[]).await.shows(403);
    assert_eq!(world.database.count("select count(*) from consent").await, 1);
    assert!(reasons(&world, "consent.give").await.contains(&"decided_before".to_owned()));
}

#[tokio::test]
async fn f02_two_answers_at_once_are_one_answer() {
    let world = World::with_processes(2).await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let question = browser.sign_in(&page, &pat).await;
    let all = (0..10).map(|index: usize| {
        let mut browser = Browser { peer: world.public_of(index % 2), ..browser.clone() };
        let (question, decision) = (&question, ["allow", "deny"][index % 2]);
        async move { browser.decide(question, decision, &["openid"]).await.answer.status }
    });
    let mut answers = futures_util::future::join_all(all).await;
    answers.sort_unstable();
    assert_eq!(answers[0], 303);
    // Or they waited too long for the first, and are to come again.
    assert!(answers[1..].iter().all(|status| [403, 503].contains(status)), "{answers:?}");
}

#[tokio::test]
async fn f03_a_link_into_the_middle_opens_nothing_in_another_browser() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut attacker = Browser::new(&world);
    let begun = attacker.get(&app.authorize_url(PATIENT_SCOPE)).await;
    let id = begun.param("i").unwrap();
    let mut victim = Browser::new(&world);
    victim.authorize(&app.authorize_url("openid"), &pat).await.code();
    let fresh = Browser::new(&world);
    let forged = Browser {
        cookies: [("__Host-hilum_browser".to_owned(), "attacker".to_owned())].into(),
        ..Browser::new(&world)
    };
    for browser in [fresh, forged, victim] {
        for path in ["/oauth2/continue", "/login", "/consent"] {
            for id in [id.as_str(), "", "x", "00000000-0000-0000-0000-000000000000"] {
                let page = browser.clone().get(&format!("{path}?i={id}")).await;
                page.shows(400);
                assert!(!page.text().contains("Growth Chart") && page.set_cookies.is_empty());
            }
        }
    }
    assert!(attacker.open(&format!("/oauth2/continue?i={id}")).await.asks_to_sign_in());
    let reasons = reasons(&world, "authorize.respond").await;
    assert!(
        reasons.iter().all(|reason| ["not_this_browser", "interaction_unknown"].contains(&reason.as_str()))
    );
}
