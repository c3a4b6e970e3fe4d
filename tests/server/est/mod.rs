//! Enrolment over TLS (RFC 7030), by curl and openssl.

pub mod enroll;
mod rebound;
mod renew;
mod terminal;
mod wrong;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{APPROVER_SCOPES, Enrollee, Said, Shows, World, registration};

/// A world with a PKI, and a client that has a secret and may bind its tokens to a certificate.
pub struct Scene {
    pub world: World,
    pub enrollee: Enrollee,
    pub id: String,
    pub secret: String,
}

impl Scene {
    pub async fn start() -> Self {
        Self::configured("").await
    }

    pub async fn configured(more: &str) -> Self {
        Self::with(1, more).await
    }

    /// With so many processes.
    pub async fn with(count: usize, more: &str) -> Self {
        let world = World::configured(count, more, crate::harness::Database::url).await;
        world.command(&["pki", "init"], "").expect_success();
        let (id, secret) = with_secret(&world).await;
        let enrollee = Enrollee::of(&world);
        enrollee.make_key("first");
        Self { world, enrollee, id, secret }
    }

    /// What the client shows before it has a certificate.
    pub fn secret(&self) -> Shows<'_> {
        Shows::Secret(&self.id, &self.secret)
    }

    /// A request for a client, signed with a key.
    pub fn request(&self, client: &str, key: &str) -> String {
        self.enrollee.request(key, &format!("/CN={client}"), &[])
    }

    /// Sends a request, and has it approved.
    pub fn enroll(&self, shows: Shows<'_>, request: &str, name: &str) -> String {
        let said = self.enrollee.ask("simpleenroll", shows, request);
        assert_eq!(said.status, 202, "{said:?}");
        self.decide("approve");
        let said = self.enrollee.ask("simpleenroll", shows, request);
        self.keep(name, &said)
    }

    /// Keeps the certificate of an answer.
    pub fn keep(&self, name: &str, said: &Said) -> String {
        let pem = self.enrollee.keep(name, said);
        assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 1, "the certificate and nothing else: {pem}");
        pem
    }

    /// Decides the one request that waits.
    pub fn decide(&self, how: &str) {
        let id = self.waiting();
        self.world.command(&["pki", how, &id], "").expect_success();
    }

    /// Approves a request that somebody at the terminal has made; the answer is the chain in PEM.
    pub async fn approve_as_administrator(&self, request: &str) -> String {
        let path = format!("/admin/v1/certificate-requests/{request}/approval");
        let approver = self.world.approver();
        let asked = (Method::POST, path.as_str(), None);
        let approved = self.world.administer_as(&approver, APPROVER_SCOPES, asked).await;
        assert_eq!(approved.status, 200, "{}", approved.text);
        let approved = approved.json();
        ["certificate", "chain"].map(|member| approved[member].as_str().unwrap().to_owned()).concat()
    }

    /// The one request that waits.
    pub fn waiting(&self) -> String {
        let listed = self.world.command(&["pki", "requests", "--json"], "").expect_success();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let waiting: Vec<&Value> =
            listed.as_array().unwrap().iter().filter(|request| request["state"] == "pending").collect();
        assert_eq!(waiting.len(), 1, "{listed}");
        waiting[0]["id"].as_str().unwrap().to_owned()
    }

    /// The authorities in PEM.
    pub fn authorities(&self) -> String {
        self.enrollee.keep("authorities", &self.enrollee.get("/.well-known/est/cacerts"))
    }

    /// Revokes the certificate that the client keeps under a name, for a reason.
    pub fn revoke(&self, name: &str, reason: &str) {
        let thumbprint = self.enrollee.identity(name, "").thumbprint();
        self.world.command(&["pki", "revoke", &thumbprint, "--reason", reason], "").expect_success();
    }
}

/// Registers a client with a secret whose tokens are bound to a certificate.
pub async fn with_secret(world: &World) -> (String, String) {
    let members = json!({"tls_client_certificate_bound_access_tokens": true, "scope": "capacity.read"});
    let registered = world.register_whole(registration("client_secret_basic", members)).await;
    let text = |name: &str| registered[name].as_str().unwrap().to_owned();
    (text("client_id"), text("client_secret"))
}
