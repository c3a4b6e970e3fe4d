//! Trust communities over the admin API and from the terminal.

use reqwest::Method;
use serde_json::{Value, json};

use super::clients::named;
use crate::harness::{ADMIN_SCOPES, Answer, Authority, World, registration};

const COMMUNITIES: &str = "/admin/v1/communities";

#[tokio::test]
async fn a_community_lives_from_its_registration_to_its_deletion_which_waits_for_its_clients() {
    let world = World::start().await;
    let authority = Authority::new("Payers");
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let document = json!({"name": "payers", "title": "Payers", "anchors": format!("{key}{}", authority.pem)});
    let created = world.administer(Method::POST, COMMUNITIES, Some(document.clone())).await;
    assert_eq!((created.status, created.header("etag")), (201, Some("\"1\"")), "{}", created.text);
    let path = format!("{COMMUNITIES}/payers");
    assert_eq!(created.header("location"), Some(path.as_str()));
    let shown = created.json();
    assert_eq!((&shown["revocation"], &shown["least_rsa_bits"]), (&json!("required"), &json!(2048)));
    assert_eq!(shown["subjects"], json!(["O=Tests,CN=Payers"]));
    assert!(!created.text.contains("PRIVATE KEY"), "what is no certificate is not kept");
    assert_eq!(world.administer(Method::GET, &path, None).await.json(), shown);
    let list = world.administer(Method::GET, COMMUNITIES, None).await.json();
    assert_eq!(list, json!({"items": [shown], "next": null}));
    assert_eq!(world.administer(Method::POST, COMMUNITIES, Some(document)).await.status, 409);

    let token = world.admin_token(ADMIN_SCOPES).await;
    let conditional = async |method: Method, etag: &str, body: Option<Value>| {
        let request =
            world.mtls(&world.admin).request(method, &path).bearer_auth(&token).header("if-match", etag);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        Answer::read(request.send().await.unwrap()).await
    };
    let changed = json!({"anchors": authority.pem, "revocation": "none", "names": ["san_uri"]});
    for (etag, status) in [("\"7\"", 412), ("x", 412), ("\"1\"", 200)] {
        let answer = conditional(Method::PUT, etag, Some(changed.clone())).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    let members = json!({"tls_client_auth_san_uri": "https://payer.example/", "trust_community": "payers"});
    let client = world.register(registration("tls_client_auth", members)).await;
    let bound = conditional(Method::DELETE, "\"2\"", None).await;
    assert_eq!(bound.status, 409, "{}", bound.text);
    let freed = Some(json!({"trust_community": null}));
    let freed = world.administer(Method::PATCH, &format!("/admin/v1/clients/{client}"), freed).await;
    assert_eq!(freed.status, 200, "{}", freed.text);
    assert_eq!(conditional(Method::DELETE, "\"1\"", None).await.status, 412);
    assert_eq!(conditional(Method::DELETE, "\"2\"", None).await.status, 204);
    assert_eq!(world.administer(Method::GET, &path, None).await.status, 404);
    assert_eq!(world.administer(Method::PUT, &path, Some(changed)).await.status, 404);
    assert_eq!(world.audit("community.delete").await[0]["target"], "payers");
    let reasons: Vec<Value> =
        world.audit("community.delete").await.into_iter().map(|record| record["reason"].clone()).collect();
    assert_eq!(reasons, [json!(null), json!("version_changed"), json!("community_in_use")]);
}

#[tokio::test]
async fn a_community_that_cannot_be_accepted_is_refused_by_the_names_of_its_members() {
    let world = World::start().await;
    let authority = Authority::new("Payers");
    let leaf = authority.client("https://payer.example/").certificate;
    let rows = [
        (json!({"name": "default"}), vec!["name"]),
        (json!({"name": "hilum-pki"}), vec!["name"]),
        (json!({"name": "No Name"}), vec!["name"]),
        (json!({"anchors": null}), vec!["anchors"]),
        (json!({"anchors": "-----BEGIN CERTIFICATE-----"}), vec!["anchors"]),
        (json!({"anchors": leaf}), vec!["anchors"]),
        (json!({"least_curve_bits": 521}), vec!["anchors"]),
        (json!({"least_rsa_bits": 1024}), vec!["least_rsa_bits"]),
        (json!({"revocation": "own"}), vec!["revocation"]),
        (json!({"revocation": "never"}), vec!["revocation"]),
        (json!({"names": ["san_dns", "other_name"]}), vec!["names[1]"]),
        (json!({"policies": ["1.2.3", "any"], "trusted": true}), vec!["policies[1]", "trusted"]),
    ];
    for (members, fields) in rows {
        let mut document = json!({"name": "payers", "anchors": authority.pem});
        for (name, value) in members.as_object().unwrap() {
            document[name] = value.clone();
        }
        let answer = world.administer(Method::POST, COMMUNITIES, Some(document)).await;
        assert_eq!(
            (answer.status, named(&answer)),
            (400, fields.iter().map(ToString::to_string).collect()),
            "{members}"
        );
    }

    // The terminal does the same.
    let file = world.file("payers.pem");
    std::fs::write(&file, &authority.pem).unwrap();
    let file = file.to_string_lossy();
    let add = |more: &[&str]| {
        let mut all = vec!["pki", "community", "add", "payers", "--anchors", &file, "--json"];
        all.extend(more);
        world.command(&all, "")
    };
    let refused = add(&["--names", "san_x"]);
    assert_eq!(refused.code(), Some(1));
    assert!(refused.complaint().contains("names[0]"), "{}", refused.complaint());
    let added =
        add(&["--names", "san_uri,san_dns", "--policy", "1.2.3.4", "--revocation", "none"]).expect_success();
    let added: Value = serde_json::from_str(&added).unwrap();
    assert_eq!((&added["names"], &added["policies"]), (&json!(["san_uri", "san_dns"]), &json!(["1.2.3.4"])));
    let shown = world.command(&["pki", "community", "show", "payers", "--json"], "").expect_success();
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), added);
    let listed = world.command(&["pki", "community", "list"], "").expect_success();
    assert!(listed.contains("payers") && listed.contains("O=Tests,CN=Payers"), "{listed}");
    world.command(&["pki", "community", "remove", "payers"], "").expect_success();
    assert_eq!(world.command(&["pki", "community", "show", "payers"], "").code(), Some(1));
}
