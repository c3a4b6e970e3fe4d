//! The headers of pages and redirects.

use reqwest::Method;
use serde_json::json;

use super::PATIENT_SCOPE;
use crate::harness::{Answer, App, Browser, Page, World};

/// Every kind of answer that a browser gets.
async fn all(world: &World) -> Vec<(&'static str, Page)> {
    let (app, pat) = (App::public(world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(world);
    let mut all = Vec::new();
    all.push(("error page", browser.get("/oauth2/authorize").await));
    all.push((
        "error redirect",
        browser.get(&app.authorize_with(PATIENT_SCOPE, &[("response_type", "x")])).await,
    ));
    let begun = browser.get(&app.authorize_url(PATIENT_SCOPE)).await;
    let next = begun.location().to_owned();
    all.push(("begun", begun));
    let dispatched = browser.get(&next).await;
    let login = browser.get(dispatched.location()).await;
    all.push(("dispatched", dispatched));
    all.push(("wrong password", browser.try_password(&login, "pat", "wrong").await));
    let signed_in = browser.try_password(&login, "pat", &pat.password).await;
    all.push(("login", login));
    let question = browser.open(signed_in.location()).await;
    all.push(("signed in", signed_in));
    all.push(("forged", browser.post("/consent", &[("decision", "allow")]).await));
    let decided = browser.decide(&question, "allow", &["openid"]).await;
    all.push(("consent", question));
    all.push(("granted", browser.get(decided.location()).await));
    all.push(("decided", decided));
    all.push(("over", browser.get(&next).await));
    let logout = browser.get("/oauth2/logout").await;
    let form = [("csrf", logout.hidden("csrf")), ("scope_of", "here".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.push(("logout", logout));
    all.push(("signed out", browser.post("/oauth2/logout", &form).await));
    all
}

#[tokio::test]
async fn f08_h12_x10_x11_sm_a_16_pages_and_redirects_say_what_browsers_must_not_do() {
    let world = World::start().await;
    for (name, page) in all(&world).await {
        let header = |name: &str| page.answer.header(name).unwrap_or_default().to_owned();
        assert_eq!(header("x-frame-options"), "DENY", "{name}");
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{name}");
        assert!(header("content-security-policy").contains("default-src 'none'"), "{name}");
        assert!(!header("content-security-policy").contains("unsafe"), "{name}");
        assert_eq!(
            (header("cache-control"), header("pragma")),
            ("no-store".to_owned(), "no-cache".to_owned()),
            "{name}"
        );
        assert_eq!(header("referrer-policy"), "no-referrer", "{name}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{name}");
        assert!(header("strict-transport-security").contains("max-age="), "{name}");
        assert_eq!(header("access-control-allow-origin"), "", "{name}");
        let status = page.answer.status;
        assert!([200, 303, 400, 403].contains(&status), "X10: {name} {status}");
        if status != 303 {
            let policy = header("content-security-policy");
            let form_action = policy.split("; ").find(|part| part.starts_with("form-action")).unwrap();
            let expected = match name {
                "login" | "wrong password" | "consent" => "form-action 'self' https://app.example",
                "logout" => "form-action 'self'",
                _ => "form-action 'none'",
            };
            assert_eq!(form_action, expected, "{name}");
            // Nothing is loaded from elsewhere, and no address in the page carries a code or a state.
            let loads = ["src=", "<script", "<iframe", "<img", "@import"];
            assert!(loads.iter().all(|part| !page.text().contains(part)), "{name}");
        }
    }
}

#[tokio::test]
async fn h13_bc_09_no_page_of_another_origin_reads_what_people_see() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    for path in [
        app.authorize_url(PATIENT_SCOPE),
        "/login".to_owned(),
        "/consent".to_owned(),
        "/oauth2/logout".to_owned(),
    ] {
        for method in [Method::GET, Method::OPTIONS] {
            for origin in ["https://app.example", "https://evil.test", "null"] {
                let request = world.public().request(method.clone(), &path).header("origin", origin);
                let request = request.header("access-control-request-method", "POST");
                let answer = Answer::read(request.send().await.unwrap()).await;
                assert_eq!(answer.header("access-control-allow-origin"), None, "{method} {path} {origin}");
                assert_eq!(answer.header("access-control-allow-credentials"), None);
            }
        }
    }
}

#[tokio::test]
async fn the_stylesheet_is_there_and_may_be_kept() {
    let world = World::start().await;
    let page = Browser::new(&world).get("/oauth2/authorize").await;
    let path = page.text().split("href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let answer = world.public().get(&path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/css; charset=utf-8")));
    assert!(answer.header("cache-control").unwrap().contains("immutable"));
}
