//! What is written into pages, redirects and records stays text.

use serde_json::json;

use super::PATIENT_SCOPE;
use crate::harness::{App, Browser, World, escaped};

const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'`";

#[tokio::test]
async fn x03_what_an_app_or_a_person_is_called_is_text() {
    let world = World::start().await;
    let app = App::public(&world, json!({"client_name": HOSTILE, "organization": HOSTILE})).await;
    let pat = world.person("pat", json!({"name": HOSTILE, "organization": HOSTILE})).await;
    let mut browser = Browser::new(&world);
    let login = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let consent = browser.sign_in(&login, &pat).await;
    browser.allow(&consent).await.code();
    let logout = browser.get("/oauth2/logout").await;
    for page in [&login, &consent, &logout] {
        assert!(!page.text().contains("<img"), "{}", page.text());
        assert!(page.text().contains(&escaped(HOSTILE)), "{}", page.text());
    }
}

#[tokio::test]
async fn x04_x05_r19_what_a_request_says_is_not_reflected() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let words = [
        "\"><script>alert(1)</script>",
        "javascript:alert(1)",
        "<svg onload=alert(1)>",
        "//evil.test",
        "%0d%0aset-cookie: a=b",
    ];
    for word in words {
        let extra = [
            ("state", word),
            ("nonce", word),
            ("error", word),
            ("error_description", word),
            ("error_hint", word),
            ("error_uri", word),
            ("return_to", word),
            ("next", word),
        ];
        // On an error page.
        let mut broken = extra.to_vec();
        broken.push(("redirect_uri", word));
        let page = browser.get(&app.authorize_with(PATIENT_SCOPE, &broken)).await;
        page.shows(400);
        assert!(!page.text().contains("alert") && !page.text().contains("evil"), "{}", page.text());
        // On the pages of the way.
        let begun = browser
            .get(&app.authorize_with(PATIENT_SCOPE, &[&extra[..], &[("prompt", "login")]].concat()))
            .await;
        assert!(begun.location().starts_with("/oauth2/continue?i="), "{}", begun.location());
        let page = browser.follow(begun).await;
        assert!(!page.text().contains("alert") && !page.text().contains("evil"), "{}", page.text());
        let wrong = browser.try_password(&page, word, word).await;
        wrong.shows(400);
        assert!(wrong.text().contains(&escaped(word)) || !word.contains('<'), "{}", wrong.text());
        assert!(
            !wrong.text().contains("<script") && !wrong.text().contains("<svg onload"),
            "{}",
            wrong.text()
        );
        // Where one would be sent after signing in is not the request's to say.
        let (csrf, interaction) = (page.hidden("csrf"), page.hidden("interaction"));
        let form = [
            ("csrf", csrf.as_str()),
            ("interaction", &interaction),
            ("username", "pat"),
            ("password", &pat.password),
            ("return_to", word),
            ("next", word),
        ];
        let sent = browser.post(&format!("/login?next={}", "x"), &form).await;
        sent.shows(400);
        let sent = browser.post("/login", &form).await;
        assert_eq!(sent.location(), format!("/oauth2/continue?i={interaction}"));
        for path in ["/login", "/consent", "/oauth2/continue"] {
            let page = browser
                .get(&format!("{path}?i={}&error_description=%3Csvg%20onload%3Dalert(1)%3E", "%3Csvg%3E"))
                .await;
            page.shows(400);
            assert!(!page.text().contains("onload") && !page.text().contains("<svg>"));
        }
    }
}

#[tokio::test]
async fn x08_nothing_that_is_typed_breaks_a_line_of_a_log_or_a_record() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    let mut browser = Browser::new(&world);
    browser.headers = vec![("user-agent", "agent {\"forged\":true}".to_owned())];
    let page = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let hostile = "dr\r\n{\"level\":\"ERROR\",\"forged\":true}\u{1b}[31m";
    browser.try_password(&page, hostile, hostile).await.shows(400);
    let odd = app.authorize_with("openid", &[("client_id", hostile), ("state", hostile)]);
    browser.get(&odd).await.shows(400);
    browser.get(&app.authorize_with("openid", &[("redirect_uri", hostile)])).await.shows(400);
    for action in ["sign_in", "authorize.begin"] {
        let records = world.audit(action).await;
        assert!(!records.is_empty());
        for record in records {
            assert!(record["client"].as_str().is_none_or(|client| client == app.id), "{record}");
            assert_eq!(record.get("forged"), None);
        }
    }
    let log = world.processes[0].log();
    assert!(!log.contains("forged") && !log.contains('\u{1b}'), "{log}");
}
