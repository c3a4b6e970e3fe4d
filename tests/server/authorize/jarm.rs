//! Signed answers (JARM; FAPI 2.0 Message Signing, 5.4).

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use super::{PATIENT_SCOPE, field, names, posted, reasons, verified};
use crate::harness::{ASSERTION_TYPE, App, Assertion, Backend, Browser, Page, World, now, query};
use crate::token::{header, reasons as reasons_at};

const JWT: (&str, &str) = ("response_mode", "jwt");

/// The JWT of an answer in the query, which holds nothing else.
#[track_caller]
fn response(page: &Page, app: &App) -> String {
    assert_eq!(page.answer.status, 303, "{:?}", page.answer);
    let start = format!("{}?response=", app.callback);
    let text = page.location().strip_prefix(&start).unwrap_or_else(|| panic!("{}", page.location()));
    assert!(!text.contains('&'), "IS-02: nothing beside it: {text}");
    text.to_owned()
}

/// What an answer says, once signature, issuer, audience and times have held.
async fn said(world: &World, app: &App, token: &str) -> Value {
    let mut claims = verified(world, token).await;
    let members = claims.as_object_mut().unwrap();
    assert_eq!(members.remove("iss"), Some(json!(world.issuer())), "IS-02");
    assert_eq!(members.remove("aud"), Some(json!(app.id)));
    let left = members.remove("exp").unwrap().as_i64().unwrap() - now();
    assert!((60..=600).contains(&left), "JARM, 2.1: at most ten minutes, and time for a wrong clock: {left}");
    claims
}

#[tokio::test]
async fn is_02_a_code_comes_signed_for_its_client_alone() {
    let world = World::with_processes(2).await;
    let pat = world.patient_person().await;
    for (algorithm, modes) in [(None, ["jwt", "query.jwt"]), (Some("ES256"), ["jwt", "query.jwt"])] {
        let members = algorithm.map_or(json!({}), |name| json!({"authorization_signed_response_alg": name}));
        let app = App::secret(&world, members).await;
        for (index, mode) in modes.into_iter().enumerate() {
            let mut browser = Browser::at(world.public_of(index));
            let page =
                browser.authorize(&app.authorize_with(PATIENT_SCOPE, &[("response_mode", mode)]), &pat).await;
            let token = response(&page, &app);
            assert_eq!(
                (&header(&token)["alg"], &header(&token)["typ"]),
                (&json!(algorithm.unwrap_or("RS256")), &json!("JWT"))
            );
            let claims = said(&world, &app, &token).await;
            assert_eq!(claims["state"], json!(app.state));
            assert_eq!(claims.as_object().unwrap().len(), 2, "{claims}");
            app.redeem(&world.public(), claims["code"].as_str().unwrap()).await.granted();
        }
    }
    let app = App::public(&world, json!({})).await;
    let form = app.authorize_with(PATIENT_SCOPE, &[("response_mode", "form_post.jwt")]);
    let fields = posted(&Browser::new(&world).authorize(&form, &pat).await, &app);
    assert_eq!(names(&fields), ["response"]);
    let claims = said(&world, &app, &field(&fields, "response")).await;
    assert_eq!(claims["state"], json!(app.state));
    app.redeem(&world.public(), claims["code"].as_str().unwrap()).await.granted();
}

#[tokio::test]
async fn x01_is_01_is_02_every_error_comes_signed_where_that_was_asked_for() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    for (change, error) in [
        (&[JWT, ("response_type", "token")][..], "unsupported_response_type"),
        (&[JWT, ("code_challenge", "")], "invalid_request"),
        (&[JWT, ("scope", "system/*.rs")], "invalid_scope"),
        (&[JWT, ("nonce", "1"), ("nonce", "2")], "invalid_request"),
        (&[JWT, ("prompt", "none")], "login_required"),
    ] {
        let page = browser.open(&app.authorize_with(PATIENT_SCOPE, change)).await;
        let claims = said(&world, &app, &response(&page, &app)).await;
        assert_eq!((&claims["error"], &claims["state"]), (&json!(error), &json!(app.state)));
        let told = claims["error_description"].as_str().unwrap();
        assert!(
            told.chars().all(|c| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e')),
            "OA-01"
        );
        assert_eq!(claims.as_object().unwrap().len(), 3, "{claims}");
    }
    let page = browser.open(&app.authorize_with(PATIENT_SCOPE, &[JWT])).await;
    let page = browser.sign_in(&page, &pat).await;
    let denied = browser.deny(&page).await;
    let claims = said(&world, &app, &response(&denied, &app)).await;
    assert_eq!(claims["error"], "access_denied");

    let form = app.authorize_with(PATIENT_SCOPE, &[("response_mode", "form_post.jwt"), ("prompt", "none")]);
    let fields = posted(&browser.open(&form).await, &app);
    assert_eq!(names(&fields), ["response"]);
    let claims = said(&world, &app, &field(&fields, "response")).await;
    assert_eq!(claims["error"], "consent_required");

    world.database.execute("alter table interaction rename to gone").await;
    let page = browser.get(&app.authorize_with(PATIENT_SCOPE, &[JWT])).await;
    assert_eq!(said(&world, &app, &response(&page, &app)).await["error"], "server_error");
    world.database.execute("alter table gone rename to interaction").await;
}

#[tokio::test]
async fn x04_sm_a_06_a_signed_state_is_the_one_that_was_sent() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    let mut browser = Browser::new(&world);
    let longest = "\u{1f512}".repeat(1024);
    for state in ["\"><script>", "line\r\nbreak\t\u{7f}", "ünï→\\u0041", "{\"iss\":\"x\"}", &longest] {
        for mode in ["jwt", "form_post.jwt"] {
            let change = [("response_mode", mode), ("state", state), ("response_type", "token")];
            let page = browser.get(&app.authorize_with(PATIENT_SCOPE, &change)).await;
            let token = match mode {
                "jwt" => response(&page, &app),
                _ => field(&posted(&page, &app), "response"),
            };
            assert_eq!(said(&world, &app, &token).await["state"], json!(state));
        }
    }
    let without =
        app.authorize_with("openid", &[JWT, ("state", ""), ("aud", ""), ("response_type", "token")]);
    let claims = said(&world, &app, &response(&browser.get(&without).await, &app)).await;
    assert!(claims.get("state").is_none(), "{claims}");
}

/// A client of FAPI 2.0 that is registered for signed answers, and the app that it is to browsers.
async fn fapi(world: &World) -> (Backend, App) {
    let callback = "https://app.example/cb";
    let members = json!({"profile": "fapi2", "grant_types": ["authorization_code"], "redirect_uris": [callback],
        "scope": "openid launch/patient patient/*.rs", "tls_client_certificate_bound_access_tokens": true,
        "id_token_signed_response_alg": "ES256", "authorization_signed_response_alg": "ES256"});
    let client = Backend::register(world, Algorithm::Es256, members).await;
    let app = App::known(&client.id, callback, world.issuer());
    (client, app)
}

#[tokio::test]
async fn a_client_of_fapi_that_is_registered_for_signed_answers_is_told_nothing_unsigned() {
    let world = World::start().await;
    let (client, app) = fapi(&world).await;
    let mut browser = Browser::new(&world);
    // Nobody pushed these, and whoever made them up learns nothing that the client would take for an answer.
    for mode in ["", "query", "jwt", "fragment"] {
        let page = browser.get(&app.authorize_with(PATIENT_SCOPE, &[("response_mode", mode)])).await;
        let token = response(&page, &app);
        assert_eq!(header(&token)["alg"], "ES256");
        assert_eq!(said(&world, &app, &token).await["error"], "invalid_request", "{mode}");
    }
    let page = browser.get(&app.authorize_with(PATIENT_SCOPE, &[("response_mode", "form_post")])).await;
    assert_eq!(names(&posted(&page, &app)), ["response"]);

    // It says how it is answered beforehand, and hears at once when that cannot be.
    let push = async |mode: &str| {
        let all = app.changed("openid", &[("aud", ""), ("response_mode", mode)]);
        let assertion = Assertion::of(&client.id, world.issuer(), &client.key, client.kid).sign(&client.key);
        let mut form: Vec<(&str, &str)> =
            all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        form.extend([("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)]);
        world.public().post("/oauth2/par", &form).await
    };
    for mode in ["", "query", "form_post"] {
        push(mode).await.refused(400, "invalid_request");
    }
    assert_eq!(reasons(&world, "authorize.push").await, ["response_mode_unsigned"; 3]);
    let pushed = push("jwt").await;
    assert_eq!(pushed.status, 201, "{}", pushed.text);
    let pushed = pushed.json();
    let pairs = [("client_id", app.id.as_str()), ("request_uri", pushed["request_uri"].as_str().unwrap())];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let pat = world.patient_person().await;
    let page = browser.authorize(&format!("/oauth2/authorize?{}", query(&pairs)), &pat).await;
    let claims = said(&world, &app, &response(&page, &app)).await;
    assert_eq!(claims["state"], json!(app.state));
    assert!(claims["code"].as_str().unwrap().starts_with("hac_"));

    // Another profile asks for what it wants by the mode alone.
    let app = App::secret(&world, json!({"authorization_signed_response_alg": "ES256"})).await;
    let page = browser.open(&app.authorize_with("openid", &[("aud", ""), ("prompt", "none")])).await;
    page.told(&app.callback, "consent_required", Some(&app.state));
}

#[tokio::test]
async fn i03_i05_a_signed_answer_is_taken_for_nothing_else() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let token = response(&browser.authorize(&app.authorize_with(PATIENT_SCOPE, &[JWT]), &pat).await, &app);
    let hint = app.authorize_with(PATIENT_SCOPE, &[("id_token_hint", &token)]);
    browser.get(&hint).await.told(&app.callback, "invalid_request", Some(&app.state));
    assert_eq!(reasons(&world, "authorize.begin").await, ["id_token_hint_unknown"]);
    let userinfo = world.public().send(Method::GET, "/oauth2/userinfo", Some(&token), None).await;
    userinfo.refused(401, "invalid_token");
    app.redeem(&world.public(), &token).await.refused(400, "invalid_grant");
    app.refresh(&world.public(), &token).await.refused(400, "invalid_grant");
    assert_eq!(reasons_at(&world, "token.issue").await.len(), 2);
}

#[tokio::test]
async fn a_client_registers_an_algorithm_of_which_there_is_a_key() {
    let world = World::start().await;
    for member in ["authorization_signed_response_alg", "introspection_signed_response_alg"] {
        let register = async |value: &str| {
            let mut document =
                json!({"client_name": "a", "organization": "b", "token_endpoint_auth_method": "none"});
            document[member] = json!(value);
            world.administer(Method::POST, "/admin/v1/clients", Some(document)).await
        };
        for wrong in ["none", "HS256", "RS512", "rs256", ""] {
            let answer = register(wrong).await;
            assert_eq!(answer.status, 400, "{member} {wrong}");
            assert!(answer.text.contains(member), "{}", answer.text);
        }
        for right in ["RS256", "ES256"] {
            let answer = register(right).await;
            assert_eq!((answer.status, &answer.json()[member]), (201, &json!(right)));
        }
    }
    let document = world.public().get("/.well-known/openid-configuration").await.json();
    for member in ["authorization_signing_alg_values_supported", "introspection_signing_alg_values_supported"]
    {
        let listed = document[member].as_array().unwrap();
        assert!(listed.contains(&json!("RS256")) && listed.contains(&json!("ES256")), "{listed:?}");
        assert!(!listed.contains(&json!("none")));
    }
}
