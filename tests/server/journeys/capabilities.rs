//! A journey for each capability that a FHIR server's SMART configuration lists: what is told is what is proved.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use hilum::jose::algorithm::Algorithm;
use hilum::jose::base64url;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fhir_bases::{configuration, listed};
use crate::harness::{App, Backend, Browser, Credential, Ehr, FHIR, Page, Person, World};
use crate::smart::app;
use crate::token::{agreed, claims, fhir_server, header, text};

/// Where journeys take place: an EHR, a patient, and a clinician with two patients.
struct Stage {
    world: World,
    ehr: Ehr,
    pat: Person,
    lee: Person,
}

type Journey = for<'a> fn(&'a Stage) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

const LAUNCHES: &[(&str, Journey)] = &[
    ("launch-ehr", |stage| Box::pin(launch_ehr(stage))),
    ("launch-standalone", |stage| Box::pin(launch_standalone(stage))),
    ("context-banner", |stage| Box::pin(handed_over(stage, ("need_patient_banner", json!(true))))),
    ("context-style", |stage| Box::pin(context_style(stage))),
    ("context-ehr-patient", |stage| Box::pin(handed_over(stage, ("patient", json!("p-7"))))),
    ("context-ehr-encounter", |stage| Box::pin(handed_over(stage, ("encounter", json!("e-7"))))),
    ("context-standalone-patient", |stage| Box::pin(context_standalone_patient(stage))),
    ("context-standalone-encounter", |stage| Box::pin(context_standalone_encounter(stage))),
];

const CLIENTS: &[(&str, Journey)] = &[
    ("authorize-post", |stage| Box::pin(authorize_post(stage))),
    ("client-public", |stage| Box::pin(client_public(stage))),
    ("client-confidential-symmetric", |stage| Box::pin(client_confidential_symmetric(stage))),
    ("client-confidential-asymmetric", |stage| Box::pin(client_confidential_asymmetric(stage))),
    ("sso-openid-connect", |stage| Box::pin(sso_openid_connect(stage))),
];

const PERMISSIONS: &[(&str, Journey)] = &[
    ("permission-offline", |stage| Box::pin(permission_offline(stage))),
    ("permission-online", |stage| Box::pin(permission_online(stage))),
    ("permission-patient", |stage| Box::pin(permission_patient(stage))),
    ("permission-user", |stage| Box::pin(permission_user(stage))),
    ("permission-v1", |stage| Box::pin(permission_v1(stage))),
    ("permission-v2", |stage| Box::pin(permission_v2(stage))),
];

#[tokio::test]
async fn sm_d_14_every_capability_that_is_listed_has_a_journey_and_no_other_has() {
    let world = World::start().await;
    let journeys: Vec<&str> =
        [LAUNCHES, CLIENTS, PERMISSIONS].concat().into_iter().map(|(capability, _)| capability).collect();
    let of_server = world.public().get("/.well-known/smart-configuration").await.json();
    for document in [configuration(&world, "fhir").await, of_server] {
        let told = listed(&document, "capabilities");
        let told: BTreeSet<&str> = told.iter().map(String::as_str).collect();
        assert_eq!(told, journeys.iter().copied().collect());
    }
    assert_eq!(journeys.len(), journeys.iter().collect::<BTreeSet<_>>().len(), "one for each");
}

#[tokio::test]
async fn sm_d_14_journeys_of_launches_and_context() {
    travel(LAUNCHES).await;
}

#[tokio::test]
async fn sm_d_14_journeys_of_clients_and_sign_in() {
    travel(CLIENTS).await;
}

#[tokio::test]
async fn sm_d_14_journeys_of_permissions() {
    travel(PERMISSIONS).await;
}

#[tokio::test]
async fn sm_d_15_every_scope_that_is_listed_is_granted_to_somebody_who_asks_for_it() {
    let Stage { world, ehr, lee, .. } = Stage::set().await;
    let told = listed(&configuration(&world, "fhir").await, "scopes_supported");
    let mut granted = BTreeSet::from([]);
    let mut note = |tokens: &Value| granted.extend(text(tokens, "scope").split(' ').map(str::to_owned));
    note(&ehr.backend.ask(&world, &world.public(), "launch.write").await.granted());
    let of_systems = "system/*.cruds capacity.read";
    let backend = Backend::register(&world, Algorithm::Es384, json!({"scope": of_systems})).await;
    note(&backend.ask(&world, &world.public(), of_systems).await.granted());
    let of_people = |left_out: &str| {
        let elsewhere =
            |scope: &&str| of_systems.contains(scope) || ["launch.write", left_out].contains(scope);
        told.iter().map(String::as_str).filter(|scope| !elsewhere(scope)).collect::<Vec<_>>().join(" ")
    };
    let app = app(&world, json!({"scope": of_people("launch.write")})).await;
    for asked in [of_people("offline_access"), of_people("online_access")] {
        let open = json!({"patient": "p-7", "encounter": "e-7"});
        let launch = ehr.launch(&world, (&app.id, "dr.lee"), open).await;
        let address = app.authorize_with(&asked, &[("launch", &launch)]);
        let code = Browser::new(&world).authorize(&address, &lee).await.code();
        let tokens = app.redeem(&world.public(), &code).await.granted();
        assert_eq!(tokens["scope"], asked, "all of it");
        note(&tokens);
    }
    assert_eq!(granted, told.into_iter().collect());
}

async fn travel(journeys: &[(&str, Journey)]) {
    let stage = Stage::set().await;
    for (_, journey) in journeys {
        journey(&stage).await;
    }
}

impl Stage {
    async fn set() -> Self {
        let world = World::start().await;
        let visits = json!([{"id": "e-1", "title": "Check-up", "date": "2026-01-07"},
            {"id": "e-2", "title": "Blood test", "date": "2026-02-11"}]);
        let patient = |id: &str, visits: Value| {
            json!({"resource": FHIR, "patient": id, "relation": "care-team", "name": "Maria Silva",
                "encounters": visits})
        };
        let members = json!({"roles": ["clinician"], "fhir_user": "Practitioner/lee",
            "patients": [patient("silva-1", visits), patient("silva-2", json!([]))]});
        let (ehr, pat) = (Ehr::register(&world, json!({})).await, world.patient_person().await);
        let lee = world.person("dr.lee", members).await;
        Self { world, ehr, pat, lee }
    }

    /// Opens an app from the EHR for the clinician, as far as the app's tokens.
    async fn launched(&self, app: &App, scope: &str, open: Value) -> Value {
        let launch = self.ehr.launch(&self.world, (&app.id, "dr.lee"), open).await;
        let address = app.authorize_with(scope, &[("launch", &launch)]);
        let code = Browser::new(&self.world).authorize(&address, &self.lee).await.code();
        app.redeem(&self.world.public(), &code).await.granted()
    }

    /// Opens an app without an EHR, as far as the clinician's choice of a patient.
    async fn opened(&self, browser: &mut Browser, address: &str) -> Page {
        let page = browser.open(address).await;
        let page = browser.sign_in(&page, &self.lee).await;
        assert!(page.asks_for_patient(), "{}", page.text());
        assert_eq!(page.choices("patient"), ["silva-1", "silva-2"]);
        page
    }

    /// What the FHIR server is told of an access token.
    async fn introspected(&self, tokens: &Value) -> Value {
        let fhir = fhir_server(&self.world).await;
        fhir.introspect(&self.world, &self.world.public(), text(tokens, "access_token")).await.active()
    }
}

async fn launch_ehr(stage: &Stage) {
    let app = app(&stage.world, json!({})).await;
    let launch = stage.ehr.launch(&stage.world, (&app.id, "dr.lee"), json!({"intent": "review"})).await;
    let address = app.authorize_with("launch user/Patient.rs", &[("launch", &launch)]);
    let mut browser = Browser::new(&stage.world);
    let code = browser.authorize(&address, &stage.lee).await.code();
    let tokens = app.redeem(&stage.world.public(), &code).await.granted();
    assert_eq!(tokens["scope"], "launch user/Patient.rs");
    assert_eq!(
        (&tokens["intent"], &stage.introspected(&tokens).await["intent"]),
        (&json!("review"), &json!("review"))
    );
    assert_eq!(browser.open(&address).await.param("code"), None, "a launch opens an app once");
}

async fn launch_standalone(stage: &Stage) {
    let app = App::public(&stage.world, json!({})).await;
    let tokens = agreed(&stage.world, &app, &stage.pat, "patient/Observation.rs").await;
    assert_eq!((&tokens["scope"], &tokens["patient"]), (&json!("patient/Observation.rs"), &json!("rivera")));
    assert_eq!(claims(text(&tokens, "access_token"))["aud"], FHIR);
}

/// What the EHR has open reaches the app with its tokens, and the FHIR server.
async fn handed_over(stage: &Stage, (member, value): (&str, Value)) {
    let app = app(&stage.world, json!({})).await;
    let mut open = json!({"patient": "p-7", "encounter": "e-7", "need_patient_banner": true});
    let tokens = stage.launched(&app, "launch user/Patient.rs", open.clone()).await;
    assert_eq!(tokens[member], value, "{member}");
    assert_eq!(stage.introspected(&tokens).await[member], value, "{member}");
    open.as_object_mut().unwrap().remove(member);
    if member == "patient" {
        open.as_object_mut().unwrap().remove("encounter");
    }
    let tokens = stage.launched(&app, "launch user/Patient.rs", open).await;
    assert!(tokens.get(member).is_none(), "{member} is not made up: {tokens}");
}

async fn context_style(stage: &Stage) {
    let style = "https://ehr.example/style.json";
    let app = app(&stage.world, json!({})).await;
    let tokens = stage.launched(&app, "launch user/Patient.rs", json!({"smart_style_url": style})).await;
    assert_eq!(tokens["smart_style_url"], style);
    assert_eq!(stage.introspected(&tokens).await["smart_style_url"], style);
}

async fn context_standalone_patient(stage: &Stage) {
    let app = app(&stage.world, json!({})).await;
    let mut browser = Browser::new(&stage.world);
    let page = stage.opened(&mut browser, &app.authorize_url("launch/patient")).await;
    let chosen = browser.choose(&page, "patient", "silva-2").await;
    let page = browser.follow(chosen).await;
    let code = browser.allow(&page).await.code();
    let tokens = app.redeem(&stage.world.public(), &code).await.granted();
    assert_eq!((&tokens["scope"], &tokens["patient"]), (&json!("launch/patient"), &json!("silva-2")));
    assert_eq!(stage.introspected(&tokens).await["patient"], "silva-2");
}

async fn context_standalone_encounter(stage: &Stage) {
    let app = app(&stage.world, json!({})).await;
    let mut browser = Browser::new(&stage.world);
    let page = stage.opened(&mut browser, &app.authorize_url("launch/encounter")).await;
    let chosen = browser.choose(&page, "patient", "silva-1").await;
    let page = browser.follow(chosen).await;
    assert!(page.asks_for_encounter(), "{}", page.text());
    let chosen = browser.choose(&page, "encounter", "e-2").await;
    let page = browser.follow(chosen).await;
    let code = browser.allow(&page).await.code();
    let tokens = app.redeem(&stage.world.public(), &code).await.granted();
    assert_eq!((&tokens["scope"], &tokens["encounter"]), (&json!("launch/encounter"), &json!("e-2")));
    let told = stage.introspected(&tokens).await;
    assert_eq!((&told["patient"], &told["encounter"]), (&json!("silva-1"), &json!("e-2")));
}

async fn authorize_post(stage: &Stage) {
    let app = App::public(&stage.world, json!({})).await;
    let mut browser = Browser::new(&stage.world);
    let form = app.changed("patient/Observation.rs", &[]);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let sent = browser.post("/oauth2/authorize", &form).await;
    let page = browser.follow(sent).await;
    let page = browser.sign_in(&page, &stage.pat).await;
    let code = browser.allow(&page).await.code();
    assert_eq!(app.redeem(&stage.world.public(), &code).await.granted()["scope"], "patient/Observation.rs");
}

async fn client_public(stage: &Stage) {
    let (app, peer) = (App::public(&stage.world, json!({})).await, stage.world.public());
    let scope = "patient/Observation.rs offline_access";
    let mut browser = Browser::new(&stage.world);
    let code = app.code(&mut browser, &stage.pat, scope).await;
    app.redeem_with(&peer, &code, &"v".repeat(43)).await.refused(400, "invalid_grant");
    let code = app.code(&mut browser, &stage.pat, scope).await;
    let tokens = app.redeem(&peer, &code).await.granted();
    assert_eq!(tokens["scope"], scope);
    app.refresh(&peer, text(&tokens, "refresh_token")).await.granted();
}

async fn client_confidential_symmetric(stage: &Stage) {
    let peer = stage.world.public();
    let mut app = App::secret(&stage.world, json!({})).await;
    let scope = "patient/Observation.rs offline_access";
    let code = app.code(&mut Browser::new(&stage.world), &stage.pat, scope).await;
    let known = std::mem::replace(&mut app.credential, Credential::None);
    app.redeem(&peer, &code).await.invalid_client();
    app.credential = Credential::Secret("another".to_owned());
    app.redeem(&peer, &code).await.invalid_client();
    app.credential = known;
    let tokens = app.redeem(&peer, &code).await.granted();
    app.refresh(&peer, text(&tokens, "refresh_token")).await.granted();
}

async fn client_confidential_asymmetric(stage: &Stage) {
    let peer = stage.world.public();
    let (mut app, other) =
        (App::asymmetric(&stage.world, json!({})).await, App::asymmetric(&stage.world, json!({})).await);
    let scope = "patient/Observation.rs offline_access";
    let code = app.code(&mut Browser::new(&stage.world), &stage.pat, scope).await;
    let known = std::mem::replace(&mut app.credential, other.credential);
    app.redeem(&peer, &code).await.invalid_client();
    app.credential = known;
    let tokens = app.redeem(&peer, &code).await.granted();
    app.refresh(&peer, text(&tokens, "refresh_token")).await.granted();
    // Back-ends, with both algorithms of the standard.
    for algorithm in [Algorithm::Rs384, Algorithm::Es384] {
        let backend = Backend::register(&stage.world, algorithm, json!({})).await;
        let granted = backend.ask(&stage.world, &peer, "system/Patient.rs").await.granted();
        assert_eq!(granted["scope"], "system/Patient.rs");
    }
}

async fn sso_openid_connect(stage: &Stage) {
    let (world, peer) = (&stage.world, stage.world.public());
    let app = App::public(world, json!({})).await;
    let address = app.authorize_with("openid fhirUser profile user/Patient.rs", &[("nonce", "n-1")]);
    let code = Browser::new(world).authorize(&address, &stage.lee).await.code();
    let tokens = app.redeem(&peer, &code).await.granted();
    let id_token = text(&tokens, "id_token");
    let said = claims(id_token);
    for (claim, value) in [
        ("iss", json!(world.issuer())),
        ("sub", json!(stage.lee.subject)),
        ("aud", json!(app.id)),
        ("nonce", json!("n-1")),
        ("fhirUser", json!(format!("{FHIR}/Practitioner/lee"))),
    ] {
        assert_eq!(said[claim], value, "{claim}");
    }
    // It is signed with a key that the document leads to.
    let document = configuration(world, "fhir").await;
    let path = text(&document, "jwks_uri").strip_prefix(world.issuer()).unwrap().to_owned();
    let keys = peer.get(&path).await.json();
    let keys = hilum::jose::jwk_set::JwkSet::parse_fetched(&keys).unwrap();
    assert!(keys.has_kid(text(&header(id_token), "kid")));
    assert!(base64url::decode(id_token.rsplit('.').next().unwrap()).is_some_and(|bytes| bytes.len() >= 64));
    let path = text(&document, "userinfo_endpoint").strip_prefix(world.issuer()).unwrap().to_owned();
    let me = peer.send(Method::GET, &path, tokens["access_token"].as_str(), None).await.granted();
    assert_eq!((&me["sub"], &me["fhirUser"]), (&said["sub"], &said["fhirUser"]));
}

/// Opens an app that wants to go on, and signs out; the answer is its refresh token, used once before.
async fn signed_out(stage: &Stage, app: &App, scope: &str) -> String {
    let (peer, mut browser) = (stage.world.public(), Browser::new(&stage.world));
    let code = app.code(&mut browser, &stage.pat, scope).await;
    let tokens = app.redeem(&peer, &code).await.granted();
    assert_eq!(tokens["scope"], scope);
    let tokens = app.refresh(&peer, text(&tokens, "refresh_token")).await.granted();
    let csrf = browser.get("/oauth2/logout").await.hidden("csrf");
    browser.post("/oauth2/logout", &[("csrf", &csrf), ("scope_of", "here")]).await.shows(200);
    text(&tokens, "refresh_token").to_owned()
}

async fn permission_offline(stage: &Stage) {
    let app = App::public(&stage.world, json!({})).await;
    let token = signed_out(stage, &app, "patient/Observation.rs offline_access").await;
    app.refresh(&stage.world.public(), &token).await.granted();
}

async fn permission_online(stage: &Stage) {
    let app = App::public(&stage.world, json!({})).await;
    let token = signed_out(stage, &app, "patient/Observation.rs online_access").await;
    app.refresh(&stage.world.public(), &token).await.refused(400, "invalid_grant");
}

async fn permission_patient(stage: &Stage) {
    let app = App::public(&stage.world, json!({})).await;
    let tokens = agreed(&stage.world, &app, &stage.pat, "patient/*.rs").await;
    let told = stage.introspected(&tokens).await;
    assert_eq!((&told["scope"], &told["patient"]), (&json!("patient/*.rs"), &json!("rivera")));
}

async fn permission_user(stage: &Stage) {
    let app = App::public(&stage.world, json!({})).await;
    let tokens = agreed(&stage.world, &app, &stage.lee, "user/*.cruds").await;
    let told = stage.introspected(&tokens).await;
    assert_eq!((&told["scope"], told.get("patient")), (&json!("user/*.cruds"), None));
    // It is for those who treat patients.
    let mut browser = Browser::new(&stage.world);
    let page = browser.open(&app.authorize_url("user/*.cruds")).await;
    browser.sign_in(&page, &stage.pat).await.told(&app.callback, "invalid_scope", Some(&app.state));
}

async fn permission_v1(stage: &Stage) {
    granted_as_asked(stage, "patient/Observation.read patient/Condition.write patient/Goal.*").await;
}

async fn permission_v2(stage: &Stage) {
    let scope = "patient/Observation.rs?category=laboratory patient/Condition.cud patient/Goal.r";
    granted_as_asked(stage, scope).await;
}

async fn granted_as_asked(stage: &Stage, scope: &str) {
    let app = App::public(&stage.world, json!({})).await;
    let tokens = agreed(&stage.world, &app, &stage.pat, scope).await;
    assert_eq!(tokens["scope"], scope);
    assert_eq!(stage.introspected(&tokens).await["scope"], scope);
}
