//! How much an EHR hands over, and how often.

use serde_json::{Value, json};

use super::app;
use crate::harness::{Ehr, World};
use crate::token::reasons;

#[tokio::test]
async fn sm_l_02_too_much_context_and_signs_that_no_database_keeps_are_refused_by_name() {
    let world = World::start().await;
    let (ehr, app) = (Ehr::register(&world, json!({})).await, app(&world, json!({})).await);
    world.clinician().await;
    let long = "x".repeat(1000);
    let item = |value: Value| json!({"fhirContext": [value]});
    for (context, fields) in [
        (item(json!({"identifier": {"value": "x".repeat(5000)}})), vec!["fhirContext", "patient"]),
        (
            item(json!({"reference": "Task/1", "__more": {"a": vec!["b"; 2000]}})),
            vec!["fhirContext", "patient"],
        ),
        (
            json!({"intent": long, "tenant": long, "smart_style_url": format!("https://ehr.example/{}", &long[..900]),
                "fhirContext": [{"canonical": format!("https://ehr.example/{long}"), "type": &long[..200]}]}),
            vec!["fhirContext", "intent", "patient", "smart_style_url", "tenant"],
        ),
        // Refused with the body, before any member is read.
        (item(json!({"identifier": {"value": "a\u{0}b"}})), Vec::new()),
        (item(json!({"identifier": {"assigner": [{"\u{0}": "b"}]}})), Vec::new()),
        (item(json!({"reference": "Task/1", "__note": [["\u{0}"]]})), Vec::new()),
        (item(json!({"reference": "Task/1", "https://ehr.example/\u{0}": 1})), Vec::new()),
    ] {
        let mut body = json!({"client_id": app.id, "user": "dr.lee", "patient": "p-7"});
        for (name, value) in context.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = ehr.ask(&world, body).await;
        assert_eq!(answer.status, 400, "{:.300}: {}", context.to_string(), answer.text);
        let told = answer.json();
        let wrong = told["errors"].as_array().into_iter().flatten();
        let named: Vec<&str> = wrong.filter_map(|one| one["field"].as_str()).collect();
        assert_eq!(named, fields, "{:.300}", context.to_string());
    }
    assert_eq!(world.database.count("select count(*) from launch").await, 0);
}

#[tokio::test]
async fn sm_l_02_an_ehr_has_ten_thousand_launches_open_and_no_more() {
    let world = World::start().await;
    let (ehr, other) = (Ehr::register(&world, json!({})).await, Ehr::register(&world, json!({})).await);
    let app = app(&world, json!({})).await;
    world.clinician().await;
    let body = || json!({"client_id": app.id, "user": "dr.lee", "patient": "p-7"});
    assert_eq!(ehr.ask(&world, body()).await.status, 201);
    let many = "insert into launch select (jsonb_populate_record(l, jsonb_build_object('launch_id', gen_random_uuid(),
                    'digest', sha256(n::text::bytea)))).* from launch l, generate_series(1, 9998) n";
    world.database.execute(many).await;
    assert_eq!(ehr.ask(&world, body()).await.status, 201, "the last one");
    ehr.ask(&world, body()).await.refused(429, "temporarily_unavailable");
    assert_eq!(reasons(&world, "launch.create").await, ["too_many_launches_open"]);
    assert_eq!(other.ask(&world, body()).await.status, 201, "another EHR is not held to it");
    for change in ["used_at = created_at", "expires_at = created_at + interval '1 microsecond'"] {
        let one =
            "launch_id = (select launch_id from launch where used_at is null and expires_at > now() limit 1)";
        let of_ehr = format!("update launch set {change} where ehr = '{}' and {one}", ehr.backend.id);
        world.database.execute(&of_ehr).await;
    }
    let open = format!(
        "select count(*) from launch where ehr = '{}' and used_at is null and expires_at > now()",
        ehr.backend.id
    );
    let room = 10_000 - world.database.count(&open).await;
    for _ in 0..room {
        assert_eq!(ehr.ask(&world, body()).await.status, 201);
    }
    ehr.ask(&world, body()).await.refused(429, "temporarily_unavailable");
}
