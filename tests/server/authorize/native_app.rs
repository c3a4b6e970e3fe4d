//! Apps on the person's own device (RFC 8252).

use serde_json::json;

use super::PATIENT_SCOPE;
use crate::harness::{App, Browser, World};

#[tokio::test]
async fn r11_bc_01_on_a_loopback_address_the_port_may_vary_and_nothing_else() {
    let world = World::start().await;
    let app = App::public(&world, json!({"redirect_uris": ["http://127.0.0.1/cb"]})).await;
    let pat = world.patient_person().await;
    let at = |uri: &str| app.authorize_with(PATIENT_SCOPE, &[("redirect_uri", uri)]);
    let mut browser = Browser::new(&world);
    let sent = browser.authorize(&at("http://127.0.0.1:51234/cb"), &pat).await;
    assert!(sent.location().starts_with("http://127.0.0.1:51234/cb?code=hac_"), "{}", sent.location());
    for wrong in [
        "http://127.0.0.1:51234/other",
        "http://127.0.0.1@evil.test/cb",
        "http://127.0.0.1:80@evil.test/cb",
        "http://127.0.0.1.evil.test/cb",
        "http://localhost/cb",
        "http://[::1]/cb",
        "http://2130706433/cb",
        "http://127.0.0.2/cb",
        "https://127.0.0.1/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:51234/cb?x",
    ] {
        browser.get(&at(wrong)).await.shows(400);
    }
}

#[tokio::test]
async fn an_app_that_anybody_could_pass_himself_off_as_is_asked_about_each_time() {
    let world = World::start().await;
    let pat = world.patient_person().await;
    let asks_again = async |app: &App| -> bool {
        let mut browser = Browser::new(&world);
        browser.authorize(&app.authorize_url(PATIENT_SCOPE), &pat).await.code();
        let again = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
        again.answer.status == 200 && again.asks_for_consent()
    };
    for uri in ["http://127.0.0.1/cb", "http://localhost/cb", "com.example.app:/cb"] {
        let app = App::public(&world, json!({"redirect_uris": [uri]})).await;
        assert!(asks_again(&app).await, "RFC 8252, 8.6: {uri}");
    }
    let secret = App::secret(&world, json!({"redirect_uris": ["http://127.0.0.1/cb"]})).await;
    assert!(!asks_again(&secret).await, "it has to authenticate when it redeems the code");
    assert!(!asks_again(&App::public(&world, json!({})).await).await, "https of a host is its own");
}
