//! One who holds a key and shows so with each request (RFC 9449).

use hilum::jose::algorithm::Algorithm;
use hilum::jose::base64url;
use hilum::jose::jwk::Jwk;
use hilum::jose::signing::SigningKey;
use hilum::jose::thumbprint::sha256_base64url;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::Peer;
use super::{Answer, Assertion, key, now};

/// One who makes DPoP proofs.
pub struct Prover {
    /// The key.
    pub key: SigningKey,
    /// The nonce that the server gave last.
    pub nonce: String,
}

impl Prover {
    /// One with a new key, who has asked a server for a nonce.
    pub async fn new(peer: &Peer) -> Self {
        Self::of(Algorithm::Es256, peer).await
    }

    /// One with a new key for an algorithm.
    pub async fn of(algorithm: Algorithm, peer: &Peer) -> Self {
        let mut prover = Self { key: key(algorithm), nonce: String::new() };
        let proof = prover.proof("POST", &format!("{}/oauth2/token", peer.base)).claim("nonce", Value::Null);
        let answer = peer.with("dpop", &proof.sign(&prover.key)).post("/oauth2/token", &[]).await;
        answer.refused(400, "use_dpop_nonce");
        answer.header("dpop-nonce").expect("a nonce").clone_into(&mut prover.nonce);
        prover
    }

    /// The thumbprint of the key.
    pub fn jkt(&self) -> String {
        Jwk::parse(&self.key.public_jwk("k")).expect("a key").thumbprint()
    }

    /// A right proof for a request, to be signed.
    pub fn proof(&self, method: &str, url: &str) -> Assertion {
        let mut jwk = self.key.public_jwk("k");
        for name in ["kid", "use", "alg"] {
            jwk.as_object_mut().expect("a key").remove(name);
        }
        let id: [u8; 16] = hilum::platform::entropy::Entropy::system().bytes().expect("chance");
        let header = json!({"typ": "dpop+jwt", "alg": self.key.algorithm().as_str(), "jwk": jwk});
        let claims = json!({"jti": base64url::encode(&id), "htm": method, "htu": url, "iat": now(), "nonce": self.nonce});
        Assertion {
            header: header.as_object().cloned().unwrap(),
            claims: claims.as_object().cloned().unwrap(),
        }
    }

    /// A right proof for a form that is posted to a path.
    pub fn post(&self, peer: &Peer, path: &str) -> Assertion {
        self.proof("POST", &format!("{}{path}", peer.base))
    }

    /// A peer for one token request with a proof.
    pub fn token(&self, peer: &Peer) -> Peer {
        self.at(peer, "/oauth2/token")
    }

    /// A peer for one form to a path, with a proof.
    pub fn at(&self, peer: &Peer, path: &str) -> Peer {
        peer.with("dpop", &self.post(peer, path).sign(&self.key))
    }

    /// A right proof for a request with a token.
    pub fn shown(&self, peer: &Peer, (method, path): (&Method, &str), token: &str) -> Assertion {
        let path = path.split('?').next().unwrap_or_default();
        self.proof(method.as_str(), &format!("{}{path}", peer.base))
            .claim("ath", json!(sha256_base64url(token.as_bytes())))
    }

    /// Shows a token with a proof.
    pub async fn send(&self, peer: &Peer, method: Method, path: &str, token: &str) -> Answer {
        self.send_with(peer, (method, path), token, None).await
    }

    /// Shows a token with a proof, and sends a document.
    pub async fn send_with(
        &self,
        peer: &Peer,
        (method, path): (Method, &str),
        token: &str,
        body: Option<Value>,
    ) -> Answer {
        let proof = self.shown(peer, (&method, path), token).sign(&self.key);
        show(&peer.with("dpop", &proof), method, path, token, body).await
    }

    /// Gets something with a token and a proof.
    pub async fn get(&self, peer: &Peer, path: &str, token: &str) -> Answer {
        self.send(peer, Method::GET, path, token).await
    }

    /// Gets something with a token and a proof of the test's own making.
    pub async fn get_with(&self, peer: &Peer, path: &str, token: &str, proof: &Assertion) -> Answer {
        show(&peer.with("dpop", &proof.sign(&self.key)), Method::GET, path, token, None).await
    }
}

/// Sends a request with a token in the scheme of bound tokens.
async fn show(peer: &Peer, method: Method, path: &str, token: &str, body: Option<Value>) -> Answer {
    peer.with("authorization", &format!("DPoP {token}")).send(method, path, None, body).await
}
