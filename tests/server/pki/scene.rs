//! A world whose client PKI is set up, with two administrators.

use std::path::PathBuf;
use std::process::Command;

use hilum::pki::Certificate;
use rcgen::{CertificateParams, KeyPair};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{APPROVER_SCOPES, Answer, Identity, World, registration};

/// A world with a client PKI, and a second administrator, who approves.
pub struct Scene {
    pub world: World,
    other: (String, Identity),
}

impl Scene {
    pub async fn start(more: &str) -> Self {
        let world = World::configured(1, more, crate::harness::Database::url).await;
        world.command(&["pki", "init"], "").expect_success();
        Self::over(world)
    }

    /// A world whose client PKI was set up already.
    pub fn over(world: World) -> Self {
        let other = world.approver();
        Self { world, other }
    }

    /// The second administrator's `client_id`.
    pub fn second_id(&self) -> &str {
        &self.other.0
    }

    /// A request of the second administrator, with these scopes.
    pub async fn second_with(&self, scope: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.world.administer_as(&self.other, scope, (method, path, body)).await
    }

    /// A request of the second administrator.
    pub async fn second(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.second_with(APPROVER_SCOPES, method, path, body).await
    }

    /// A client that authenticates with a certificate of this PKI: its name there is filled in.
    pub async fn client(&self) -> String {
        let members = json!({"trust_community": "hilum-pki"});
        let registered = self.world.register_whole(registration("tls_client_auth", members)).await;
        let id = text(&registered, "client_id");
        let uri = self.world.issuer_url(&format!("/clients/{id}"));
        assert_eq!(text(&registered, "tls_client_auth_san_uri"), uri);
        id
    }

    /// Asks for a certificate; the answer is the request's path.
    pub async fn ask(&self, client: &str, csr: &str) -> String {
        let body = json!({"client_id": client, "csr": csr});
        let answer = self.world.administer(Method::POST, "/admin/v1/certificates", Some(body)).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let location = answer.header("location").expect("where it stands").to_owned();
        assert!(location.ends_with(answer.json()["id"].as_str().expect("its id")));
        location
    }

    /// A certificate that one asked for and another approved, and how it was shown.
    pub async fn issued(&self, client: &str) -> (Identity, Value) {
        let (key, csr) = request();
        let path = self.ask(client, &csr).await;
        let answer = self.second(Method::POST, &format!("{path}/approval"), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let shown = answer.json();
        (identity(&key, &shown), shown)
    }

    /// Revokes a certificate.
    pub async fn revoke(&self, shown: &Value, reason: &str) -> Answer {
        let path = format!("/admin/v1/certificates/{}/revocation", text(shown, "thumbprint"));
        self.world.administer(Method::POST, &path, Some(json!({"reason": reason}))).await
    }

    /// Asks for a token with a certificate.
    pub async fn token(&self, client: &str, identity: &Identity) -> Answer {
        let form =
            [("grant_type", "client_credentials"), ("client_id", client), ("scope", "system/Claim.rs")];
        self.world.mtls(identity).post("/oauth2/token", &form).await
    }

    /// The bytes at a path of the public listener.
    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        let response = self.world.public().request(Method::GET, path).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.expect("a body").to_vec()
    }

    /// Writes a file beside the configuration.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.world.file(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// Runs OpenSSL beside the configuration: whether it was content, and all it said.
    pub fn openssl(&self, arguments: &[&str]) -> (bool, String) {
        let folder = self.world.file("hilum.toml");
        let ran = Command::new("openssl")
            .args(arguments)
            .current_dir(folder.parent().expect("a folder"))
            .output()
            .expect("openssl, of the package openssl");
        let said = [ran.stdout, ran.stderr].concat();
        (ran.status.success(), String::from_utf8_lossy(&said).into_owned())
    }
}

/// A key and a request that is signed with it; the names in it are somebody else's.
pub fn request() -> (KeyPair, String) {
    let key = KeyPair::generate().expect("a key");
    let csr = csr(&key);
    (key, csr)
}

/// A request that is signed with a key.
pub fn csr(key: &KeyPair) -> String {
    let mut params = CertificateParams::new(vec!["root.example".to_owned()]).expect("names");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.serialize_request(key).expect("a request").pem().expect("its text")
}

/// What a client shows: its certificate, and the one above it.
pub fn identity(key: &KeyPair, shown: &Value) -> Identity {
    let certificate = format!("{}{}", text(shown, "certificate"), text(shown, "chain"));
    let der = pem_der(&text(shown, "certificate"));
    Identity { certificate, key: key.serialize_pem(), der }
}

/// The DER of a certificate in PEM.
pub fn pem_der(text: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateDer::from_pem_slice(text.as_bytes()).expect("a certificate").to_vec()
}

/// A certificate that was shown.
pub fn certificate(shown: &Value) -> Certificate {
    Certificate::parse(&pem_der(&text(shown, "certificate"))).expect("a certificate")
}

/// A text of a document.
#[track_caller]
pub fn text(document: &Value, member: &str) -> String {
    document[member].as_str().unwrap_or_else(|| panic!("no {member} in {document}")).to_owned()
}
