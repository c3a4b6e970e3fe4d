//! Renewal by the certificate that is renewed.

use super::{Scene, with_secret};
use crate::harness::Shows;
use crate::token::reasons;

#[tokio::test]
async fn est_a_client_renews_by_its_certificate_at_once() {
    let scene = Scene::start().await;
    let (world, enrollee) = (&scene.world, &scene.enrollee);
    scene.enroll(scene.secret(), &scene.request(&scene.id, "first"), "first");
    let first = enrollee.identity("first", "").thumbprint();

    // Only with its very names (RFC 7030, 4.2.2).
    let shows = Shows::Certificate("first");
    enrollee.make_key("second");
    let uri = format!("subjectAltName=URI:{}/clients/{}", world.issuer(), scene.id);
    let subject = format!("/CN={}", scene.id);
    let two = format!("{uri},DNS:x.example");
    for (subject, names) in [
        ("/CN=another", vec![uri.as_str()]),
        (subject.as_str(), vec![]),
        (subject.as_str(), vec!["subjectAltName=URI:https://another.example/"]),
        (&format!("/O=x{subject}"), vec![uri.as_str()]),
        (subject.as_str(), vec![two.as_str()]),
    ] {
        enrollee.ask("simplereenroll", shows, &enrollee.request("second", subject, &names)).refused(400);
    }
    // Nor with two credentials at once.
    let request = enrollee.request_for_next("first", "second");
    let pair = format!("{}:{}", scene.id, scene.secret);
    std::fs::write(enrollee.file("body"), &request).unwrap();
    let body = format!("@{}", enrollee.text("body"));
    let more = ["--user", &pair, "-H", "content-type: application/pkcs10", "--data-binary", &body];
    enrollee.curl("/.well-known/est/simplereenroll", shows, &more).refused(400);

    let second = scene.keep("second", &enrollee.ask("simplereenroll", shows, &request));
    // The answer was lost: the same request has the same answer.
    assert_eq!(scene.keep("again", &enrollee.ask("simplereenroll", shows, &request)), second);
    // With the same key too.
    let request = enrollee.request_for_next("second", "second");
    std::fs::copy(enrollee.file("second.key"), enrollee.file("third.key")).unwrap();
    let third = scene.keep("third", &enrollee.ask("simplereenroll", Shows::Certificate("second"), &request));
    assert_ne!(third, second);

    let recorded = world.audit("certificate.renew").await;
    let granted: Vec<_> = recorded.iter().filter(|record| record["outcome"] == "granted").collect();
    assert_eq!(granted.len(), 3, "{recorded:?}");
    assert_eq!(granted[1]["target"], first.as_str(), "{recorded:?}");
    assert!(granted[1]["detail"].as_str().unwrap().ends_with(", again"), "{recorded:?}");
    let why = reasons(world, "certificate.renew").await;
    assert_eq!(why[..5], ["csr_names_differ"; 5]);
    assert_eq!(why[5..], ["several_credentials"]);
    let line = "select count(*) from certificate where origin = 'issued' and renews is not null";
    assert_eq!(world.database.count(line).await, 2);

    // So many a day.
    for index in 0..8 {
        let name = format!("more{index}");
        enrollee.make_key(&name);
        let request = enrollee.request_for_next("third", &name);
        scene.keep(&name, &enrollee.ask("simplereenroll", Shows::Certificate("third"), &request));
    }
    enrollee.make_key("last");
    let request = enrollee.request_for_next("third", "last");
    enrollee.ask("simplereenroll", Shows::Certificate("third"), &request).refused(429);
    // One that was revoked renews nothing, nor does what whoever holds its key has made of it, however far down.
    // That its key was stolen may be learnt late.
    let line = "select count(*) from certificate where revoked_at is not null";
    scene.revoke("second", "superseded");
    assert_eq!(world.database.count(line).await, 1);
    // Also of one that was given up for another reason before.
    scene.revoke("more0", "cessationOfOperation");
    scene.revoke("second", "keyCompromise");
    let record = &world.audit("certificate.revoke").await[0];
    assert_eq!(record["detail"], "keyCompromise instead of superseded, with 9 that came of it");
    for name in ["third", "more0"] {
        let request = enrollee.request_for_next(name, "last");
        enrollee.ask("simplereenroll", Shows::Certificate(name), &request).refused(403);
    }
    // Nor has its key another, in the place of one that is good, or of any client.
    let request = enrollee.request_for_next("first", "second");
    let again = enrollee.ask("simplereenroll", Shows::Certificate("first"), &request);
    again.refused(403);
    assert!(again.body.contains("make another key"), "{again:?}");
    let other = with_secret(world).await;
    enrollee.ask("simpleenroll", scene.secret(), &request).refused(403);
    enrollee.ask("simpleenroll", Shows::Secret(&other.0, &other.1), &request).refused(403);
    let of_key = "certificate_key_revoked";
    assert_eq!(reasons(world, "certificate.enroll").await, [of_key, of_key]);
    let counted = "select count(*) from certificate where revocation_reason = 'keyCompromise'";
    assert_eq!(world.database.count(counted).await, 10);
    let told = "select revocations from authority where name = 'issuing'";
    assert_eq!(world.database.count(told).await, 12, "the list covers them, and both reasons of two");
    // A client that was stopped renews nothing.
    world.command(&["client", "disable", &scene.id], "").expect_success();
    let request = enrollee.request_for_next("first", "last");
    enrollee.ask("simplereenroll", Shows::Certificate("first"), &request).refused(401);
    let why = reasons(world, "certificate.renew").await;
    let revoked = "certificate_revoked";
    assert_eq!(why[6..], ["renewals_used_up", revoked, revoked, of_key, "client_disabled"]);
}

#[tokio::test]
async fn est_one_that_has_expired_renews_nothing() {
    let scene = Scene::start().await;
    let (world, enrollee) = (&scene.world, &scene.enrollee);
    scene.enroll(scene.secret(), &scene.request(&scene.id, "first"), "first");
    world.database.execute("update certificate set not_after = now() - interval '1 hour'").await;
    enrollee.make_key("second");
    let request = enrollee.request_for_next("first", "second");
    enrollee.ask("simplereenroll", Shows::Certificate("first"), &request).refused(403);
    assert_eq!(reasons(world, "certificate.renew").await, ["certificate_expired"]);
}
