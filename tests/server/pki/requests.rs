//! What is asked for must make sense.

use reqwest::Method;
use serde_json::{Value, json};

use super::scene::{Scene, csr, request, text};
use crate::harness::{key, registration};

/// Requests that OpenSSL makes, and why they are refused.
const REFUSED: [(&str, &[&str], &str); 5] = [
    ("a short RSA key", &["-newkey", "rsa:1024", "-sha256"], "csr_key_refused"),
    ("another curve", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp521r1"], "csr_key_refused"),
    (
        "a curve of the chain",
        &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
        "csr_key_refused",
    ),
    ("SHA-1", &["-newkey", "rsa:2048", "-sha1"], "csr_algorithm_refused"),
    ("Ed448", &["-newkey", "ed448"], "csr_key_refused"),
];

/// Requests that OpenSSL makes, and that are accepted.
const ACCEPTED: [(&str, &[&str]); 5] = [
    ("RSA", &["-newkey", "rsa:2048", "-sha256"]),
    ("RSA over SHA-512", &["-newkey", "rsa:3072", "-sha512"]),
    ("P-256 over SHA-384", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha384"]),
    ("P-384", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"]),
    ("Ed25519", &["-newkey", "ed25519"]),
];

fn made(scene: &Scene, how: &[&str]) -> String {
    let fixed =
        ["req", "-new", "-nodes", "-subj", "/CN=somebody else", "-keyout", "made.key", "-out", "made.csr"];
    let (fine, said) = scene.openssl(&[&fixed, how].concat());
    assert!(fine, "{how:?}: {said}");
    std::fs::read_to_string(scene.world.file("made.csr")).expect("a request")
}

#[tokio::test]
async fn m06_a_request_whose_key_or_signature_does_not_hold_is_refused_and_nothing_is_kept() {
    let scene = Scene::start("").await;
    let client = scene.client().await;
    let mut expected = Vec::new();
    let (_, good) = request();
    let mut forged = rustls_pem(&good);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let mut other = rustls_pem(&good);
    let at = other.windows(12).position(|window| window == b"root.example").expect("the name");
    other[at] = b'b';
    let rows: Vec<(&str, String, &str)> = REFUSED
        .iter()
        .map(|(name, how, reason)| (*name, made(&scene, how), *reason))
        .chain([
            ("another signature", pem(&forged), "csr_signature_wrong"),
            ("changed names", pem(&other), "csr_signature_wrong"),
            ("no request", "hello".to_owned(), "csr_malformed"),
            ("two requests", format!("{good}{good}"), "csr_malformed"),
            ("a certificate", scene.world.admin.certificate.clone(), "csr_malformed"),
            ("something after it", pem(&[rustls_pem(&good), vec![0]].concat()), "csr_malformed"),
            ("too large", "x".repeat(20_000), "csr_too_large"),
        ])
        .collect();
    for (name, csr, reason) in &rows {
        let body = json!({"client_id": client, "csr": csr});
        let answer = scene.world.administer(Method::POST, "/admin/v1/certificates", Some(body)).await;
        answer.refused(400, "invalid_request");
        assert_eq!(answer.json()["errors"][0]["field"], "csr", "{name}");
        expected.push((*reason).to_owned());
    }
    let records = scene.world.audit("certificate.request").await;
    let found: Vec<String> = records.iter().rev().map(|record| text(record, "reason")).collect();
    assert_eq!(found, expected);

    for (name, how) in ACCEPTED {
        let path = scene.ask(&client, &made(&scene, how)).await;
        let approved = scene.second(Method::POST, &format!("{path}/approval"), None).await;
        assert_eq!(approved.status, 200, "{name}: {}", approved.text);
        scene.write("issued.pem", text(&approved.json(), "certificate"));
        let (_, certified) = scene.openssl(&["x509", "-in", "issued.pem", "-noout", "-pubkey"]);
        let (_, asked) = scene.openssl(&["req", "-in", "made.csr", "-noout", "-pubkey"]);
        assert_eq!(certified, asked, "{name}");
    }
    let older = good.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
    scene.ask(&client, &older).await;
    for _ in 1..5 {
        scene.ask(&client, &request().1).await;
    }
    let body = json!({"client_id": client, "csr": request().1});
    let sixth = scene.world.administer(Method::POST, "/admin/v1/certificates", Some(body)).await;
    sixth.refused(409, "conflict");
}

#[tokio::test]
async fn m06_a_client_that_could_not_use_it_is_told_what_to_change() {
    let scene = Scene::start("").await;
    let world = &scene.world;
    let es256 = key(hilum::jose::algorithm::Algorithm::Es256);
    let keys = json!({"keys": [es256.public_jwk("k")]});
    let named = json!({"tls_client_auth_san_uri": "https://payer.example/"});
    let bound = json!({"jwks": keys, "tls_client_certificate_bound_access_tokens": true});
    let rows: [(&str, Value, &[&str]); 3] = [
        ("tls_client_auth", named, &["tls_client_auth_san_uri", "trust_community"]),
        ("private_key_jwt", json!({"jwks": keys}), &["tls_client_certificate_bound_access_tokens"]),
        ("private_key_jwt", bound, &[]),
    ];
    for (method, members, wrong) in rows {
        let id = world.register(registration(method, members)).await;
        let body = json!({"client_id": id, "csr": request().1});
        let answer = world.administer(Method::POST, "/admin/v1/certificates", Some(body)).await;
        let fields: Vec<String> = answer.json()["errors"]
            .as_array()
            .map(|errors| errors.iter().map(|error| text(error, "field")).collect())
            .unwrap_or_default();
        assert_eq!(
            (answer.status, fields),
            (if wrong.is_empty() { 202 } else { 400 }, wrong.iter().map(ToString::to_string).collect()),
            "{method}: {}",
            answer.text
        );
    }
    let key = rcgen::KeyPair::generate().unwrap();
    for (body, status) in [
        (json!({"client_id": "nobody", "csr": csr(&key)}), 404),
        (json!({"client_id": "nobody"}), 400),
        (json!({"csr": csr(&key)}), 400),
        (json!({"client_id": "nobody", "csr": 1}), 400),
        (json!({"client_id": "nobody", "csr": csr(&key), "days": 900}), 400),
    ] {
        let answer = world.administer(Method::POST, "/admin/v1/certificates", Some(body.clone())).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
    }
    for (path, body, status) in [
        ("/admin/v1/certificates/nonsense/revocation".to_owned(), json!({}), 404),
        (format!("/admin/v1/certificates/{}/revocation", "A".repeat(43)), json!({}), 404),
        (
            format!("/admin/v1/certificates/{}/revocation", "A".repeat(43)),
            json!({"reason": "certificateHold"}),
            400,
        ),
        ("/admin/v1/certificate-requests/nonsense/approval".to_owned(), json!({}), 404),
        (format!("/admin/v1/certificate-requests/{}/approval", uuid::Uuid::nil()), json!({}), 404),
        (format!("/admin/v1/certificate-requests/{}/denial", uuid::Uuid::nil()), json!({}), 404),
    ] {
        let answer = world.administer(Method::POST, &path, Some(body)).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
    }
}

fn rustls_pem(text: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateSigningRequestDer::from_pem_slice(text.as_bytes())
        .expect("a request")
        .to_vec()
}

fn pem(der: &[u8]) -> String {
    hilum::pki::pem::write(hilum::pki::pem::REQUEST, der)
}
