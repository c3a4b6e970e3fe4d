//! A back-end that signs assertions.

use hilum::jose::algorithm::Algorithm;
use hilum::jose::signing::SigningKey;
use serde_json::{Value, json};

use super::world::Peer;
use super::{Answer, Assertion, World, key, registration};

/// A back-end registered for `private_key_jwt`.
pub struct Backend {
    /// Its `client_id`.
    pub id: String,
    /// Its key.
    pub key: SigningKey,
    /// The name of its key.
    pub kid: &'static str,
}

pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Backend {
    /// Registers a back-end with a new key and these members over the usual ones.
    pub async fn register(world: &World, algorithm: Algorithm, members: Value) -> Self {
        let key = key(algorithm);
        let mut all = json!({"jwks": {"keys": [key.public_jwk("k1")]}});
        for (name, value) in members.as_object().expect("an object") {
            all[name] = value.clone();
        }
        let id = world.register(registration("private_key_jwt", all)).await;
        Self { id, key, kid: "k1" }
    }

    /// A right assertion for the token endpoint.
    pub fn assertion(&self, world: &World) -> Assertion {
        Assertion::of(&self.id, &world.issuer_url("/oauth2/token"), &self.key, self.kid)
    }

    /// The form of a token request with an assertion.
    pub fn form<'a>(assertion: &'a str, scope: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "client_credentials"),
            ("scope", scope),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
        ]
    }

    /// Asks for a token as it should.
    pub async fn ask(&self, world: &World, peer: &Peer, scope: &str) -> Answer {
        let assertion = self.assertion(world).sign(&self.key);
        peer.post("/oauth2/token", &Self::form(&assertion, scope)).await
    }

    /// Introspects a token.
    pub async fn introspect(&self, world: &World, peer: &Peer, token: &str) -> Answer {
        let assertion = self.assertion(world).sign(&self.key);
        let form =
            [("token", token), ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)];
        peer.post("/oauth2/introspect", &form).await
    }

    /// Revokes a token.
    pub async fn revoke(&self, world: &World, peer: &Peer, token: &str) -> Answer {
        let assertion = self.assertion(world).sign(&self.key);
        let form =
            [("token", token), ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)];
        peer.post("/oauth2/revoke", &form).await
    }
}
