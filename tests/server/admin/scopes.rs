//! Explaining what would be granted, over the admin API and from the terminal.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Backend, FHIR, OPAQUE, World, registration, run_briefly};

const EXPLAIN: &str = "/admin/v1/scopes/explain";

const ASKED: &str =
    "openid fhirUser patient/Patient.rs patient/*.cruds patient/Encounter.rs patient/observation.rs";

/// An app with these members over its registration.
pub(super) async fn app(world: &World, members: Value) -> String {
    let mut all = json!({"client_name": "Growth Chart", "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["https://app.example/callback"], "resources": [FHIR, OPAQUE],
        "scope": "openid fhirUser offline_access launch/patient patient/Patient.rs patient/Observation.rs user/Patient.rs"});
    for (name, value) in members.as_object().unwrap() {
        all[name] = value.clone();
    }
    world.register(registration("private_key_jwt", with_key(all))).await
}

fn with_key(mut members: Value) -> Value {
    let key = crate::harness::key(Algorithm::Es256);
    members["jwks"] = json!({"keys": [key.public_jwk("k1")]});
    members
}

async fn ask(world: &World, question: Value) -> Answer {
    world.administer(Method::POST, EXPLAIN, Some(question)).await
}

pub(super) async fn told(world: &World, question: Value) -> Value {
    let answer = ask(world, question).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{}", answer.text);
    answer.json()
}

/// Each scope as `asked outcome rule granted`.
fn ways(told: &Value) -> Vec<String> {
    let way = |way: &Value| {
        let granted: Vec<&str> =
            way["granted"].as_array().unwrap().iter().map(|scope| scope.as_str().unwrap()).collect();
        let text = |name: &str| way[name].as_str().unwrap().to_owned();
        format!("{} {} {} {}", text("asked"), text("outcome"), text("rule"), granted.join(" "))
    };
    told["scopes"].as_array().unwrap().iter().map(way).map(|line| line.trim_end().to_owned()).collect()
}

#[tokio::test]
async fn what_a_person_can_let_an_app_do_is_told_scope_by_scope_and_changes_nothing() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, world.person("pat", json!({})).await);
    let question = json!({"client_id": app, "user": "Pat", "resource": FHIR, "scope": ASKED});
    let answer = told(&world, question.clone()).await;
    assert_eq!(
        ways(&answer),
        [
            "openid granted granted_as_asked openid",
            "fhirUser granted granted_as_asked fhirUser",
            "patient/Patient.rs granted granted_as_asked patient/Patient.rs",
            "patient/*.cruds narrowed client_scope patient/Patient.rs patient/Observation.rs",
            "patient/Encounter.rs dropped client_scope",
            "patient/observation.rs dropped spelling",
        ]
    );
    assert_eq!(
        (&answer["outcome"], &answer["grant_type"], &answer["refusal"]),
        (&json!("narrowed"), &json!("authorization_code"), &Value::Null)
    );
    assert_eq!(answer["scope"], "openid fhirUser patient/Patient.rs patient/Observation.rs");
    assert_eq!(answer["user"], json!({"subject": pat.subject, "username": "pat"}));
    let (unregistered, unread) = (&answer["scopes"][4], &answer["scopes"][5]);
    assert!(unregistered["advice"].as_str().unwrap().contains(&format!("hilum client patch {app} FILE")));
    assert!(unread["because"].as_str().unwrap().contains("types begin with a capital letter: Observation"));
    let means = &answer["scopes"][2]["means"][0];
    assert!(
        means["detail"].as_str().unwrap().starts_with("Read and search")
            && means["scope"] == "patient/Patient.rs"
    );
    assert_eq!(
        answer["token"],
        json!({"expires_in": 900, "bound": null, "format": "jwt", "refresh": null, "id_token": true})
    );
    assert_eq!((&answer["consent"]["asked"], &answer["consent"]["given_at"]), (&json!(true), &Value::Null));
    assert_eq!(
        (&answer["context"][0]["needs"], &answer["context"][0]["met"]),
        (&json!("patient"), &json!(true))
    );
    let did = |rule: &str| {
        let rules = answer["rules"].as_array().unwrap();
        rules.iter().find(|visit| visit["rule"] == rule).unwrap()["did"].clone()
    };
    assert_eq!((did("client_scope"), did("resource_scope")), (json!("narrowed"), json!("passed")));

    assert_eq!(told(&world, question).await, answer, "asking changes nothing");
    let records = world.audit("scope.explain").await;
    assert!(
        records.len() == 2
            && records.iter().all(|record| {
                record["target"] == json!(app)
                    && record["person"] == json!(pat.subject)
                    && record["client"] == json!(world.admin_id)
                    && record["scopes_asked"] == ASKED
            }),
        "{records:?}"
    );
    assert_eq!(world.database.count("select count(*) from consent").await, 0);
}

#[tokio::test]
async fn what_is_told_of_a_back_end_is_what_the_token_endpoint_does() {
    let world = World::start().await;
    let members = json!({"scope": "system/Patient.rs system/Claim.cruds capacity.read"});
    let backend = Backend::register(&world, Algorithm::Es256, members).await;
    let rows = [
        ("system/Patient.rs", "granted"),
        ("system/Patient.cruds system/Claim.read", "narrowed"),
        ("system/*.rs", "narrowed"),
        ("system/Observation.rs", "refused"),
        ("system/Patient.rs openid", "refused"),
        ("patient/Patient.rs", "refused"),
        ("system/Patient.sr", "refused"),
    ];
    for (scope, outcome) in rows {
        let answer = told(&world, json!({"client_id": backend.id, "scope": scope})).await;
        assert_eq!(
            (&answer["outcome"], &answer["grant_type"]),
            (&json!(outcome), &json!("client_credentials"))
        );
        assert_eq!((&answer["consent"], &answer["context"]), (&Value::Null, &json!([])));
        let real = backend.ask(&world, &world.public(), scope).await;
        if outcome == "refused" {
            let refusal = &answer["refusal"];
            real.refused(400, refusal["error"].as_str().unwrap());
            assert_eq!(real.json()["error_description"], refusal["told"], "{scope}");
            assert_eq!((&answer["scope"], &answer["token"]), (&json!(""), &Value::Null));
            let issued = world.audit("token.issue").await;
            assert!(issued.iter().any(|record| {
                record["rule"] == refusal["rule"]
                    && record["reason"] == refusal["reason"]
                    && record["scopes_asked"] == scope
            }));
        } else {
            let issued = real.json();
            assert_eq!(
                (&issued["scope"], &issued["expires_in"]),
                (&answer["scope"], &answer["token"]["expires_in"])
            );
        }
    }
    let mixed = told(&world, json!({"client_id": backend.id, "scope": "system/Patient.rs openid"})).await;
    assert_eq!(mixed["refusal"]["advice"], "Without openid it would be granted: system/Patient.rs.");
}

#[tokio::test]
async fn what_stands_against_a_request_before_its_scopes_is_told_too() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let back_end =
        world.register(registration("client_secret_basic", json!({"scope": "capacity.read"}))).await;
    for (username, members) in [
        ("pat", json!({})),
        ("doc", json!({"roles": ["clinician"], "fhir_user": "Practitioner/doc"})),
        ("gone", json!({})),
    ] {
        world.person(username, members).await;
    }
    world.command(&["user", "disable", "gone"], "").expect_success();
    let patient = "patient/Patient.rs";
    let rows = [
        (json!({"client_id": app, "scope": patient}), "invalid_request", "resource", "aud_missing"),
        (
            json!({"client_id": app, "scope": patient, "resource": "https://other.example"}),
            "invalid_request",
            "resource",
            "resource_not_registered",
        ),
        (
            json!({"client_id": app, "scope": "system/Patient.rs", "grant_type": "client_credentials"}),
            "unauthorized_client",
            "grant",
            "grant_not_registered",
        ),
        (
            json!({"client_id": back_end, "scope": patient, "user": "pat"}),
            "unauthorized_client",
            "grant",
            "grant_not_registered",
        ),
        (
            json!({"client_id": app, "scope": patient, "resource": FHIR, "user": "doc"}),
            "access_denied",
            "patient_context",
            "no_patient",
        ),
        (
            json!({"client_id": app, "scope": patient, "resource": FHIR, "user": "doc", "patient": "rivera"}),
            "access_denied",
            "patient_of_person",
            "patient_beyond_person",
        ),
        (
            json!({"client_id": app, "scope": patient, "resource": FHIR, "user": "gone"}),
            "login_required",
            "person_active",
            "person_disabled",
        ),
        (
            json!({"client_id": back_end, "scope": "system/Patient.rs"}),
            "unauthorized_client",
            "authentication_strength",
            "system_scope_with_secret",
        ),
        (
            json!({"client_id": world.admin_id, "scope": "admin/clients.read openid"}),
            "invalid_scope",
            "requested_scope",
            "scope_of_a_person",
        ),
    ];
    for (question, error, rule, reason) in rows {
        let answer = told(&world, question.clone()).await;
        let refusal = &answer["refusal"];
        assert_eq!(
            (&answer["outcome"], &refusal["error"], &refusal["rule"], &refusal["reason"]),
            (&json!("refused"), &json!(error), &json!(rule), &json!(reason)),
            "{question}: {answer}"
        );
        assert!(refusal["advice"].is_string(), "{question}");
        assert!(answer["scopes"].as_array().unwrap().iter().all(|way| way["outcome"] == "dropped"));
    }
    let bound = told(&world, json!({"client_id": world.admin_id, "scope": "admin/clients.read"})).await;
    assert_eq!((&bound["outcome"], &bound["token"]["bound"]), (&json!("granted"), &json!("certificate")));
    world.command(&["client", "disable", &app], "").expect_success();
    let answer = told(&world, json!({"client_id": app, "scope": "openid"})).await;
    assert_eq!(
        (&answer["refusal"]["rule"], &answer["refusal"]["error"]),
        (&json!("client_active"), &json!("invalid_client"))
    );
}

#[tokio::test]
async fn whoever_agreed_before_is_not_asked_again_unless_there_is_more() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let public = registration(
        "none",
        json!({"client_name": "Phone", "grant_types": ["authorization_code"],
        "redirect_uris": ["http://127.0.0.1/callback"], "scope": "openid patient/Patient.rs"}),
    );
    let public = world.register(public).await;
    let pat = world.person("pat", json!({})).await;
    for client in [&app, &public] {
        let consent = format!(
            "insert into consent (consent_id, subject, client_id, audience, patient, scope, given_at) values
             (gen_random_uuid(), '{}', '{client}', '{FHIR}', 'rivera', 'openid patient/Patient.rs', now())",
            pat.subject
        );
        world.database.execute(&consent).await;
    }
    let consent = async |client: &str, resource: &str, scope: &str| {
        let question = json!({"client_id": client, "user": "pat", "resource": resource, "scope": scope});
        told(&world, question).await["consent"].clone()
    };
    let covered = consent(&app, FHIR, "openid patient/Patient.r").await;
    assert!(
        covered["asked"] == false && covered["given_at"].is_string() && covered["new"] == json!([]),
        "{covered}"
    );
    let more = consent(&app, FHIR, "openid patient/Patient.rs patient/Observation.rs").await;
    assert!(more["asked"] == true && more["given_at"].is_string(), "{more}");
    assert_eq!(more["new"], json!(["patient/Observation.rs"]));
    let elsewhere = consent(&app, OPAQUE, "openid patient/Patient.rs").await;
    assert!(elsewhere["asked"] == true && elsewhere["given_at"].is_null(), "{elsewhere}");
    let unproved = consent(&public, FHIR, "openid patient/Patient.rs").await;
    assert!(
        unproved["asked"] == true && unproved["because"].as_str().unwrap().contains("each time"),
        "{unproved}"
    );
}

#[tokio::test]
async fn each_member_of_a_question_that_is_wrong_is_named() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let rows = [
        (json!({}), 400, vec!["client_id", "scope"]),
        (json!({"client_id": app, "scope": ""}), 400, vec!["scope"]),
        (json!({"client_id": app, "scope": 1}), 400, vec!["scope"]),
        (json!({"client_id": app, "scope": "a\"b"}), 400, vec!["scope"]),
        (
            json!({"client_id": app, "scope": vec!["s"; 600].iter().enumerate().map(|(n, s)| format!("{s}{n}")).collect::<Vec<_>>().join(" ")}),
            400,
            vec!["scope"],
        ),
        (json!({"client_id": app, "scope": "openid", "colour": "red"}), 400, vec!["colour"]),
        (json!({"client_id": app, "scope": "openid", "user": "a b"}), 400, vec!["user"]),
        (
            json!({"client_id": app, "scope": "openid", "grant_type": "refresh_token"}),
            400,
            vec!["grant_type"],
        ),
        (json!({"client_id": app, "scope": "openid", "patient": "rivera"}), 400, vec!["patient"]),
        (json!({"client_id": app, "scope": "openid", "user": "pat", "patient": "a/b"}), 400, vec!["patient"]),
        (
            json!({"client_id": app, "scope": "openid", "user": "pat", "grant_type": "client_credentials"}),
            400,
            vec!["user"],
        ),
        (json!({"client_id": "nobody", "scope": "openid"}), 404, vec!["client_id"]),
        (json!({"client_id": app, "scope": "openid", "user": "nobody"}), 404, vec!["user"]),
        (
            json!({"client_id": app, "scope": "openid", "user": "00000000-0000-0000-0000-000000000000"}),
            404,
            vec!["user"],
        ),
    ];
    let count = rows.len();
    for (question, status, fields) in rows {
        let answer = ask(&world, question.clone()).await;
        assert_eq!(answer.status, status, "{question}: {}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        let named: Vec<&str> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["field"].as_str().unwrap())
            .collect();
        assert_eq!(named, fields, "{question}");
    }
    let records = world.audit("scope.explain").await;
    assert!(records.len() == count && records.iter().all(|record| record["outcome"] == "refused"));
}

#[tokio::test]
async fn the_terminal_lays_it_out_within_80_columns_and_prints_the_same_document() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    world.person("pat", json!({})).await;
    let arguments =
        ["scope", "explain", "--client", "growth-chart", "--user", "pat", "--resource", FHIR, ASKED];
    let shown = world.command(&arguments, "").expect_success();
    let first = shown.lines().next().unwrap();
    assert_eq!(first, "~ Growth Chart gets a part of what it asks for, acting for pat at fhir: 3");
    for line in ["  ✓ patient/Patient.rs ", "  ~ patient/*.cruds ", "  ✗ patient/Encounter.rs "] {
        assert!(shown.lines().any(|shown| shown.starts_with(line)), "{line}: {shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(!shown.contains('\u{1b}'), "there is no colour where there is no terminal");
    for word in ["= patient/Observation.rs", "[client_scope]", "900 seconds", "client_scope (narrowed)"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    let json = world.command(&[&arguments[..], &["--json"]].concat(), "").expect_success();
    let json: Value = serde_json::from_str(&json).unwrap();
    let question = json!({"client_id": app, "user": "pat", "resource": FHIR, "scope": ASKED});
    assert_eq!(json, told(&world, question).await);
    let refused = world.command(&["scope", "explain", "--client", &app, "patient/Patient.rs"], "");
    assert_eq!(refused.code(), Some(0), "a refusal that is explained is explained");
    assert_eq!(refused.output().matches("is required").count(), 1, "{}", refused.output());
    let records = world.audit("scope.explain").await;
    assert!(
        records.iter().any(|record| {
            record["person"].as_str().is_some_and(|person| person.starts_with("terminal:"))
        })
    );

    world
        .register(registration(
            "client_secret_basic",
            json!({"client_name": "growth chart", "scope": "capacity.read"}),
        ))
        .await;
    let rows: [(&[&str], &str); 4] = [
        (&["--client", "growth-chart", "openid"], "several clients"),
        (&["--client", "nobody", "openid"], "not_found"),
        (&["--client", &app, "--user", "nobody", "openid"], "names nobody"),
        (&["--client", &app, "--grant-type", "magic", "openid"], "grant_type"),
    ];
    for (arguments, says) in rows {
        let ran = world.command(&[&["scope", "explain"], arguments].concat(), "");
        assert_eq!((ran.code(), ran.output().as_str()), (Some(1), ""), "{arguments:?}");
        assert!(ran.complaint().contains(says), "{arguments:?}: {}", ran.complaint());
    }
    for usage in [
        &["scope"][..],
        &["scope", "explain"],
        &["scope", "explain", "openid"],
        &["scope", "explain", "--client", "x"],
    ] {
        assert_eq!(run_briefly(usage, &[]).await.code(), Some(2), "{usage:?}");
    }
}
