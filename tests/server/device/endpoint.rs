//! The device authorization endpoint (RFC 8628, 3.1).

use reqwest::Method;
use serde_json::{Value, json};

use super::{GRANT, SCOPE, ask, members, public, world};
use crate::harness::{App, Browser, FHIR, World, registration};
use crate::token::{reasons, text};

const SECTION: &str = "device_authorization_endpoint";

#[tokio::test]
async fn dv_01_dv_03_a_device_is_given_codes_of_which_no_copy_is_kept() {
    let world = world().await;
    let app = public(&world).await;
    let codes = ask(&world, &app, SCOPE).await;
    let mut names: Vec<&str> = codes.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = [
        "device_code",
        "expires_in",
        "interval",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
    ];
    assert_eq!(names, expected);
    assert_eq!((&codes["expires_in"], &codes["interval"]), (&json!(600), &json!(5)));
    assert_eq!(codes["verification_uri"], world.issuer_url("/device"));
    let (code, device) = (text(&codes, "user_code"), text(&codes, "device_code"));
    assert_eq!(codes["verification_uri_complete"], world.issuer_url(&format!("/device?user_code={code}")));
    let (left, right) = code.split_once('-').unwrap();
    let is_group =
        |group: &str| group.len() == 4 && group.chars().all(|sign| "BCDFGHJKLMNPQRSTVWXZ".contains(sign));
    assert!(is_group(left) && is_group(right), "{code}");
    assert!(device.starts_with("hdc_") && device.len() == 47, "{device}");
    let row = world.database.text("select row_to_json(d)::text from device_code d").await;
    let letters = code.replace('-', "");
    for secret in [code, &letters, device] {
        assert!(!row.contains(secret), "{row}");
        let hex = secret.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        assert!(!row.contains(&hex), "{row}");
    }
    let plain = format!("select count(*) from device_code where user_code = sha256('{letters}')");
    assert_eq!(world.database.count(&plain).await, 0, "whoever has the table cannot try all codes");

    let again = ask(&world, &app, SCOPE).await;
    assert_ne!((&again["user_code"], &again["device_code"]), (&codes["user_code"], &codes["device_code"]));
    assert!(world.audit("device.begin").await.is_empty(), "anybody can ask: the answer is recorded");
    let known = "select count(*) from device_code where asked_from is not null and network is not null";
    assert_eq!(world.database.count(known).await, 2);
}

#[tokio::test]
async fn e04_what_a_device_asks_for_is_judged_as_an_authorization_request_is() {
    let world = world().await;
    let app = public(&world).await;
    let refused = async |form: &[(&str, &str)], error: &str| {
        app.ask(&world.public(), "/oauth2/device", form).await.refused(400, error);
    };
    refused(&[("aud", FHIR)], "invalid_scope").await;
    for scope in [
        "system/*.rs",
        "admin/clients.read",
        "launch",
        "launch patient/*.rs",
        "capacity.read",
        "nonsense\u{7f}",
    ] {
        refused(&[("aud", FHIR), ("scope", scope)], "invalid_scope").await;
    }
    refused(&[("scope", "patient/*.rs")], "invalid_request").await;
    refused(&[("scope", SCOPE), ("aud", "https://elsewhere.example")], "invalid_request").await;
    refused(&[("scope", SCOPE), ("resource", "https://elsewhere.example")], "invalid_target").await;
    refused(&[("scope", SCOPE), ("aud", FHIR), ("resource", "https://elsewhere.example")], "invalid_target")
        .await;
    refused(&[("scope", SCOPE), ("aud", FHIR), ("scope", SCOPE)], "invalid_request").await;
    // A code of the authorization endpoint is for clients that have a callback, and this one for devices.
    let other = App::public(&world, json!({})).await;
    let answer = other.ask(&world.public(), "/oauth2/device", &[("scope", SCOPE), ("aud", FHIR)]).await;
    answer.refused(400, "unauthorized_client");
    Browser::new(&world).open(&app.authorize_url(SCOPE)).await.shows(400);
    assert_eq!(world.database.count("select count(*) from device_code").await, 0);
    let mut found = reasons(&world, "device.begin").await;
    found.dedup();
    let expected = [
        "scope_missing",
        "scope_of_a_system",
        "scope_of_a_launch",
        "scope_not_registered_for_client",
        "scope_malformed",
        "aud_missing",
        "resource_not_registered",
        "aud_and_resource_differ",
        "repeated_parameter",
        "grant_not_registered",
    ];
    assert_eq!(found, expected);
    // The userinfo endpoint is what a token is for that only says who somebody is.
    app.ask(&world.public(), "/oauth2/device", &[("scope", "openid")]).await.granted();
}

#[tokio::test]
async fn dv_01_a_client_authenticates_as_at_the_token_endpoint() {
    let world = world().await;
    let form = [("scope", SCOPE), ("aud", FHIR)];
    let secret = App::secret(&world, members()).await;
    secret.ask(&world.public(), "/oauth2/device", &form).await.granted();
    let named = [("scope", SCOPE), ("aud", FHIR), ("client_id", &secret.id)];
    world.public().post("/oauth2/device", &named).await.invalid_client();
    world.public().post_basic("/oauth2/device", (&secret.id, "wrong"), &form).await.invalid_client();
    world.public().post("/oauth2/device", &form).await.invalid_client();
    let nobody = [("scope", SCOPE), ("aud", FHIR), ("client_id", "nobody")];
    world.public().post("/oauth2/device", &nobody).await.invalid_client();

    let key = App::asymmetric(&world, members()).await;
    key.ask(&world.public(), "/oauth2/device", &form).await.granted();
    let mut held = members();
    held["token_endpoint_auth_method"] = json!("tls_client_auth");
    held["tls_client_auth_san_uri"] = json!("https://screen.example/");
    let held = App::public(&world, held).await;
    let own = world.authority.client("https://screen.example/");
    held.ask(&world.public(), "/oauth2/device", &form).await.invalid_client();
    held.ask(&world.mtls(&own), "/oauth2/device", &form).await.granted();
    let get = world.public().get("/oauth2/device").await;
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
}

#[tokio::test]
async fn dv_03_there_are_no_devices_unless_they_are_wanted() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    let form = [("scope", SCOPE), ("aud", FHIR)];
    assert_eq!(app.ask(&world.public(), "/oauth2/device", &form).await.status, 404);
    assert_eq!(world.public().get("/device").await.status, 404);
    assert_eq!(world.public().post("/device", &[("user_code", "WDJB-MJHT")]).await.status, 404);
    let asked = [("grant_type", GRANT), ("device_code", "hdc_x")];
    app.ask(&world.public(), "/oauth2/token", &asked).await.refused(400, "unsupported_grant_type");
    for path in ["oauth-authorization-server", "openid-configuration", "smart-configuration"] {
        let document = world.public().get(&format!("/.well-known/{path}")).await;
        assert!(!document.text.contains("device"), "{}", document.text);
    }
    let document = registration("none", json!({"grant_types": [GRANT]}));
    let answer = world.administer(Method::POST, "/admin/v1/clients", Some(document)).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
}

#[tokio::test]
async fn dv_01_the_documents_name_the_endpoint_where_devices_are_wanted() {
    let world = world().await;
    for path in ["oauth-authorization-server", "openid-configuration", "smart-configuration"] {
        let document = world.public().get(&format!("/.well-known/{path}")).await.json();
        assert_eq!(document[SECTION], world.issuer_url("/oauth2/device"), "{path}");
        let mtls = format!("{}/oauth2/device", world.mtls_of(0, None).base);
        assert_eq!(document["mtls_endpoint_aliases"][SECTION], mtls, "{path}");
        let grants = document["grant_types_supported"].as_array().unwrap();
        assert!(grants.contains(&json!(GRANT)), "{path}");
    }
}

#[tokio::test]
async fn a_device_is_registered_without_a_callback_and_not_for_fapi() {
    let world = world().await;
    let create = async |members: Value| {
        let document = registration("none", members);
        world.administer(Method::POST, "/admin/v1/clients", Some(document)).await
    };
    let scope = "openid offline_access";
    let alone = create(json!({"grant_types": [GRANT], "scope": scope})).await;
    assert_eq!(alone.status, 201, "{}", alone.text);
    let refreshes = create(json!({"grant_types": [GRANT, "refresh_token"], "scope": scope})).await;
    assert_eq!(refreshes.status, 201, "{}", refreshes.text);
    let both = create(json!({"grant_types": [GRANT, "authorization_code"], "scope": scope})).await;
    assert_eq!(
        (both.status, both.json()["error"].as_str()),
        (400, Some("invalid_redirect_uri")),
        "{}",
        both.text
    );
    let fapi = create(json!({"grant_types": [GRANT], "scope": scope, "profile": "fapi2"})).await;
    assert_eq!(fapi.status, 400);
    assert!(fapi.text.contains("not for clients of the profile fapi2"), "{}", fapi.text);
}
