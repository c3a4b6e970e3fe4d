//! What must not be found where it does not belong: secrets in logs, rows and answers; the inside of
//! the server in its errors.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{ADMIN_SCOPES, Answer, Backend, FHIR, OPAQUE, World, key, registration};

/// Every row of every table, as text.
async fn dump(world: &World) -> String {
    let tables = "select string_agg(format('select %L || t::text as x from %I t', tablename || ': ', tablename), ' union all ') \
                  from pg_tables where schemaname = 'public'";
    let query = world.database.text(tables).await;
    world.database.text(&format!("select string_agg(x, E'\\n') from ({query}) as everything")).await
}

#[tokio::test]
async fn o05_o06_no_secret_assertion_or_token_is_in_the_log_the_database_or_an_error() {
    let world = World::start().await;
    let members = json!({"scope": "capacity.read", "resources": [FHIR]});
    let whole = world.register_whole(registration("client_secret_basic", members)).await;
    let (id, secret) = (whole["client_id"].as_str().unwrap(), whole["client_secret"].as_str().unwrap());
    let client = Backend::register(&world, Algorithm::Es256, json!({"resources": [FHIR, OPAQUE]})).await;
    let server =
        Backend::register(&world, Algorithm::Es256, json!({"introspects": [FHIR, OPAQUE], "scope": null}))
            .await;
    let form = [("grant_type", "client_credentials"), ("scope", "capacity.read")];
    let public = world.public();
    let by_secret = public.post_basic("/oauth2/token", (id, secret), &form).await.token();
    let wrong = "canary-wrong-secret-5f2a9c";
    let mut answers = vec![public.post_basic("/oauth2/token", (id, wrong), &form).await];
    answers.push(
        public
            .post(
                "/oauth2/token",
                &[("client_id", id), ("client_secret", wrong), ("grant_type", "client_credentials")],
            )
            .await,
    );
    let assertion = client.assertion(&world).sign(&client.key);
    let mut with_resource = Backend::form(&assertion, "system/Claim.rs");
    with_resource.push(("resource", OPAQUE));
    let opaque = public.post("/oauth2/token", &with_resource).await.token();
    answers.push(public.post("/oauth2/token", &with_resource).await);
    let jwt_form = client.assertion(&world).sign(&client.key);
    let mut at_fhir = Backend::form(&jwt_form, "system/Claim.rs");
    at_fhir.push(("resource", FHIR));
    let jwt = public.post("/oauth2/token", &at_fhir).await.token();
    let forged = client.assertion(&world).sign(&key(Algorithm::Es256));
    answers.push(public.post("/oauth2/token", &Backend::form(&forged, "canary-scope-77")).await);
    for token in [&opaque, &jwt] {
        server.introspect(&world, &public, token).await.active();
        client.revoke(&world, &public, token).await;
        answers.push(public.send(Method::GET, "/admin/v1/clients", Some(token), None).await);
    }
    let patient = "canary-patient-4711";
    answers.push(public.get(&format!("/unknown?token={by_secret}&patient={patient}")).await);
    answers.push(public.get(&format!("/oauth2/token?client_secret={wrong}")).await);
    let rotated =
        world.administer(Method::POST, &format!("/admin/v1/clients/{id}/secret"), None).await.json();
    let admin_token = world.admin_token(ADMIN_SCOPES).await;
    answers.push(world.public().send(Method::GET, "/admin/v1/keys", Some(&admin_token), None).await);

    let canaries = [
        secret,
        wrong,
        &by_secret,
        &opaque,
        &jwt,
        &assertion,
        &jwt_form,
        &forged,
        &admin_token,
        rotated["client_secret"].as_str().unwrap(),
    ];
    let (log, rows) = (world.processes[0].log(), dump(&world).await);
    assert!(log.lines().count() > 10 && rows.len() > 2000, "something was logged and stored");
    for canary in canaries {
        // A part that is in every JWT of a kind tells nothing; its signature does.
        let part = canary.rsplit('.').next().unwrap();
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        for (place, text) in [("log", &log), ("database", &rows)] {
            assert!(!text.contains(part) && !text.contains(&hex(part)), "{part} is in the {place}");
        }
        for answer in answers.iter().filter(|answer| answer.status >= 400) {
            assert!(
                !answer.text.contains(part) && !format!("{:?}", answer.headers).contains(part),
                "{}",
                answer.text
            );
        }
    }
    assert!(
        !log.contains(patient)
            && !log.contains("BEGIN")
            && !rows.contains("PRIVATE KEY")
            && !rows.contains("\"d\":")
    );
}

#[tokio::test]
async fn o10_a_fault_tells_its_sender_nothing_but_a_number_to_ask_for_and_the_server_goes_on() {
    let world = World::start().await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let admin_token = world.admin_token(ADMIN_SCOPES).await;
    world.database.execute("alter table client rename column metadata to elsewhere").await;
    let (public, admin) = (world.public(), world.mtls(&world.admin));
    let answers = [
        client.ask(&world, &public, "system/Claim.rs").await,
        admin.send(Method::GET, "/admin/v1/clients", Some(&admin_token), None).await,
        client.introspect(&world, &public, "x").await,
    ];
    for answer in &answers {
        assert_eq!((answer.status, answer.header("retry-after").is_some()), (503, true), "{}", answer.text);
        let id = answer.header("x-request-id").unwrap();
        for inside in ["metadata", "column", "select", "client.rs", "src/", "sqlx", "postgres", "panicked"] {
            assert!(!answer.text.to_lowercase().contains(inside), "{inside}: {}", answer.text);
        }
        let logged = world.processes[0].log();
        let told: Vec<&str> =
            logged.lines().filter(|line| line.contains(id) && line.contains("ERROR")).collect();
        assert!(!told.is_empty(), "the log has the whole story under {id}");
    }
    world.database.execute("alter table client rename column elsewhere to metadata").await;
    client.ask(&world, &public, "system/Claim.rs").await.granted();
    assert_eq!(admin.send(Method::GET, "/admin/v1/clients", Some(&admin_token), None).await.status, 200);
}

#[tokio::test]
async fn x08_whatever_a_sender_writes_the_log_has_one_valid_json_line_for_each_event() {
    let world = World::start().await;
    let evil = "a\n{\"level\":\"INFO\",\"message\":\"forged\"}\r\n\u{1b}[2J\"'\\\u{2028}";
    let public = world.public();
    for name in ["client_id", "grant_type", "scope", "client_secret", "resource"] {
        let form = [(name, evil), ("x", "y")];
        assert!((400..500).contains(&public.post("/oauth2/token", &form).await.status));
    }
    public
        .post_basic("/oauth2/token", (evil, evil), &[("grant_type", "client_credentials")])
        .await
        .invalid_client();
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let assertion = client
        .assertion(&world)
        .claim("iss", json!(evil))
        .claim("sub", json!(evil))
        .head("kid", json!(evil))
        .sign(&client.key);
    public.post("/oauth2/token", &Backend::form(&assertion, "system/Claim.rs")).await.invalid_client();
    let request = public
        .request(Method::GET, "/%0a%7b%22message%22:%22forged%22%7d%1b%5b2J?%0aforged")
        .header("user-agent", "x\t\"forged\"");
    Answer::read(request.send().await.unwrap()).await;
    let log = world.processes[0].log();
    for line in log.lines() {
        let event: Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("not one JSON event: {line}"));
        assert!(event["timestamp"].is_string() && event["level"].is_string(), "{line}");
        assert_ne!(event["message"], "forged");
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{2028}'), "{line:?}");
    }
    let records = world.administer(Method::GET, "/admin/v1/audit?limit=200", None).await;
    assert_eq!(records.status, 200);
    let forged = records.json()["items"].as_array().unwrap().iter().any(|event| event["action"] == "forged");
    assert!(!forged && !records.text.contains('\u{1b}'));
}
