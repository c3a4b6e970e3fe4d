//! Refresh tokens: rotated at every use, and dead with what they descend from.

mod bound;
mod ends;
pub mod lifetime;
mod reuse;
mod rotation;

use hilum::jose::algorithm::Algorithm;
use serde_json::{Value, json};

use crate::harness::{App, Backend, Browser, Database, FHIR, OPAQUE, Peer, Person, World};

/// The scopes of a launch that says no more.
pub const SCOPE: &str = "openid offline_access launch/patient patient/Observation.rs";

/// A world with a patient at a browser, and a FHIR server that looks at tokens.
pub struct Scene {
    /// The world.
    pub world: World,
    /// The patient.
    pub pat: Person,
    /// The patient's browser.
    pub browser: Browser,
    fhir: Backend,
}

impl Scene {
    /// One process.
    pub async fn start() -> Self {
        Self::of(World::start().await).await
    }

    /// So many processes, where a lost answer may be asked for again for as long as can be configured: whatever the
    /// machine has to do, whoever asks again is in time.
    pub async fn patient(processes: usize) -> Self {
        let longest = "[tokens]\nrefresh_retry_seconds = 60\n";
        Self::of(Box::pin(World::configured(processes, longest, Database::url)).await).await
    }

    /// In this world.
    pub async fn of(world: World) -> Self {
        let introspects = json!({"introspects": [FHIR, OPAQUE]});
        let fhir = Backend::register(&world, Algorithm::Es256, introspects).await;
        let (pat, browser) = (world.patient_person().await, Browser::new(&world));
        Self { world, pat, browser, fhir }
    }

    /// Launches an app until it has its first tokens.
    pub async fn launch(&mut self, app: &App, scope: &str) -> Tokens {
        let code = app.code(&mut self.browser, &self.pat, scope).await;
        Tokens(app.redeem(&self.world.public(), &code).await.granted())
    }

    /// Whether every process calls an access token alive, or every one dead.
    pub async fn is_alive(&self, tokens: &Tokens) -> bool {
        let mut found = Vec::new();
        for index in 0..self.world.processes.len() {
            let peer = self.world.public_of(index);
            let answer = self.fhir.introspect(&self.world, &peer, tokens.access()).await;
            found.push(answer.json()["active"] == true);
        }
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "the processes differ: {found:?}");
        found[0]
    }

    /// What a process tells a FHIR server of an access token that is alive.
    pub async fn told(&self, tokens: &Tokens) -> Value {
        self.fhir.introspect(&self.world, &self.world.public(), tokens.access()).await.active()
    }

    /// Looks at an access token once, whatever is told.
    pub async fn looks(&self, peer: &Peer, tokens: &Tokens) {
        self.fhir.introspect(&self.world, peer, tokens.access()).await;
    }

    /// The alerts, the newest first.
    pub async fn alerts(&self) -> Vec<Value> {
        let answer = self.world.administer(reqwest::Method::GET, "/admin/v1/alerts", None).await;
        answer.json()["items"].as_array().expect("alerts").clone()
    }
}

/// The answer of a token endpoint that granted.
pub struct Tokens(pub Value);

impl Tokens {
    /// The access token.
    #[track_caller]
    pub fn access(&self) -> &str {
        self.0["access_token"].as_str().expect("an access token")
    }

    /// The refresh token.
    #[track_caller]
    pub fn refresh(&self) -> &str {
        self.0["refresh_token"].as_str().expect("a refresh token")
    }
}
