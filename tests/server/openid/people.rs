//! What administrators say of people, and people are known by.

use reqwest::Method;
use serde_json::{Value, json};

use super::{app, claims_of_pat, names, pat, userinfo};
use crate::harness::World;
use crate::token::{agreed, text};

#[tokio::test]
async fn a_person_has_the_claims_that_an_administrator_gives_and_no_malformed_one() {
    let world = World::start().await;
    let pat = pat(&world).await;
    let path = format!("/admin/v1/users/{}", pat.subject);
    let patch = async |document: Value| world.administer(Method::PATCH, &path, Some(document)).await;
    let kept = world.administer(Method::GET, &path, None).await.json();
    assert_eq!(kept["claims"], claims_of_pat());
    for (claims, named) in [
        (json!("x"), "claims"),
        (json!({"sub": "x"}), "claims.sub"),
        (json!({"email": "nobody"}), "claims.email"),
        (json!({"address": {"country": 7}}), "claims.address.country"),
    ] {
        let answer = patch(json!({ "claims": claims })).await;
        assert_eq!(answer.status, 400, "{claims}");
        assert!(answer.text.contains(&format!("\"{named}\"")), "{}", answer.text);
    }
    // A patch changes what it names, and nothing else.
    let patched = patch(json!({"claims": {"nickname": null, "locale": "en-US"}})).await.json();
    assert_eq!(
        (&patched["claims"]["locale"], &patched["claims"]["email"]),
        (&json!("en-US"), &json!("pat@mail.example"))
    );
    assert!(patched["claims"].get("nickname").is_none());
    assert_eq!(patch(json!({"claims": null})).await.json()["claims"], json!({}));
    let shown = world.command(&["user", "show", "pat", "--json"], "").expect_success();
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["claims"], json!({}));
    let written = json!({"claims": {"email": "new@mail.example"}}).to_string();
    world.command(&["user", "patch", "pat", "-"], &written).expect_success();
    let kept = world.administer(Method::GET, &path, None).await.json();
    assert_eq!(kept["claims"], json!({"email": "new@mail.example", "email_verified": false}));
}

#[tokio::test]
async fn userinfo_tells_a_person_as_they_are_now() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, pat(&world).await);
    let tokens = agreed(&world, &app, &pat, "openid email").await;
    let path = format!("/admin/v1/users/{}", pat.subject);
    let patch = json!({"claims": {"email": "new@mail.example", "email_verified": false}});
    assert_eq!(world.administer(Method::PATCH, &path, Some(patch)).await.status, 200);
    let info = userinfo(&world.public(), text(&tokens, "access_token")).await;
    assert_eq!((&info["email"], &info["email_verified"]), (&json!("new@mail.example"), &json!(false)));
    // Of whom nothing is known, nothing is told.
    let bare = world.person("bare", json!({"fhir_user": null})).await;
    let tokens = agreed(&world, &app, &bare, "openid profile email address phone fhirUser").await;
    let info = userinfo(&world.public(), text(&tokens, "access_token")).await;
    assert_eq!(names(&info), ["preferred_username", "sub"]);
}
