//! A back-end from nothing, at a terminal and with two people; and what should be renewed.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::Scene;
use crate::harness::{FHIR, Shows, eventually};
use crate::token::claims;

#[tokio::test]
async fn a_back_end_is_registered_and_its_certificate_asked_for_in_one_and_two_people_decide() {
    let scene = Scene::start().await;
    let (world, enrollee) = (&scene.world, &scene.enrollee);
    let csr = enrollee.text("clinic.csr");
    std::fs::write(&csr, enrollee.request_in_pem("first", "/O=Riverside Clinic")).unwrap();
    let enroll = |more: &[&str], csr: &str| {
        let named = ["pki", "enroll", "--name", "Riverside Clinic", "--scope", "system/Claim.rs"];
        world.command(&[&named, more, &[csr]].concat(), "")
    };
    // What is wrong registers nobody.
    let count = "select count(*) from client";
    let before = world.database.count(count).await;
    let other = enrollee.text("first.key");
    for (ran, says) in [
        (enroll(&[], &csr), "give one of"),
        (enroll(&["--resource", FHIR], &other), "PKCS #10"),
        (enroll(&["--resource", "https://nobody.example"], &csr), "resources"),
        (enroll(&["--resource", FHIR], "/nowhere"), "/nowhere"),
    ] {
        assert_eq!(ran.code(), Some(1), "{}", ran.output());
        assert!(ran.complaint().contains(says), "{says}: {}", ran.complaint());
    }
    assert_eq!(world.database.count(count).await, before);

    let printed = enroll(&["--resource", FHIR, "--json"], &csr).expect_success();
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let (id, request) = (printed["client_id"].as_str().unwrap(), printed["request"].as_str().unwrap());
    // Whoever asked does not approve, by whichever name of the request.
    for name in [id, request] {
        let ran = world.command(&["pki", "approve", name], "");
        assert_eq!(ran.code(), Some(1));
        assert!(ran.complaint().contains("another"), "{}", ran.complaint());
    }
    let chain = scene.approve_as_administrator(request).await;
    std::fs::write(enrollee.file("first.pem"), chain).unwrap();
    let identity = enrollee.identity("first", "");
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("scope", "system/Claim.rs")];
    let token = world.mtls(&identity).post("/oauth2/token", &form).await.token();
    assert_eq!(claims(&token)["cnf"]["x5t#S256"], identity.thumbprint());

    // In the last third of its life it is listed, until another has taken its place.
    let due = || {
        let status = world.command(&["pki", "status", "--json"], "").expect_success();
        serde_json::from_str::<Value>(&status).unwrap()["renewals_due"].as_array().unwrap().clone()
    };
    assert!(due().is_empty());
    let contacts = Some(json!({"contacts": ["it@riverside.example"]}));
    let patched = world.administer(Method::PATCH, &format!("/admin/v1/clients/{id}"), contacts).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    let aged = "update certificate set not_before = now() - interval '61 days', not_after = now() + interval '29 days'";
    world.database.execute(aged).await;
    let listed = due();
    assert_eq!(listed[0]["client_id"], id, "{listed:?}");
    assert_eq!(listed[0]["contacts"], json!(["it@riverside.example"]));
    let table = world.command(&["pki", "status"], "").expect_success();
    assert!(table.contains("it@riverside.example"), "{table}");
    // Whoever watches alerts is told how it is renewed, and whom to ask.
    let said = "select detail from alert where kind = 'certificate_renewal_due'";
    let told = "select count(*) from alert where kind = 'certificate_renewal_due'";
    eventually("a reminder", Duration::from_secs(30), || async {
        (world.database.count(told).await == 1).then_some(())
    })
    .await;
    let said = world.database.text(said).await;
    assert!(said.contains("simplereenroll") && said.contains("it@riverside.example"), "{said}");
    enrollee.make_key("second");
    let next = enrollee.request_for_next("first", "second");
    scene.keep("second", &enrollee.ask("simplereenroll", Shows::Certificate("first"), &next));
    assert!(due().is_empty());
}
