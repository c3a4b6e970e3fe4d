//! Tokens that are bound to the key of a proof (RFC 9449).

mod binding;
mod codes;
mod nonces;
mod proofs;
mod refresh;
mod shown;

use hilum::jose::algorithm::Algorithm;
use serde_json::{Value, json};

use crate::harness::{Answer, Assertion, Backend, Peer, Prover, World};
use crate::token::reasons;

const SCOPE: &str = "system/Claim.rs";

/// A world with a back-end and one who makes proofs.
pub struct Scene {
    pub world: World,
    pub backend: Backend,
    pub prover: Prover,
}

impl Scene {
    /// A back-end with these members over the usual ones.
    pub async fn start(members: Value) -> Self {
        let world = World::start().await;
        let backend = Backend::register(&world, Algorithm::Es256, members).await;
        let prover = Prover::new(&world.public()).await;
        Self { world, backend, prover }
    }

    /// Asks for a token with a proof, whatever it is.
    pub async fn ask(&self, proof: &Assertion) -> Answer {
        self.ask_as(&proof.sign(&self.prover.key)).await
    }

    /// Asks for a token with a text in place of a proof.
    pub async fn ask_as(&self, proof: &str) -> Answer {
        self.backend.ask(&self.world, &self.world.public().with("dpop", proof), SCOPE).await
    }

    /// A right proof for the token endpoint.
    pub fn proof(&self) -> Assertion {
        self.prover.post(&self.world.public(), "/oauth2/token")
    }
}

/// Why token requests were refused, but for want of a nonce.
pub async fn refusals(world: &World) -> Vec<String> {
    let mut reasons = reasons(world, "token.issue").await;
    reasons.retain(|reason| reason != "dpop_nonce_missing");
    reasons
}

/// A refusal of a token that is shown with a proof, or should be: with a challenge in the scheme of proofs.
#[track_caller]
pub fn challenged(answer: &Answer, error: &str) {
    answer.refused(401, error);
    let challenge = answer.header("www-authenticate").expect("a challenge");
    let begins = format!(r#"DPoP realm="hilum", error="{error}", algs=""#);
    assert!(challenge.starts_with(&begins) && challenge.contains("ES256"), "{challenge}");
}

/// A registration of a back-end with a certificate.
pub fn with_certificate(members: Value) -> Value {
    let mut all = json!({"tls_client_certificate_bound_access_tokens": true});
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    all
}

/// Asks a peer for a token with a proof for it.
pub async fn ask_at(scene: &Scene, peer: &Peer) -> Answer {
    scene.backend.ask(&scene.world, &scene.prover.token(peer), SCOPE).await
}
