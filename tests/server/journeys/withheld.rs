//! What a FHIR server has no capability for, cannot be registered, told, handed over or gone on with.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fhir_bases::{RESOURCE, configuration, conforms, listed, patched};
use crate::harness::{ADMIN_SCOPES, App, Browser, Ehr, FHIR, World};
use crate::token::{reasons, text};

#[tokio::test]
async fn sm_d_15_sm_d_22_a_registration_whose_capabilities_nobody_could_use_is_refused_and_none_is_told() {
    let world = World::start().await;
    let names = |document: &Value| -> Vec<String> {
        let errors = document["errors"].as_array().into_iter().flatten();
        errors.map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    };
    let of_people = [
        "authorize-post",
        "sso-openid-connect",
        "context-style",
        "permission-patient",
        "permission-user",
        "permission-offline",
        "permission-online",
    ];
    let rows: Vec<(&str, &str)> = of_people
        .into_iter()
        .map(|name| (name, "permission-v2"))
        .chain([
            ("context-banner", "launch-standalone"),
            ("context-ehr-patient", "launch-standalone"),
            ("context-ehr-encounter", "launch-ehr"),
            ("context-standalone-patient", "launch-ehr"),
            ("context-standalone-encounter", "launch-standalone"),
        ])
        .collect();
    let token = world.admin_token(ADMIN_SCOPES).await;
    let admin = world.mtls(&world.admin);
    for (name, beside) in rows {
        let members = json!({"scope": "capacity.read", "capabilities": [beside, name]});
        let refused = admin.send(Method::PATCH, RESOURCE, Some(&token), Some(members)).await;
        assert_eq!(refused.status, 400, "{name}: {}", refused.text);
        assert_eq!(names(&refused.json()), ["capabilities[1]"], "{name}");
    }
    // A row that came in by another way tells nothing that cannot be had.
    let all = json!([of_people.as_slice(), &["permission-v2", "context-standalone-patient"]].concat());
    let change = format!("metadata || '{{\"capabilities\": {all}}}'::jsonb");
    world.database.execute(&format!("update resource set metadata = {change} where name = 'fhir'")).await;
    let found = configuration(&world, "fhir").await;
    conforms(&world, &found, "without a launch");
    assert_eq!(listed(&found, "capabilities"), ["permission-v2"]);
    assert_eq!(listed(&found, "scopes_supported"), ["system/*.cruds", "capacity.read", "launch.write"]);
}

#[tokio::test]
async fn sm_d_22_an_ehr_hands_over_no_more_than_the_fhir_server_has_capabilities_for() {
    let world = World::start().await;
    patched(&world, json!({"smart_style_url": "https://fhir.example/style.json"})).await;
    let (ehr, lee) = (Ehr::register(&world, json!({})).await, world.clinician().await);
    let app = crate::smart::app(&world, json!({})).await;
    let all = [
        "launch-ehr",
        "client-public",
        "client-confidential-asymmetric",
        "context-ehr-patient",
        "context-ehr-encounter",
        "context-banner",
        "context-style",
        "permission-patient",
        "permission-user",
        "permission-v2",
    ];
    let open = json!({"patient": "p-7", "encounter": "e-1", "need_patient_banner": true,
        "smart_style_url": "https://ehr.example/style.json", "intent": "review", "tenant": "north"});
    let mut browser = Browser::new(&world);
    for left_out in [
        vec![],
        vec!["context-ehr-encounter"],
        vec!["context-ehr-encounter", "context-ehr-patient"],
        vec!["context-banner"],
        vec!["context-style"],
    ] {
        let held: Vec<&str> = all.into_iter().filter(|name| !left_out.contains(name)).collect();
        patched(&world, json!({"scope": "launch.write patient/*.cruds user/*.cruds", "capabilities": held}))
            .await;
        let launch = ehr.launch(&world, (&app.id, "dr.lee"), open.clone()).await;
        let asked = app.authorize_with("launch user/Patient.rs", &[("launch", &launch)]);
        let code = browser.authorize(&asked, &lee).await.code();
        let tokens = app.redeem(&world.public(), &code).await.granted();
        for (member, capability) in [
            ("patient", "context-ehr-patient"),
            ("encounter", "context-ehr-encounter"),
            ("need_patient_banner", "context-banner"),
            ("smart_style_url", "context-style"),
            ("intent", "launch-ehr"),
            ("tenant", "launch-ehr"),
        ] {
            let expected = held.contains(&capability).then(|| &open[member]);
            assert_eq!(tokens.get(member), expected, "{member} without {left_out:?}");
        }
        if !held.contains(&"context-ehr-patient") {
            let launch = ehr.launch(&world, (&app.id, "dr.lee"), open.clone()).await;
            let asked = app.authorize_with("launch patient/Patient.rs", &[("launch", &launch)]);
            browser.open(&asked).await.told(&app.callback, "access_denied", Some(&app.state));
        }
    }
}

#[tokio::test]
async fn sm_d_22_sm_r_01_an_app_does_not_go_on_where_the_fhir_server_takes_the_capability_back() {
    let world = World::start().await;
    let (app, pat, peer) =
        (App::public(&world, json!({})).await, world.patient_person().await, world.public());
    let all = [
        "launch-standalone",
        "client-public",
        "sso-openid-connect",
        "context-standalone-patient",
        "permission-patient",
        "permission-user",
        "permission-v2",
        "permission-offline",
        "permission-online",
    ];
    let mut browser = Browser::new(&world);
    for (scope, capability) in
        [("offline_access", "permission-offline"), ("online_access", "permission-online")]
    {
        let scope = format!("openid launch/patient patient/Observation.rs {scope}");
        let code = app.code(&mut browser, &pat, &scope).await;
        let tokens = app.redeem(&peer, &code).await.granted();
        let waiting = app.code(&mut browser, &pat, &scope).await;
        let held: Vec<&str> = all.into_iter().filter(|name| *name != capability).collect();
        patched(&world, json!({"capabilities": held})).await;
        app.refresh(&peer, text(&tokens, "refresh_token")).await.refused(400, "invalid_grant");
        let without = app.redeem(&peer, &waiting).await.granted();
        assert!(without.get("refresh_token").is_none(), "{capability}: {without}");
        assert_eq!(without["scope"], "openid launch/patient patient/Observation.rs");
        // Nothing was used up: where it is given again, the app goes on.
        patched(&world, json!({"capabilities": null})).await;
        app.refresh(&peer, text(&tokens, "refresh_token")).await.granted();
    }
    assert_eq!(reasons(&world, "token.issue").await, ["refresh_not_registered"; 2]);
}

#[tokio::test]
async fn s07_what_rests_on_the_search_of_a_fhir_server_ends_with_it() {
    let world = World::start().await;
    let patients =
        json!([{"resource": FHIR, "patient": "p-2", "relation": "care-team", "name": "Maria Silva"}]);
    let members = json!({"roles": ["clinician"], "fhir_user": "Practitioner/lee", "patients": patients});
    let (app, lee, peer) =
        (App::public(&world, json!({})).await, world.person("dr.lee", members).await, world.public());
    let mut browser = Browser::new(&world);
    let scope = "offline_access patient/Observation.rs";
    let code = app.code(&mut browser, &lee, scope).await;
    let tokens = app.redeem(&peer, &code).await.granted();
    let waiting = app.code(&mut browser, &lee, scope).await;
    // As if the clinician had found the patient by searching there.
    for table in ["family", "authorization_code"] {
        world.database.execute(&format!("update {table} set vouched_by = 'directory'")).await;
    }
    patched(&world, json!({"patients": "search"})).await;
    let tokens = app.refresh(&peer, text(&tokens, "refresh_token")).await.granted();
    patched(&world, json!({"patients": "registered"})).await;
    app.refresh(&peer, text(&tokens, "refresh_token")).await.refused(400, "invalid_grant");
    app.redeem(&peer, &waiting).await.refused(400, "invalid_grant");
    assert_eq!(reasons(&world, "token.issue").await, ["directory_not_searched"; 2]);
}
