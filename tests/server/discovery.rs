//! The metadata documents.

use hilum::clients::methods::METHODS;
use hilum::config::features::Features;
use hilum::grants::{Grant, offered};
use hilum::jose::algorithm::Algorithm;
use hilum::keys::keyring::ALGORITHMS;
use hilum::policy::OWN_SCOPES;
use hilum::protocol::acr::PASSWORD as AAL1;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Backend, Browser, Ehr, World};
use crate::token::{claims, text};

const SMART: &str = "/.well-known/smart-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

/// Every text in a document.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[tokio::test]
async fn sm_d_01_02_04_documents_stand_where_they_belong_for_any_accept_header_and_any_origin() {
    let world = World::start().await;
    for path in [
        SMART,
        "/r/fhir/.well-known/smart-configuration",
        "/r/opaque/.well-known/smart-configuration",
        OAUTH,
        OPENID,
        "/oauth2/jwks",
    ] {
        let first = world.public().get(path).await;
        for accept in ["*/*", "text/html", "application/fhir+json", "application/json;q=0", "image/png"] {
            let request = world
                .public()
                .request(Method::GET, path)
                .header("accept", accept)
                .header("origin", "https://app.example");
            let answer = Answer::read(request.send().await.unwrap()).await;
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (200, Some("application/json")),
                "{path} {accept}"
            );
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            assert!(answer.header("access-control-allow-credentials").is_none());
            assert!(answer.header("cache-control").unwrap().starts_with("public, max-age="), "{path}");
            assert_eq!(answer.text, first.text);
        }
        let preflight = world.public().request(Method::OPTIONS, path).header("origin", "https://app.example");
        let preflight =
            Answer::read(preflight.header("access-control-request-method", "GET").send().await.unwrap())
                .await;
        assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, Some("*")));
        let head = world.public().send(Method::HEAD, path, None, None).await;
        assert_eq!(
            (head.status, head.text.as_str(), head.header("content-type")),
            (200, "", Some("application/json"))
        );
        assert_eq!(world.public().send(Method::POST, path, None, None).await.status, 405);
    }
    for path in
        ["/r/unknown/.well-known/smart-configuration", "/r//.well-known/smart-configuration", "/r/fhir"]
    {
        assert_eq!(world.public().get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn sm_d_03_06_07_09_10_11_12_14_15_18_22_the_smart_configuration_tells_what_this_server_does() {
    let world = World::start().await;
    let document = world.public().get("/r/fhir/.well-known/smart-configuration").await.json();
    for text in texts(&document).iter().filter(|text| text.starts_with("http")) {
        assert!(text.starts_with("https://localhost:"), "{text}");
    }
    assert!(document.get("registration_endpoint").is_none());
    assert_eq!(document["management_endpoint"], world.issuer_url("/account"), "SM-D-17");
    assert_eq!(document["issuer"], world.issuer());
    assert_eq!(document["jwks_uri"], world.issuer_url("/oauth2/jwks"));
    assert_eq!(document["authorization_endpoint"], world.issuer_url("/oauth2/authorize"));
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(document["response_types_supported"], json!(["code"]));
    assert_eq!(document["token_endpoint"], world.issuer_url("/oauth2/token"));
    assert_eq!(document["introspection_endpoint"], world.issuer_url("/oauth2/introspect"));
    assert_eq!(document["revocation_endpoint"], world.issuer_url("/oauth2/revoke"));
    let plain = Features::default();
    let grants: Vec<&str> = offered(&plain).map(Grant::grant_type).collect();
    assert_eq!(document["grant_types_supported"], json!(grants));
    let methods: Vec<&str> = METHODS.iter().map(|method| method.name()).collect();
    assert_eq!(document["token_endpoint_auth_methods_supported"], json!(methods));
    let algorithms: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
    assert_eq!(document["token_endpoint_auth_signing_alg_values_supported"], json!(algorithms));
    assert!(algorithms.contains(&"RS384") && algorithms.contains(&"ES384"));
    let of_launch = |launch: &str| OWN_SCOPES.contains(&launch);
    let capabilities: Vec<&str> = [
        ("launch-ehr", of_launch("launch")),
        ("launch-standalone", true),
        ("authorize-post", true),
        ("client-public", true),
        ("client-confidential-asymmetric", true),
        ("client-confidential-symmetric", true),
        ("sso-openid-connect", true),
        ("context-banner", of_launch("launch")),
        ("context-style", of_launch("launch")),
        ("context-ehr-patient", of_launch("launch")),
        ("context-ehr-encounter", of_launch("launch")),
        ("context-standalone-patient", true),
        ("context-standalone-encounter", of_launch("launch/encounter")),
        ("permission-offline", true),
        ("permission-online", true),
        ("permission-patient", true),
        ("permission-user", true),
        ("permission-v1", true),
        ("permission-v2", true),
    ]
    .into_iter()
    .filter_map(|(name, present)| present.then_some(name))
    .collect();
    assert_eq!(document["capabilities"], json!(capabilities));
    let own = OWN_SCOPES;
    let with_own = |scopes: &[&str]| json!([scopes, own.as_slice()].concat());
    assert_eq!(
        document["scopes_supported"],
        with_own(&["system/*.cruds", "capacity.read", "launch.write", "patient/*.cruds", "user/*.cruds"])
    );

    let lab = json!({"name": "lab", "title": "Lab", "url": "https://lab.example/r4", "scope": "system/Observation.rs"});
    assert_eq!(world.administer(Method::POST, "/admin/v1/resources", Some(lab)).await.status, 201);
    let lab = world.public().get("/r/lab/.well-known/smart-configuration").await.json();
    assert_eq!(lab["scopes_supported"], with_own(&["system/Observation.rs"]), "each FHIR server has its own");
    let api = json!({"name": "api", "title": "API", "url": "https://api.example", "scope": "capacity.read", "kind": "api"});
    assert_eq!(world.administer(Method::POST, "/admin/v1/resources", Some(api)).await.status, 201);
    assert_eq!(world.public().get("/r/api/.well-known/smart-configuration").await.status, 404);
}

#[tokio::test]
async fn md_01_02_04_05_the_issuer_is_one_text_everywhere_and_what_is_listed_works() {
    let world = World::start().await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let token = client.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let payload = hilum::jose::base64url::decode(token.split('.').nth(1).unwrap()).unwrap();
    let said: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(said["iss"], world.issuer());
    for (peer, path) in [(world.public(), OAUTH), (world.public(), OPENID), (world.mtls(&world.admin), OAUTH)]
    {
        let document = peer.get(path).await.json();
        assert_eq!(document["issuer"], world.issuer());
        assert_eq!(document["jwks_uri"], world.issuer_url("/oauth2/jwks"));
        let aliases = document["mtls_endpoint_aliases"].as_object().unwrap();
        for (name, url) in aliases {
            let listed = document[name].as_str().unwrap();
            let path = listed.strip_prefix(world.issuer()).expect("an endpoint of the issuer");
            assert_eq!(
                *url,
                format!("{}{path}", world.mtls(&world.admin).base),
                "the listener for certificates"
            );
            assert!(peer.post(path, &[]).await.json()["error"].is_string(), "{path} is there");
        }
        assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
        let proofs = texts(&document["dpop_signing_alg_values_supported"]);
        assert!(
            proofs.iter().any(|alg| alg == "ES256")
                && proofs.iter().all(|alg| alg != "none" && !alg.starts_with("HS"))
        );
        for listed in document.as_object().unwrap().values().filter_map(Value::as_array) {
            let mut once = texts(&json!(listed));
            once.sort();
            once.dedup();
            assert_eq!(once.len(), listed.len(), "{listed:?}");
        }
    }
    assert!(
        world.public().get(OPENID).await.json()["id_token_signing_alg_values_supported"]
            .as_array()
            .unwrap()
            .contains(&json!("RS256"))
    );
    let jwks = world.public().get("/oauth2/jwks").await;
    assert_eq!(jwks.header("cache-control"), Some("public, max-age=300"));
    let keys = jwks.json()["keys"].as_array().unwrap().clone();
    let kids: std::collections::BTreeSet<&str> =
        keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert!(kids.len() == keys.len() && keys.len() >= 2);
    for key in &keys {
        assert_eq!(key["use"], "sig");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
}

#[tokio::test]
async fn sm_d_06_sm_d_07_sm_d_08_sm_d_13_sm_d_16_md_03_is_01_an_app_finds_all_that_signing_people_in_needs() {
    let world = World::start().await;
    for path in [SMART, "/r/fhir/.well-known/smart-configuration", OAUTH, OPENID] {
        let document = world.public().get(path).await.json();
        for (name, value) in [
            ("issuer", json!(world.issuer())),
            ("jwks_uri", json!(world.issuer_url("/oauth2/jwks"))),
            ("authorization_endpoint", json!(world.issuer_url("/oauth2/authorize"))),
            ("token_endpoint", json!(world.issuer_url("/oauth2/token"))),
            ("userinfo_endpoint", json!(world.issuer_url("/oauth2/userinfo"))),
            ("response_types_supported", json!(["code"])),
            ("response_modes_supported", json!(["query", "form_post", "query.jwt", "form_post.jwt", "jwt"])),
            ("authorization_signing_alg_values_supported", json!(ALGORITHMS.map(Algorithm::as_str))),
            ("introspection_signing_alg_values_supported", json!(ALGORITHMS.map(Algorithm::as_str))),
            ("code_challenge_methods_supported", json!(["S256"])),
            ("authorization_response_iss_parameter_supported", json!(true)),
        ] {
            assert_eq!(document[name], value, "{path}: {name}");
        }
        let grants = document["grant_types_supported"].as_array().unwrap();
        for grant in ["authorization_code", "refresh_token", "client_credentials"] {
            assert!(grants.contains(&json!(grant)), "{path}: {grant}");
        }
        let methods = document["token_endpoint_auth_methods_supported"].as_array().unwrap();
        assert!(methods.contains(&json!("none")), "{path}: public apps");
    }
    let openid = world.public().get(OPENID).await.json();
    for (name, value) in [
        ("subject_types_supported", json!(["public", "pairwise"])),
        ("id_token_signing_alg_values_supported", json!(["RS256", "ES256", "PS256"])),
        ("request_parameter_supported", json!(true)),
        ("request_uri_parameter_supported", json!(false)),
        ("claims_parameter_supported", json!(true)),
        ("userinfo_signing_alg_values_supported", json!(["RS256", "ES256", "PS256"])),
        ("acr_values_supported", json!([AAL1])),
        ("ui_locales_supported", json!(["en"])),
    ] {
        assert_eq!(openid[name], value, "MD-03: {name}");
    }
    for (name, most) in [("scopes_supported", OWN_SCOPES.len()), ("claims_supported", 31)] {
        assert_eq!(openid[name].as_array().unwrap().len(), most, "{name}");
    }
}

#[tokio::test]
async fn md_04_oi_09_every_claim_scope_and_prompt_that_is_listed_is_there() {
    let world = World::start().await;
    let scope = format!("{} patient/*.cruds user/*.cruds", OWN_SCOPES.join(" "));
    let app = crate::smart::app(&world, json!({"scope": scope})).await;
    let pat =
        world.person("pat", json!({"name": "Pat Rivera", "claims": crate::openid::claims_of_pat()})).await;
    let openid = world.public().get(OPENID).await.json();
    let scopes: Vec<&str> =
        openid["scopes_supported"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let open = json!({"patient": "rivera", "encounter": "e-1"});
    let ehr = Ehr::register(&world, json!({})).await;
    let launch = ehr.launch(&world, (&app.id, "pat"), open).await;
    let url = app.authorize_with(&scopes.join(" "), &[("nonce", "n-1"), ("launch", &launch)]);
    let mut browser = Browser::new(&world);
    let code = browser.authorize(&url, &pat).await.code();
    let tokens = app.redeem(&world.public(), &code).await.granted();
    // Of the two for refresh the narrower is granted.
    let granted: Vec<&str> = text(&tokens, "scope").split(' ').chain(["offline_access"]).collect();
    assert!(scopes.iter().all(|scope| granted.contains(scope)), "{granted:?}");
    let id_token = claims(text(&tokens, "id_token"));
    let told =
        world.public().send(Method::GET, "/oauth2/userinfo", tokens["access_token"].as_str(), None).await;
    for claim in openid["claims_supported"].as_array().unwrap().iter().filter_map(Value::as_str) {
        assert!(id_token.get(claim).is_some() || told.json().get(claim).is_some(), "{claim}");
    }
    for prompt in openid["prompt_values_supported"].as_array().unwrap().iter().filter_map(Value::as_str) {
        let page = browser.open(&app.authorize_with("openid", &[("prompt", prompt), ("aud", "")])).await;
        let error = (page.answer.status == 303).then(|| page.param("error")).flatten();
        assert_ne!(error.as_deref(), Some("invalid_request"), "{prompt}");
    }
}
