//! Another authority takes the place of the one that issues, while two processes serve.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::est::{Scene, enroll::of_this_pki};
use crate::harness::{Answer, App, Browser, Identity, Shows, eventually, openssl};
use crate::token::refresh_token::{SCOPE, Tokens};
use crate::token::{claims, reasons};

impl Scene {
    fn pki(&self, arguments: &[&str]) -> Value {
        let all = [&["pki"], arguments, &["--json"]].concat();
        serde_json::from_str(&self.world.command(&all, "").expect_success()).unwrap()
    }

    /// A command that must be refused, with these words.
    #[track_caller]
    fn refused(&self, arguments: &[&str], words: &str) {
        let ran = self.world.command(&[&["pki"], arguments].concat(), "");
        assert!(
            ran.code() == Some(1) && ran.complaint().contains(words),
            "{arguments:?}: {}",
            ran.complaint()
        );
    }

    /// The names and states of the authorities under the root.
    fn standings(&self) -> Vec<(String, String)> {
        let shown = self.pki(&["status"]);
        let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
        let all = shown["authorities"].as_array().unwrap().iter();
        all.map(|one| (text(one, "name"), text(one, "state"))).collect()
    }

    /// Asks every process for a token.
    async fn tokens(&self, client: &str, identity: &Identity) -> Vec<Answer> {
        let form =
            [("grant_type", "client_credentials"), ("client_id", client), ("scope", "system/Claim.rs")];
        let mut answers = Vec::new();
        for index in 0..self.world.processes.len() {
            answers.push(self.world.mtls_of(index, Some(identity)).post("/oauth2/token", &form).await);
        }
        answers
    }

    /// Keeps the bytes that a process has at a path.
    async fn fetch(&self, index: usize, path: &str, name: &str) -> String {
        let asked = self.world.public_of(index).request(Method::GET, path).send().await.unwrap();
        assert_eq!(asked.status(), 200, "{path}");
        std::fs::write(self.enrollee.file(name), asked.bytes().await.unwrap()).unwrap();
        self.enrollee.text(name)
    }

    /// The lists of these authorities as a process serves them, in PEM.
    async fn lists(&self, index: usize, names: &[&str]) -> String {
        let mut all = String::new();
        for name in names {
            let der = self.fetch(index, &format!("/pki/crl/{name}.crl"), &format!("{name}.crl")).await;
            all.push_str(&openssl(&["crl", "-inform", "DER", "-in", &der]));
        }
        std::fs::write(self.enrollee.file("lists.pem"), all).unwrap();
        self.enrollee.text("lists.pem")
    }

    /// What OpenSSL thinks of a certificate, by the list of its authority and the responder of a process.
    async fn judged(&self, index: usize, name: &str, authority: &str) -> (String, String) {
        let (leaf, root) = (self.enrollee.text(&format!("{name}.pem")), self.enrollee.text("root.pem"));
        let above = self.enrollee.text(&format!("{authority}.pem"));
        let lists = self.lists(index, &["root", authority]).await;
        let verifying =
            ["verify", "-x509_strict", "-purpose", "sslclient", "-crl_check_all", "-CRLfile", &lists];
        let verified = said(&[&verifying[..], &["-CAfile", &root, "-untrusted", &above, &leaf]].concat());

        let (request, answer) = (self.enrollee.text("asked.der"), self.enrollee.text("answered.der"));
        let asking = ["ocsp", "-issuer", &above, "-cert", &leaf];
        openssl(&[&asking[..], &["-no_nonce", "-reqout", &request]].concat());
        let asked = std::fs::read(&request).unwrap();
        let sent = self.world.public_of(index).request(Method::POST, "/pki/ocsp");
        let told = sent.header("content-type", "application/ocsp-request").body(asked).send().await.unwrap();
        std::fs::write(&answer, told.bytes().await.unwrap()).unwrap();
        let more = ["-reqin", &request, "-no_nonce", "-respin", &answer, "-CAfile", &root];
        (verified, said(&[&asking[..], &more].concat()))
    }

    /// Writes the certificates of the authorities, each into a file of its name.
    fn keep_authorities(&self) {
        let shown = self.pki(&["status"]);
        std::fs::write(self.enrollee.file("root.pem"), shown["root"].as_str().unwrap()).unwrap();
        for one in shown["authorities"].as_array().unwrap() {
            let file = self.enrollee.file(&format!("{}.pem", one["name"].as_str().unwrap()));
            std::fs::write(file, one["certificate"].as_str().unwrap()).unwrap();
        }
    }

    /// How many certificates every process gives to whoever asks whom to trust.
    async fn authorities_of_each(&self) -> Vec<usize> {
        let mut found = Vec::new();
        for index in 0..self.world.processes.len() {
            let encoded = self.fetch(index, "/.well-known/est/cacerts", "all.b64").await;
            let der = self.enrollee.text("all.der");
            openssl(&["base64", "-d", "-in", &encoded, "-out", &der]);
            let pem = openssl(&["pkcs7", "-inform", "DER", "-in", &der, "-print_certs"]);
            found.push(pem.matches("BEGIN CERTIFICATE").count());
        }
        found
    }

    fn text_of(&self, name: &str) -> String {
        openssl(&["x509", "-in", &self.enrollee.text(&format!("{name}.pem")), "-noout", "-text"])
    }
}

/// Whatever OpenSSL says, content or not.
fn said(arguments: &[&str]) -> String {
    let ran = std::process::Command::new("openssl").args(arguments).output().expect("openssl");
    String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned()
}

#[tokio::test]
async fn m06_another_authority_takes_the_place_of_the_one_that_issues_and_what_that_has_issued_stays_good() {
    let scene = Scene::with(2, "[pki]\nfour_eyes = false\n").await;
    let world = &scene.world;
    let client = of_this_pki(world).await;
    scene.certify_client(&client, "old");
    scene.certify_client(&client, "lost");
    let (pat, mut browser) = (world.patient_person().await, Browser::new(world));
    let app = App::public(world, json!({"tls_client_certificate_bound_access_tokens": true})).await;
    let first = scene.certify(&app, "first");
    let code = app.code(&mut browser, &pat, SCOPE).await;
    let bound = Tokens(app.redeem(&first, &code).await.granted());
    assert_eq!(scene.authorities_of_each().await, [2, 2]);

    // Of two operators at once one has it done, and who comes after is told.
    scene.refused(&["rollover", "--replace", "issuing-2"], "issuing: issues certificates");
    let one = || world.command(&["pki", "rollover"], "");
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(one);
        (one(), other.join().unwrap())
    });
    let (done, refused) = if one.code() == Some(0) { (one, other) } else { (other, one) };
    assert!(done.expect_success().contains("issuing-2 issues certificates from now on"));
    assert!(
        refused.code() == Some(1) && refused.complaint().contains("another rollover"),
        "{}",
        refused.complaint()
    );
    scene.refused(&["rollover"], "hilum pki rollover --replace issuing-2");
    scene.refused(&["rollover", "--replace", "issuing"], "issuing-2: issues certificates");
    scene.refused(&["rollover", "--replace", "another"], "hilum pki status");
    let issuing = |name: &str, state: &str| (name.to_owned(), state.to_owned());
    assert_eq!(scene.standings(), [issuing("issuing-2", "issuing"), issuing("issuing", "retired")]);
    let told = world.command(&["pki", "status"], "").expect_success();
    assert!(
        told.contains("run `hilum pki rollover` before 20") && told.contains("their holders renew"),
        "{told}"
    );
    let granted = world.audit("pki.rollover").await;
    let granted: Vec<_> = granted.iter().filter(|record| record["outcome"] == "granted").collect();
    assert!(granted.len() == 1 && granted[0]["target"] == "issuing-2", "{granted:?}");

    // Every process knows the new one at once, and the certificates of both are good.
    scene.keep_authorities();
    scene.certify_client(&client, "new");
    assert!(scene.text_of("new").contains("Client issuing authority 2"));
    assert!(scene.text_of("new").contains("/pki/crl/issuing-2.crl"));
    assert!(scene.text_of("old").contains("/pki/crl/issuing.crl"));
    assert_eq!(scene.authorities_of_each().await, [3, 3]);
    let (old, new) = (scene.enrollee.identity("old", ""), scene.enrollee.identity("new", ""));
    // Whoever has renewed may still show the authority before.
    let stale = std::fs::read_to_string(scene.enrollee.file("issuing.pem")).unwrap();
    let (leaf, _) = new.certificate.split_once("-----END CERTIFICATE-----").unwrap();
    let stale = Identity { certificate: format!("{leaf}-----END CERTIFICATE-----\n{stale}"), ..new.clone() };
    for identity in [&old, &new, &stale] {
        for answer in scene.tokens(&client, identity).await {
            answer.granted();
        }
    }
    for (name, authority) in [("old", "issuing"), ("new", "issuing-2")] {
        for index in 0..2 {
            let (verified, answered) = scene.judged(index, name, authority).await;
            assert!(verified.contains(&format!("{name}.pem: OK")), "{verified}");
            assert!(answered.contains("Response verify OK") && answered.contains(": good"), "{answered}");
        }
    }

    // A renewal is by the new one, and the bound grant goes on.
    let second = scene.renew("first", "second");
    assert!(scene.text_of("second").contains("Client issuing authority 2"));
    let bound = Tokens(app.refresh(&second, bound.refresh()).await.granted());
    assert_eq!(claims(bound.access())["cnf"]["x5t#S256"], scene.thumbprint("second"));

    // What the old one has issued is revoked in its own list, and told by itself.
    scene.revoke("lost", "keyCompromise");
    for index in 0..2 {
        let (verified, answered) = scene.judged(index, "lost", "issuing").await;
        assert!(verified.contains("certificate revoked"), "{verified}");
        assert!(answered.contains("Response verify OK") && answered.contains(": revoked"), "{answered}");
    }
    assert!(scene.judged(1, "new", "issuing-2").await.0.contains("new.pem: OK"));
    let counted = "select revocations from authority where name = 'issuing-2'";
    assert_eq!(world.database.count(counted).await, 0);

    known_to_somebody(&scene, &client, (&old, &new)).await;
    app.refresh(&second, bound.refresh()).await.granted();
    near_its_end(&scene, &client).await;
}

/// The key of the old authority is known to somebody: what it has issued is dead at once.
async fn known_to_somebody(scene: &Scene, client: &str, (old, new): (&Identity, &Identity)) {
    let compromised = |name| ["revoke-authority", name, "--reason", "keyCompromise"];
    scene.refused(&compromised("root"), "nothing stands above the root");
    scene.refused(&compromised("issuing-2"), "hilum pki rollover --replace issuing-2");
    scene.refused(&compromised("issuing-3"), "nothing of that name");
    scene.refused(&["revoke-authority", "issuing", "--reason", "bored"], "keyCompromise");
    // It has issued more than are marked in one transaction.
    let many = "insert into certificate (thumbprint, client_id, der, subject, issuer, serial,
                                         not_before, not_after, origin, first_seen_at)
                select lpad(i::text, 43, '0'), 'another', der, subject, issuer, '10' || lpad(to_hex(i), 4, '0'),
                       not_before, not_after, origin, first_seen_at
                  from certificate, generate_series(1, 1500) i where thumbprint = ";
    scene.world.database.execute(&format!("{many} '{}'", scene.thumbprint("old"))).await;
    let shown = scene.pki(&compromised("issuing"));
    assert_eq!(shown["certificates_revoked"], 1502, "of three one was revoked before: {shown}");
    scene.refused(&compromised("issuing"), "revoked already");
    assert_eq!(scene.authorities_of_each().await, [2, 2]);
    for answer in scene.tokens(client, old).await {
        answer.invalid_client();
    }
    for answer in scene.tokens(client, new).await {
        answer.granted();
    }
    scene.enrollee.make_key("next");
    let request = scene.enrollee.request_for_next("old", "next");
    scene.enrollee.ask("simplereenroll", Shows::Certificate("old"), &request).refused(403);
    assert_eq!(reasons(&scene.world, "certificate.renew").await, ["certificate_revoked"]);
    let (verified, answered) = scene.judged(1, "old", "issuing").await;
    assert!(
        verified.contains("certificate revoked") && answered.contains(": revoked"),
        "{verified} {answered}"
    );
    let list =
        openssl(&["crl", "-inform", "DER", "-in", &scene.enrollee.text("root.crl"), "-noout", "-text"]);
    assert!(list.contains("CA Compromise"), "{list}");
    assert!(scene.judged(0, "new", "issuing-2").await.0.contains("new.pem: OK"));
    let mut records = scene.world.audit("pki.revoke_authority").await;
    // Each command has a clock of its own: only what one has done stands in its order.
    records.retain(|record| record["outcome"] == "granted");
    assert_eq!(records[0]["detail"], "502 more certificates", "{records:?}");
    assert_eq!(records[1]["detail"], "keyCompromise, with 1000 certificates", "{records:?}");
    stopped_in_the_middle(scene, client, old).await;
}

/// Whoever revoked an authority was stopped: what is not marked yet opens nothing either, and the command goes on.
async fn stopped_in_the_middle(scene: &Scene, client: &str, old: &Identity) {
    let unmarked = format!(
        "update certificate set revoked_at = null, revocation_reason = null where thumbprint = '{}'",
        scene.thumbprint("old")
    );
    scene.world.database.execute(&unmarked).await;
    for answer in scene.tokens(client, old).await {
        answer.invalid_client();
    }
    let request = scene.enrollee.request_for_next("old", "next");
    scene.enrollee.ask("simplereenroll", Shows::Certificate("old"), &request).refused(403);
    assert!(scene.judged(0, "old", "issuing").await.1.contains(": revoked"));
    let again = ["revoke-authority", "issuing", "--reason", "keyCompromise"];
    assert_eq!(scene.pki(&again)["certificates_revoked"], 1);
    let marked = format!(
        "select count(*) from certificate where thumbprint = '{}' and revocation_reason = 'cACompromise'",
        scene.thumbprint("old")
    );
    assert_eq!(scene.world.database.count(&marked).await, 1);
    scene.refused(&again, "revoked already");
}

/// The authority is near its end: that is told in time, its certificates end with it, and another takes its place.
async fn near_its_end(scene: &Scene, client: &str) {
    let world = &scene.world;
    let near =
        "update authority set not_after = now() + interval '65 days', created_at = now() - interval '4 years'
                 where name = 'issuing-2'";
    world.database.execute(near).await;
    scene.certify_client(client, "cut");
    let beyond = openssl(&["x509", "-in", &scene.enrollee.text("new.pem"), "-noout", "-enddate"]);
    let cut = openssl(&["x509", "-in", &scene.enrollee.text("cut.pem"), "-noout", "-enddate"]);
    assert_ne!(beyond, cut);
    let days = "select ceil(extract(epoch from max(c.not_after) - min(a.not_after)))::bigint from certificate c, authority a
                 where a.name = 'issuing-2' and c.thumbprint = ";
    let days = format!("{days} '{}'", scene.thumbprint("cut"));
    assert_eq!(world.database.count(&days).await, 0, "no certificate outlasts its authority");
    let shown = scene.pki(&["status"]);
    let first = shown["authorities"][0]["to_do"].as_str().unwrap();
    assert!(first.starts_with("run `hilum pki rollover` now"), "{shown}");
    let told = async || {
        let answer = world.administer(Method::GET, "/admin/v1/alerts?limit=200", None).await;
        let alerts = answer.json()["items"].as_array().unwrap().clone();
        let is_ours = |alert: &&Value| alert["detail"].as_str().unwrap().contains("hilum pki rollover");
        alerts.iter().find(is_ours).map(|alert| alert["kind"].as_str().unwrap().to_owned())
    };
    let kind = eventually("the end is told", Duration::from_secs(30), told).await;
    assert_eq!(kind, "certificate_expires");
    scene.pki(&["rollover"]);
    let third = &scene.standings()[0];
    assert_eq!((third.0.as_str(), third.1.as_str()), ("issuing-3", "issuing"));
    scene.certify_client(client, "last");
    for answer in scene.tokens(client, &scene.enrollee.identity("last", "")).await {
        answer.granted();
    }
}
