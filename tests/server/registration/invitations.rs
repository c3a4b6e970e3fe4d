//! What administrators say of those who register themselves.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::json;

use super::{INVITATIONS, ISSUERS, Own, app, invitation, invited, not_authorized, register, world};
use crate::harness::key;

#[tokio::test]
async fn a_token_is_shown_once_listed_without_it_and_deleted() {
    let world = world().await;
    let document = invitation(json!({"note": "for the pilot", "expires_in": 3600, "registrations": 2}));
    let created = world.administer(Method::POST, INVITATIONS, Some(document)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let shown = created.json();
    let (id, token) = (shown["id"].as_str().unwrap(), shown["token"].as_str().unwrap());
    let path = format!("{INVITATIONS}/{id}");
    assert_eq!(created.header("location"), Some(path.as_str()));
    assert!(token.starts_with("hia_") && token.len() == 47);
    let life = shown["expires_at"].as_i64().unwrap() - shown["created_at"].as_i64().unwrap();
    assert_eq!((life, &shown["used"], &shown["registrations"]), (3600, &json!(0), &json!(2)));
    let own = Own::of(&world, &register(&world, Some(token), app(json!({}))).await);
    for path in [path.as_str(), INVITATIONS] {
        let answer = world.administer(Method::GET, path, None).await;
        assert!(answer.status == 200 && !answer.text.contains(token), "{}", answer.text);
        assert!(
            answer.text.contains(r#""used":1"#) && answer.text.contains("for the pilot"),
            "{}",
            answer.text
        );
    }
    let stored =
        "select count(*) from initial_access_token where digest = sha256(convert_to('TOKEN', 'UTF8'))";
    assert_eq!(world.database.count(&stored.replace("TOKEN", token)).await, 1);
    assert_eq!(world.administer(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(world.administer(Method::DELETE, &path, None).await.status, 404);
    assert_eq!(world.administer(Method::GET, &path, None).await.status, 404);
    not_authorized(&register(&world, Some(token), app(json!({}))).await);
    assert_eq!(own.send(&world, Method::GET, None).await.status, 200, "who has registered, stays");
    for action in ["initial_access_token.create", "initial_access_token.delete"] {
        assert_eq!(world.audit(action).await[0]["target"], id, "{action}");
    }
}

#[tokio::test]
async fn no_leave_makes_an_administrator_or_an_ehr_of_anybody() {
    let world = world().await;
    let rows = [
        (json!({"scope": "admin/clients.write"}), "scope"),
        (json!({"scope": "patient/*.rs launch.write"}), "scope"),
        (json!({"scope": "patient/*.rs authorization_decision.write"}), "scope"),
        (json!({"scope": "unheard/of"}), "scope"),
        (json!({"resources": [world.issuer_url("/admin")]}), "resources[0]"),
        (json!({"resources": ["https://elsewhere.example"]}), "resources[0]"),
        (json!({"grant_types": ["implicit"]}), "grant_types[0]"),
        (json!({"organization": null}), "organization"),
        (json!({"registrations": 0}), "registrations"),
        (json!({"registrations": "1"}), "registrations"),
        (json!({"expires_in": 59}), "expires_in"),
        (json!({"token": "mine"}), "token"),
        (json!({"clinician_consent": "preapproved"}), "clinician_consent"),
    ];
    for (members, field) in rows {
        let answer = world.administer(Method::POST, INVITATIONS, Some(invitation(members.clone()))).await;
        assert_eq!(
            (answer.status, answer.json()["errors"][0]["field"].as_str()),
            (400, Some(field)),
            "{members}"
        );
    }
    let issuer = |members| {
        let keys = json!({"keys": [key(Algorithm::Es256).public_jwk("s1")]});
        let document = json!({"issuer": "https://vouch.example", "jwks": keys, "registrations": null});
        super::with(super::with(invitation(json!({})), document), members)
    };
    let rows = [
        (json!({"scope": "admin/keys.write"}), "scope"),
        (json!({"scope": "authorization_decision.write"}), "scope"),
        (json!({"issuer": null}), "issuer"),
        (json!({"jwks": null}), "jwks"),
        (json!({"jwks": null, "jwks_uri": "https://10.0.0.1/jwks"}), "jwks_uri"),
        (json!({"registrations_per_day": 0}), "registrations_per_day"),
    ];
    for (members, field) in rows {
        let answer = world.administer(Method::POST, ISSUERS, Some(issuer(members.clone()))).await;
        assert_eq!(
            (answer.status, answer.json()["errors"][0]["field"].as_str()),
            (400, Some(field)),
            "{members}"
        );
    }
    let created = world.administer(Method::POST, ISSUERS, Some(issuer(json!({})))).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(world.administer(Method::POST, ISSUERS, Some(issuer(json!({})))).await.status, 409);
    let path = format!("{ISSUERS}/{}", created.json()["id"].as_str().unwrap());
    let renamed = issuer(json!({"issuer": "https://other.example"}));
    assert_eq!(world.administer(Method::PUT, &path, Some(renamed)).await.status, 409);
    let replaced =
        world.administer(Method::PUT, &path, Some(issuer(json!({"registrations_per_day": 7})))).await;
    assert_eq!((replaced.status, &replaced.json()["registrations_per_day"]), (200, &json!(7)));
    assert_eq!(
        world.administer(Method::GET, ISSUERS, None).await.json()["items"][0]["registrations_per_day"],
        7
    );
    assert_eq!(world.administer(Method::DELETE, &path, None).await.status, 204);
}

#[tokio::test]
async fn what_an_administrator_makes_of_a_client_it_may_be_from_then_on_and_no_more() {
    let world = world().await;
    let token = invited(&world, json!({})).await;
    let own = Own::of(&world, &register(&world, Some(&token), app(json!({}))).await);
    let path = format!("/admin/v1/clients/{}", own.id);
    let narrowed = json!({"scope": "openid patient/Observation.rs", "purpose_of_use": "TREAT"});
    assert_eq!(world.administer(Method::PATCH, &path, Some(narrowed)).await.status, 200);
    let answer = own.put(&world, json!({"scope": super::SCOPE})).await;
    assert_eq!((answer.status, &answer.json()["scope"]), (200, &json!("openid patient/Observation.rs")));
    assert_eq!(answer.json()["purpose_of_use"], "TREAT", "what is not the client's to say stays");
    let widened = json!({"scope": "openid patient/*.cruds"});
    assert_eq!(world.administer(Method::PATCH, &path, Some(widened)).await.status, 200);
    let answer = own.put(&world, json!({"scope": "patient/Claim.cud"})).await;
    assert_eq!(answer.json()["scope"], "patient/Claim.cud");
}
