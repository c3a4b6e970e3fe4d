//! FAPI 2.0 Security Profile with DPoP as sender constraint and `private_key_jwt` as client authentication.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Assertion, Browser, Peer, Person, Prover, World, key, now};

const PAR: &str = "/oauth2/par";
const USERINFO: &str = "/oauth2/userinfo";
const SCOPE: &str = "openid offline_access launch/patient patient/Observation.rs";

/// A client of the suite, its user, and its key.
struct Suite {
    world: World,
    public: Peer,
    app: App,
    pat: Person,
    prover: Prover,
}

impl Suite {
    async fn start() -> Self {
        let world = World::start().await;
        let public = world.public();
        let app = App::fapi_with_proofs(&world).await;
        let (pat, prover) = (world.patient_person().await, Prover::new(&public).await);
        Self { world, public, app, pat, prover }
    }

    /// Pushes the request, with these parameters in place of its own.
    async fn push(&self, peer: &Peer, change: &[(&str, &str)]) -> Answer {
        self.app.push(peer, SCOPE, change).await
    }

    /// The code for a pushed request.
    async fn code(&self, pushed: &Answer) -> String {
        Browser::new(&self.world).authorize(&self.app.pushed_url(pushed), &self.pat).await.code()
    }

    /// A code of a request that was pushed without proof and key.
    async fn plain_code(&self) -> String {
        self.code(&self.push(&self.public, &[]).await).await
    }

    /// The access token for a code.
    async fn token(&self, code: &str) -> String {
        self.app.redeem(&self.prover.token(&self.public), code).await.token()
    }

    /// A whole flow in which every proof is changed in the same way.
    async fn flow_with(&self, change: impl Fn(Assertion) -> Assertion) {
        let at = |path: &str| {
            let proof = change(self.prover.post(&self.public, path)).sign(&self.prover.key);
            self.public.with("dpop", &proof)
        };
        let code = self.code(&self.push(&at(PAR), &[]).await).await;
        let answer = self.app.redeem(&at("/oauth2/token"), &code).await;
        assert_eq!(answer.granted()["token_type"], "DPoP");
        let token = answer.token();
        let shown = change(self.prover.shown(&self.public, (&Method::GET, USERINFO), &token));
        self.prover.get_with(&self.public, USERINFO, &token, &shown).await.granted();
    }

    /// Another key, which the client does not use otherwise.
    async fn other(&self) -> Prover {
        Prover::new(&self.public).await
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_check_dpop_proof_nbf_exp() {
    let suite = Suite::start().await;
    suite.flow_with(|proof| proof.claim("nbf", json!(now())).claim("exp", json!(now() + 300))).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_before_succeeds() {
    let suite = Suite::start().await;
    suite.flow_with(|proof| proof.claim("iat", json!(now() - 10))).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_after_succeeds() {
    let suite = Suite::start().await;
    suite.flow_with(|proof| proof.claim("iat", json!(now() + 10))).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_mismatched_dpop_jkt_fails() {
    let suite = Suite::start().await;
    let other = suite.other().await.jkt();
    let pushed = suite.push(&suite.prover.at(&suite.public, PAR), &[("dpop_jkt", &other)]).await;
    pushed.refused(400, "invalid_request");
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt() {
    let suite = Suite::start().await;
    let code = suite.code(&suite.push(&suite.prover.at(&suite.public, PAR), &[]).await).await;
    let other = suite.other().await;
    suite.app.redeem(&other.token(&suite.public), &code).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_jkt() {
    let suite = Suite::start().await;
    let other = suite.other().await.jkt();
    let code = suite.code(&suite.push(&suite.public, &[("dpop_jkt", &other)]).await).await;
    suite.app.redeem(&suite.prover.token(&suite.public), &code).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_dpopproof_at_par_endpoint_binding_success() {
    let suite = Suite::start().await;
    let code = suite.code(&suite.push(&suite.prover.at(&suite.public, PAR), &[]).await).await;
    let token = suite.token(&code).await;
    suite.prover.get(&suite.public, USERINFO, &token).await.granted();
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_dpop_auth_code_binding_success() {
    let suite = Suite::start().await;
    let jkt = suite.prover.jkt();
    for peer in [suite.public.clone(), suite.prover.at(&suite.public, PAR)] {
        let code = suite.code(&suite.push(&peer, &[("dpop_jkt", &jkt)]).await).await;
        let token = suite.token(&code).await;
        suite.prover.get(&suite.public, USERINFO, &token).await.granted();
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_dpop_negative_tests() {
    let suite = Suite::start().await;
    let token = suite.token(&suite.plain_code().await).await;
    let right = || suite.prover.shown(&suite.public, (&Method::GET, USERINFO), &token);
    let with = |name: &str, value: Value| right().claim(name, value);
    let get = |proof: Assertion| {
        let (suite, token) = (&suite, &token);
        async move { suite.prover.get_with(&suite.public, USERINFO, token, &proof).await }
    };
    get(right()).await.granted();
    let rs256 = Prover::of(Algorithm::Rs256, &suite.public).await;
    for proof in [
        with("htu", Value::Null),
        with("iat", Value::Null),
        with("ath", Value::Null),
        right().head("typ", json!("JWT")),
        right().head("jwk", key(Algorithm::Es256).public_jwk("k")),
        right().head("jwk", suite.prover.key.private_jwk("k").expect("a key")),
        with("htm", json!("PUT")),
        with("htu", json!("https://other.example/oauth2/userinfo")),
        with("iat", json!(now() + 3600)),
        with("iat", json!(now() - 3600)),
        with("ath", json!("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo")),
    ] {
        get(proof).await.refused(401, "invalid_dpop_proof");
    }
    // The signature of another token, the key of another client, and one proof twice.
    let cut = right().sign(&suite.prover.key);
    let signature = right().sign(&suite.prover.key).rsplit_once('.').expect("a signature").1.to_owned();
    let cut = format!("{}.{signature}", cut.rsplit_once('.').expect("a signature").0);
    let peer = suite.public.with("dpop", &cut).with("authorization", &format!("DPoP {token}"));
    peer.get(USERINFO).await.refused(401, "invalid_dpop_proof");
    rs256.get(&suite.public, USERINFO, &token).await.refused(401, "invalid_token");
    let once = right();
    get(once.clone()).await.granted();
    get(once).await.refused(401, "invalid_dpop_proof");
    get(with("htu", json!(format!("{}{USERINFO}?query=1#fragment", suite.public.base)))).await.granted();
    get(right()).await.granted();
}
