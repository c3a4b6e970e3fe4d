//! The JWT-bearer grant (RFC 7523, 2.1): a trusted issuer says who the person is, and the person has said what the
//! client may do.

use hilum::jose::algorithm::Algorithm;
use hilum::jose::signing::SigningKey;
use reqwest::Method;
use serde_json::{Value, json};

use super::{claims, fhir_server, issued, reasons, text};
use crate::harness::{Answer, App, Assertion, Browser, FHIR, OPAQUE, Person, World, key, registration};

/// The `grant_type`.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The issuer that is trusted.
pub const ISSUER: &str = "https://idp.example";
/// Where it is registered.
pub const PATH: &str = "/admin/v1/trusted-issuers/idp";
const SCOPE: &str = "openid fhirUser offline_access launch/patient patient/Observation.rs";

/// A world with an issuer that is trusted for an app, and a person who has agreed to what the app may do.
pub struct Scene {
    /// The world.
    pub world: World,
    /// The person.
    pub pat: Person,
    /// The app.
    pub app: App,
    /// The issuer's key.
    pub key: SigningKey,
}

impl Scene {
    /// Begins with an app of a secret.
    pub async fn start() -> Self {
        let world = World::start().await;
        let app = App::secret(&world, grants()).await;
        Self::of(world, app).await
    }

    /// Begins with this app.
    pub async fn of(world: World, app: App) -> Self {
        let (pat, key) = (world.patient_person().await, key(Algorithm::Es384));
        let scene = Self { world, pat, app, key };
        scene.trust(json!({})).await;
        scene.agree(SCOPE).await;
        scene
    }

    /// Registers the issuer with these members over the usual ones.
    pub async fn trust(&self, members: Value) {
        let mut document = json!({"issuer": ISSUER, "jwks": {"keys": [self.key.public_jwk("idp-1")]},
            "clients": [self.app.id], "subject_is": "username"});
        for (name, value) in members.as_object().expect("an object") {
            document[name] = value.clone();
        }
        let answer = self.world.administer(Method::PUT, PATH, Some(document)).await;
        assert!(answer.status < 300, "{}", answer.text);
    }

    /// Has the person agree to what the app asks for.
    pub async fn agree(&self, scope: &str) {
        self.app.code(&mut Browser::new(&self.world), &self.pat, scope).await;
    }

    /// A right assertion of the issuer about the person.
    pub fn assertion(&self) -> Assertion {
        Assertion::of(ISSUER, &self.world.issuer_url("/oauth2/token"), &self.key, "idp-1")
            .claim("sub", json!("pat"))
    }

    /// Shows an assertion, with more parameters.
    pub async fn show(&self, assertion: &str, more: &[(&str, &str)]) -> Answer {
        show_as(&self.world, &self.app, assertion, more).await
    }

    /// Shows a right assertion, with more parameters.
    pub async fn ask(&self, more: &[(&str, &str)]) -> Answer {
        self.show(&self.assertion().sign(&self.key), more).await
    }
}

/// The grants of an app that people use too.
pub fn grants() -> Value {
    json!({"grant_types": ["authorization_code", "refresh_token", JWT_BEARER]})
}

/// Shows an assertion as an app.
pub async fn show_as(world: &World, app: &App, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let form = [&[("grant_type", JWT_BEARER), ("assertion", assertion)], more].concat();
    app.ask(&world.public(), "/oauth2/token", &form).await
}

/// Parameters, the error that they are refused with, and the recorded reason.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

#[tokio::test]
async fn jb_01_a_trusted_issuer_s_word_is_a_token_for_the_person_within_what_was_agreed_to() {
    let scene = Scene::start().await;
    let granted = scene.ask(&[("scope", "patient/Observation.r")]).await.granted();
    for absent in ["refresh_token", "id_token", "issued_token_type"] {
        assert!(granted.get(absent).is_none(), "{granted}");
    }
    assert_eq!((&granted["scope"], &granted["patient"]), (&json!("patient/Observation.r"), &json!("rivera")));
    let token = text(&granted, "access_token");
    let said = claims(token);
    assert_eq!((&said["sub"], &said["client_id"]), (&json!(scene.pat.subject), &json!(scene.app.id)));
    assert_eq!((&said["aud"], &said["amr"], said.get("act")), (&json!(FHIR), &json!([]), None));
    let record = issued(&scene.world, JWT_BEARER).await;
    assert_eq!((&record["target"], &record["detail"]), (&json!("idp"), &json!("vouched for by idp")));
    assert_eq!((&record["person"], &record["patient"]), (&json!(scene.pat.subject), &json!("rivera")));

    // All that was agreed to, but for what needs a sign-in here.
    assert_eq!(scene.ask(&[]).await.granted()["scope"], "patient/Observation.rs");
    let fhir = fhir_server(&scene.world).await;
    let public = scene.world.public();
    let looked = || fhir.introspect(&scene.world, &public, token);
    looked().await.active();
    // It is the person's to end, as everything that the app holds.
    let mut browser = Browser::new(&scene.world);
    let page = browser.account(&scene.pat).await;
    browser.end_access(&page, &scene.app.id).await;
    looked().await.inactive();
    scene.ask(&[]).await.refused(400, "invalid_grant");
    assert_eq!(reasons(&scene.world, "token.issue").await, ["consent_missing"]);
}

#[tokio::test]
async fn jb_01_issuers_may_name_people_by_their_subject() {
    let scene = Scene::start().await;
    scene.trust(json!({"subject_is": "subject"})).await;
    scene.ask(&[]).await.refused(400, "invalid_grant");
    let by_subject = scene.assertion().claim("sub", json!(scene.pat.subject)).sign(&scene.key);
    scene.show(&by_subject, &[]).await.granted();
    let shouted = scene.assertion().claim("sub", json!(scene.pat.subject.to_uppercase())).sign(&scene.key);
    scene.show(&shouted, &[]).await.refused(400, "invalid_grant");
    assert_eq!(reasons(&scene.world, "token.issue").await, ["person_unknown", "person_unknown"]);
}

#[tokio::test]
async fn j22_what_the_person_has_not_agreed_to_is_not_granted() {
    let scene = Scene::start().await;
    let never = App::secret(&scene.world, grants()).await;
    scene.trust(json!({"clients": [scene.app.id, never.id]})).await;
    let rows: [Row<'_>; 8] = [
        (&[("scope", "patient/Observation.cruds")], "invalid_grant", "consent_missing"),
        (&[("scope", "patient/Condition.rs")], "invalid_grant", "consent_missing"),
        (&[("scope", "user/Observation.rs")], "invalid_grant", "consent_missing"),
        (&[("scope", "openid offline_access")], "invalid_scope", "scope_missing"),
        (&[("scope", "\"")], "invalid_scope", "scope_malformed"),
        (&[("resource", OPAQUE)], "invalid_target", "resource_not_registered"),
        (&[("resource", FHIR), ("audience", OPAQUE)], "invalid_target", "several_resources"),
        (
            &[("authorization_details", "[{\"type\":\"prior_authorization\"}]")],
            "invalid_authorization_details",
            "authorization_details_not_taken",
        ),
    ];
    for (more, error, _) in rows {
        scene.ask(more).await.refused(400, error);
    }
    let assertion = || scene.assertion().sign(&scene.key);
    show_as(&scene.world, &never, &assertion(), &[]).await.refused(400, "invalid_grant");
    let mut expected: Vec<&str> = rows.iter().map(|(_, _, reason)| *reason).collect();
    expected.push("consent_missing");
    assert_eq!(reasons(&scene.world, "token.issue").await, expected);
}

#[tokio::test]
async fn j22_nobody_who_may_not_act_is_acted_for() {
    let scene = Scene::start().await;
    let assertion = scene.assertion().sign(&scene.key);
    let user = format!("/admin/v1/users/{}", scene.pat.subject);
    scene.world.administer(Method::POST, &format!("{user}/disable"), None).await;
    scene.show(&assertion, &[]).await.refused(400, "invalid_grant");
    scene.world.administer(Method::POST, &format!("{user}/enable"), None).await;
    // What was agreed to before is over, and so is what the issuer said before.
    scene.ask(&[]).await.refused(400, "invalid_grant");
    for unknown in ["nobody", "", "pat rivera", "Patient/rivera", scene.pat.subject.as_str()] {
        let other = scene.assertion().claim("sub", json!(unknown)).sign(&scene.key);
        scene.show(&other, &[]).await.refused(400, "invalid_grant");
    }
    let found = reasons(&scene.world, "token.issue").await;
    assert_eq!(found[0], "person_disabled");
    assert!(["person_disabled", "consent_missing"].contains(&found[1].as_str()), "{found:?}");
    assert_eq!(
        found[2..],
        ["person_unknown", "assertion_sub", "person_unknown", "person_unknown", "person_unknown"]
    );
}

#[tokio::test]
async fn j22_an_issuer_speaks_to_the_clients_it_is_registered_for_and_only_those_that_prove_themselves() {
    let scene = Scene::start().await;
    let other = App::secret(&scene.world, grants()).await;
    other.code(&mut Browser::new(&scene.world), &scene.pat, SCOPE).await;
    let assertion = || scene.assertion().sign(&scene.key);
    show_as(&scene.world, &other, &assertion(), &[]).await.refused(400, "invalid_grant");
    let plain = App::secret(&scene.world, json!({})).await;
    show_as(&scene.world, &plain, &assertion(), &[]).await.refused(400, "unauthorized_client");
    let members = json!({"grant_types": [JWT_BEARER], "scope": "patient/*.rs"});
    let id = scene.world.register(registration("none", members)).await;
    let shown = assertion();
    let form = [("grant_type", JWT_BEARER), ("client_id", id.as_str()), ("assertion", shown.as_str())];
    scene.world.public().post("/oauth2/token", &form).await.refused(400, "unauthorized_client");
    scene.world.administer(Method::DELETE, PATH, None).await;
    scene.ask(&[]).await.refused(400, "invalid_grant");
    assert_eq!(
        reasons(&scene.world, "token.issue").await,
        ["issuer_not_trusted_for_client", "grant_not_registered", "public_client", "issuer_not_trusted"]
    );
}

#[tokio::test]
async fn j22_where_several_patients_could_be_meant_none_is() {
    let world = World::start().await;
    let app = App::secret(&world, grants()).await;
    let parent = json!({"fhir_user": "RelatedPerson/kim", "patients": [
        {"resource": FHIR, "patient": "one", "relation": "proxy", "name": "One"},
        {"resource": FHIR, "patient": "two", "relation": "proxy", "name": "Two"}]});
    let kim = world.person("kim", parent).await;
    let scene = Scene { key: key(Algorithm::Es384), pat: kim, app, world };
    scene.trust(json!({})).await;
    for patient in ["one", "two"] {
        let mut browser = Browser::new(&scene.world);
        let page = browser.open(&scene.app.authorize_url("launch/patient patient/Goal.rs")).await;
        let page = browser.sign_in(&page, &scene.pat).await;
        let chosen = browser.choose(&page, "patient", patient).await;
        let page = browser.follow(chosen).await;
        browser.allow(&page).await;
        let kim = scene.assertion().claim("sub", json!("kim")).sign(&scene.key);
        let answer = scene.show(&kim, &[("scope", "patient/Goal.rs")]).await;
        match patient {
            "one" => assert_eq!(answer.granted()["patient"], "one"),
            _ => answer.refused(400, "invalid_grant"),
        }
    }
    assert_eq!(reasons(&scene.world, "token.issue").await, ["several_patients"]);
}
