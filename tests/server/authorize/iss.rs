//! Who answers (RFC 9207).

use reqwest::Method;
use serde_json::json;

use super::PATIENT_SCOPE;
use crate::harness::{Answer, App, Browser, Raw, World};
use crate::http::PATIENCE;

#[tokio::test]
async fn x01_is_01_every_answer_names_its_issuer_as_the_metadata_does() {
    let world = World::with_processes(2).await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let metadata = world.public().get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], json!(true));
    let issuer = metadata["issuer"].as_str().map(str::to_owned);
    for index in [0, 1] {
        let mut browser = Browser::at(world.public_of(index));
        let wrong = browser.get(&app.authorize_with(PATIENT_SCOPE, &[("response_type", "token")])).await;
        assert_eq!(wrong.param("iss"), issuer);
        let page = browser.open(&app.authorize_with(PATIENT_SCOPE, &[("prompt", "consent")])).await;
        let page = browser.sign_in(&page, &pat).await;
        let denied = browser.deny(&page).await;
        denied.told(&app.callback, "access_denied", Some(&app.state));
        assert_eq!(denied.param("iss"), issuer);
        let granted =
            browser.authorize(&app.authorize_with(PATIENT_SCOPE, &[("prompt", "consent")]), &pat).await;
        assert_eq!((granted.param("iss"), granted.param("state")), (issuer.clone(), Some(app.state.clone())));
        let names: Vec<String> = url::Url::parse(granted.location())
            .unwrap()
            .query_pairs()
            .map(|(name, _)| name.into_owned())
            .collect();
        assert_eq!(names, ["code", "state", "iss"], "each once, and no token");
    }
}

#[tokio::test]
async fn x02_a_host_that_is_not_ours_changes_nothing() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    for path in [app.authorize_url(PATIENT_SCOPE), "/oauth2/logout".to_owned(), "/login".to_owned()] {
        let lines = format!("GET {path} HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n");
        let mut raw = Raw::connect(world.processes[0].public, &world.authority.pem);
        assert_eq!(raw.send(lines.as_bytes()).hear(PATIENCE).statuses(), [421]);
        let request = world.public().request(Method::GET, &path);
        let request = request.header("x-forwarded-host", "evil.test").header("x-forwarded-proto", "http");
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert!(!answer.text.contains("evil.test"));
        assert!(answer.header("location").is_none_or(|to| to.starts_with("/oauth2/continue?i=")));
    }
}
