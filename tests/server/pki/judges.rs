//! What others think of our certificates, lists and answers: OpenSSL is the judge.

use hilum::model::authority::RevocationReason;
use reqwest::Method;
use serde_json::Value;

use super::scene::{Scene, text};

/// What a request to the responder comes to, as OpenSSL says.
pub async fn ocsp(scene: &Scene, certificate: &str, more: &[&str]) -> (bool, String) {
    let digest: Vec<&str> = more.iter().copied().filter(|option| *option != "-no_nonce").collect();
    let asked =
        [&["ocsp", "-issuer", "issuing.pem"], more, &["-cert", certificate, "-reqout", "request.der"]];
    let (fine, said) = scene.openssl(&asked.concat());
    assert!(fine, "{said}");
    let request = std::fs::read(scene.world.file("request.der")).expect("a request");
    let answer = send(scene, request).await;
    scene.write("answer.der", answer);
    // The nonce is that of the request as it was sent, which is read again; no other is made.
    let read = [
        "-cert",
        certificate,
        "-reqin",
        "request.der",
        "-no_nonce",
        "-respin",
        "answer.der",
        "-CAfile",
        "root.pem",
    ];
    scene.openssl(&[&["ocsp", "-issuer", "issuing.pem"], digest.as_slice(), &read].concat())
}

async fn send(scene: &Scene, request: Vec<u8>) -> Vec<u8> {
    let sent = scene.world.public().request(Method::POST, "/pki/ocsp");
    let answer = sent.header("content-type", "application/ocsp-request").body(request).send().await;
    let answer = answer.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (200, "application/ocsp-response")
    );
    answer.bytes().await.expect("a body").to_vec()
}

/// Writes a certificate and those above it where OpenSSL is run.
pub fn write_certificates(scene: &Scene, shown: &Value) {
    scene.write("leaf.pem", text(shown, "certificate"));
    scene.write("issuing.pem", text(shown, "chain"));
    scene.write("root.pem", text(shown, "root"));
}

/// Verifies the leaf with the lists as they are served now.
pub async fn verify(scene: &Scene) -> (bool, String) {
    let mut lists = Vec::new();
    for name in ["root", "issuing"] {
        scene.write(&format!("{name}.crl"), scene.bytes(&format!("/pki/crl/{name}.crl")).await);
        let (fine, text) = scene.openssl(&["crl", "-inform", "DER", "-in", &format!("{name}.crl")]);
        assert!(fine, "{text}");
        lists.push(text);
    }
    scene.write("lists.pem", lists.concat());
    let all = ["verify", "-x509_strict", "-purpose", "sslclient", "-crl_check_all", "-CRLfile", "lists.pem"];
    scene.openssl(&[&all[..], &["-CAfile", "root.pem", "-untrusted", "issuing.pem", "leaf.pem"]].concat())
}

fn crl_number(scene: &Scene) -> u64 {
    let (fine, said) =
        scene.openssl(&["crl", "-inform", "DER", "-in", "issuing.crl", "-noout", "-crlnumber"]);
    assert!(fine, "{said}");
    let digits = said.trim().trim_start_matches("crlNumber=").trim_start_matches("0x");
    u64::from_str_radix(digits, 16).expect("a number")
}

#[tokio::test]
async fn m06_openssl_finds_certificates_and_lists_good_until_they_are_revoked() {
    let scene = Scene::start("[pki]\ndistribution_url = \"http://pki.example\"").await;
    let client = scene.client().await;
    let (_, shown) = scene.issued(&client).await;
    write_certificates(&scene, &shown);
    let (_, said) = scene.openssl(&["x509", "-in", "leaf.pem", "-noout", "-text"]);
    for line in [
        format!("Subject: CN = {client}"),
        format!("URI:{}", scene.world.issuer_url(&format!("/clients/{client}"))),
        "URI:http://pki.example/pki/crl/issuing.crl".into(),
        "OCSP - URI:http://pki.example/pki/ocsp".into(),
        "CA:FALSE".into(),
        "TLS Web Client Authentication".into(),
        "X509v3 Key Usage: critical".into(),
        "X509v3 Authority Key Identifier".into(),
        "X509v3 Subject Key Identifier".into(),
    ] {
        assert!(said.contains(&line), "{line}: {said}");
    }
    for (file, lines) in [
        ("root.pem", ["CA:TRUE, pathlen:1", "Certificate Sign, CRL Sign", "ASN1 OID: secp384r1"]),
        ("issuing.pem", ["CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "pki/crl/root.crl"]),
    ] {
        let (_, said) = scene.openssl(&["x509", "-in", file, "-noout", "-text"]);
        for line in lines {
            assert!(said.contains(line), "{file} {line}: {said}");
        }
    }
    let (fine, said) = verify(&scene).await;
    assert!(fine, "{said}");
    let first = crl_number(&scene);
    assert!(verify(&scene).await.0);
    assert_eq!(crl_number(&scene), first, "a list that is fresh is not written again");

    let head = scene.world.public().get("/pki/crl/issuing.crl").await;
    assert_eq!(head.header("content-type"), Some("application/pkix-crl"));
    assert_eq!(head.header("cache-control"), Some("public, max-age=300"));
    for path in ["/pki/crl/other.crl", "/pki/crl/issuing", "/pki/crl/", "/pki"] {
        assert_eq!(scene.world.public().get(path).await.status, 404, "{path}");
    }

    revoked_twice(&scene, &shown, first).await;
    let (_, other) = scene.issued(&client).await;
    write_certificates(&scene, &other);
    assert!(verify(&scene).await.0, "the others stay good");
    let records = scene.world.audit("crl.publish").await;
    assert_eq!(records.len(), 4, "three of the issuing authority and one of the root: {records:?}");

    // Several at once, of which each covers what was revoked before it was asked for.
    assert_eq!(scene.revoke(&other, "unspecified").await.status, 200);
    let path = "/pki/crl/issuing.crl";
    let same = tokio::join!(scene.bytes(path), scene.bytes(path), scene.bytes(path), scene.bytes(path));
    assert!(same.0 == same.1 && same.1 == same.2 && same.2 == same.3);
    let (fine, said) = verify(&scene).await;
    assert!(!fine && said.contains("certificate revoked"), "{said}");
}

/// The reason may become the worst later (RFC 5280, 5.3.1), and then no other.
async fn revoked_twice(scene: &Scene, shown: &Value, mut number: u64) {
    let mut times = Vec::new();
    for (reason, says) in [("superseded", "Superseded"), ("keyCompromise", "Key Compromise")] {
        let revoked = scene.revoke(shown, reason).await;
        assert_eq!((revoked.status, text(&revoked.json(), "revocation_reason")), (200, reason.to_owned()));
        times.push(text(&revoked.json(), "revoked_at"));
        let (fine, said) = verify(scene).await;
        assert!(!fine && said.contains("certificate revoked"), "at once: {said}");
        assert!(crl_number(scene) > number);
        number = crl_number(scene);
        let (_, said) = scene.openssl(&["crl", "-inform", "DER", "-in", "issuing.crl", "-noout", "-text"]);
        assert!(said.contains(says) && said.matches("Revocation Date").count() == 1, "{said}");
    }
    assert_eq!(times[0], times[1], "it is revoked since the first time");
    for reason in RevocationReason::ALL {
        scene.revoke(shown, reason.as_str()).await.refused(409, "conflict");
    }
}

#[tokio::test]
async fn m06_openssl_believes_the_responder() {
    let scene = Scene::start("").await;
    let client = scene.client().await;
    let (_, shown) = scene.issued(&client).await;
    write_certificates(&scene, &shown);
    for more in [&[][..], &["-no_nonce"], &["-sha256"], &["-sha512", "-no_nonce"]] {
        let (fine, said) = ocsp(&scene, "leaf.pem", more).await;
        assert!(
            fine && said.contains("Response verify OK") && said.contains("leaf.pem: good"),
            "{more:?}: {said}"
        );
        assert!(!said.contains("no nonce"), "{said}");
    }
    let get = |escape: fn(&str) -> String| {
        let request = std::fs::read(scene.world.file("request.der")).expect("a request");
        let text = hilum::pki::pem::write("x", &request);
        let text: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        format!("/pki/ocsp/{}", escape(&text))
    };
    ocsp(&scene, "leaf.pem", &["-no_nonce"]).await;
    let escaped = get(|text| text.replace('/', "%2F").replace('+', "%2b").replace('=', "%3D"));
    for path in [escaped, get(str::to_owned)] {
        scene.write("answer.der", scene.bytes(&path).await);
        let read = ["-respin", "answer.der", "-CAfile", "root.pem", "-no_nonce"];
        let (fine, said) =
            scene.openssl(&[&["ocsp", "-issuer", "issuing.pem", "-cert", "leaf.pem"][..], &read].concat());
        assert!(fine && said.contains("leaf.pem: good"), "{path}: {said}");
        let kept = scene.world.public().get(&path).await;
        assert_eq!(kept.header("cache-control"), Some("max-age=600, public, no-transform, must-revalidate"));
    }
    assert_eq!(scene.revoke(&shown, "cessationOfOperation").await.status, 200);
    let (_, said) = ocsp(&scene, "leaf.pem", &[]).await;
    assert!(said.contains("leaf.pem: revoked") && said.contains("cessationOfOperation"), "{said}");
    let asked = ["ocsp", "-issuer", "issuing.pem", "-serial", "0x0123456789", "-reqout", "request.der"];
    assert!(scene.openssl(&asked).0);
    let request = std::fs::read(scene.world.file("request.der")).expect("a request");
    scene.write("answer.der", send(&scene, request.clone()).await);
    let (_, said) = scene.openssl(&[
        "ocsp",
        "-issuer",
        "issuing.pem",
        "-serial",
        "0x0123456789",
        "-reqin",
        "request.der",
        "-no_nonce",
        "-respin",
        "answer.der",
        "-CAfile",
        "root.pem",
    ]);
    assert!(said.contains("unknown"), "{said}");

    // An authority that is not ours, and what is no request: answers without a signature, and still 200.
    let asked = ["ocsp", "-issuer", "root.pem", "-serial", "0x01", "-reqout", "foreign.der"];
    assert!(scene.openssl(&asked).0);
    let foreign = std::fs::read(scene.world.file("foreign.der")).expect("a request");
    // It stands at the end, and may hold by chance whatever is looked for.
    let nonce_at = request.len().checked_sub(18).filter(|at| request[*at..at + 2] == [4, 16]);
    let mut no_nonce = request.clone();
    if let Some(at) = nonce_at {
        no_nonce[at + 1] = 200;
    }
    let rows = [
        (foreign, 6),
        (Vec::new(), 1),
        (b"hello".to_vec(), 1),
        (vec![0x30; 20_000], 1),
        (request[..request.len() - 1].to_vec(), 1),
        ([request.as_slice(), &[0]].concat(), 1),
        (no_nonce, 1),
    ];
    for (request, status) in rows {
        let answer = send(&scene, request.clone()).await;
        assert_eq!(answer, [0x30, 3, 0x0a, 1, status], "{request:?}");
    }
    for path in ["/pki/ocsp/", "/pki/ocsp/!!", "/pki/ocsp/AAAA"] {
        assert_eq!(scene.bytes(path).await, [0x30, 3, 0x0a, 1, 1], "{path}");
    }
    assert_eq!(scene.world.public().get("/pki/ocsp").await.status, 405);
}
