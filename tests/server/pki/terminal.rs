//! The client PKI from the terminal, and before it is set up.

use reqwest::Method;
use serde_json::{Value, json};

use super::scene::{request, text};
use crate::harness::{World, registration};

#[tokio::test]
async fn m06_before_it_is_set_up_there_is_no_pki_and_it_is_set_up_once() {
    let world = World::start().await;
    for path in ["/pki/crl/root.crl", "/pki/crl/issuing.crl", "/pki/ocsp/MAA="] {
        assert_eq!(world.public().get(path).await.status, 404, "{path}");
    }
    assert_eq!(world.public().send(Method::POST, "/pki/ocsp", None, None).await.status, 404);
    let body = json!({"client_id": world.admin_id, "csr": request().1});
    let answer = world.administer(Method::POST, "/admin/v1/certificates", Some(body)).await;
    answer.refused(409, "conflict");
    let early = world.command(&["pki", "status"], "");
    assert!(early.code() == Some(1) && early.complaint().contains("hilum pki init"), "{}", early.complaint());

    let said = world.command(&["pki", "init"], "").expect_success();
    for word in ["trust_community", "hilum pki request", "hilum pki approve", "backup"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(world.public().get("/pki/crl/root.crl").await.status, 200, "servers that run follow at once");
    let again = world.command(&["pki", "init"], "");
    assert!(again.code() == Some(1) && again.complaint().contains("already"), "{}", again.complaint());
    assert_eq!(world.database.count("select count(*) from authority").await, 2);
    let community = world.administer(Method::GET, "/admin/v1/communities/hilum-pki", None).await;
    assert_eq!(
        (community.status, text(&community.json(), "revocation")),
        (200, "own".into()),
        "{}",
        community.text
    );

    // Where the keys are, in a dump: sealed, so that neither is a key in PKCS #8.
    let sealed = "select bool_and(position('\\x2a8648ce3d0201'::bytea in sealed_private_key) = 0
                     and octet_length(sealed_private_key) > 100)::int::bigint from authority";
    assert_eq!(world.database.count(sealed).await, 1, "O06");
    let both = world.audit("pki.init").await;
    let outcomes: Vec<String> = both.iter().map(|record| text(record, "outcome")).collect();
    assert_eq!(outcomes, ["refused", "granted"]);
}

#[tokio::test]
async fn m06_at_the_terminal_one_account_approves_only_where_that_is_said() {
    let world = World::start().await;
    world.command(&["pki", "init"], "").expect_success();
    let members =
        json!({"tls_client_auth_san_uri": "https://not.yet.known/", "trust_community": "hilum-pki"});
    let client = world.register(registration("tls_client_auth", members)).await;
    // Without a name, it is known by that of its certificates.
    let patch = json!({"tls_client_auth_san_uri": null}).to_string();
    world.command(&["client", "patch", &client, "-"], &patch).expect_success();
    let asked = world.command(&["pki", "request", &client, "-", "--json"], &request().1).expect_success();
    let asked: Value = serde_json::from_str(&asked).unwrap();
    let id = text(&asked, "id");
    let file = world.file("issued.pem");
    let approve = ["pki", "approve", &id, "--out", &file.to_string_lossy()];
    let own = world.command(&approve, "");
    assert!(!file.exists(), "what is refused leaves no file behind");
    assert!(
        own.code() == Some(1) && own.complaint().contains("another administrator"),
        "{}",
        own.complaint()
    );
    let listed = world.command(&["pki", "requests"], "").expect_success();
    assert!(listed.contains(&id) && listed.contains("pending"), "{listed}");
    let status = world.command(&["pki", "status"], "").expect_success();
    assert!(status.contains("requests_pending") && status.contains("/pki/crl/issuing.crl"), "{status}");

    let config = std::fs::read_to_string(world.config()).unwrap();
    std::fs::write(world.config(), format!("{config}\n[pki]\nfour_eyes = false\n")).unwrap();
    world.command(&approve, "").expect_success();
    let pem = std::fs::read_to_string(&file).unwrap();
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2, "the certificate and the one above it: {pem}");
    let denied = world.command(&["pki", "request", &client, "-", "--json"], &request().1).expect_success();
    let denied: Value = serde_json::from_str(&denied).unwrap();
    let denied = world.command(&["pki", "deny", &text(&denied, "id"), "--json"], "").expect_success();
    assert!(denied.contains("\"denied\""), "{denied}");

    let listed = world.command(&["pki", "requests", "--json"], "").expect_success();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let thumbprint = text(&listed[0], "thumbprint");
    let wrong = world.command(&["pki", "revoke", &thumbprint, "--reason", "bored"], "");
    assert!(wrong.code() == Some(1) && wrong.complaint().contains("keyCompromise"), "{}", wrong.complaint());
    let revoked =
        world.command(&["pki", "revoke", &thumbprint, "--reason", "superseded"], "").expect_success();
    assert!(revoked.contains("superseded"), "{revoked}");
    assert_eq!(world.command(&["pki", "revoke", &thumbprint], "").code(), Some(1));
    assert_eq!(world.command(&["pki", "request", &client, "/nonexistent"], "").code(), Some(1));
    assert_eq!(world.command(&["pki", "approve", "nonsense"], "").code(), Some(2));
}
