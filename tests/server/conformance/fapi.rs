//! What the modules of FAPI 2.0 run over: clients, by how they authenticate and by what their tokens are bound to.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    ASSERTION_TYPE, Answer, App, Assertion, Browser, Identity, Page, Peer, Person, Prover, World,
};

pub const PAR: &str = "/oauth2/par";
pub const TOKEN: &str = "/oauth2/token";
pub const USERINFO: &str = "/oauth2/userinfo";
pub const SCOPE: &str = "openid offline_access launch/patient patient/Observation.rs";

/// How a client authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `private_key_jwt`.
    Key,
    /// `tls_client_auth`.
    Certificate,
}

/// What a client's tokens are bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The certificate of its connection.
    Certificate,
    /// The key of its DPoP proofs.
    Proof,
}

/// One variant of the suite.
pub type Variant = (By, Bound);

/// Every variant.
pub const VARIANTS: [Variant; 4] = [
    (By::Key, Bound::Certificate),
    (By::Key, Bound::Proof),
    (By::Certificate, Bound::Certificate),
    (By::Certificate, Bound::Proof),
];

/// The variant for modules to which it does not matter.
pub const PLAIN: Variant = (By::Key, Bound::Certificate);

/// A server and its user.
pub struct Suite {
    pub world: World,
    pub pat: Person,
}

/// A client of the suite.
pub struct Client {
    pub app: App,
    /// How it reaches the server, without a proof.
    pub connection: Peer,
    /// The key of its proofs.
    pub prover: Option<Prover>,
    /// Its certificate, if it has one.
    pub identity: Option<Identity>,
    public: Peer,
}

impl Suite {
    /// A server with a user.
    pub async fn start() -> Self {
        let world = World::start().await;
        let pat = world.patient_person().await;
        Self { world, pat }
    }

    /// A server with a user and a client of the plain variant.
    pub async fn plain() -> (Self, Client) {
        let suite = Self::start().await;
        let client = suite.client(PLAIN, json!({})).await;
        (suite, client)
    }

    /// Registers a client, with these members over the usual ones.
    pub async fn client(&self, (by, bound): Variant, members: Value) -> Client {
        let world = &self.world;
        let serial = hilum::platform::entropy::Entropy::system().token().expect("chance");
        let uri = format!("https://client.example/{serial}");
        let mut all = json!({"tls_client_certificate_bound_access_tokens": bound == Bound::Certificate,
            "dpop_bound_access_tokens": bound == Bound::Proof});
        for (name, value) in members.as_object().expect("an object") {
            all[name] = value.clone();
        }
        let app = match by {
            By::Key => App::fapi(world, all).await,
            By::Certificate => App::fapi_by_certificate(world, &uri, all).await,
        };
        let needs_certificate = by == By::Certificate || bound == Bound::Certificate;
        let identity = needs_certificate.then(|| world.authority.client(&uri));
        let connection = identity.as_ref().map_or_else(|| world.public(), |identity| world.mtls(identity));
        let prover = match bound {
            Bound::Certificate => None,
            Bound::Proof => Some(Prover::new(&connection).await),
        };
        Client { app, connection, prover, identity, public: world.public() }
    }

    /// Goes through with a pushed request, agreeing to everything.
    pub async fn authorize(&self, client: &Client, pushed: &Answer) -> Page {
        self.open(&client.app.pushed_url(pushed)).await
    }

    /// Goes through with the request at an address, in a new browser.
    pub async fn open(&self, address: &str) -> Page {
        Browser::new(&self.world).authorize(address, &self.pat).await
    }

    /// A code for a client, by a request with these parameters in place of its own.
    pub async fn code(&self, client: &Client, change: &[(&str, &str)]) -> String {
        let pushed = client.push(SCOPE, change).await;
        self.authorize(client, &pushed).await.code()
    }

    /// Tokens for a client.
    pub async fn tokens(&self, client: &Client) -> Value {
        let code = self.code(client, &[]).await;
        client.redeem(&code).await.granted()
    }
}

impl Client {
    /// How a form to a path travels: with a proof, where the client makes them.
    pub fn peer(&self, path: &str) -> Peer {
        match &self.prover {
            Some(prover) => prover.at(&self.connection, path),
            None => self.connection.clone(),
        }
    }

    /// The same without what its tokens are bound to.
    pub fn unbound(&self) -> &Peer {
        if self.prover.is_some() { &self.connection } else { &self.public }
    }

    /// A connection that shows nothing.
    pub const fn stranger_peer(&self) -> &Peer {
        &self.public
    }

    /// Pushes a request with these parameters in place of its own.
    pub async fn push(&self, scope: &str, change: &[(&str, &str)]) -> Answer {
        self.app.push(&self.connection, scope, change).await
    }

    /// Pushes a request object, and nothing beside it.
    pub async fn push_object(&self, object: &str) -> Answer {
        self.app.ask(&self.connection, PAR, &[("request", object)]).await
    }

    /// Redeems a code.
    pub async fn redeem(&self, code: &str) -> Answer {
        self.app.redeem(&self.peer(TOKEN), code).await
    }

    /// Uses a refresh token.
    pub async fn refresh(&self, token: &str) -> Answer {
        self.app.refresh(&self.peer(TOKEN), token).await
    }

    /// A right assertion, to be signed.
    pub fn assertion(&self, world: &World) -> Assertion {
        Assertion::of(&self.app.id, world.issuer(), self.app.key(), "k1")
    }

    /// Posts a form with an assertion of the test's own making, or with none.
    pub async fn ask_by(
        &self,
        path: &str,
        form: &[(String, String)],
        assertion: Option<&Assertion>,
    ) -> Answer {
        let signed = assertion.map(|assertion| assertion.sign(self.app.key()));
        let mut all: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if let Some(signed) = &signed {
            all.extend([("client_assertion_type", ASSERTION_TYPE), ("client_assertion", signed)]);
        }
        self.peer(path).post(path, &all).await
    }

    /// The form that redeems a code, without credentials.
    pub fn code_form(&self, code: &str) -> Vec<(String, String)> {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.app.callback),
            ("code_verifier", &self.app.verifier),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// The form that pushes a request, without credentials.
    pub fn request_form(&self) -> Vec<(String, String)> {
        let mut all = self.app.changed(SCOPE, &[]);
        all.retain(|(name, _)| name != "client_id");
        all
    }

    /// Asks for what is known of the user, with a token and in its scheme.
    pub async fn userinfo(&self, token: &str) -> Answer {
        match &self.prover {
            Some(prover) => prover.get(&self.connection, USERINFO, token).await,
            None => self.connection.send(Method::GET, USERINFO, Some(token), None).await,
        }
    }

    /// What its access tokens say that they are bound to.
    pub fn confirmation(&self) -> Value {
        match (&self.prover, &self.identity) {
            (Some(prover), _) => json!({"jkt": prover.jkt()}),
            (None, Some(identity)) => json!({"x5t#S256": identity.thumbprint()}),
            (None, None) => Value::Null,
        }
    }

    /// The type of its tokens.
    pub const fn token_type(&self) -> &'static str {
        if self.prover.is_some() { "DPoP" } else { "Bearer" }
    }
}

/// One of the refusals that the suite takes where a request lacks its proof or its credentials.
#[track_caller]
pub fn refused_for_want(answer: &Answer) {
    let error = answer.json()["error"].as_str().unwrap_or_default().to_owned();
    let taken = [(400, "invalid_request"), (400, "invalid_grant"), (401, "invalid_client")];
    assert!(taken.contains(&(answer.status, error.as_str())), "{} {}", answer.status, answer.text);
    answer.refused(answer.status, &error);
}
