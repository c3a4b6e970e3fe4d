//! OpenID Connect, basic OP: tokens, userinfo and what scopes tell.

use hilum::jose::jwk::Jwk;
use hilum::jose::jws::UnverifiedJws;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Browser, Credential, Person, World, encoded};
use crate::openid::{SCOPES, app, claims_of_pat, names, pat, userinfo};
use crate::token::{agreed, claims, fhir_server, header, text};

const USERINFO: &str = "/oauth2/userinfo";

/// A world with an app of every scope about people, and somebody of whom everything is known.
async fn scene() -> (World, App, Person) {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, pat(&world).await);
    (world, app, pat)
}

/// The id token, verified as a client does (OpenID Connect Core, 3.1.3.7).
async fn verified(world: &World, app: &App, tokens: &Value) -> Value {
    let token = text(tokens, "id_token");
    let keys = world.public().get("/oauth2/jwks").await.json();
    let kid = header(token)["kid"].clone();
    assert!(kid.is_string());
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid).expect("a published key");
    UnverifiedJws::parse(token).unwrap().verify(&Jwk::parse(key).unwrap()).expect("a good signature");
    let said = claims(token);
    assert_eq!((&said["iss"], &said["aud"]), (&json!(world.issuer()), &json!(app.id)));
    let at = |name: &str| said[name].as_i64().unwrap_or_else(|| panic!("{name} in {said}"));
    let now = crate::harness::now();
    assert!(at("exp") > now && (at("iat") - now).abs() < 60 && at("auth_time") <= at("iat"));
    assert!(text(&said, "sub").len() <= 255);
    said
}

/// What userinfo tells is of whom the id token is, and has all that is expected.
async fn tells(world: &World, app: &App, person: &Person, (scope, expected): (&str, &[&str])) {
    let tokens = agreed(world, app, person, scope).await;
    let said = verified(world, app, &tokens).await;
    let info = userinfo(&world.public(), text(&tokens, "access_token")).await;
    assert_eq!(info["sub"], said["sub"]);
    let known = claims_of_pat();
    for claim in expected {
        assert!(!info[*claim].is_null(), "{claim} of {scope}: {info}");
        if let Some(value) = known.get(*claim) {
            assert_eq!(info[*claim], *value, "{claim}");
        }
        assert!(said.get(*claim).is_none(), "{claim} is told by userinfo, and in no id token");
    }
    let more: Vec<String> =
        names(&info).into_iter().filter(|name| !expected.contains(&name.as_str())).collect();
    assert_eq!(more, ["sub"], "nothing is told that was not asked for");
}

const PROFILE: [&str; 13] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
];

#[tokio::test]
async fn oidcc_server() {
    let (world, app, pat) = scene().await;
    let url = app.authorize_with("openid", &[("nonce", "n-1")]);
    let page = Browser::new(&world).authorize(&url, &pat).await;
    assert_eq!(page.param("state").as_deref(), Some(app.state.as_str()));
    let tokens = app.redeem(&world.public(), &page.code()).await.granted();
    assert_eq!(tokens["token_type"], "Bearer");
    assert!(tokens["expires_in"].as_i64().unwrap() > 0);
    let said = verified(&world, &app, &tokens).await;
    assert_eq!(said["nonce"], "n-1");
    let info = userinfo(&world.public(), text(&tokens, "access_token")).await;
    assert_eq!(info["sub"], said["sub"]);
}

#[tokio::test]
async fn oidcc_idtoken_signature() {
    let (world, app, pat) = scene().await;
    let tokens = agreed(&world, &app, &pat, "openid").await;
    assert_eq!(header(text(&tokens, "id_token"))["alg"], "RS256");
    verified(&world, &app, &tokens).await;
}

#[tokio::test]
async fn oidcc_idtoken_unsigned() {
    let world = World::start().await;
    let document = json!({"client_name": "a", "organization": "b", "token_endpoint_auth_method": "none",
        "id_token_signed_response_alg": "none"});
    let answer = world.administer(Method::POST, "/admin/v1/clients", Some(document)).await;
    assert_eq!(answer.status, 400, "id tokens are always signed");
    let document = world.public().get("/.well-known/openid-configuration").await.json();
    let listed = document["id_token_signing_alg_values_supported"].as_array().unwrap();
    assert!(!listed.contains(&json!("none")));
}

#[tokio::test]
async fn oidcc_userinfo_get() {
    let (world, app, pat) = scene().await;
    let tokens = agreed(&world, &app, &pat, "openid").await;
    let answer = world.public().send(Method::GET, USERINFO, Some(text(&tokens, "access_token")), None).await;
    assert_eq!(answer.granted()["sub"], claims(text(&tokens, "id_token"))["sub"]);
}

#[tokio::test]
async fn oidcc_userinfo_post_header() {
    let (world, app, pat) = scene().await;
    let tokens = agreed(&world, &app, &pat, "openid").await;
    let token = text(&tokens, "access_token");
    let answer = world.public().send(Method::POST, USERINFO, Some(token), None).await;
    assert_eq!(answer.granted()["sub"], claims(text(&tokens, "id_token"))["sub"]);
    // As some clients send it: with an empty form.
    let request = encoded(world.public().request(Method::POST, USERINFO).bearer_auth(token), &[]);
    assert_eq!(Answer::read(request.send().await.unwrap()).await.granted()["sub"], answer.json()["sub"]);
}

#[tokio::test]
async fn oidcc_userinfo_post_body() {
    let (world, app, pat) = scene().await;
    let tokens = agreed(&world, &app, &pat, "openid").await;
    let answer = world.public().post(USERINFO, &[("access_token", text(&tokens, "access_token"))]).await;
    assert_eq!(answer.granted()["sub"], claims(text(&tokens, "id_token"))["sub"]);
}

#[tokio::test]
async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow() {
    let (world, app, pat) = scene().await;
    let tokens = agreed(&world, &app, &pat, "openid").await;
    assert!(verified(&world, &app, &tokens).await.get("nonce").is_none());
}

#[tokio::test]
async fn oidcc_scope_profile() {
    let (world, app, pat) = scene().await;
    tells(&world, &app, &pat, ("openid profile", &PROFILE)).await;
}

#[tokio::test]
async fn oidcc_scope_email() {
    let (world, app, pat) = scene().await;
    tells(&world, &app, &pat, ("openid email", &["email", "email_verified"])).await;
}

#[tokio::test]
async fn oidcc_scope_address() {
    let (world, app, pat) = scene().await;
    tells(&world, &app, &pat, ("openid address", &["address"])).await;
}

#[tokio::test]
async fn oidcc_scope_phone() {
    let (world, app, pat) = scene().await;
    tells(&world, &app, &pat, ("openid phone", &["phone_number", "phone_number_verified"])).await;
}

#[tokio::test]
async fn oidcc_scope_all() {
    let (world, app, pat) = scene().await;
    let rest = ["address", "email", "email_verified", "phone_number", "phone_number_verified"];
    tells(&world, &app, &pat, ("openid profile email address phone", &[&PROFILE[..], &rest].concat())).await;
}

#[tokio::test]
async fn oidcc_claims_essential() {
    let (world, app, pat) = scene().await;
    let asked = json!({"userinfo": {"name": {"essential": true}}}).to_string();
    let url = app.authorize_with("openid", &[("claims", &asked)]);
    let code = Browser::new(&world).authorize(&url, &pat).await.code();
    let tokens = app.redeem(&world.public(), &code).await.granted();
    let info = userinfo(&world.public(), text(&tokens, "access_token")).await;
    assert_eq!(info["name"], "Pat Rivera");
}

#[tokio::test]
async fn oidcc_server_client_secret_post() {
    let (world, _, pat) = scene().await;
    let document = json!({"client_name": "a", "organization": "b", "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code"], "scope": SCOPES, "token_endpoint_auth_method": "client_secret_post"});
    let registered = world.register_whole(document).await;
    let (id, secret) = (text(&registered, "client_id"), text(&registered, "client_secret"));
    let app = App::known(id, "https://app.example/cb", world.issuer());
    assert!(matches!(app.credential, Credential::None));
    let url = app.authorize_with("openid", &[("aud", "")]);
    let code = Browser::new(&world).authorize(&url, &pat).await.code();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", &app.callback),
        ("code_verifier", &app.verifier),
        ("client_id", id),
        ("client_secret", secret),
    ];
    let tokens = world.public().post("/oauth2/token", &form).await.granted();
    verified(&world, &app, &tokens).await;
}

#[tokio::test]
async fn oidcc_codereuse() {
    let (world, app, pat) = scene().await;
    let code = app.code(&mut Browser::new(&world), &pat, "openid").await;
    app.redeem(&world.public(), &code).await.granted();
    app.redeem(&world.public(), &code).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn oidcc_codereuse_30seconds() {
    let (world, app, pat) = scene().await;
    let fhir = fhir_server(&world).await;
    let code = app.code(&mut Browser::new(&world), &pat, "openid launch/patient").await;
    let tokens = app.redeem(&world.public(), &code).await.granted();
    let access = text(&tokens, "access_token");
    let earlier = "update authorization_code set issued_at = issued_at - interval '30 seconds',
        expires_at = expires_at - interval '30 seconds', redeemed_at = redeemed_at - interval '30 seconds'";
    world.database.execute(earlier).await;
    app.redeem(&world.public(), &code).await.refused(400, "invalid_grant");
    // What was issued for it is no good any more (RFC 6749, 4.1.2).
    fhir.introspect(&world, &world.public(), access).await.inactive();
    world.public().send(Method::GET, USERINFO, Some(access), None).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn oidcc_refresh_token() {
    let (world, app, pat) = scene().await;
    let url = app.authorize_with("openid offline_access", &[("prompt", "consent"), ("nonce", "n-1")]);
    let code = Browser::new(&world).authorize(&url, &pat).await.code();
    let first = app.redeem(&world.public(), &code).await.granted();
    let again = app.refresh(&world.public(), text(&first, "refresh_token")).await.granted();
    let (before, after) = (verified(&world, &app, &first).await, verified(&world, &app, &again).await);
    for name in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert!(after["iat"].as_i64() >= before["iat"].as_i64() && after.get("nonce").is_none());
    assert_ne!(first["access_token"], again["access_token"]);
    userinfo(&world.public(), text(&again, "access_token")).await;
    // Another client cannot use it.
    let other = crate::openid::app(&world, json!({})).await;
    let stolen = text(&again, "refresh_token");
    other.refresh(&world.public(), stolen).await.refused(400, "invalid_grant");
    app.refresh(&world.public(), stolen).await.granted();
}

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let world = World::start().await;
    let answer = world.public().get("/.well-known/openid-configuration").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let document = answer.json();
    assert_eq!(document["issuer"], world.issuer());
    for name in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        assert!(text(&document, name).starts_with("https://"), "{name}");
    }
    for (name, value) in [
        ("response_types_supported", "code"),
        ("subject_types_supported", "public"),
        ("subject_types_supported", "pairwise"),
        ("id_token_signing_alg_values_supported", "RS256"),
        ("scopes_supported", "openid"),
        ("claims_supported", "sub"),
        ("claim_types_supported", "normal"),
        ("grant_types_supported", "authorization_code"),
        ("token_endpoint_auth_methods_supported", "client_secret_basic"),
        ("response_modes_supported", "query"),
    ] {
        assert!(document[name].as_array().unwrap().contains(&json!(value)), "{name}");
    }
    assert_eq!(document["claims_parameter_supported"], true);
    let keys = world.public().get("/oauth2/jwks").await.json();
    let keys = keys["keys"].as_array().unwrap();
    let mut names: Vec<&str> = keys.iter().map(|key| text(key, "kid")).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), keys.len(), "each key has a name of its own");
    for algorithm in document["id_token_signing_alg_values_supported"].as_array().unwrap() {
        let key = keys.iter().find(|key| key["alg"] == *algorithm).expect("a key of each algorithm");
        assert!(key["use"] == "sig" && key.get("d").is_none() && key.get("x5c").is_none());
    }
}
