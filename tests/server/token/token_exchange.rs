//! Token exchange (RFC 8693): what is given, and to whom nothing is.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use super::{agreed, claims, fhir_server, issued, reasons, text};
use crate::harness::{ASSERTION_TYPE, Answer, App, Backend, FHIR, OPAQUE, Peer, Person, World, registration};

/// The `grant_type`.
pub const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The type of access tokens.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// What the services of these tests are registered for.
const SERVICE_SCOPE: &str = "patient/*.rs user/*.rs system/Claim.rs";
/// What the app asks the person for.
pub const SCOPE: &str =
    "openid fhirUser offline_access launch/patient patient/Observation.rs patient/Condition.rs";
/// An API behind the service, of no FHIR server.
pub const DOWNSTREAM: &str = "https://rules.example/api";

/// A world with a person's app, a payer's back-end, and the service of the FHIR server that is shown their tokens.
pub struct Scene {
    /// The world.
    pub world: World,
    /// The person.
    pub pat: Person,
    /// The person's app.
    pub app: App,
    /// The service that goes on with what it is shown.
    pub service: Backend,
    fhir: Backend,
}

impl Scene {
    /// Begins.
    pub async fn start() -> Self {
        let world = World::start().await;
        let rules = json!({"name": "rules", "title": "Rules", "url": DOWNSTREAM, "kind": "api",
            "scope": "patient/*.rs system/*.rs"});
        assert_eq!(world.administer(Method::POST, "/admin/v1/resources", Some(rules)).await.status, 201);
        let (pat, app) = (world.patient_person().await, App::public(&world, json!({})).await);
        let (service, fhir) = (service(&world, json!({})).await, fhir_server(&world).await);
        Self { world, pat, app, service, fhir }
    }

    /// All that the app is given for the person.
    pub async fn tokens(&self) -> Value {
        agreed(&self.world, &self.app, &self.pat, SCOPE).await
    }

    /// Exchanges a token as it should be, with more or other parameters.
    pub async fn exchange(&self, token: &str, change: &[(&str, &str)]) -> Answer {
        exchange_as(&self.world, &self.world.public(), &self.service, (token, change)).await
    }

    /// Exchanges a token as it should be for one that the FHIR server can look at.
    pub async fn exchanged(&self, token: &str) -> String {
        self.exchange(token, &[("resource", FHIR)]).await.token()
    }

    /// Whether an exchanged token is alive.
    pub async fn is_alive(&self, token: &str) -> bool {
        self.fhir.introspect(&self.world, &self.world.public(), token).await.json()["active"] == true
    }
}

/// Registers a service that is shown tokens of the FHIR server.
pub async fn service(world: &World, members: Value) -> Backend {
    let mut all = json!({"grant_types": [EXCHANGE], "resources": [FHIR, OPAQUE, DOWNSTREAM], "introspects": [FHIR],
        "scope": SERVICE_SCOPE, "client_name": "Coverage Rules"});
    for (name, value) in members.as_object().expect("an object") {
        all[name] = value.clone();
    }
    Backend::register(world, Algorithm::Es384, all).await
}

/// Exchanges a token as a client, with these parameters in place of the usual ones; an empty one takes one away.
pub async fn exchange_as(
    world: &World,
    peer: &Peer,
    client: &Backend,
    (token, change): (&str, &[(&str, &str)]),
) -> Answer {
    let assertion = client.assertion(world).sign(&client.key);
    let mut form = vec![
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &assertion),
        ("resource", DOWNSTREAM),
    ];
    form.retain(|(name, _)| change.iter().all(|(other, _)| other != name));
    form.extend(change.iter().filter(|(_, value)| !value.is_empty()));
    peer.post("/oauth2/token", &form).await
}

/// Parameters, the error that they are refused with, and the recorded reason.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

#[tokio::test]
async fn te_01_te_02_te_03_x8_what_was_shown_becomes_a_narrower_token_of_the_same_person() {
    let scene = Scene::start().await;
    let given = scene.tokens().await;
    let before = claims(text(&given, "access_token"));
    let answer = scene.exchange(text(&given, "access_token"), &[("scope", "patient/Observation.r")]).await;
    let granted = answer.granted();
    assert_eq!(granted["issued_token_type"], ACCESS_TOKEN);
    assert_eq!((&granted["token_type"], &granted["expires_in"]), (&json!("Bearer"), &json!(60)));
    assert_eq!((&granted["scope"], &granted["patient"]), (&json!("patient/Observation.r"), &json!("rivera")));
    for absent in ["refresh_token", "id_token"] {
        assert!(granted.get(absent).is_none(), "{granted}");
    }
    let after = claims(text(&granted, "access_token"));
    for same in ["iss", "sub", "patient", "grant_id", "auth_time", "amr"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!((&after["client_id"], &after["aud"]), (&json!(scene.service.id), &json!(DOWNSTREAM)));
    let act = json!({"sub": scene.service.id, "act": {"sub": scene.app.id}});
    assert_eq!((&after["act"], &after["scope"]), (&act, &json!("patient/Observation.r")));
    assert_eq!(after["exchanged_from"], json!([before["jti"]]));
    assert!(after["exp"].as_i64() <= before["exp"].as_i64() && after.get("fhirUser").is_none());

    let record = issued(&scene.world, EXCHANGE).await;
    assert_eq!((&record["client"], &record["target"]), (&json!(scene.service.id), &json!(scene.app.id)));
    assert_eq!((&record["person"], &record["patient"]), (&json!(scene.pat.subject), &json!("rivera")));
    let detail =
        format!("act: {} for {}; exchanged from {}", scene.service.id, scene.app.id, text(&before, "jti"));
    assert_eq!((&record["detail"], &record["grant_type"]), (&json!(detail), &json!(EXCHANGE)));
}

#[tokio::test]
async fn te_02_introspection_tells_who_acts_for_whom_and_the_whole_scope_is_the_default() {
    let scene = Scene::start().await;
    let given = scene.tokens().await;
    let token = scene.exchanged(text(&given, "access_token")).await;
    let told = fhir_server(&scene.world)
        .await
        .introspect(&scene.world, &scene.world.public(), &token)
        .await
        .active();
    assert_eq!(told["act"], json!({"sub": scene.service.id, "act": {"sub": scene.app.id}}));
    assert_eq!(told["scope"], "patient/Observation.rs patient/Condition.rs");
    // As a JWT, by another name of the server, and for a server whose tokens are opaque.
    let typed = scene
        .exchange(
            text(&given, "access_token"),
            &[("subject_token_type", JWT), ("resource", ""), ("audience", DOWNSTREAM)],
        )
        .await;
    assert_eq!(claims(&typed.token())["aud"], DOWNSTREAM);
    let opaque = scene.exchange(text(&given, "access_token"), &[("resource", OPAQUE)]).await;
    assert!(opaque.token().starts_with("hat_"), "the patient's own record is theirs there too");
}

#[tokio::test]
async fn te_02_a_system_s_token_stays_that_system_s_and_its_own_client_acts_for_nobody_else() {
    let scene = Scene::start().await;
    let both = json!({"grant_types": ["client_credentials", EXCHANGE]});
    let payer = Backend::register(&scene.world, Algorithm::Es384, both).await;
    let token =
        payer.ask(&scene.world, &scene.world.public(), "system/Claim.rs system/Patient.rs").await.token();
    let exchanged = scene.exchange(&token, &[]).await.granted();
    assert_eq!(exchanged["scope"], "system/Claim.rs", "as far as the service is registered");
    let after = claims(text(&exchanged, "access_token"));
    assert_eq!((&after["sub"], &after["act"]), (&json!(payer.id), &json!({"sub": scene.service.id})));
    assert_eq!(after["client_id"], json!(scene.service.id));

    let own = [("resource", FHIR), ("scope", "system/Claim.r")];
    let own = exchange_as(&scene.world, &scene.world.public(), &payer, (&token, &own)).await.granted();
    let own = claims(text(&own, "access_token"));
    assert_eq!(
        (&own["sub"], own.get("act"), &own["scope"]),
        (&json!(payer.id), None, &json!("system/Claim.r"))
    );
}

#[tokio::test]
async fn e01_an_exchange_never_gives_more_than_there_was() {
    let scene = Scene::start().await;
    let given = scene.tokens().await;
    let token = text(&given, "access_token");
    let actor = scene.exchanged(token).await;
    let rows: &[Row<'_>] = &[
        // First, while the actor's token lives.
        (&[("actor_token", &actor)], "invalid_request", "actor_token_type"),
        (&[("actor_token_type", ACCESS_TOKEN)], "invalid_request", "actor_token_type"),
        (
            &[("actor_token", &actor), ("actor_token_type", ACCESS_TOKEN)],
            "invalid_request",
            "actor_token_of_another",
        ),
        (
            &[("actor_token", token), ("actor_token_type", ACCESS_TOKEN)],
            "invalid_request",
            "actor_token_of_another",
        ),
        (
            &[("actor_token", "hat_x"), ("actor_token_type", ACCESS_TOKEN)],
            "invalid_request",
            "actor_token_not_alive",
        ),
        (&[("scope", "patient/Observation.cruds")], "invalid_scope", "scope_widened"),
        (&[("scope", "patient/*.rs")], "invalid_scope", "scope_widened"),
        (&[("scope", "user/Observation.rs")], "invalid_scope", "scope_widened"),
        (&[("scope", "system/Claim.rs")], "invalid_scope", "scope_widened"),
        (&[("scope", "openid")], "invalid_scope", "scope_widened"),
        (&[("scope", "offline_access patient/Observation.rs")], "invalid_scope", "scope_widened"),
        (&[("scope", "\"")], "invalid_scope", "scope_malformed"),
        (&[("resource", "https://other.example/api")], "invalid_target", "resource_not_registered"),
        (&[("resource", "https://rules.example/api/")], "invalid_target", "resource_not_registered"),
        (&[("resource", ""), ("audience", "rules")], "invalid_target", "resource_not_registered"),
        (&[("audience", FHIR)], "invalid_target", "several_resources"),
        (&[("resource", "")], "invalid_target", "resource_missing"),
        (&[("requested_subject", "sam")], "invalid_request", "exchange_for_another_subject"),
        (&[("may_act", "{}")], "invalid_request", "exchange_for_another_subject"),
        (&[("requested_token_type", JWT)], "invalid_request", "requested_token_type"),
        (
            &[("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")],
            "invalid_request",
            "requested_token_type",
        ),
        (
            &[("authorization_details", "[{\"type\":\"prior_authorization\"}]")],
            "invalid_authorization_details",
            "authorization_details_not_taken",
        ),
    ];
    for (change, error, _) in rows {
        scene.exchange(token, change).await.refused(400, error);
    }
    let admin = scene.world.issuer_url("/admin");
    for own in [admin.as_str(), &scene.world.issuer_url("/oauth2/userinfo")] {
        scene.exchange(token, &[("resource", own)]).await.refused(400, "invalid_target");
    }
    let expected: Vec<&str> =
        rows.iter().map(|(_, _, reason)| *reason).chain(["resource_not_registered"; 2]).collect();
    assert_eq!(reasons(&scene.world, "token.issue").await, expected);
}

#[tokio::test]
async fn e01_e02_only_whom_the_token_was_issued_to_or_is_for_may_exchange_it() {
    let scene = Scene::start().await;
    let (world, public) = (&scene.world, scene.world.public());
    let given = scene.tokens().await;
    let token = text(&given, "access_token");
    let stranger = service(world, json!({"introspects": []})).await;
    exchange_as(world, &public, &stranger, (token, &[])).await.refused(400, "invalid_request");
    let other = service(world, json!({"introspects": [OPAQUE]})).await;
    exchange_as(world, &public, &other, (token, &[])).await.refused(400, "invalid_request");
    // By the word of the resource server in place of its own.
    let named = json!({"introspection_clients": [stranger.id]});
    world.administer(Method::PATCH, "/admin/v1/resources/fhir", Some(named)).await;
    exchange_as(world, &public, &stranger, (token, &[])).await.granted();

    let unregistered = fhir_server(world).await;
    exchange_as(world, &public, &unregistered, (token, &[])).await.refused(400, "unauthorized_client");
    let members = json!({"grant_types": [EXCHANGE], "scope": SERVICE_SCOPE});
    let public_client = world.register(registration("none", members)).await;
    let form = [
        ("grant_type", EXCHANGE),
        ("client_id", &public_client),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
    ];
    public.post("/oauth2/token", &form).await.refused(400, "unauthorized_client");
    assert_eq!(
        reasons(world, "token.issue").await,
        ["subject_token_for_another", "subject_token_for_another", "grant_not_registered", "public_client"]
    );
}

#[tokio::test]
async fn e02_what_is_no_living_access_token_of_this_server_is_not_exchanged() {
    let scene = Scene::start().await;
    let (world, public) = (&scene.world, scene.world.public());
    let given = scene.tokens().await;
    let token = text(&given, "access_token");
    let foreign = {
        let (head, rest) = token.split_once('.').unwrap();
        let (payload, _) = rest.split_once('.').unwrap();
        let key = crate::harness::key(Algorithm::Es256);
        let text = format!("{head}.{payload}");
        format!("{text}.{}", hilum::jose::base64url::encode(&key.sign_bytes(text.as_bytes()).unwrap()))
    };
    let revoked = scene.tokens().await;
    let revoked = text(&revoked, "access_token").to_owned();
    scene.app.ask(&public, "/oauth2/revoke", &[("token", &revoked)]).await;
    let opaque = "hat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let id_token_type = "urn:ietf:params:oauth:token-type:id_token";
    let refresh_type = "urn:ietf:params:oauth:token-type:refresh_token";
    let rows = [
        (text(&given, "id_token"), ACCESS_TOKEN, "subject_token_not_alive"),
        (text(&given, "id_token"), JWT, "subject_token_not_alive"),
        (text(&given, "id_token"), id_token_type, "token_type_unknown"),
        (text(&given, "refresh_token"), ACCESS_TOKEN, "subject_token_not_alive"),
        (text(&given, "refresh_token"), refresh_type, "token_type_unknown"),
        (token, id_token_type, "token_type_unknown"),
        (token, "access_token", "token_type_unknown"),
        (token, "urn:ietf:params:oauth:token-type:saml2", "token_type_unknown"),
        (&foreign, ACCESS_TOKEN, "subject_token_not_alive"),
        (&revoked, ACCESS_TOKEN, "subject_token_not_alive"),
        (opaque, ACCESS_TOKEN, "subject_token_not_alive"),
        (opaque, JWT, "token_not_a_jwt"),
        ("x", ACCESS_TOKEN, "subject_token_not_alive"),
        ("a.b.c", JWT, "subject_token_not_alive"),
    ];
    for (shown, kind, reason) in rows {
        let answer = scene.exchange(shown, &[("subject_token_type", kind)]).await;
        answer.refused(400, "invalid_request");
        assert_eq!(answer.json()["error_description"], "the subject token is not valid", "{reason}");
    }
    for missing in ["subject_token", "subject_token_type"] {
        scene.exchange(token, &[(missing, "")]).await.refused(400, "invalid_request");
    }
    let expected: Vec<&str> =
        rows.iter().map(|(_, _, reason)| *reason).chain(["missing_parameter"; 2]).collect();
    assert_eq!(reasons(world, "token.issue").await, expected);
    scene.exchange(token, &[]).await.granted();
}

#[tokio::test]
async fn e01_the_id_of_a_patient_is_not_carried_to_another_fhir_server_where_it_is_somebody_else() {
    let scene = Scene::start().await;
    // Who is this patient at one server, and nobody at the other.
    let only_here = json!({"fhir_user": format!("{FHIR}/Patient/rivera")});
    let sam = scene.world.person("sam", only_here).await;
    let given = agreed(&scene.world, &scene.app, &sam, SCOPE).await;
    let token = text(&given, "access_token");
    scene.exchange(token, &[("resource", OPAQUE)]).await.refused(400, "invalid_target");
    assert_eq!(reasons(&scene.world, "token.issue").await, ["patient_of_another_server"]);
    scene.exchange(token, &[("resource", FHIR)]).await.granted();
}
