//! Refresh tokens of an app without a secret go on with the certificate that renews the one they are bound to.

use serde_json::json;

use super::Scene;
use crate::harness::{App, Browser, Peer, Shows};
use crate::token::refresh_token::{SCOPE, Tokens};
use crate::token::{claims, reasons};

impl Scene {
    /// A certificate for an app that cannot ask by itself: somebody asks for it.
    pub fn certify(&self, app: &App, name: &str) -> Peer {
        self.certify_client(&app.id, name);
        self.held(name)
    }

    /// A certificate for a client, with the authority above it.
    pub fn certify_client(&self, id: &str, name: &str) {
        self.enrollee.make_key(name);
        let csr = self.enrollee.request_in_pem(name, "/CN=x");
        std::fs::write(self.enrollee.file("request.csr"), csr).unwrap();
        let file = self.enrollee.text("request.csr");
        self.world.command(&["pki", "request", id, &file], "").expect_success();
        let pem = self.world.command(&["pki", "approve", &self.waiting()], "").expect_success();
        std::fs::write(self.enrollee.file(&format!("{name}.pem")), pem).unwrap();
    }

    /// Renews a certificate with another key.
    pub fn renew(&self, old: &str, name: &str) -> Peer {
        self.enrollee.make_key(name);
        let request = self.enrollee.request_for_next(old, name);
        self.keep(name, &self.enrollee.ask("simplereenroll", Shows::Certificate(old), &request));
        self.held(name)
    }

    pub fn held(&self, name: &str) -> Peer {
        self.world.mtls(&self.enrollee.identity(name, &self.authorities()))
    }

    pub fn thumbprint(&self, name: &str) -> String {
        self.enrollee.identity(name, "").thumbprint()
    }
}

#[tokio::test]
async fn m10_mt_07_a_bound_grant_goes_on_with_the_certificate_that_renews_its_own_and_with_no_other() {
    let scene = Scene::configured("[pki]\nfour_eyes = false\n").await;
    let world = &scene.world;
    let (pat, mut browser) = (world.patient_person().await, Browser::new(world));
    let bound = json!({"tls_client_certificate_bound_access_tokens": true});
    let app = App::public(world, bound.clone()).await;
    let neighbour = App::public(world, bound).await;

    let first = scene.certify(&app, "first");
    let code = app.code(&mut browser, &pat, SCOPE).await;
    let tokens = Tokens(app.redeem(&first, &code).await.granted());
    let tokens = Tokens(app.refresh(&first, tokens.refresh()).await.granted());
    let second = scene.renew("first", "second");
    let third = scene.renew("second", "third");
    let fork = scene.renew("first", "fork");
    let foreign = world.mtls(&world.authority.client("https://a.example/"));
    // Another certificate of the same app, which renews nothing, and that of another app.
    let others = [scene.certify(&app, "another"), scene.certify(&neighbour, "neighbour"), foreign];
    for peer in &others {
        app.refresh(peer, tokens.refresh()).await.refused(400, "invalid_grant");
    }
    app.refresh(&world.public(), tokens.refresh()).await.refused(400, "invalid_grant");

    // The grandchild takes its place, and the answer may be lost.
    let next = Tokens(app.refresh(&third, tokens.refresh()).await.granted());
    assert_eq!(claims(next.access())["cnf"]["x5t#S256"], scene.thumbprint("third"));
    let again = Tokens(app.refresh(&third, tokens.refresh()).await.granted());
    assert_eq!(again.refresh(), next.refresh());
    // Those before it are no longer its key, and what else renews them is not either.
    for peer in others.iter().chain([&first, &second, &fork]) {
        app.refresh(peer, next.refresh()).await.refused(400, "invalid_grant");
    }
    let of_another = "refresh_token_of_another_sender";
    assert_eq!(reasons(world, "token.issue").await.iter().filter(|why| *why == of_another).count(), 10);
    let next = Tokens(app.refresh(&third, next.refresh()).await.granted());

    // What was revoked since another took its place was in nobody else's hands: the grant goes on.
    scene.renew("third", "fourth");
    let fifth = scene.renew("fourth", "fifth");
    for replaced in ["third", "fourth"] {
        scene.revoke(replaced, "superseded");
    }
    let next = Tokens(app.refresh(&fifth, next.refresh()).await.granted());
    // Any other leads nowhere: whoever had that key could have made the rest.
    let sixth = scene.renew("fifth", "sixth");
    scene.revoke("fifth", "keyCompromise");
    app.refresh(&sixth, next.refresh()).await.invalid_client();

    // Whoever may go on with a grant may end it.
    let code = app.code(&mut browser, &pat, SCOPE).await;
    let tokens = Tokens(app.redeem(&first, &code).await.granted());
    for (peer, is_ended) in [(&others[0], false), (&second, true)] {
        assert_eq!(app.ask(peer, "/oauth2/revoke", &[("token", tokens.refresh())]).await.status, 200);
        let record = &world.audit("token.revoke").await[0];
        assert_eq!(record["outcome"] == "granted", is_ended, "{record}");
    }
    app.refresh(&first, tokens.refresh()).await.refused(400, "invalid_grant");
}
