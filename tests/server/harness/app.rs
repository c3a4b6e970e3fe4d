//! An app of a person: it sends a browser to the server, and redeems what it brings back.

use hilum::jose::algorithm::Algorithm;
use hilum::jose::base64url;
use hilum::jose::signing::SigningKey;
use hilum::jose::thumbprint::sha256_base64url;
use hilum::platform::entropy::Entropy;
use serde_json::{Value, json};

use super::assertion::now;
use super::world::Peer;
use super::{ASSERTION_TYPE, Answer, Assertion, Browser, FHIR, Person, World, key};

/// How an app proves who it is.
pub enum Credential {
    /// Not at all.
    None,
    /// By a secret, with HTTP Basic.
    Secret(String),
    /// By an assertion under its key.
    Key(Box<SigningKey>),
    /// By the certificate of the connection.
    Certificate,
}

/// An app.
pub struct App {
    /// Its `client_id`.
    pub id: String,
    /// Where its answers go.
    pub callback: String,
    /// What it proves who it is by.
    pub credential: Credential,
    /// The secret behind its code challenge.
    pub verifier: String,
    /// What it gets back with each answer.
    pub state: String,
    token_endpoint: String,
}

/// The callback of every app that does not say otherwise.
const CALLBACK: &str = "https://app.example/cb";

/// The scopes that every app is registered for that does not say otherwise.
const SCOPE: &str =
    "openid profile fhirUser offline_access online_access launch/patient patient/*.cruds user/*.cruds";

impl App {
    /// Registers a public app, with these members over the usual ones.
    pub async fn public(world: &World, members: Value) -> Self {
        Self::register(world, "none", Credential::None, members).await
    }

    /// Registers an app with a secret.
    pub async fn secret(world: &World, members: Value) -> Self {
        Self::register(world, "client_secret_basic", Credential::Secret(String::new()), members).await
    }

    /// Registers an app with a key.
    pub async fn asymmetric(world: &World, members: Value) -> Self {
        Self::keyed(world, Algorithm::Es384, members).await
    }

    /// Registers an app of FAPI 2.0 whose tokens are bound to its certificate.
    pub async fn fapi(world: &World, members: Value) -> Self {
        let mut all = json!({"profile": "fapi2", "tls_client_certificate_bound_access_tokens": true});
        for (name, value) in members.as_object().expect("an object") {
            all[name] = value.clone();
        }
        let mut app = Self::keyed(world, Algorithm::Es256, all).await;
        world.issuer().clone_into(&mut app.token_endpoint);
        app
    }

    /// Registers an app with a key of its own choice.
    pub async fn keyed(world: &World, algorithm: Algorithm, members: Value) -> Self {
        let key = key(algorithm);
        let mut all = json!({"jwks": {"keys": [key.public_jwk("k1")]}});
        for (name, value) in members.as_object().expect("an object") {
            all[name] = value.clone();
        }
        Self::register(world, "private_key_jwt", Credential::Key(Box::new(key)), all).await
    }

    /// Registers an app of FAPI 2.0 whose tokens are bound to the key of its proofs.
    pub async fn fapi_with_proofs(world: &World) -> Self {
        let members =
            json!({"tls_client_certificate_bound_access_tokens": false, "dpop_bound_access_tokens": true});
        Self::fapi(world, members).await
    }

    /// Registers an app of FAPI 2.0 that authenticates by a certificate with this URI.
    pub async fn fapi_by_certificate(world: &World, uri: &str, members: Value) -> Self {
        let mut all = json!({"profile": "fapi2", "tls_client_auth_san_uri": uri});
        for (name, value) in members.as_object().expect("an object") {
            all[name] = value.clone();
        }
        Self::register(world, "tls_client_auth", Credential::Certificate, all).await
    }

    /// A public app that is registered already, at a server of this issuer.
    pub fn known(id: &str, callback: &str, issuer: &str) -> Self {
        Self {
            id: id.to_owned(),
            callback: callback.to_owned(),
            credential: Credential::None,
            verifier: random(),
            state: random(),
            token_endpoint: format!("{issuer}/oauth2/token"),
        }
    }

    async fn register(world: &World, method: &str, mut credential: Credential, members: Value) -> Self {
        let mut document = json!({
            "client_name": "Growth Chart", "organization": "Chart Makers", "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"], "resources": [FHIR], "scope": SCOPE,
            "token_endpoint_auth_method": method,
        });
        for (name, value) in members.as_object().expect("an object") {
            document[name] = value.clone();
        }
        let callback = document["redirect_uris"][0].as_str().unwrap_or(CALLBACK).to_owned();
        let registered = world.register_whole(document).await;
        if let (Credential::Secret(secret), Some(made)) =
            (&mut credential, registered["client_secret"].as_str())
        {
            made.clone_into(secret);
        }
        Self {
            id: registered["client_id"].as_str().expect("its identifier").to_owned(),
            callback,
            credential,
            verifier: random(),
            state: random(),
            token_endpoint: world.issuer_url("/oauth2/token"),
        }
    }

    /// The parameters of a right authorization request.
    pub fn request(&self, scope: &str) -> Vec<(String, String)> {
        let challenge = sha256_base64url(self.verifier.as_bytes());
        let pairs = [
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", &self.callback),
            ("scope", scope),
            ("state", &self.state),
            ("aud", FHIR),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// The address of an authorization request with these parameters in place of its own; an empty value
    /// takes one away, and what stands twice here stands twice there.
    pub fn authorize_with(&self, scope: &str, change: &[(&str, &str)]) -> String {
        format!("/oauth2/authorize?{}", query(&self.changed(scope, change)))
    }

    /// The parameters of an authorization request with these in place of its own.
    pub fn changed(&self, scope: &str, change: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all = self.request(scope);
        all.retain(|(name, _)| change.iter().all(|(other, _)| other != name));
        let added = change.iter().filter(|(_, value)| !value.is_empty());
        all.extend(added.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        all
    }

    /// The address of a right authorization request.
    pub fn authorize_url(&self, scope: &str) -> String {
        self.authorize_with(scope, &[])
    }

    /// Sends a browser on its way, in which a person signs in and agrees as far as is asked; the answer is
    /// the code.
    pub async fn code(&self, browser: &mut Browser, person: &Person, scope: &str) -> String {
        browser.authorize(&self.authorize_url(scope), person).await.code()
    }

    /// Redeems a code as it should.
    pub async fn redeem(&self, peer: &Peer, code: &str) -> Answer {
        self.redeem_with(peer, code, &self.verifier).await
    }

    /// Redeems a code with another verifier.
    pub async fn redeem_with(&self, peer: &Peer, code: &str, verifier: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.callback),
            ("code_verifier", verifier),
        ];
        self.ask(peer, "/oauth2/token", &form).await
    }

    /// Uses a refresh token.
    pub async fn refresh(&self, peer: &Peer, token: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.ask(peer, "/oauth2/token", &form).await
    }

    /// Pushes an authorization request with these parameters in place of its own.
    pub async fn push(&self, peer: &Peer, scope: &str, change: &[(&str, &str)]) -> Answer {
        let mut pairs = self.changed(scope, change);
        // Its name travels with its credentials.
        pairs.retain(|(name, _)| name != "client_id");
        let form: Vec<(&str, &str)> =
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.ask(peer, "/oauth2/par", &form).await
    }

    /// The address at which a pushed request begins.
    pub fn pushed_url(&self, pushed: &Answer) -> String {
        assert_eq!(pushed.status, 201, "{}", pushed.text);
        let uri = pushed.json()["request_uri"].as_str().expect("a request_uri").to_owned();
        let pairs = [("client_id".to_owned(), self.id.clone()), ("request_uri".to_owned(), uri)];
        format!("/oauth2/authorize?{}", query(&pairs))
    }

    /// An authorization request as a request object that is not signed yet, with these parameters in place of its
    /// own.
    pub fn request_object(&self, world: &World, scope: &str, change: &[(&str, &str)]) -> Assertion {
        let mut object = Assertion::of(&self.id, world.issuer(), self.key(), "k1")
            .head("typ", json!("oauth-authz-req+jwt"))
            .claim("nbf", json!(now()))
            .claim("sub", Value::Null);
        for (name, value) in self.changed(scope, change) {
            // The audience of the object is this server; that of the tokens is told as `resource`.
            let name = if name == "aud" { "resource".to_owned() } else { name };
            object = object.claim(&name, json!(value));
        }
        object
    }

    /// Its key.
    pub fn key(&self) -> &SigningKey {
        match &self.credential {
            Credential::Key(key) => key,
            Credential::None | Credential::Secret(_) | Credential::Certificate => {
                panic!("the app has no key")
            }
        }
    }

    /// Posts a form with its credentials.
    pub async fn ask(&self, peer: &Peer, path: &str, form: &[(&str, &str)]) -> Answer {
        match &self.credential {
            Credential::None | Credential::Certificate => {
                peer.post(path, &[form, &[("client_id", self.id.as_str())]].concat()).await
            }
            Credential::Secret(secret) => peer.post_basic(path, (&self.id, secret), form).await,
            Credential::Key(key) => {
                let assertion = Assertion::of(&self.id, &self.token_endpoint, key, "k1").sign(key);
                let shown =
                    [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion.as_str())];
                peer.post(path, &[form, &shown].concat()).await
            }
        }
    }
}

/// Parameters as they stand in an address or a form.
pub fn query(pairs: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn random() -> String {
    base64url::encode(&Entropy::system().bytes::<32>().expect("chance"))
}
