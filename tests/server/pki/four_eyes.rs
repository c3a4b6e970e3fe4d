//! Who asks for a certificate and who approves it are two.

use rcgen::KeyPair;
use reqwest::Method;
use serde_json::json;

use super::scene::{Scene, certificate, csr, identity, request, text};
use crate::harness::{ADMIN_SCOPES, APPROVER_SCOPES, registration};

#[tokio::test]
async fn m06_a_certificate_needs_two_administrators_and_its_revocation_counts_at_once() {
    let scene = Scene::start("").await;
    let client = scene.client().await;
    let (key, csr) = request();
    let path = scene.ask(&client, &csr).await;
    assert_eq!(scene.ask(&client, &csr).await, path, "asking again with the same request is asking once");
    let approval = format!("{path}/approval");

    let own = scene.world.administer(Method::POST, &approval, None).await;
    own.refused(403, "four_eyes");
    assert_eq!(own.header("content-type"), Some("application/problem+json"));
    let record = &scene.world.audit("certificate.approve").await[0];
    assert_eq!((text(record, "outcome"), text(record, "reason")), ("refused".into(), "four_eyes".into()));
    let lacking = scene.second_with("admin/certificates.read", Method::POST, &approval, None).await;
    assert_eq!(lacking.status, 403, "who may read may not therefore approve");
    nobody_is_both(&scene, &approval).await;
    let shown = scene.second(Method::GET, &path, None).await.json();
    assert_eq!(text(&shown, "state"), "pending", "{shown}");
    assert_eq!(text(&shown, "requested_by"), format!("client:{}", scene.world.admin_id));

    let approved = scene.second(Method::POST, &approval, None).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    let issued = approved.json();
    let leaf = certificate(&issued);
    assert_eq!(leaf.subject_text(), format!("CN={client}"), "the names of the request are not believed");
    assert_eq!(leaf.uris(), [scene.world.issuer_url(&format!("/clients/{client}"))]);
    assert!(leaf.dns_names().is_empty() && !leaf.is_authority() && leaf.names_client_authentication());
    let decided = scene.second(Method::GET, &path, None).await.json();
    assert_eq!(
        (text(&decided, "state"), text(&decided, "thumbprint")),
        ("approved".into(), text(&issued, "thumbprint"))
    );
    assert_eq!(text(&decided, "decided_by"), format!("client:{}", scene.second_id()));
    for path in [approval.clone(), format!("{path}/denial")] {
        scene.second(Method::POST, &path, None).await.refused(409, "conflict");
    }

    let identity = identity(&key, &issued);
    let token = scene.token(&client, &identity).await.granted();
    assert_eq!(token["token_type"], "Bearer");
    // What the server saw and did not issue is not vouched for by its own word.
    scene.world.database.execute("update certificate set origin = 'seen'").await;
    scene.token(&client, &identity).await.invalid_client();
    scene.world.database.execute("update certificate set origin = 'issued'").await;
    scene.token(&client, &identity).await.granted();
    let revoked = scene.revoke(&issued, "keyCompromise").await;
    assert_eq!((revoked.status, text(&revoked.json(), "revocation_reason")), (200, "keyCompromise".into()));
    scene.token(&client, &identity).await.invalid_client();
    let records = scene.world.audit("token.issue").await;
    let record = records.iter().find(|record| record["outcome"] == "refused").expect("a refusal");
    assert_eq!(text(record, "detail"), "revoked", "{record}");
    scene.revoke(&issued, "superseded").await.refused(409, "conflict");
    no_other_of_its_key(&scene, &client, &key).await;
}

/// A key of which a certificate was revoked has no other, for no client, by no way, nor where somebody had asked before.
async fn no_other_of_its_key(scene: &Scene, client: &str, key: &KeyPair) {
    let (world, other) = (&scene.world, scene.client().await);
    for client in [client, &other] {
        let body = json!({"client_id": client, "csr": csr(key)});
        let answer = world.administer(Method::POST, "/admin/v1/certificates", Some(body)).await;
        answer.refused(400, "invalid_request");
        assert_eq!(answer.json()["errors"][0]["field"], "csr", "{}", answer.text);
        let ran = world.command(&["pki", "request", client, "-"], &csr(key));
        let said = ran.complaint();
        assert!(ran.code() == Some(1) && said.contains("make another key"), "{said}");
    }
    let asked = world.audit("certificate.request").await;
    assert!(asked.iter().take(4).all(|record| record["reason"] == "certificate_key_revoked"), "{asked:?}");
    for (reason, status) in [("superseded", 200), ("unspecified", 409)] {
        let (key, first) = request();
        let (first, second) = (scene.ask(client, &first).await, scene.ask(&other, &csr(&key)).await);
        let issued = scene.second(Method::POST, &format!("{first}/approval"), None).await.json();
        assert_eq!(scene.revoke(&issued, reason).await.status, 200);
        let answer = scene.second(Method::POST, &format!("{second}/approval"), None).await;
        assert_eq!(answer.status, status, "{reason}: {}", answer.text);
    }
    let record = &world.audit("certificate.approve").await[0];
    assert_eq!(text(record, "reason"), "certificate_key_revoked", "{record}");
}

/// Whoever writes clients or asks for certificates does not approve, by whichever token, nor makes or takes over a client
/// that does.
async fn nobody_is_both(scene: &Scene, approval: &str) {
    let world = &scene.world;
    let name = "https://third.example/";
    let members = json!({"resources": [world.issuer_url("/admin")], "scope": ADMIN_SCOPES,
        "tls_client_auth_san_uri": name});
    let mut document = registration("tls_client_auth", members);
    let third = (world.register(document.clone()).await, world.authority.client(name));
    for scope in [ADMIN_SCOPES, "admin/certificates.approve"] {
        let answer = world.administer_as(&third, scope, (Method::POST, approval, None)).await;
        answer.refused(403, "four_eyes");
    }
    document["scope"] = json!(APPROVER_SCOPES);
    let path = |id: &str| format!("/admin/v1/clients/{id}");
    for (method, path, body) in [
        (Method::POST, "/admin/v1/clients".to_owned(), document),
        (Method::PATCH, path(&third.0), json!({"scope": APPROVER_SCOPES})),
        (Method::PATCH, path(scene.second_id()), json!({"tls_client_auth_san_uri": name})),
    ] {
        world.administer(method, &path, Some(body)).await.refused(403, "four_eyes");
    }
}

#[tokio::test]
async fn m06_of_two_approvals_at_once_one_issues() {
    let scene = Scene::start("[pki]\nfour_eyes = false").await;
    let client = scene.client().await;
    for _ in 0..3 {
        let (_, csr) = request();
        let approval = format!("{}/approval", scene.ask(&client, &csr).await);
        let before =
            scene.world.database.count("select count(*) from certificate where origin = 'issued'").await;
        let (one, other) = tokio::join!(
            scene.second(Method::POST, &approval, None),
            scene.world.administer(Method::POST, &approval, None)
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", one.text, other.text);
        let after =
            scene.world.database.count("select count(*) from certificate where origin = 'issued'").await;
        assert_eq!(after, before + 1);
    }
}

#[tokio::test]
async fn m06_what_changed_meanwhile_keeps_a_request_from_being_approved() {
    let scene = Scene::start("").await;
    let client = scene.client().await;
    let path = format!("/admin/v1/clients/{client}");

    let denied = scene.ask(&client, &request().1).await;
    let answer = scene.world.administer(Method::POST, &format!("{denied}/denial"), None).await;
    assert_eq!(
        (answer.status, text(&answer.json(), "state")),
        (200, "denied".into()),
        "who asked may take it back"
    );
    scene.second(Method::POST, &format!("{denied}/approval"), None).await.refused(409, "conflict");

    let rebound = scene.ask(&client, &request().1).await;
    let patch = json!({"tls_client_auth_san_uri": "https://another.example/"});
    assert_eq!(scene.world.administer(Method::PATCH, &path, Some(patch)).await.status, 200);
    scene.second(Method::POST, &format!("{rebound}/approval"), None).await.refused(400, "invalid_request");
    let uri = scene.world.issuer_url(&format!("/clients/{client}"));
    let patch = json!({"tls_client_auth_san_uri": uri});
    assert_eq!(scene.world.administer(Method::PATCH, &path, Some(patch)).await.status, 200);
    assert_eq!(scene.world.administer(Method::POST, &format!("{path}/disable"), None).await.status, 200);
    scene.second(Method::POST, &format!("{rebound}/approval"), None).await.refused(409, "conflict");
    assert_eq!(scene.world.administer(Method::POST, &format!("{path}/enable"), None).await.status, 200);

    let expired = "update certificate_request set requested_at = requested_at - interval '8 days',
                   expires_at = expires_at - interval '8 days' where state = 'pending'";
    scene.world.database.execute(expired).await;
    scene.second(Method::POST, &format!("{rebound}/approval"), None).await.refused(409, "conflict");
    let shown = scene.second(Method::GET, &rebound, None).await.json();
    assert_eq!(text(&shown, "state"), "expired");
    let issued = scene.world.database.count("select count(*) from certificate where origin = 'issued'").await;
    assert_eq!(issued, 0, "nothing was issued of all this");
    let reasons: Vec<String> = scene
        .world
        .audit("certificate.approve")
        .await
        .iter()
        .rev()
        .map(|record| text(record, "reason"))
        .collect();
    assert_eq!(reasons, ["request_denied", "client_unsuited", "client_disabled", "request_expired"]);

    assert_eq!(scene.world.administer(Method::DELETE, &path, None).await.status, 204);
    scene.second(Method::POST, &format!("{rebound}/approval"), None).await.refused(404, "not_found");
}
