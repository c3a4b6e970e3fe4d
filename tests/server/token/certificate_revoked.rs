//! What a token was obtained with it dies with: the certificate that proved its client, though it is bound to another
//! key, and those of the tokens that it was exchanged for.

use reqwest::Method;
use serde_json::json;

use super::refresh_token::Tokens;
use super::token_exchange::{ACCESS_TOKEN, EXCHANGE, SCOPE, Scene, exchange_as};
use super::{claims, reasons};
use crate::harness::{ADMIN_SCOPES, Answer, App, FHIR, Identity, Peer, Prover, World, registration};

const PAYER: &str = "https://payer.example/";
const CLERK: &str = "https://clerk.example/";
const APP: &str = "https://app.example/";
const OFFICE: &str = "https://office.example/";
const USERINFO: &str = "/oauth2/userinfo";
const USERS: &str = "/admin/v1/users";

/// What it is, the token, and whether it dies.
type Row = (&'static str, String, bool);

/// A client that proves itself by any certificate of its name, and holds the key of its proofs.
struct Holder<'a> {
    world: &'a World,
    id: String,
    prover: Prover,
}

impl<'a> Holder<'a> {
    async fn new(world: &'a World, uri: &str) -> Self {
        let members = json!({"tls_client_auth_san_uri": uri, "introspects": [FHIR],
            "grant_types": ["client_credentials", EXCHANGE]});
        let id = world.register(registration("tls_client_auth", members)).await;
        Self { world, id, prover: Prover::new(&world.public()).await }
    }

    /// A token of its own.
    async fn token(&self, peer: &Peer) -> String {
        let form =
            [("grant_type", "client_credentials"), ("client_id", &self.id), ("scope", "system/Claim.rs")];
        peer.post("/oauth2/token", &form).await.token()
    }

    /// A token that is bound to the certificate.
    async fn bound(&self, identity: &Identity) -> String {
        self.token(&self.world.mtls(identity)).await
    }

    /// A token that is bound to its other key.
    async fn proved(&self, identity: &Identity) -> String {
        self.token(&self.prover.token(&self.world.mtls(identity))).await
    }

    /// Another's token, exchanged for one that is bound to its other key.
    async fn exchange(&self, identity: &Identity, (subject, actor): (&str, Option<&str>)) -> String {
        let mut form = vec![
            ("grant_type", EXCHANGE),
            ("client_id", self.id.as_str()),
            ("subject_token", subject),
            ("subject_token_type", ACCESS_TOKEN),
            ("resource", FHIR),
        ];
        if let Some(actor) = actor {
            form.extend([("actor_token", actor), ("actor_token_type", ACCESS_TOKEN)]);
        }
        self.prover.token(&self.world.mtls(identity)).post("/oauth2/token", &form).await.token()
    }
}

async fn revoke(world: &World, identity: &Identity, reason: &str) {
    let path = format!("/admin/v1/certificates/{}/revocation", identity.thumbprint());
    let answer = world.administer(Method::POST, &path, Some(json!({"reason": reason}))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn m05_te_02_a_token_ends_with_every_certificate_that_it_was_obtained_with() {
    let scene = Scene::start().await;
    let world = &scene.world;
    let (payer, clerk) = (Holder::new(world, PAYER).await, Holder::new(world, CLERK).await);
    let [stolen, replaced, good] = [(); 3].map(|()| world.authority.client(PAYER));
    let [lost, kept] = [(); 2].map(|()| world.authority.client(CLERK));

    let through_stolen = payer.proved(&stolen).await;
    let exchanged = exchange(&scene, &payer.prover, &through_stolen).await;
    assert_eq!(claims(&exchanged)["obtained_with"], json!([stolen.thumbprint()]));
    let subject = payer.bound(&good).await;
    let (with_lost, with_kept) = (clerk.proved(&lost).await, clerk.proved(&kept).await);
    let of_clerk = clerk.exchange(&kept, (&subject, Some(&with_lost))).await;
    let rests_on = [&kept, &good, &lost].map(Identity::thumbprint);
    assert_eq!(claims(&of_clerk)["obtained_with"], json!(rests_on));
    let rows: Vec<Row> = vec![
        ("exchanged again", exchange(&scene, &payer.prover, &exchanged).await, true),
        ("exchanged", exchanged, true),
        ("proved by what was stolen", through_stolen.clone(), true),
        ("proved by what was replaced", payer.proved(&replaced).await, false),
        ("proved by what is good", payer.proved(&good).await, false),
        ("of a bound one", exchange(&scene, &payer.prover, &payer.bound(&stolen).await).await, true),
        (
            "of one bound to the replaced",
            exchange(&scene, &payer.prover, &payer.bound(&replaced).await).await,
            false,
        ),
        ("bound to what was replaced", payer.bound(&replaced).await, true),
        ("exchanged by what was lost", clerk.exchange(&lost, (&subject, None)).await, true),
        ("with the token of what was lost", of_clerk, true),
        ("with another token", clerk.exchange(&kept, (&subject, Some(&with_kept))).await, false),
    ];
    for (what, token, _) in &rows {
        assert!(scene.is_alive(token).await, "{what}");
    }
    for (identity, reason) in [(&stolen, "keyCompromise"), (&replaced, "superseded"), (&lost, "unspecified")]
    {
        revoke(world, identity, reason).await;
    }
    for (what, token, dies) in &rows {
        assert_eq!(scene.is_alive(token).await, !dies, "{what}");
    }
    let shown = (through_stolen.as_str(), &[("resource", FHIR)][..]);
    let peer = payer.prover.token(&world.public());
    exchange_as(world, &peer, &scene.service, shown).await.refused(400, "invalid_request");
    assert_eq!(reasons(world, "token.issue").await, ["subject_token_not_alive"]);

    this_server_takes_none(world).await;
    a_grant_goes_on(&scene).await;
}

/// The service exchanges a token that it was shown for one that is bound to a key of its own.
async fn exchange(scene: &Scene, prover: &Prover, token: &str) -> String {
    let peer = prover.token(&scene.world.public());
    exchange_as(&scene.world, &peer, &scene.service, (token, &[("resource", FHIR)])).await.token()
}

/// The admin API opens to none of them.
async fn this_server_takes_none(world: &World) {
    let members = json!({"resources": [world.issuer_url("/admin")], "scope": ADMIN_SCOPES,
        "tls_client_auth_san_uri": OFFICE});
    let id = world.register(registration("tls_client_auth", members)).await;
    let office = world.authority.client(OFFICE);
    let prover = Prover::new(&world.public()).await;
    let form = [("grant_type", "client_credentials"), ("client_id", &id), ("scope", "admin/users.read")];
    let token = prover.token(&world.mtls(&office)).post("/oauth2/token", &form).await.token();
    assert_eq!(prover.get(&world.public(), USERS, &token).await.status, 200);
    revoke(world, &office, "cessationOfOperation").await;
    assert_eq!(prover.get(&world.public(), USERS, &token).await.status, 401);
}

/// A grant is worth what its client proves: with a certificate that is good it goes on, and the thief has none.
async fn a_grant_goes_on(scene: &Scene) {
    let world = &scene.world;
    let method = json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_uri": APP});
    let app = App::public(world, method).await;
    let [stolen, next] = [(); 2].map(|()| world.authority.client(APP));
    let prover = Prover::new(&world.public()).await;
    let code = app.code(&mut crate::harness::Browser::new(world), &scene.pat, SCOPE).await;
    let first = Tokens(app.redeem(&prover.token(&world.mtls(&stolen)), &code).await.granted());
    let told = async |token: &str| -> Answer { prover.get(&world.public(), USERINFO, token).await };
    assert_eq!(told(first.access()).await.json()["sub"], scene.pat.subject);
    revoke(world, &stolen, "keyCompromise").await;
    told(first.access()).await.refused(401, "invalid_token");
    app.refresh(&prover.token(&world.mtls(&stolen)), first.refresh()).await.invalid_client();
    let second = Tokens(app.refresh(&prover.token(&world.mtls(&next)), first.refresh()).await.granted());
    assert!(scene.is_alive(second.access()).await && !scene.is_alive(first.access()).await);
    assert_eq!(told(second.access()).await.json()["sub"], scene.pat.subject);
}
