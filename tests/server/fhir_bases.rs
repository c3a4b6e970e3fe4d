//! FHIR servers as they are registered: what they answer to, what their configuration tells, and that what it
//! does not tell cannot be done (SMART App Launch 2.2, conformance).

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Backend, Browser, FHIR, World};
use crate::token::{agreed, claims, fhir_server, text};

/// The registration of the FHIR server that every test has.
pub const RESOURCE: &str = "/admin/v1/resources/fhir";
/// The names that it answers to besides its URL in these tests.
const SLASHED: &str = "https://fhir.example/r4/";
const FORMER: &str = "https://old.fhir.example/r4";

/// Changes the registration of the FHIR server that every test has.
pub async fn patched(world: &World, members: Value) -> Value {
    let answer = world.administer(Method::PATCH, RESOURCE, Some(members)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The SMART configuration of a FHIR server.
pub async fn configuration(world: &World, name: &str) -> Value {
    world.public().get(&format!("/r/{name}/.well-known/smart-configuration")).await.json()
}

/// The texts of a list in a document.
pub fn listed(document: &Value, member: &str) -> Vec<String> {
    let items = document[member].as_array().into_iter().flatten();
    items.map(|item| item.as_str().expect("a text").to_owned()).collect()
}

/// What the standard demands of every document, whatever it tells.
pub fn conforms(world: &World, document: &Value, row: &str) {
    let capabilities = listed(document, "capabilities");
    let has = |name: &str| capabilities.iter().any(|capability| capability == name);
    let there = |member: &str| document.get(member).is_some();
    let lists = |member: &str, item: &str| listed(document, member).iter().any(|known| known == item);
    assert_eq!(there("issuer"), has("sso-openid-connect"), "SM-D-06: {row}");
    assert!(there("jwks_uri") || !has("sso-openid-connect"), "SM-D-07: {row}");
    let launches = has("launch-ehr") || has("launch-standalone");
    assert_eq!(there("authorization_endpoint"), launches, "SM-D-08: {row}");
    assert_eq!(lists("grant_types_supported", "authorization_code"), launches, "SM-D-09: {row}");
    assert!(lists("grant_types_supported", "client_credentials"), "SM-D-09: {row}");
    assert_eq!(document["token_endpoint"], world.issuer_url("/oauth2/token"), "SM-D-10: {row}");
    let methods = "token_endpoint_auth_methods_supported";
    assert_eq!(lists(methods, "none"), has("client-public"), "SM-D-11: {row}");
    for secret in ["client_secret_basic", "client_secret_post"] {
        assert_eq!(lists(methods, secret), has("client-confidential-symmetric"), "SM-D-11: {row}");
    }
    let asymmetric = has("client-confidential-asymmetric");
    assert_eq!(lists(methods, "private_key_jwt"), asymmetric, "SM-D-11: {row}");
    let algorithms = "token_endpoint_auth_signing_alg_values_supported";
    assert_eq!(lists(algorithms, "RS384") && lists(algorithms, "ES384"), asymmetric, "SM-D-12: {row}");
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]), "SM-D-13: {row}");
    for capability in &capabilities {
        let is_word = capability.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        assert!(is_word || url::Url::parse(capability).is_ok(), "SM-D-14: {row}: {capability}");
    }
    for (scope, capability) in [
        ("openid", "sso-openid-connect"),
        ("launch/patient", "context-standalone-patient"),
        ("offline_access", "permission-offline"),
        ("online_access", "permission-online"),
    ] {
        assert_eq!(lists("scopes_supported", scope), has(capability), "SM-D-15: {row}: {scope}");
    }
    assert_eq!(there("response_types_supported"), launches, "SM-D-16: {row}");
    assert_eq!(there("management_endpoint"), launches, "SM-D-17: {row}");
    assert!(there("introspection_endpoint") && there("revocation_endpoint"), "SM-D-18: {row}");
    assert!(!there("registration_endpoint") && !there("smart_app_state_endpoint"), "SM-D-19, 20: {row}");
    for (member, value) in document.as_object().unwrap() {
        if member.ends_with("_endpoint") || member.ends_with("_uri") {
            assert!(value.as_str().unwrap().starts_with("https://"), "SM-D-03: {row}: {member}");
        }
    }
}

#[tokio::test]
async fn sm_d_03_to_sm_d_22_each_fhir_server_tells_its_own_capabilities_and_conforms() {
    let world = World::start().await;
    let own = "https://hospital.example/capability/imaging";
    let rows = [
        ("all", Value::Null, "patient/*.rs user/*.rs system/*.rs"),
        ("backend", json!(["client-confidential-asymmetric", "permission-v2"]), "system/*.rs"),
        ("nothing", json!([]), "capacity.read"),
        (
            "no-sso",
            json!([
                "launch-standalone",
                "client-public",
                "permission-patient",
                "permission-v2",
                "context-standalone-patient"
            ]),
            "patient/*.rs",
        ),
        (
            "symmetric",
            json!([
                "launch-standalone",
                "client-confidential-symmetric",
                "permission-user",
                "permission-v1",
                "permission-online",
                "sso-openid-connect",
                own
            ]),
            "user/*.read",
        ),
    ];
    for (name, capabilities, scope) in rows {
        let document = json!({"name": name, "title": name, "url": format!("https://{name}.example/r4"),
            "scope": scope, "capabilities": capabilities});
        let created = world.administer(Method::POST, "/admin/v1/resources", Some(document)).await;
        assert_eq!(created.status, 201, "{name}: {created:?}");
        let found = configuration(&world, name).await;
        conforms(&world, &found, name);
        if let Some(registered) = capabilities.as_array() {
            let mut told = listed(&found, "capabilities");
            let mut expected: Vec<String> =
                registered.iter().map(|one| one.as_str().unwrap().to_owned()).collect();
            told.sort();
            expected.sort();
            assert_eq!(told, expected, "SM-D-22: {name}");
        }
        assert!(
            listed(&found, "scopes_supported")
                .starts_with(&scope.split(' ').map(str::to_owned).collect::<Vec<_>>())
        );
    }
}

#[tokio::test]
async fn sm_d_09_sm_d_22_devices_are_told_of_where_a_person_may_open_an_app_alone() {
    const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
    const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let world = crate::device::world().await;
    let section = "device_authorization_endpoint";
    let others = ["client-confidential-asymmetric", "permission-v2"];
    for (name, launch, has_devices, has_people) in [
        ("alone", "launch-standalone", true, true),
        ("opened", "launch-ehr", false, true),
        ("backend", "", false, false),
    ] {
        let capabilities: Vec<&str> =
            others.into_iter().chain([launch]).filter(|name| !name.is_empty()).collect();
        let document = json!({"name": name, "title": name, "url": format!("https://{name}.example/r4"),
            "scope": "system/*.rs", "capabilities": capabilities});
        let created = world.administer(Method::POST, "/admin/v1/resources", Some(document)).await;
        assert_eq!(created.status, 201, "{name}: {created:?}");
        let found = configuration(&world, name).await;
        conforms(&world, &found, name);
        let grants = listed(&found, "grant_types_supported");
        let offers = |grant: &str| grants.iter().any(|known| known == grant);
        assert_eq!(found.get(section).is_some(), has_devices, "{launch}");
        assert_eq!(found["mtls_endpoint_aliases"].get(section).is_some(), has_devices, "{launch}");
        assert_eq!(offers(crate::device::GRANT), has_devices, "{launch}");
        assert_eq!(offers(JWT_BEARER), has_people, "{launch}");
        assert!(offers(TOKEN_EXCHANGE), "{launch}: back-ends exchange tokens too");
    }
}

#[tokio::test]
async fn sm_d_20_sm_d_21_sm_u_01_sm_u_02_brand_style_and_associated_endpoints_are_told() {
    let world = World::start().await;
    let plain = configuration(&world, "fhir").await;
    let brand = ["user_access_brand_bundle", "user_access_brand_identifier", "associated_endpoints"];
    assert!(brand.iter().all(|member| plain.get(member).is_none()));
    let members = json!({
        "user_access_brand_bundle": "https://brands.example/mercy.json",
        "user_access_brand_identifier": {"system": "urn:ietf:rfc:3986", "value": "https://mercy.example"},
        "associated_endpoints": [{"url": "https://state.example/r4", "capabilities": ["smart-app-state"]}],
        "smart_style_url": "https://fhir.example/style.json",
    });
    let shown = patched(&world, members.clone()).await;
    let found = configuration(&world, "fhir").await;
    conforms(&world, &found, "branded");
    for member in brand {
        assert_eq!((&found[member], &shown[member]), (&members[member], &members[member]), "{member}");
    }
    assert!(listed(&found, "capabilities").contains(&"context-style".to_owned()));
    assert!(found.get("smart_style_url").is_none(), "the style is told with a token");
    patched(&world, json!({"user_access_brand_identifier": {"system": null}})).await;
    let found = configuration(&world, "fhir").await;
    assert_eq!(found["user_access_brand_identifier"], json!({"value": "https://mercy.example"}));
}

#[tokio::test]
async fn s01_sm_a_07_every_registered_name_of_a_fhir_server_gets_tokens_for_its_url() {
    let world = World::start().await;
    patched(&world, json!({"audiences": [SLASHED, FORMER]})).await;
    let (app, pat, peer) =
        (App::asymmetric(&world, json!({})).await, world.patient_person().await, world.public());
    let scope = "openid fhirUser offline_access launch/patient patient/Observation.rs";
    let mut browser = Browser::new(&world);
    for named in [FHIR, SLASHED, FORMER] {
        for asked in [
            [("aud", named), ("resource", "")],
            [("aud", ""), ("resource", named)],
            [("aud", named), ("resource", named)],
        ] {
            let code = browser.authorize(&app.authorize_with(scope, &asked), &pat).await.code();
            let form = [
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("redirect_uri", app.callback.as_str()),
                ("code_verifier", app.verifier.as_str()),
                ("resource", named),
            ];
            let tokens = app.ask(&peer, "/oauth2/token", &form).await.granted();
            assert_eq!(claims(text(&tokens, "access_token"))["aud"], FHIR, "{asked:?}");
            let form = [
                ("grant_type", "refresh_token"),
                ("refresh_token", text(&tokens, "refresh_token")),
                ("resource", SLASHED),
            ];
            let tokens = app.ask(&peer, "/oauth2/token", &form).await.granted();
            assert_eq!(claims(text(&tokens, "access_token"))["aud"], FHIR, "{asked:?}");
        }
    }
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let assertion = || backend.assertion(&world).sign(&backend.key);
    let ask = async |named: &str| {
        let shown = assertion();
        let mut form = Backend::form(&shown, "system/Claim.rs");
        form.push(("resource", named));
        peer.post("/oauth2/token", &form).await
    };
    assert_eq!(claims(&ask(FORMER).await.token())["aud"], FHIR);

    // What is not listed is another name, however alike.
    for named in [
        "https://fhir.example/r4//",
        "https://FHIR.example/r4",
        "https://fhir.example:443/r4",
        "https://fhir.example/R4",
        "https://old.fhir.example/r4/",
        "http://fhir.example/r4",
    ] {
        let page = browser.open(&app.authorize_with(scope, &[("aud", named)])).await;
        page.told(&app.callback, "invalid_request", Some(&app.state));
        let page = browser.open(&app.authorize_with(scope, &[("aud", ""), ("resource", named)])).await;
        page.told(&app.callback, "invalid_target", Some(&app.state));
        ask(named).await.refused(400, "invalid_target");
    }
    // A client is registered by the URL: the other names of another server do not help it.
    let elsewhere = App::asymmetric(&world, json!({"resources": [crate::harness::OPAQUE]})).await;
    let page = browser.open(&elsewhere.authorize_with(scope, &[("aud", FORMER)])).await;
    page.told(&elsewhere.callback, "invalid_request", Some(&elsewhere.state));

    // A name that is taken away is good no longer, and free.
    patched(&world, json!({"audiences": [SLASHED]})).await;
    ask(FORMER).await.refused(400, "invalid_target");
    let other = json!({"name": "other", "title": "Other", "url": FORMER, "scope": "system/*.rs"});
    assert_eq!(world.administer(Method::POST, "/admin/v1/resources", Some(other)).await.status, 201);
    ask(FORMER).await.refused(400, "invalid_target");
}

#[tokio::test]
async fn sm_i_06_sm_i_08_a_client_that_the_fhir_server_names_introspects_its_tokens_alone() {
    let world = World::start().await;
    let (reader, other) =
        (Backend::register(&world, Algorithm::Es256, json!({})).await, fhir_server(&world).await);
    let (app, peer) = (App::public(&world, json!({})).await, world.public());
    patched(&world, json!({"introspection_clients": [reader.id, app.id]})).await;
    let token =
        agreed(&world, &app, &world.patient_person().await, "openid launch/patient patient/*.rs").await;
    let token = text(&token, "access_token").to_owned();
    let said = reader.introspect(&world, &peer, &token).await.active();
    assert_eq!(said, other.introspect(&world, &peer, &token).await.active());
    let own = reader.ask(&world, &peer, "system/Claim.rs").await.token();
    let by_bearer = async |bearer: &str, token: &str| {
        let request = peer.request(Method::POST, "/oauth2/introspect").bearer_auth(bearer);
        Answer::read(crate::harness::encoded(request, &[("token", token)]).send().await.unwrap()).await
    };
    assert_eq!(by_bearer(&own, &token).await.active(), said);
    // Anybody could pass himself off as a public client.
    by_bearer(&token, &own).await.inactive();

    let elsewhere = json!({"resources": [crate::harness::OPAQUE]});
    let elsewhere = Backend::register(&world, Algorithm::Es256, elsewhere).await;
    let at_opaque = elsewhere.ask(&world, &peer, "system/Claim.rs").await.token();
    reader.introspect(&world, &peer, &at_opaque).await.inactive();
    by_bearer(&own, &at_opaque).await.inactive();
    patched(&world, json!({"introspection_clients": null})).await;
    reader.introspect(&world, &peer, &token).await.inactive();
    by_bearer(&own, &token).await.inactive();
}

#[tokio::test]
async fn sm_d_22_a_fhir_server_cannot_be_used_in_a_way_that_it_has_no_capability_for() {
    let world = World::start().await;
    let scope = "openid fhirUser offline_access launch/patient patient/Observation.rs patient/Patient.read";
    let all = [
        "launch-standalone",
        "client-public",
        "client-confidential-symmetric",
        "client-confidential-asymmetric",
        "sso-openid-connect",
        "context-standalone-patient",
        "permission-offline",
        "permission-patient",
        "permission-v1",
        "permission-v2",
        "permission-user",
    ];
    let without = |left_out: &str| json!(all.iter().filter(|name| **name != left_out).collect::<Vec<_>>());
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let rows = [
        ("", scope),
        ("permission-offline", "openid fhirUser launch/patient patient/Observation.rs patient/Patient.read"),
        ("sso-openid-connect", "offline_access launch/patient patient/Observation.rs patient/Patient.read"),
        ("permission-v1", "openid fhirUser offline_access launch/patient patient/Observation.rs"),
    ];
    let mut browser = Browser::new(&world);
    for (left_out, granted) in rows {
        patched(&world, json!({"capabilities": without(left_out)})).await;
        let code = app.code(&mut browser, &pat, scope).await;
        let tokens = app.redeem(&world.public(), &code).await.granted();
        assert_eq!(tokens["scope"], granted, "without {left_out}");
        conforms(&world, &configuration(&world, "fhir").await, left_out);
    }
    // Nobody opens an app there but an EHR.
    let of_ehr = json!([
        "launch-ehr",
        "client-public",
        "permission-patient",
        "permission-user",
        "permission-v1",
        "permission-v2"
    ]);
    for capabilities in [of_ehr, without("client-public")] {
        patched(&world, json!({"capabilities": capabilities})).await;
        let page = browser.open(&app.authorize_url(scope)).await;
        page.told(&app.callback, "unauthorized_client", Some(&app.state));
    }
    // Without a patient to choose, nothing of a patient is granted.
    patched(&world, json!({"capabilities": without("context-standalone-patient")})).await;
    for scope in ["patient/Observation.rs", scope] {
        let page = browser.open(&app.authorize_url(scope)).await;
        page.told(&app.callback, "access_denied", Some(&app.state));
    }
    let record = &world.audit("authorize.respond").await[0];
    assert_eq!(record["reason"], "no_patient", "{record}");
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let peer = world.public();
    let ask = || backend.ask(&world, &peer, "system/Patient.read system/Claim.rs");
    assert_eq!(ask().await.granted()["scope"], "system/Patient.read system/Claim.rs");
    patched(&world, json!({"capabilities": without("permission-v1")})).await;
    assert_eq!(ask().await.granted()["scope"], "system/Claim.rs");
    patched(&world, json!({"capabilities": without("client-confidential-asymmetric")})).await;
    ask().await.refused(400, "unauthorized_client");
}
