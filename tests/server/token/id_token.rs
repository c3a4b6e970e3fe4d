//! Id tokens (OpenID Connect Core, 2), and tokens that are taken for others.

use hilum::jose::jwk::Jwk;
use hilum::jose::jws::UnverifiedJws;
use reqwest::Method;
use serde_json::{Value, json};

use super::{agreed, claims, fhir_server, header, text};
use crate::harness::{Answer, App, Browser, World, encoded};

/// Verifies an id token as a client does, with the published key that its header names.
async fn verified(world: &World, token: &str) -> Value {
    let keys = world.public().get("/oauth2/jwks").await.json();
    let kid = header(token)["kid"].clone();
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid).expect("a published key");
    assert_eq!(key["alg"], header(token)["alg"]);
    UnverifiedJws::parse(token).unwrap().verify(&Jwk::parse(key).unwrap()).expect("a good signature");
    claims(token)
}

#[tokio::test]
async fn oi_01_oi_02_x3_an_id_token_says_who_signed_in_for_whom_when_and_how() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let nonce = "n-0S6_WzA2Mj \u{e9}\"<";
    let url = app.authorize_with("openid profile", &[("nonce", nonce), ("aud", "")]);
    let code = Browser::new(&world).authorize(&url, &pat).await.code();
    let tokens = app.redeem(&world.public(), &code).await.granted();
    let token = text(&tokens, "id_token");
    let head = header(token);
    assert_eq!((&head["alg"], &head["typ"]), (&json!("RS256"), &json!("JWT")));
    let said = verified(&world, token).await;
    let mut names: Vec<&str> = said.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["acr", "amr", "at_hash", "aud", "auth_time", "exp", "iat", "iss", "nonce", "sid", "sub"]
    );
    assert_eq!((&said["iss"], &said["aud"]), (&json!(world.issuer()), &json!(app.id)));
    let sub = text(&said, "sub");
    assert!(sub == pat.subject && (1..=255).contains(&sub.len()));
    assert_eq!((&said["nonce"], &said["amr"]), (&json!(nonce), &json!(["pwd"])));
    assert_eq!(said["acr"], hilum::protocol::acr::PASSWORD);
    let at = |name: &str| said[name].as_i64().unwrap();
    assert!(at("exp") - at("iat") == 300 && (crate::harness::now() - at("iat")).abs() < 30);
    assert!(at("auth_time") <= at("iat") && at("iat") - at("auth_time") < 60);
    let half = hilum::jose::base64url::decode(&hilum::jose::thumbprint::sha256_base64url(
        text(&tokens, "access_token").as_bytes(),
    ));
    assert_eq!(said["at_hash"], json!(hilum::jose::base64url::encode(&half.unwrap()[..16])));

    let plain = agreed(&world, &app, &pat, "openid").await;
    assert!(claims(text(&plain, "id_token")).get("nonce").is_none(), "none was sent");
    let none = agreed(&world, &app, &pat, "launch/patient patient/Observation.rs").await;
    assert!(none.get("id_token").is_none(), "openid was not asked for");
}

#[tokio::test]
async fn oi_02_the_time_of_the_sign_in_is_told_and_not_that_of_the_request() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let first = app.code(&mut browser, &pat, "openid").await;
    world
        .database
        .execute("update session set authenticated_at = authenticated_at - interval '7 minutes'")
        .await;
    let again = app.code(&mut browser, &pat, "openid").await;
    let mut times = Vec::new();
    for code in [first, again] {
        let tokens = app.redeem(&world.public(), &code).await.granted();
        let said = claims(text(&tokens, "id_token"));
        assert_eq!(said["auth_time"], claims(text(&tokens, "access_token"))["auth_time"]);
        times.push(said["auth_time"].as_i64().unwrap());
    }
    assert_eq!(times[0] - times[1], 420);
}

#[tokio::test]
async fn x3_fp_04_a_client_may_have_its_id_tokens_signed_with_es256_or_ps256_and_nothing_weaker() {
    let world = World::start().await;
    let pat = world.patient_person().await;
    for algorithm in ["RS256", "ES256", "PS256"] {
        let app = App::secret(&world, json!({"id_token_signed_response_alg": algorithm})).await;
        let tokens = agreed(&world, &app, &pat, "openid").await;
        let token = text(&tokens, "id_token");
        assert_eq!(header(token)["alg"], algorithm);
        assert_eq!(verified(&world, token).await["sub"], json!(pat.subject));
    }
    for wrong in ["none", "HS256", "RS384", "rs256", ""] {
        let document = json!({"client_name": "a", "organization": "b", "token_endpoint_auth_method": "none",
            "id_token_signed_response_alg": wrong});
        let answer = world.administer(Method::POST, "/admin/v1/clients", Some(document)).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

/// Introspects with a token as the caller's credential.
async fn introspect_by(world: &World, bearer: &str, token: &str) -> Answer {
    let request = world.public().request(Method::POST, "/oauth2/introspect").bearer_auth(bearer);
    Answer::read(encoded(request, &[("token", token)]).send().await.unwrap()).await
}

#[tokio::test]
async fn i03_i04_i05_at_04_no_token_is_taken_for_another() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let (fhir, peer) = (fhir_server(&world).await, world.public());
    let mut browser = Browser::new(&world);
    let scope = "openid offline_access launch/patient patient/Observation.rs";
    let spare = app.code(&mut browser, &pat, scope).await;
    let code = app.code(&mut browser, &pat, scope).await;
    let tokens = app.redeem(&peer, &code).await.granted();
    let (access, refresh, id) =
        (text(&tokens, "access_token"), text(&tokens, "refresh_token"), text(&tokens, "id_token"));
    let session = browser.session().expect("a session");
    for wrong in [id, refresh, spare.as_str(), session, &app.verifier] {
        let userinfo = peer.send(Method::GET, "/oauth2/userinfo", Some(wrong), None).await;
        userinfo.refused(401, "invalid_token");
        assert_eq!(
            userinfo.header("www-authenticate"),
            Some(r#"Bearer realm="hilum", error="invalid_token""#)
        );
        introspect_by(&world, wrong, access).await.refused(401, "invalid_token");
        for peer in [&peer, &world.mtls(&world.admin)] {
            let admin = peer.send(Method::GET, "/admin/v1/clients", Some(wrong), None).await;
            assert_eq!(admin.status, 401, "{}", admin.text);
            assert!(admin.header("www-authenticate").unwrap().contains("invalid_token"));
        }
        fhir.introspect(&world, &peer, wrong).await.inactive();
    }
    for wrong in [access, id, &spare, session] {
        app.refresh(&peer, wrong).await.refused(400, "invalid_grant");
    }
    for wrong in [access, id, refresh, session] {
        app.redeem(&peer, wrong).await.refused(400, "invalid_grant");
    }
    // A person's token is none of the admin API, whatever it says, and speaks for no resource server.
    assert_eq!(peer.send(Method::GET, "/admin/v1/clients", Some(access), None).await.status, 401);
    introspect_by(&world, access, access).await.inactive();
    // However long all this took, the code is as good as it was.
    let younger = "update authorization_code set issued_at = now() - interval '1 second',
        expires_at = now() + interval '59 seconds' where redeemed_at is null";
    world.database.execute(younger).await;
    app.redeem(&peer, &spare).await.granted();
    app.refresh(&peer, refresh).await.granted();
    fhir.introspect(&world, &peer, access).await.active();
}
