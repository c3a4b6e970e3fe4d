//! Wrong requests, in one world: each is told what is wrong, and nothing comes of any.

use super::{Scene, with_secret};
use crate::harness::{App, Enrollee, Shows, openssl};
use crate::token::reasons;

const KIND: &str = "application/pkcs10";

/// What is sent.
struct Row<'a> {
    what: &'static str,
    shows: Shows<'a>,
    kind: &'static str,
    body: Vec<u8>,
    status: u16,
}

fn row<'a>(what: &'static str, shows: Shows<'a>, body: impl Into<Vec<u8>>, status: u16) -> Row<'a> {
    Row { what, shows, kind: KIND, body: body.into(), status }
}

#[tokio::test]
async fn est_every_wrong_request_is_refused_and_nothing_is_issued() {
    let scene = Scene::start().await;
    let (world, enrollee) = (&scene.world, &scene.enrollee);
    let right = scene.request(&scene.id, "first");
    let secret = scene.secret();
    // Certificates of others: one that another authority has issued, and one of nobody.
    for name in ["foreign", "own"] {
        let identity = match name {
            "foreign" => world.authority.client("https://x.example/"),
            _ => crate::harness::Identity::self_signed("x"),
        };
        std::fs::write(enrollee.file(&format!("{name}.pem")), identity.certificate).unwrap();
        std::fs::write(enrollee.file(&format!("{name}.key")), identity.key).unwrap();
    }
    let app =
        App::public(world, serde_json::json!({"tls_client_certificate_bound_access_tokens": true})).await;
    let disabled = with_secret(world).await;
    world.command(&["client", "disable", &disabled.0], "").expect_success();
    let unbound = world
        .register_whole(crate::harness::registration(
            "client_secret_basic",
            serde_json::json!({"scope": "capacity.read"}),
        ))
        .await;
    let unbound = ["client_id", "client_secret"].map(|name| unbound[name].as_str().unwrap().to_owned());

    let mut rows = vec![
        row("nothing shown", Shows::Nothing, right.clone(), 401),
        row("a wrong secret", Shows::Secret(&scene.id, "wrong"), right.clone(), 401),
        row("a public client", Shows::Secret(&app.id, ""), right.clone(), 401),
        row("nobody", Shows::Secret("nobody", "x"), right.clone(), 401),
        row("a client that was stopped", Shows::Secret(&disabled.0, &disabled.1), right.clone(), 401),
        row("a client without use for it", Shows::Secret(&unbound[0], &unbound[1]), right.clone(), 400),
        row("a certificate of another", Shows::Certificate("foreign"), right.clone(), 401),
        row("a certificate of nobody", Shows::Certificate("own"), right.clone(), 401),
        row("nothing in the body", secret, "", 400),
        row("no base64", secret, "%%%", 400),
        row("half of it", secret, right.trim()[..100].to_owned(), 400),
        row("another text", secret, "aGVsbG8=", 400),
        row("two requests", secret, format!("{}{right}", right.trim()), 400),
        row("DER", secret, std::fs::read(enrollee.file("request.der")).unwrap(), 400),
        row("PEM", secret, enrollee.request_in_pem("first", "/CN=x"), 400),
        row("a weak key", secret, weak(enrollee), 400),
        row("SHA-1", secret, sha1(enrollee), 400),
        row("somebody else's key", secret, tampered(enrollee), 400),
        row("too large", secret, "A".repeat(400_000), 413),
    ];
    for kind in ["application/json", "application/pkcs7-mime", "text/plain", ""] {
        rows.push(Row { what: "another type", shows: secret, kind, body: right.clone().into(), status: 415 });
    }
    let mut wrong = Vec::new();
    for Row { what, shows, kind, body, status } in &rows {
        let said = enrollee.send("simpleenroll", *shows, (kind, body));
        if said.status != *status {
            wrong.push(format!("{what} {kind}: {} {}", said.status, said.body));
            continue;
        }
        said.refused(*status);
    }
    // Renewal wants a certificate of this PKI.
    for (what, shows, status) in [
        ("nothing", Shows::Nothing, 401),
        ("a secret", secret, 401),
        ("a certificate of another", Shows::Certificate("foreign"), 401),
        ("a certificate of nobody", Shows::Certificate("own"), 401),
    ] {
        let said = enrollee.ask("simplereenroll", shows, &right);
        if said.status != status {
            wrong.push(format!("renewal with {what}: {} {}", said.status, said.body));
        }
    }
    for (path, method, status) in [
        ("simpleenroll", "GET", 405),
        ("simplereenroll", "PUT", 405),
        ("cacerts", "POST", 405),
        ("csrattrs", "DELETE", 405),
        ("label/cacerts", "GET", 404),
        ("label/simpleenroll", "POST", 404),
        ("fullcmc", "POST", 404),
        ("serverkeygen", "POST", 404),
    ] {
        let said = enrollee.curl(&format!("/.well-known/est/{path}"), Shows::Nothing, &["-X", method]);
        if said.status != status {
            wrong.push(format!("{method} {path}: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(world.database.count("select count(*) from certificate where origin = 'issued'").await, 0);
    assert_eq!(world.database.count("select count(*) from certificate_request").await, 0);
    let why = reasons(world, "certificate.enroll").await;
    for reason in
        ["wrong_secret", "body_not_base64", "csr_signature_wrong", "csr_key_refused", "content_type"]
    {
        assert!(why.iter().any(|known| known == reason), "{reason}: {why:?}");
    }
}

fn encoded(enrollee: &Enrollee) -> String {
    openssl(&["base64", "-in", &enrollee.text("wrong.der")])
}

/// A request for an RSA key of 1024 bits.
fn weak(enrollee: &Enrollee) -> String {
    let (key, out) = (enrollee.text("weak.key"), enrollee.text("wrong.der"));
    openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", &key]);
    openssl(&["req", "-new", "-key", &key, "-subj", "/CN=x", "-outform", "DER", "-out", &out]);
    encoded(enrollee)
}

/// A request that is signed by way of SHA-1.
fn sha1(enrollee: &Enrollee) -> String {
    let (key, out) = (enrollee.text("first.key"), enrollee.text("wrong.der"));
    openssl(&["req", "-new", "-sha1", "-key", &key, "-subj", "/CN=x", "-outform", "DER", "-out", &out]);
    encoded(enrollee)
}

/// A request in which something was changed after it was signed.
fn tampered(enrollee: &Enrollee) -> String {
    let (key, out) = (enrollee.text("first.key"), enrollee.text("wrong.der"));
    openssl(&["req", "-new", "-key", &key, "-subj", "/CN=xyz", "-outform", "DER", "-out", &out]);
    let mut der = std::fs::read(&out).unwrap();
    let at = der.windows(3).position(|three| three == b"xyz").unwrap();
    der[at] = b'a';
    std::fs::write(&out, der).unwrap();
    encoded(enrollee)
}
