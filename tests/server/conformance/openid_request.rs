//! OpenID Connect, basic OP: request objects.

use hilum::jose::algorithm::Algorithm;
use serde_json::{Value, json};

use crate::harness::{App, Assertion, Browser, World, key, query};
use crate::openid::{app, pat};

/// The address of a request with these parameters in place of its own.
fn address(app: &App, change: &[(&str, &str)]) -> String {
    app.authorize_with("openid", change)
}

/// A request object that nobody has signed.
fn unsigned(world: &World, app: &App, change: &[(&str, &str)]) -> String {
    let none = key(Algorithm::Es256);
    let mut object = Assertion::of(&app.id, world.issuer(), &none, "k").head("kid", Value::Null);
    for (name, value) in app.changed("openid", change) {
        object = object.claim(&name, json!(value));
    }
    let object = object.head("alg", json!("none")).claim("aud", json!(world.issuer()));
    format!("{}.", object.text())
}

/// The suite takes the refusal as well as the support: this server fetches nothing that clients keep elsewhere.
#[tokio::test]
async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let said = world.public().get("/.well-known/openid-configuration").await.json();
    assert_eq!(said["request_uri_parameter_supported"], json!(false));
    let elsewhere = [("request_uri", "https://app.example/request.jwt")];
    let page = Browser::new(&world).get(&address(&app, &elsewhere)).await;
    page.told(&app.callback, "request_uri_not_supported", Some(&app.state));
}

/// The suite leaves this out where `none` is not listed: here no object counts that is not signed.
#[tokio::test]
async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let said = world.public().get("/.well-known/openid-configuration").await.json();
    let listed = said["request_object_signing_alg_values_supported"].as_array().unwrap();
    assert!(!listed.is_empty() && !listed.contains(&json!("none")), "{listed:?}");
    let object = unsigned(&world, &app, &[]);
    let page = Browser::new(&world).get(&address(&app, &[("request", &object)])).await;
    page.told(&app.callback, "invalid_request_object", Some(&app.state));
}

/// With a signed object: the address inside it counts, and none that stands beside it; and an unsigned one leads
/// nowhere.
#[tokio::test]
async fn oidcc_ensure_request_object_with_redirect_uri() {
    let world = World::start().await;
    let (app, pat) = (App::asymmetric(&world, json!({})).await, pat(&world).await);
    let object = app.request_object(&world, "openid", &[("aud", "")]).sign(app.key());
    let pairs = |object: &str, beside: &str| {
        let pairs = [
            ("client_id", app.id.as_str()),
            ("response_type", "code"),
            ("scope", "openid"),
            ("request", object),
            ("redirect_uri", beside),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        format!("/oauth2/authorize?{}", query(&pairs))
    };
    let elsewhere = "https://app.example/elsewhere";
    let page = Browser::new(&world).authorize(&pairs(&object, elsewhere), &pat).await;
    assert!(page.location().starts_with(&format!("{}?", app.callback)), "{}", page.location());
    app.redeem(&world.public(), &page.code()).await.granted();

    let foreign = app.request_object(&world, "openid", &[("aud", ""), ("redirect_uri", elsewhere)]);
    Browser::new(&world).get(&pairs(&foreign.sign(app.key()), &app.callback)).await.shows(400);
    let nobodys = unsigned(&world, &app, &[("redirect_uri", &app.callback)]);
    Browser::new(&world).get(&pairs(&nobodys, elsewhere)).await.shows(400);
}
