//! The commands of the terminal: what they refuse, print, survive and leave behind.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use nix::sys::signal::Signal;
use rcgen::{CertificateParams, DnType, date_time_ymd};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::harness::{Dev, Ran, Raw, World, eventually, free_ports, registration, run_briefly};

const BOTH: &[&str] = &["serve", "check"];

/// A variable that is set anew, and what is then said.
type Row<'a> = (&'static str, String, &'a [&'a str]);

/// Starts commands beside a world with other variables; they must refuse with 1 and say why.
async fn refused(world: &World, commands: &[&str], variables: &[(&'static str, String)], says: &[&str]) {
    for command in commands {
        let ran = beside(world, command, variables).await;
        let complaint = ran.complaint();
        assert_eq!(ran.code(), Some(1), "{command} {variables:?}: {complaint}");
        for word in says {
            assert!(complaint.contains(word), "{command} {variables:?} does not say {word}: {complaint}");
        }
        assert!(!complaint.contains("s3cret"), "{complaint}");
    }
}

/// Runs a command beside a world, with other variables.
async fn beside(world: &World, command: &str, variables: &[(&'static str, String)]) -> Ran {
    let [public, mtls, ops] = free_ports().map(|port| format!("127.0.0.1:{port}"));
    let mut all = vec![
        ("DATABASE_URL", world.database.url()),
        ("HILUM_HTTP__PUBLIC", public),
        ("HILUM_HTTP__MTLS", mtls),
        ("HILUM_HTTP__OPS", ops),
    ];
    for (name, value) in variables {
        all.retain(|(known, _)| known != name);
        all.push((name, value.clone()));
    }
    all.retain(|(_, value)| !value.is_empty());
    let config = world.config();
    run_briefly(&[command, "--config", &config.to_string_lossy()], &all).await
}

fn open(world: &World, file: &str, mode: u32) {
    std::fs::set_permissions(world.file(file), std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Writes a file that its owner alone may read.
fn put(world: &World, name: &str, content: &str) -> String {
    std::fs::write(world.file(name), content).unwrap();
    open(world, name, 0o600);
    world.file(name).to_string_lossy().into_owned()
}

/// A certificate of the world's authority that is not for its server, in a file, and its key in another.
fn certificate(world: &World, name: &str, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let made = world.authority.client_with("https://x.example/", change);
    let key = put(world, &format!("{name}.key"), &made.key);
    (put(world, &format!("{name}.pem"), &made.certificate), key)
}

#[tokio::test]
async fn o10_serve_and_check_refuse_what_is_unsafe_and_say_what_to_do() {
    let world = World::start().await;
    let taken = format!("127.0.0.1:{}", world.processes[0].public);
    let (developed, _) = certificate(&world, "developed", |params| {
        params.distinguished_name.push(DnType::OrganizationName, "Hilum development");
    });
    let missing = world.file("missing.pem").to_string_lossy().into_owned();
    let rows: [Row<'_>; 10] = [
        ("HILUM_ISSUER__URL", "http://auth.example".to_owned(), &["issuer.url", "https"]),
        ("HILUM_OUTBOUND__ALLOW", "[\"localhost:1\"]".to_owned(), &["outbound.allow"]),
        ("HILUM_TLS__CERTIFICATE_FILE", developed.clone(), &["tls.certificate_file", "development CA"]),
        ("HILUM_TLS__CLIENT_ANCHORS_FILE", developed, &["tls.client_anchors_file", "development CA"]),
        ("HILUM_TLS__CERTIFICATE_FILE", missing.clone(), &["tls.certificate_file", "cannot be read"]),
        ("HILUM_SECRETS__MASTER_KEY_FILE", missing, &["secrets.master_key_file", "cannot be read"]),
        ("DATABASE_URL", world.database.owner_url(), &["hilum_owner", "audit trail"]),
        ("HILUM_HTTP__OPS", "0.0.0.0:9".to_owned(), &["http.ops", "loopback"]),
        ("HILUM_HTTP__PUBLIK", "127.0.0.1:1".to_owned(), &["http.publik"]),
        ("HILUM_TOKENS__SYSTEM_SECONDS", "3600".to_owned(), &["tokens.system_seconds", "300"]),
    ];
    for (name, value, says) in rows {
        refused(&world, BOTH, &[(name, value)], says).await;
    }
    refused(&world, &["serve"], &[("DATABASE_URL", String::new())], &["database.url", "DATABASE_URL"]).await;
    let says = ["listening on", &taken, "choose another in http.public"];
    refused(&world, &["serve"], &[("HILUM_HTTP__PUBLIC", taken.clone())], &says).await;
    for file in ["server.key", "master.key"] {
        open(&world, file, 0o644);
        refused(&world, BOTH, &[], &["others may read", file, "chmod 600"]).await;
        open(&world, file, 0o600);
    }
    let name = world.database.name();
    world.database.execute(&format!("alter database {name} set synchronous_commit = off")).await;
    refused(&world, BOTH, &[], &["database: synchronous_commit is off"]).await;
    world.database.execute(&format!("alter database {name} reset synchronous_commit")).await;
    world.database.execute("delete from _sqlx_migrations").await;
    refused(&world, BOTH, &[], &["schema", "hilum migrate"]).await;
}

#[tokio::test]
async fn o10_check_loads_what_serve_loads_and_tells_all_that_is_wrong_at_once() {
    let world = World::start().await;
    let missing = world.file("missing").to_string_lossy().into_owned();
    let (_, key) = certificate(&world, "another", |_| {});
    let master = put(&world, "other.key", &"0123456789abcdef".repeat(4));
    let garbage = put(&world, "garbage", "garbage");
    let elsewhere = "postgres://hilum_app:s3cret@127.0.0.1:1/hilum".to_owned();
    let unread = format!("tls.client_crl_files: {missing} cannot be read: No such file or directory: leave");
    let rows: [Row<'_>; 7] = [
        ("HILUM_TLS__CLIENT_CRL_FILES", missing.clone(), &[&unread]),
        ("HILUM_TLS__CLIENT_CRL_FILES", garbage, &["tls.client_crl_files", "cannot be used"]),
        ("HILUM_TLS__KEY_FILE", key, &["tls.key_file", "another certificate"]),
        ("HILUM_TLS__OCSP_FILE", missing.clone(), &["tls.ocsp_file", "leave the key out"]),
        ("HILUM_OUTBOUND__CA_FILE", missing.clone(), &["outbound.ca_file", "cannot be read"]),
        ("HILUM_SECRETS__MASTER_KEY_FILE", master, &["server_secret", "which is none of [secrets]"]),
        ("DATABASE_URL", elsewhere, &["cannot connect to 127.0.0.1:1 as hilum_app: connection refused"]),
    ];
    for (name, value, says) in rows {
        refused(&world, BOTH, &[(name, value)], says).await;
    }
    let two = [("HILUM_TLS__CLIENT_CRL_FILES", missing.clone()), ("HILUM_OUTBOUND__CA_FILE", missing)];
    refused(&world, BOTH, &two, &["tls.client_crl_files", "outbound.ca_file"]).await;

    let (certificate, key) = certificate(&world, "ended", |params| {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    });
    let ended = [("HILUM_TLS__CERTIFICATE_FILE", certificate), ("HILUM_TLS__KEY_FILE", key)];
    refused(&world, &["check"], &ended, &["clients would refuse", "ended at 2021-01-01"]).await;
    let rows = [
        ("HILUM_ISSUER__URL", "https://elsewhere.example".to_owned(), "does not name elsewhere.example"),
        ("DATABASE_URL", String::new(), "the database was not looked at"),
    ];
    for (name, value, says) in rows {
        let ran = beside(&world, "check", &[(name, value)]).await;
        assert_eq!(ran.code(), Some(0), "{name}: {}", ran.complaint());
        assert!(ran.complaint().contains(says), "{name}: {}", ran.complaint());
    }
}

#[tokio::test]
async fn wrong_usage_ends_with_2_and_what_is_refused_with_1() {
    let world = World::start().await;
    let usages: [&[&str]; 8] = [
        &[],
        &["fly"],
        &["serve", "--nope"],
        &["client", "create"],
        &["audit", "list", "--limit", "0"],
        &["keys", "rotate", "--soon"],
        &["audit", "list", "--outcome", "maybe"],
        &["dev", "--public", "nowhere"],
    ];
    for usage in usages {
        let ran = run_briefly(usage, &[]).await;
        assert_eq!((ran.code(), ran.output().as_str()), (Some(2), ""), "{usage:?}");
        assert!(ran.complaint().contains("help"), "{usage:?}: {}", ran.complaint());
    }
    for asked in [["--help"], ["--version"]] {
        assert_eq!(run_briefly(&asked, &[]).await.code(), Some(0));
    }
    let bad = json!({"client_name": "x", "organization": "y", "token_endpoint_auth_method": "none", "verified": true}).to_string();
    let rows: [(&[&str], &str, &str); 9] = [
        (&["client", "show", "nobody"], "", "not_found"),
        (&["client", "create", "-"], "{\"a\": }", "standard input, line 1 column 7: expected value"),
        (&["pki", "community", "show", "default"], "", "tls.client_anchors_file"),
        (&["client", "create", "-"], &bad, "verified"),
        (&["client", "create", "-"], "[]", "JSON object"),
        (&["client", "create", "/nowhere.json"], "", "/nowhere.json"),
        (&["resource", "show", "No Name"], "", "not the name"),
        (&["resource", "delete", "nothing"], "", "not_found"),
        (&["client", "rotate-secret", &world.admin_id], "", "conflict"),
    ];
    for (arguments, input, says) in rows {
        let ran = world.command(arguments, input);
        assert_eq!((ran.code(), ran.output().as_str()), (Some(1), ""), "{arguments:?}: {}", ran.complaint());
        assert!(
            ran.complaint().to_lowercase().contains(&says.to_lowercase()),
            "{arguments:?}: {}",
            ran.complaint()
        );
    }
    let lost = run_briefly(&["serve", "--config", "/nowhere.toml"], &[]).await;
    assert!(lost.code() == Some(1) && lost.complaint().contains("/nowhere.toml"), "{}", lost.complaint());
    let nowhere = run_briefly(&["check"], &[]).await;
    let (complaint, here) = (nowhere.complaint(), std::env::current_dir().unwrap());
    let first = format!("hilum: there is no hilum.toml in {}: name it with --config FILE\n", here.display());
    assert!(nowhere.code() == Some(1) && complaint.starts_with(&first), "{complaint}");
    let checked = world.command(&["check"], "").expect_success();
    assert!(checked.contains(world.issuer()) && !checked.contains("0f1e2d3c"), "{checked}");
}

#[tokio::test]
async fn the_commands_print_tables_for_people_and_json_for_programs() {
    let world = World::start().await;
    let document = registration("client_secret_basic", json!({"scope": "capacity.read"})).to_string();
    let created: Value = serde_json::from_str(
        &world.command(&["client", "create", "-", "--json"], &document).expect_success(),
    )
    .unwrap();
    let (id, secret) = (created["client_id"].as_str().unwrap(), created["client_secret"].as_str().unwrap());
    let table = world.command(&["client", "list"], "").expect_success();
    assert!(
        table.starts_with("client_id")
            && table.lines().count() == 3
            && table.contains(id)
            && !table.contains(secret),
        "{table}"
    );
    let list: Value =
        serde_json::from_str(&world.command(&["client", "list", "--json"], "").expect_success()).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 2);
    let shown = world.command(&["client", "show", id], "").expect_success();
    assert!(shown.starts_with("member") && shown.contains("Payer") && !shown.contains(secret));
    for (arguments, heading, rows) in [(["resource", "list"], "name", 2), (["keys", "list"], "kid", 3)] {
        let table = world.command(&arguments, "").expect_success();
        assert!(table.starts_with(heading) && table.lines().count() == rows + 1, "{table}");
        let json = [&arguments[..], &["--json"]].concat();
        let list: Value = serde_json::from_str(&world.command(&json, "").expect_success()).unwrap();
        assert_eq!(list.as_array().unwrap().len(), rows);
    }
    world.command(&["client", "disable", id], "").expect_success();
    let form = [("grant_type", "client_credentials"), ("scope", "capacity.read")];
    world.public().post_basic("/oauth2/token", (id, secret), &form).await.invalid_client();
    world.command(&["client", "delete", id], "").expect_success();

    let audit = world.command(&["audit", "list", "--action", "client.create", "--json"], "").expect_success();
    let audit: Value = serde_json::from_str(&audit).unwrap();
    let event = audit
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["target"] == json!(id))
        .expect("its record")
        .clone();
    assert!(event["person"].as_str().unwrap().starts_with("terminal:") && event["outcome"] == "granted");
    let table = world.command(&["audit", "list", "--outcome", "refused"], "").expect_success();
    assert!(table.starts_with("at ") && table.contains("token.issue"), "{table}");
    assert!(
        world.audit("audit.search").await.iter().any(|event| event["person"].is_string()),
        "a search at the terminal is recorded"
    );
    let signed: Value =
        serde_json::from_str(&world.command(&["keys", "rotate", "--now", "--json"], "").expect_success())
            .unwrap();
    assert!(
        signed.as_array().unwrap().iter().any(|key| key["state"] == "active" && key.get("d").is_none()),
        "{signed}"
    );
}

#[tokio::test]
async fn a_hangup_reads_certificates_again_and_a_termination_answers_what_is_under_way() {
    let mut world = World::start().await;
    let (port, authority) = (world.processes[0].public, world.authority.pem.clone());
    let shown = || Raw::connect(port, &authority).certificate();
    let (before, next) = (shown(), world.authority.server());
    std::fs::write(world.file("server.pem"), &next.certificate).unwrap();
    std::fs::write(world.file("server.key"), &next.key).unwrap();
    assert_ne!(before, next.der);
    world.processes[0].signal(Signal::SIGHUP);
    eventually("the new certificate is shown", Duration::from_mins(1), || async {
        (shown() == next.der).then_some(())
    })
    .await;
    std::fs::write(world.file("server.key"), "broken").unwrap();
    world.processes[0].signal(Signal::SIGHUP);
    eventually("the failure is logged", Duration::from_mins(1), || async {
        world.processes[0].log().contains("could not reload").then_some(())
    })
    .await;
    assert_eq!(shown(), next.der, "what was in force stays in force");

    let body = "grant_type=client_credentials";
    let mut under_way = Raw::connect(port, &authority);
    let head = "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    under_way
        .send(format!("{head}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes());
    // The server asks for the body once it has read the head (RFC 9110, 10.1.1).
    eventually("the request is under way", Duration::from_mins(1), || {
        let is_asked_for = under_way.hear(Duration::from_millis(100)).statuses() == [100];
        async move { is_asked_for.then_some(()) }
    })
    .await;
    under_way.send(&body.as_bytes()[..10]);
    world.processes[0].signal(Signal::SIGTERM);
    eventually("no new connection is taken", Duration::from_mins(1), || async {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_err().then_some(())
    })
    .await;
    assert_eq!(world.processes[0].ready().await, Some(503), "who asks is told to send no more");
    let heard = under_way.send(&body.as_bytes()[10..]).hear(Duration::from_mins(1));
    assert_eq!(heard.statuses(), [401], "{}", heard.text);
    assert_eq!(world.processes[0].wait(), Some(0), "{}", world.processes[0].log());
    std::fs::write(world.file("server.key"), &next.key).unwrap();
    world.restart(0).await;
}

#[tokio::test]
async fn dev_starts_from_nothing_survives_kill_9_and_takes_its_postgresql_with_it() {
    let folder = TempDir::new().unwrap();
    let mut dev = Dev::start(folder.path(), &[]).await;
    let first = dev.fixtures.clone();
    let stored: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("dev/fixtures.json")).unwrap())
            .unwrap();
    assert_eq!(stored, first);
    for private in ["dev", "dev/fixtures.json", "dev/master.key", "dev/server.key", "dev/hilum.toml"] {
        let mode = std::fs::metadata(folder.path().join(private)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{private}");
    }
    let id = |name: &str| first["clients"][name]["client_id"].as_str().unwrap().to_owned();
    let secret = first["clients"]["partner-secret"]["client_secret"].as_str().unwrap();
    let form = [("grant_type", "client_credentials"), ("scope", "capacity.read")];
    dev.public().post_basic("/oauth2/token", (&id("partner-secret"), secret), &form).await.granted();
    let keys = dev.public().get("/oauth2/jwks").await.json();

    dev.child.kill().unwrap();
    let dev = dev.again().await;
    assert_eq!(dev.fixtures, first, "the same clients, people and secrets");
    assert_eq!(dev.public().get("/oauth2/jwks").await.json(), keys);
    dev.public().post_basic("/oauth2/token", (&id("partner-secret"), secret), &form).await.granted();
    let with_certificate = [
        ("grant_type", "client_credentials"),
        ("client_id", &*id("payer-mtls")),
        ("scope", "system/Claim.rs"),
    ];
    dev.mtls("payer-mtls").post("/oauth2/token", &with_certificate).await.granted();
    let issued: Value = serde_json::from_str(
        &dev.command(&["audit", "list", "--action", "token.issue", "--outcome", "granted", "--json"], "")
            .expect_success(),
    )
    .unwrap();
    assert_eq!(issued.as_array().unwrap().len(), 3, "what was answered before the kill is there");

    let database = first["database_url"].as_str().unwrap();
    PgConnection::connect(database).await.unwrap().close().await.unwrap();
    let mut dev = dev;
    dev.signal(Signal::SIGTERM);
    assert_eq!(dev.child.wait().unwrap().code(), Some(0), "{}", dev.log());
    assert!(PgConnection::connect(database).await.is_err(), "its PostgreSQL has ended");
}

#[tokio::test]
async fn migrations_that_run_at_once_and_after_one_that_was_interrupted_build_every_index() {
    let world = World::start().await;
    let database = &world.database;
    let all = database.count("select count(*) from _sqlx_migrations").await;
    database.execute("delete from _sqlx_migrations where version between 8 and 11").await;
    // One was built and not noted, one was left unfinished, the others are not there.
    database
        .execute("update pg_index set indisvalid = false where indexrelid = 'family_subject'::regclass")
        .await;
    database.execute("drop index authorization_code_subject, consent_by_policy").await;
    let variables = [("DATABASE_URL", database.url()), ("HILUM_DATABASE__OWNER_URL", database.owner_url())];
    let runs = (0..3).map(|_| run_briefly(&["migrate"], &variables));
    for ran in futures_util::future::join_all(runs).await {
        ran.expect_success();
    }
    assert_eq!(database.count("select count(*) from _sqlx_migrations where success").await, all);
    let built = "select count(*) from pg_index where indisvalid and indexrelid::regclass::text in
                     ('person_fhir_user', 'family_subject', 'authorization_code_subject', 'consent_by_policy')";
    assert_eq!(database.count(built).await, 4);
}
