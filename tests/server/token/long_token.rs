//! A token of so many scopes that no header would hold it.

use serde_json::json;

use super::text;
use crate::harness::App;
use crate::token::refresh_token::{Scene, Tokens};

#[tokio::test]
async fn sm_s_15_a_token_of_hundreds_of_scopes_is_opaque_and_is_explained_and_dies_with_its_family() {
    let mut scene = Scene::start().await;
    let app = App::public(&scene.world, json!({})).await;
    let scopes: Vec<String> =
        (0..300).map(|number| format!("patient/Observation.rs?code=urn:oid:1.2.3|{number}")).collect();
    let scope = format!("openid offline_access {}", scopes.join(" "));
    let few = scene.launch(&app, "openid offline_access patient/Observation.rs?code=urn:oid:1.2.3|1").await;
    assert_eq!(few.access().split('.').count(), 3, "of few scopes it is a JWT");

    let request = app.changed(&scope, &[]);
    let form: Vec<(&str, &str)> =
        request.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = scene.browser.post("/oauth2/authorize", &form).await;
    let page = scene.browser.follow(answer).await;
    let code = scene.browser.allow(&page).await.code();
    let tokens = Tokens(app.redeem(&scene.world.public(), &code).await.granted());
    assert!(tokens.access().starts_with("hat_") && tokens.access().len() < 100, "{}", tokens.access());
    assert_eq!(text(&tokens.0, "scope"), scope);
    let told = scene.told(&tokens).await;
    assert_eq!((&told["scope"], &told["patient"]), (&json!(scope), &json!("rivera")));

    // Narrowed, it fits into a JWT again; the family goes on with all.
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh()), ("scope", scopes[0].as_str())];
    let narrow = Tokens(app.ask(&scene.world.public(), "/oauth2/token", &form).await.granted());
    assert_eq!(narrow.access().split('.').count(), 3);
    let whole = Tokens(app.refresh(&scene.world.public(), narrow.refresh()).await.granted());
    assert!(whole.access().starts_with("hat_") && whole.0["scope"] == json!(scope));
    assert!(scene.is_alive(&tokens).await && scene.is_alive(&whole).await);
    app.ask(&scene.world.public(), "/oauth2/revoke", &[("token", whole.refresh())]).await;
    for tokens in [&tokens, &narrow, &whole] {
        assert!(!scene.is_alive(tokens).await);
    }
    assert!(scene.is_alive(&few).await);
}
