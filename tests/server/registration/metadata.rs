//! What a client may be that registers itself (RFC 7591, 2): the same policy as for an administrator's.

use serde_json::json;

use super::{Own, app, invited, names, register, world};
use crate::harness::key;

#[tokio::test]
async fn r04_r08_r10_r12_a_redirect_uri_is_one_fixed_address_of_the_app() {
    let world = world().await;
    let token = invited(&world, json!({})).await;
    for uri in [
        "https://app.example/cb#x",
        "https://app.example/cb#",
        "https://app.example/*",
        "https://*.example/cb",
        "https://app.example*",
        ".*",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "http://app.example/cb",
        "http://127.0.0.1.evil.test/cb",
        "https://app.example@evil.test/cb",
        "/cb",
        "",
    ] {
        let refused = register(&world, Some(&token), app(json!({"redirect_uris": [uri]}))).await;
        names(&refused, "invalid_redirect_uri", "redirect_uris[0]");
    }
    let missing = register(&world, Some(&token), app(json!({"redirect_uris": null}))).await;
    names(&missing, "invalid_redirect_uri", "redirect_uris");
    let web = app(json!({"application_type": "web", "redirect_uris": ["http://127.0.0.1/cb"]}));
    names(&register(&world, Some(&token), web).await, "invalid_redirect_uri", "redirect_uris[0]");
    let native = app(json!({"application_type": "native",
        "redirect_uris": ["http://127.0.0.1/cb", "com.example.app:/cb"]}));
    Own::of(&world, &register(&world, Some(&token), native).await);
}

#[tokio::test]
async fn k01_k08_no_address_that_this_server_would_ask_is_private() {
    let world = world().await;
    let token = invited(&world, json!({})).await;
    for uri in [
        "http://127.0.0.1:5432",
        "http://[::1]",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1",
        "https://10.0.0.1/jwks",
        "https://0x7f000001/jwks",
        "https://[::ffff:127.0.0.1]/jwks",
        "https://localhost/jwks",
        "https://app.example./jwks",
        "file:///etc/passwd",
        "gopher://127.0.0.1:11211/x",
    ] {
        let document = app(json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri}));
        names(&register(&world, Some(&token), document).await, "invalid_client_metadata", "jwks_uri");
    }
}

#[tokio::test]
async fn dc_03_mt_01_what_contradicts_itself_is_refused_by_its_name() {
    let world = world().await;
    let token = invited(&world, json!({})).await;
    let jwk = key(hilum::jose::algorithm::Algorithm::Es256).public_jwk("k1");
    let keys = json!({"keys": [jwk]});
    let mut private = keys.clone();
    private["keys"][0]["d"] = json!("AAAA");
    let uri = "https://app.example/jwks";
    let both_sans = json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a.example",
        "tls_client_auth_san_uri": "https://a.example/"});
    let rows = [
        (json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": keys, "jwks_uri": uri}), "jwks_uri"),
        (json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": private}), "jwks"),
        (json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}}), "jwks"),
        (json!({"token_endpoint_auth_method": "private_key_jwt"}), "jwks"),
        (json!({"token_endpoint_auth_method": "client_secret_jwt"}), "token_endpoint_auth_method"),
        (json!({"token_endpoint_auth_method": "tls_client_auth"}), "tls_client_auth_san_uri"),
        (both_sans, "tls_client_auth_san_uri"),
        (json!({"response_types": ["code", "id_token"]}), "response_types"),
        (json!({"response_types": ["token"]}), "response_types"),
        (json!({"grant_types": ["implicit"]}), "grant_types"),
        (json!({"grant_types": ["client_credentials"]}), "grant_types"),
        (json!({"grant_types": ["refresh_token"]}), "grant_types"),
        (json!({"scope": "admin/clients.write"}), "scope"),
        (json!({"scope": "launch.write"}), "scope"),
        (json!({"scope": "system/*.rs"}), "scope"),
        (json!({"resources": ["https://elsewhere.example"]}), "resources"),
        (json!({"token_endpoint_auth_signing_alg": "none"}), "token_endpoint_auth_signing_alg"),
        (json!({"id_token_signed_response_alg": "none"}), "id_token_signed_response_alg"),
        (json!({"client_uri": "javascript:alert(1)"}), "client_uri"),
        (json!({"logo_uri": "http://app.example/l.png"}), "logo_uri"),
        (json!({"policy_uri": "data:text/html,x"}), "policy_uri"),
        (json!({"tos_uri": 7}), "tos_uri"),
    ];
    for (members, member) in rows {
        let answer = register(&world, Some(&token), app(members.clone())).await;
        answer.refused(400, "invalid_client_metadata");
        let said = answer.json()["error_description"].as_str().unwrap().to_owned();
        assert!(said.contains(&format!("{member}: ")), "{members}: {said}");
    }
    let after = "select count(*) from client where registered_by <> 'administrator'";
    assert_eq!(world.database.count(after).await, 0);
}

#[tokio::test]
async fn h13_a_nul_is_refused_wherever_it_stands_and_nothing_fails_for_it() {
    let world = world().await;
    let token = invited(&world, json!({})).await;
    let mut keys = json!({"keys": [key(hilum::jose::algorithm::Algorithm::Es256).public_jwk("k1")]});
    let own = Own::registered(&world, json!({})).await;
    keys["keys"][0]["kid"] = json!("a\0");
    let rows = [
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": keys}),
        json!({"client_name": "a\0"}),
        json!({"software_id": "a\0"}),
        json!({"unheard": [{"of\0": 1}]}),
    ];
    for members in rows {
        let refused = register(&world, Some(&token), app(members.clone())).await;
        refused.refused(400, "invalid_client_metadata");
        own.put(&world, members.clone()).await.refused(400, "invalid_client_metadata");
        let path = format!("/admin/v1/clients/{}", own.id);
        let patched = world.administer(reqwest::Method::PATCH, &path, Some(members.clone())).await;
        assert_eq!(patched.status, 400, "{members}: {}", patched.text);
    }
}

#[tokio::test]
async fn dc_02_what_goes_beyond_the_leave_is_cut_and_the_answer_tells() {
    let world = world().await;
    let token = invited(&world, json!({})).await;
    let document =
        app(json!({"scope": "openid patient/*.cruds system/*.rs admin/clients.write capacity.read",
        "grant_types": ["authorization_code", "client_credentials", "refresh_token"],
        "organization": "Mercy", "profile": "fapi2", "clinician_consent": "preapproved",
        "introspects": [crate::harness::FHIR], "purpose_of_use": "TREAT", "client_id": world.admin_id}));
    let own = Own::of(&world, &register(&world, Some(&token), document).await);
    assert_eq!(own.document["scope"], "openid patient/*.rs");
    assert_eq!(own.document["grant_types"], json!(["authorization_code", "refresh_token"]));
    assert_eq!(
        (&own.document["organization"], &own.document["profile"]),
        (&json!("Acme Health"), &json!("smart"))
    );
    assert_eq!(own.document["introspects"], json!([]));
    assert!(own.document.get("clinician_consent").is_none() && own.document.get("purpose_of_use").is_none());
    assert_ne!(own.id, world.admin_id);
    // A back-end that may be one, is one.
    let token =
        invited(&world, json!({"grant_types": ["client_credentials"], "scope": "system/Patient.rs"})).await;
    let key = key(hilum::jose::algorithm::Algorithm::Es384);
    let document = json!({"client_name": "Payer", "grant_types": ["client_credentials"], "scope": "system/*.cruds",
        "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.public_jwk("k1")]}});
    let own = Own::of(&world, &register(&world, Some(&token), document).await);
    assert_eq!(own.document["scope"], "system/Patient.rs");
    assert_eq!(own.document["response_types"], json!([]));
}
