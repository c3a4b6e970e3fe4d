//! Answers of userinfo that are signed (OpenID Connect Core, 5.3.2).

use hilum::jose::jwk::Jwk;
use hilum::jose::jws::UnverifiedJws;
use reqwest::Method;
use serde_json::json;

use super::{app, pat};
use crate::harness::{Browser, World};
use crate::token::{agreed, claims, header, text};

#[tokio::test]
async fn oi_07_a_client_may_have_what_userinfo_tells_signed() {
    let world = World::start().await;
    let pat = pat(&world).await;
    let keys = world.public().get("/oauth2/jwks").await.json();
    for algorithm in ["RS256", "ES256", "PS256"] {
        let app = app(&world, json!({"userinfo_signed_response_alg": algorithm})).await;
        let tokens = agreed(&world, &app, &pat, "openid email").await;
        let access = text(&tokens, "access_token");
        let answer = world.public().send(Method::GET, "/oauth2/userinfo", Some(access), None).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jwt")));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let (head, told) = (header(&answer.text), claims(&answer.text));
        assert_eq!(head["alg"], algorithm);
        let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == head["kid"]).unwrap();
        UnverifiedJws::parse(&answer.text).unwrap().verify(&Jwk::parse(key).unwrap()).unwrap();
        assert_eq!((&told["iss"], &told["aud"]), (&json!(world.issuer()), &json!(app.id)));
        assert_eq!((&told["sub"], &told["email"]), (&json!(pat.subject), &json!("pat@mail.example")));
        // It is none of the tokens.
        let hinted = app.authorize_with("openid", &[("id_token_hint", &answer.text)]);
        Browser::new(&world).open(&hinted).await.told(&app.callback, "invalid_request", Some(&app.state));
        let again = world.public().send(Method::GET, "/oauth2/userinfo", Some(&answer.text), None).await;
        again.refused(401, "invalid_token");
    }
    for wrong in ["none", "HS256", "RS512"] {
        let document = json!({"client_name": "a", "organization": "b", "token_endpoint_auth_method": "none",
            "userinfo_signed_response_alg": wrong});
        let answer = world.administer(Method::POST, "/admin/v1/clients", Some(document)).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}
