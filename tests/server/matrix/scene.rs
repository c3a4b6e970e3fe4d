//! One world for all cells: a client of each kind, what they hold, and how a request is sent.

use std::collections::BTreeMap;

use hilum::jose::algorithm::Algorithm;
use hilum::jose::signing::SigningKey;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::endpoints::{Endpoint, Place};
use crate::device;
use crate::harness::{
    Answer, App, Backend, Browser, Credential, Database, Ehr, FHIR, Person, World, key, registration,
};
use crate::token::authorization_details::{decider, payer};
use crate::token::jwt_bearer::{ISSUER, JWT_BEARER, PATH};
use crate::token::{text, token_exchange};

/// The callback of the app.
pub const CALLBACK: &str = "https://app.example/cb";
/// Where the app wants people back who have signed out.
pub const BACK: &str = "https://app.example/signed-out";
/// What the app asks people for.
pub const SCOPE: &str =
    "openid fhirUser offline_access launch/patient patient/Observation.rs patient/Condition.rs";
/// What the EHR's app asks for.
pub const CHOICE_SCOPE: &str = "openid launch/patient launch/encounter patient/Observation.rs";

/// A request in its parts, each of which can be spoilt.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The path, with variables filled in.
    pub path: String,
    /// The parameters as they stand on the wire: encoded for a form, JSON texts for a document.
    pub pairs: Vec<(String, Vec<u8>)>,
    /// The headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// A body in place of the parameters.
    pub body: Option<Vec<u8>>,
    /// Who is asked.
    pub issuer: String,
}

impl Ask {
    /// Takes a parameter away.
    pub fn remove(&mut self, name: &str) {
        self.pairs.retain(|(known, _)| known != name);
    }

    /// Sets a parameter, once.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        let at = self.pairs.iter().position(|(known, _)| known == name).unwrap_or(self.pairs.len());
        self.remove(name);
        self.pairs.insert(at.min(self.pairs.len()), (name.to_owned(), value.to_owned()));
    }

    /// Adds a parameter.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        self.pairs.push((name.to_owned(), value.to_owned()));
    }

    /// Gives a parameter another name.
    pub fn rename(&mut self, name: &str, other: &str) {
        let value = self.value(name);
        self.remove(name);
        self.push(other, &value);
    }

    /// The value of a parameter; that of one which the right request does not have is any.
    pub fn value(&self, name: &str) -> Vec<u8> {
        let found = self.pairs.iter().find(|(known, _)| known == name);
        found.map_or_else(|| b"1".to_vec(), |(_, value)| value.clone())
    }

    /// Sets a header, once.
    pub fn set_header(&mut self, name: &str, value: &[u8]) {
        self.remove_header(name);
        self.push_header(name, value);
    }

    /// Adds a header.
    pub fn push_header(&mut self, name: &str, value: &[u8]) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a header away.
    pub fn remove_header(&mut self, name: &str) {
        self.headers.retain(|(known, _)| known != name);
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Vec<u8> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn form(&self) -> Vec<u8> {
        let pairs = self.pairs.iter().map(|(name, value)| [name.as_bytes(), b"=", value].concat());
        pairs.collect::<Vec<_>>().join(&b'&')
    }

    fn document(&self) -> Vec<u8> {
        let members = self.pairs.iter().map(|(name, value)| [b"\"", name.as_bytes(), b"\":", value].concat());
        [b"{", members.collect::<Vec<_>>().join(&b',').as_slice(), b"}"].concat()
    }
}

/// What is good for once, or for one row.
#[derive(Default)]
pub struct Held {
    /// Parameters, by name, not encoded.
    pub pairs: Vec<(String, String)>,
    /// The path, where it has a variable.
    pub path: String,
    /// A token.
    pub token: String,
    /// The browser.
    pub browser: Option<Browser>,
}

/// The world and the cast.
pub struct Scene {
    pub world: World,
    pub app: App,
    pub device: App,
    pub chart: App,
    pub machine: (String, String),
    pub backend: Backend,
    pub service: Backend,
    pub pat: Person,
    pub lee: Person,
    pub idp: SigningKey,
    pub pats: Browser,
    pub lees: Browser,
    pub person_token: String,
    pub id_token: String,
    pub invitation: String,
    pub launch_token: String,
    pub decision_token: String,
    pub held: Held,
    peer: crate::harness::Peer,
}

/// A client that shows its secret in the form.
async fn by_secret(world: &World, members: Value) -> App {
    let mut all = json!({"token_endpoint_auth_method": "client_secret_post"});
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    App::secret(world, all).await
}

impl Scene {
    /// Begins.
    pub async fn start() -> Self {
        let on = "[features]\ndevice_authorization = true\ndynamic_registration = true\n";
        let world = World::configured(1, on, Database::url).await;
        let (pat, lee) = (world.patient_person().await, clinician(&world).await);
        let grants = ["authorization_code", "refresh_token", JWT_BEARER];
        let app =
            by_secret(&world, json!({"grant_types": grants, "post_logout_redirect_uris": [BACK]})).await;
        let device = by_secret(&world, device::members()).await;
        let chart = crate::smart::app(&world, json!({})).await;
        let idp = key(Algorithm::Es384);
        trust(&world, &app, &idp).await;
        let rules = json!({"name": "rules", "title": "Rules", "url": token_exchange::DOWNSTREAM, "kind": "api",
            "scope": "patient/*.rs system/*.rs"});
        assert_eq!(world.administer(Method::POST, "/admin/v1/resources", Some(rules)).await.status, 201);
        let service = token_exchange::service(&world, json!({})).await;
        let decider = decider(&world, FHIR).await;
        let decision_token =
            decider.ask(&world, &world.public(), "authorization_decision.write").await.token();
        let launch_token = Ehr::register(&world, json!({})).await.token(&world).await;
        let backend = payer(&world, json!({})).await;
        let scope = "system/*.cruds capacity.read launch.write patient/*.cruds user/*.cruds authorization_decision.write";
        let patched =
            world.administer(Method::PATCH, "/admin/v1/resources/fhir", Some(json!({"scope": scope}))).await;
        assert_eq!(patched.status, 200, "{}", patched.text);
        let machine = machine(&world).await;
        let mut pats = Browser::new(&world);
        let tokens = tokens(&world, &app, &mut pats, &pat).await;
        let invitation = invitation(&world).await;
        Self {
            peer: world.public(),
            lees: Browser::new(&world),
            person_token: text(&tokens, "access_token").to_owned(),
            id_token: text(&tokens, "id_token").to_owned(),
            held: Held::default(),
            world,
            app,
            device,
            chart,
            machine,
            backend,
            service,
            pat,
            lee,
            idp,
            pats,
            invitation,
            launch_token,
            decision_token,
        }
    }

    /// Sends a request as it is.
    pub async fn send(&self, endpoint: &Endpoint, ask: &Ask) -> Answer {
        let method: Method = endpoint.method.parse().unwrap();
        let mut path = ask.path.clone();
        let mut body = ask.body.clone();
        match endpoint.place {
            Place::Query => path = format!("{path}?{}", String::from_utf8(ask.form()).unwrap()),
            Place::Form => body = body.or_else(|| Some(ask.form())),
            Place::Json => body = body.or_else(|| Some(ask.document())),
            Place::Nowhere => {}
        }
        let mut request = self.peer.request(method, &path);
        for (name, value) in &ask.headers {
            let name: HeaderName = name.parse().unwrap();
            request = request.header(name, HeaderValue::from_bytes(value).unwrap());
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        match request.send().await {
            Ok(response) => Answer::read(response).await,
            // No cell may end a connection: no status is right for that.
            Err(error) => Answer { status: 0, headers: BTreeMap::new(), text: format!("{error:?}") },
        }
    }

    /// The secret of the app.
    pub fn secret_of(app: &App) -> String {
        match &app.credential {
            Credential::Secret(secret) => secret.clone(),
            Credential::None | Credential::Key(_) | Credential::Certificate => panic!("no secret"),
        }
    }
}

async fn clinician(world: &World) -> Person {
    let patient = |id: &str, born: &str| {
        json!({"resource": FHIR, "patient": id, "relation": "care-team", "name": "Maria Silva",
            "birthDate": born, "encounters": [{"id": "e-1", "title": "Check-up", "date": "2026-01-07"},
            {"id": "e-2", "title": "Blood test", "date": "2026-02-11"}]})
    };
    let patients = json!([patient("silva-1961", "1961-04-02"), patient("silva-1987", "1987-12-19")]);
    let members = json!({"name": "Dr. Kim Lee", "roles": ["clinician"], "fhir_user": "Practitioner/lee",
        "patients": patients});
    world.person("dr.lee", members).await
}

async fn trust(world: &World, app: &App, idp: &SigningKey) {
    let document = json!({"issuer": ISSUER, "jwks": {"keys": [idp.public_jwk("idp-1")]}, "clients": [app.id],
        "subject_is": "username"});
    let answer = world.administer(Method::PUT, PATH, Some(document)).await;
    assert!(answer.status < 300, "{}", answer.text);
}

/// A back-end with a secret, which introspects.
async fn machine(world: &World) -> (String, String) {
    let members = json!({"scope": "capacity.read", "introspects": [FHIR]});
    let client = world.register_whole(registration("client_secret_post", members)).await;
    (text(&client, "client_id").to_owned(), text(&client, "client_secret").to_owned())
}

/// All that the app is given for a person.
pub async fn tokens(world: &World, app: &App, browser: &mut Browser, person: &Person) -> Value {
    let code = app.code(browser, person, SCOPE).await;
    let secret = Scene::secret_of(app);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", &*app.verifier),
        ("client_id", &*app.id),
        ("client_secret", &*secret),
    ];
    world.public().post("/oauth2/token", &form).await.granted()
}

async fn invitation(world: &World) -> String {
    let document = json!({"organization": "Acme Health", "scope": "openid offline_access launch/patient patient/*.rs",
        "resources": [FHIR], "registrations": 10_000});
    let answer = world.administer(Method::POST, "/admin/v1/initial-access-tokens", Some(document)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    text(&answer.json(), "token").to_owned()
}
