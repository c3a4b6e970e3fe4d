//! The first certificate, and what there is without any.

use reqwest::Method;
use serde_json::json;

use super::{Scene, with_secret};
use crate::harness::{Enrollee, Shows, World, openssl, registration};
use crate::token::{claims, reasons};

#[tokio::test]
async fn est_nothing_is_there_before_there_is_a_pki() {
    let world = World::start().await;
    let enrollee = Enrollee::of(&world);
    for path in ["cacerts", "csrattrs", "simpleenroll", "simplereenroll"] {
        let path = format!("/.well-known/est/{path}");
        for method in ["GET", "POST", "PUT"] {
            let said = enrollee.curl(&path, Shows::Nothing, &["-X", method]);
            assert_eq!(said.status, 404, "{method} {path}: {said:?}");
        }
    }
}

#[tokio::test]
async fn est_a_client_enrolls_once_an_administrator_has_approved() {
    let scene = Scene::start().await;
    let (world, enrollee) = (&scene.world, &scene.enrollee);

    // Anybody may read whom to trust, and what a request should hold (RFC 7030, 4.1.2 and 4.5.1).
    let authorities = scene.authorities();
    assert_eq!(authorities.matches("BEGIN CERTIFICATE").count(), 2, "{authorities}");
    let attributes = enrollee.get("/.well-known/est/csrattrs");
    assert!(
        attributes.status == 200 && attributes.has("content-type: application/csrattrs"),
        "{attributes:?}"
    );
    std::fs::write(enrollee.file("attributes"), &attributes.body).unwrap();
    let (encoded, der) = (enrollee.text("attributes"), enrollee.text("attributes.der"));
    openssl(&["base64", "-d", "-in", &encoded, "-out", &der]);
    let parsed = openssl(&["asn1parse", "-inform", "DER", "-in", &der]);
    for word in ["id-ecPublicKey", "prime256v1", "ecdsa-with-SHA256"] {
        assert!(parsed.contains(word), "{parsed}");
    }

    // Asked as often as one likes, it is one request (RFC 7030, 4.2.3).
    let request = scene.request("anything", "first");
    for _ in 0..3 {
        let said = enrollee.ask("simpleenroll", scene.secret(), &request);
        assert_eq!(said.status, 202, "{said:?}");
        assert!(said.headers.iter().any(|line| line.starts_with("retry-after: ")), "{said:?}");
    }
    let asked = world.audit("certificate.enroll").await;
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0]["client"], scene.id.as_str());
    scene.decide("approve");
    let said = enrollee.ask("simpleenroll", scene.secret(), &request);
    let certificate = scene.keep("first", &said);
    for _ in 0..2 {
        let again = enrollee.ask("simpleenroll", scene.secret(), &request);
        assert_eq!(scene.keep("again", &again), certificate, "the same, again and again");
    }
    // What the request says of names is not believed.
    let text = openssl(&["x509", "-in", &enrollee.text("first.pem"), "-noout", "-text"]);
    assert!(text.contains(&format!("CN = {}", scene.id)) && !text.contains("anything"), "{text}");
    assert!(text.contains(&format!("URI:{}/clients/{}", world.issuer(), scene.id)), "{text}");
    std::fs::write(enrollee.file("authorities.pem"), &authorities).unwrap();
    let (chain, leaf) = (enrollee.text("authorities.pem"), enrollee.text("first.pem"));
    openssl(&["verify", "-purpose", "sslclient", "-CAfile", &chain, &leaf]);

    // The token is bound to it.
    let identity = enrollee.identity("first", &authorities);
    let form = [("grant_type", "client_credentials"), ("scope", "capacity.read")];
    let peer = world.mtls(&identity);
    let answer = peer.post_basic("/oauth2/token", (&scene.id, &scene.secret), &form).await;
    assert_eq!(claims(&answer.token())["cnf"]["x5t#S256"], identity.thumbprint());
}

#[tokio::test]
async fn est_a_client_enrolls_by_the_certificate_that_it_authenticates_with() {
    let scene = Scene::start().await;
    let (world, enrollee) = (&scene.world, &scene.enrollee);
    let id = certified_by_hand(&scene, "first").await;

    // Of its own, it names the client as a form would; another is not believed to be it.
    enrollee.make_key("second");
    let shows = Shows::Certificate("first");
    let other = with_secret(world).await.0;
    enrollee.ask("simpleenroll", shows, &scene.request(&other, "second")).refused(401);
    enrollee.ask("simpleenroll", shows, &scene.request("nobody", "second")).refused(401);
    let request = scene.request(&id, "second");
    assert_eq!(enrollee.ask("simpleenroll", shows, &request).status, 202);
    scene.decide("approve");
    scene.keep("second", &enrollee.ask("simpleenroll", shows, &request));
    let why = reasons(world, "certificate.enroll").await;
    assert_eq!(why, ["not_the_registered_method", "unknown_client"]);

    // Its key was stolen: whoever had it may have asked for what was issued, and for what waits.
    enrollee.make_key("third");
    assert_eq!(enrollee.ask("simpleenroll", shows, &scene.request(&id, "third")).status, 202);
    let first = enrollee.identity("first", "").thumbprint();
    let listed = world.command(&["pki", "requests", "--json"], "").expect_success();
    assert_eq!(listed.matches(&format!("\"asked_with\": \"{first}\"")).count(), 2, "{listed}");
    scene.revoke("first", "keyCompromise");
    let record = &world.audit("certificate.revoke").await[0];
    assert_eq!(record["detail"], "keyCompromise, with 1 that came of it");
    let ran = world.command(&["pki", "approve", &scene.waiting()], "");
    assert!(ran.code() == Some(1) && ran.complaint().contains("deny it"), "{}", ran.output());
    assert_eq!(reasons(world, "certificate.approve").await, ["certificate_revoked"]);
    scene.decide("deny");
    let next = enrollee.request_for_next("second", "third");
    enrollee.ask("simplereenroll", Shows::Certificate("second"), &next).refused(403);
}

#[tokio::test]
async fn est_what_was_denied_or_revoked_stays_so() {
    let scene = Scene::start().await;
    let enrollee = &scene.enrollee;
    let request = scene.request(&scene.id, "first");
    assert_eq!(enrollee.ask("simpleenroll", scene.secret(), &request).status, 202);
    scene.decide("deny");
    for _ in 0..2 {
        enrollee.ask("simpleenroll", scene.secret(), &request).refused(403);
    }
    // With another key it is another request.
    enrollee.make_key("second");
    let request = scene.request(&scene.id, "second");
    scene.enroll(scene.secret(), &request, "second");
    scene.revoke("second", "unspecified");
    enrollee.ask("simpleenroll", scene.secret(), &request).refused(403);
    let next = enrollee.request_for_next("second", "second");
    enrollee.ask("simplereenroll", Shows::Certificate("second"), &next).refused(403);
    // The key of one that was only superseded may have another.
    enrollee.make_key("third");
    let request = scene.request(&scene.id, "third");
    scene.enroll(scene.secret(), &request, "third");
    scene.revoke("third", "superseded");
    assert_eq!(enrollee.ask("simpleenroll", scene.secret(), &request).status, 202);
    let why = reasons(&scene.world, "certificate.enroll").await;
    assert_eq!(why, ["request_denied", "request_denied", "certificate_key_revoked"]);
}

#[tokio::test]
async fn est_with_two_eyes_the_certificate_is_issued_at_once() {
    let scene = Scene::configured("[pki]\nfour_eyes = false\n").await;
    let request = scene.request(&scene.id, "first");
    let said = scene.enrollee.ask("simpleenroll", scene.secret(), &request);
    let certificate = scene.keep("first", &said);
    let again = scene.enrollee.ask("simpleenroll", scene.secret(), &request);
    assert_eq!(scene.keep("again", &again), certificate);

    // Whoever has stolen a key may have asked for another by it, and renewed that: both end with it, unless it was but
    // replaced.
    let (enrollee, world) = (&scene.enrollee, &scene.world);
    enrollee.make_key("own");
    let id = certified_by_hand(&scene, "own").await;
    for name in ["asked", "renewed"] {
        enrollee.make_key(name);
    }
    let asked = enrollee.ask("simpleenroll", Shows::Certificate("own"), &scene.request(&id, "asked"));
    scene.keep("asked", &asked);
    let next = enrollee.request_for_next("asked", "renewed");
    scene.keep("renewed", &enrollee.ask("simplereenroll", Shows::Certificate("asked"), &next));
    let mut said = Vec::new();
    for reason in ["superseded", "keyCompromise"] {
        scene.revoke("own", reason);
        said.push(
            world.database.count("select count(*) from certificate where revoked_at is not null").await,
        );
    }
    assert_eq!(said, [1, 3]);
    enrollee.make_key("last");
    let next = enrollee.request_for_next("renewed", "last");
    enrollee.ask("simplereenroll", Shows::Certificate("renewed"), &next).refused(403);
    enrollee.ask("simpleenroll", Shows::Certificate("renewed"), &scene.request(&id, "last")).refused(401);
}

/// Registers a client that authenticates by a certificate of this PKI, and has its first one, for a key, asked for at the
/// terminal.
async fn certified_by_hand(scene: &Scene, key: &str) -> String {
    let enrollee = &scene.enrollee;
    let id = of_this_pki(&scene.world).await;
    let (file, pem) = (enrollee.text(&format!("{key}.csr")), enrollee.file(&format!("{key}.pem")));
    std::fs::write(&file, enrollee.request_in_pem(key, "/CN=whatever")).unwrap();
    scene.world.command(&["pki", "request", &id, &file], "").expect_success();
    std::fs::write(pem, scene.approve_as_administrator(&scene.waiting()).await).unwrap();
    id
}

/// Registers a client that authenticates by a certificate of this PKI.
pub async fn of_this_pki(world: &World) -> String {
    let foreign = json!({"tls_client_auth_san_uri": "https://x.example/"});
    let id = world.register(registration("tls_client_auth", foreign)).await;
    let own = format!("{}/clients/{id}", world.issuer());
    let patch = json!({"trust_community": "hilum-pki", "tls_client_auth_san_uri": own});
    let path = format!("/admin/v1/clients/{id}");
    let patched = world.administer(Method::PATCH, &path, Some(patch)).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    id
}
