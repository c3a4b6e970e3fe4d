//! What an app may register of signing out.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::World;

fn with(members: Value) -> Value {
    let mut document = json!({"client_name": "Growth Chart", "organization": "Chart Makers",
        "redirect_uris": ["https://app.example/cb"], "grant_types": ["authorization_code"],
        "scope": "openid", "token_endpoint_auth_method": "none"});
    for (name, value) in members.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

#[tokio::test]
async fn lo_02_k08_an_app_is_told_only_at_a_public_https_address_and_sent_to_only_what_could_be_a_redirect_uri()
 {
    let world = World::start().await;
    let uris = [
        "http://app.example/out",
        "https://localhost/out",
        "https://127.0.0.1/out",
        "https://[::1]/out",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/out",
        "https://intranet/out",
        "https://app.example:22/out",
        "https://app.example/out#x",
        "https://user@app.example/out",
        "com.example.app:/out",
        "/out",
        "",
    ];
    let mut bad: Vec<(Value, &str)> =
        uris.iter().map(|uri| (json!({"backchannel_logout_uri": uri}), "backchannel_logout_uri")).collect();
    bad.push((json!({"backchannel_logout_session_required": true}), "backchannel_logout_session_required"));
    for uri in [
        "https://*.example/out",
        "http://app.example/out",
        "//evil.test",
        "javascript:x",
        "https://app.example/out#x",
    ] {
        bad.push((json!({"post_logout_redirect_uris": [uri]}), "post_logout_redirect_uris[0]"));
    }
    for (members, field) in bad {
        let answer = world.administer(Method::POST, "/admin/v1/clients", Some(with(members.clone()))).await;
        assert_eq!(answer.status, 400, "{members}: {}", answer.text);
        assert!(answer.text.contains(field), "{members}: {}", answer.text);
    }
    let good = json!({"backchannel_logout_uri": "https://app.example/told?x=1",
        "backchannel_logout_session_required": true,
        "post_logout_redirect_uris": ["https://app.example/out", "com.example.app:/out", "http://127.0.0.1/out"]});
    let told = world.register_whole(with(good.clone())).await;
    for (name, value) in good.as_object().unwrap() {
        assert_eq!(&told[name], value);
    }
}
