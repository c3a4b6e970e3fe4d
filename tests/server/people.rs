//! People at the terminal: `hilum user`, and those that `hilum dev` makes.

use hilum::platform::entropy::Entropy;
use hilum::platform::passwords::PasswordHasher;
use hilum::protocol::secret::Secret;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tempfile::TempDir;

use crate::harness::{Database, Dev, FHIR, World, run_briefly};

const GOOD: &str = "violet tractor pencil";

/// Runs `hilum user` and reads the JSON it prints.
fn user(world: &World, arguments: &[&str], input: &str) -> Value {
    let all = [&["user"], arguments, &["--json"]].concat();
    serde_json::from_str(&world.command(&all, input).expect_success()).unwrap()
}

#[tokio::test]
async fn people_are_kept_from_the_terminal_by_user_name_or_subject() {
    let world = World::start().await;
    let document = json!({"username": "Pat", "organization": "Mercy", "roles": ["patient"]}).to_string();
    let printed = world.command(&["user", "create", "-"], &document).expect_success();
    assert!(printed.contains("password") && printed.contains("pat"), "{printed}");
    let shown = user(&world, &["show", "PAT"], "");
    let subject = shown["subject"].as_str().unwrap();
    assert_eq!(user(&world, &["show", subject], ""), shown);
    assert!(shown.get("password").is_none());

    let patients = json!([{"resource": FHIR, "patient": "rivera", "relation": "self", "name": "Pat Rivera",
        "birthDate": "1984-02-29", "identifier": "M10001", "encounters": []}]);
    let patch = json!({"name": "Pat Rivera", "patients": patients}).to_string();
    let patched = user(&world, &["patch", "pat", "-"], &patch);
    assert_eq!((&patched["name"], &patched["version"]), (&json!("Pat Rivera"), &json!(2)));
    assert_eq!(patched["patients"], patients);
    assert_eq!(user(&world, &["disable", subject], "")["status"], "disabled");
    assert_eq!(user(&world, &["enable", "pat"], "")["status"], "active");
    let made = user(&world, &["reset", "pat"], "");
    assert_eq!(made["password"].as_str().unwrap().len(), 34);
    let chosen = json!({"password": GOOD}).to_string();
    assert!(user(&world, &["reset", "pat", "-"], &chosen).get("password").is_none());

    let table = world.command(&["user", "list"], "").expect_success();
    assert!(
        table.starts_with("username") && table.lines().count() == 2 && table.contains("Pat Rivera"),
        "{table}"
    );
    assert!(!table.contains("argon2"));
    let all = user(&world, &["list"], "");
    assert_eq!(all, json!([user(&world, &["show", "pat"], "")]));

    let records = world.audit("user.reset").await;
    assert!(
        records.len() == 2
            && records.iter().all(|record| {
                record["target"] == "pat"
                    && record["person"].as_str().unwrap().starts_with("terminal:")
                    && record["detail"] == subject
            }),
        "{records:?}"
    );
}

#[tokio::test]
async fn what_is_refused_at_the_terminal_is_told_and_ends_with_1() {
    let world = World::start().await;
    let good = json!({"username": "pat", "organization": "Mercy"});
    world.command(&["user", "create", "-"], &good.to_string()).expect_success();
    let with = |member: &str, value: Value| {
        let mut document = good.clone();
        document[member] = value;
        document.to_string()
    };
    let rows: [(&[&str], String, &str); 9] = [
        (&["user", "create", "-"], good.to_string(), "conflict"),
        (&["user", "create", "-"], with("locked_until", json!(1)), "locked_until"),
        (&["user", "create", "-"], with("username", json!("a b")), "username"),
        (&["user", "create", "-"], with("password", json!("password")), "15 characters"),
        (
            &["user", "reset", "pat", "-"],
            json!({"password": "pat pat pat pat"}).to_string(),
            "guessed too easily",
        ),
        (&["user", "patch", "pat", "-"], json!({"status": "disabled"}).to_string(), "status"),
        (&["user", "show", "nobody"], String::new(), "not_found"),
        (&["user", "disable", "00000000-0000-0000-0000-000000000000"], String::new(), "not_found"),
        (&["user", "enable", "no name"], String::new(), "neither a user name nor a subject"),
    ];
    for (arguments, input, says) in rows {
        let ran = world.command(arguments, &input);
        assert_eq!((ran.code(), ran.output().as_str()), (Some(1), ""), "{arguments:?}: {}", ran.complaint());
        assert!(ran.complaint().contains(says), "{arguments:?}: {}", ran.complaint());
    }
    for usage in [&["user"][..], &["user", "create"], &["user", "delete", "pat"]] {
        assert_eq!(run_briefly(usage, &[]).await.code(), Some(2), "{usage:?}");
    }
}

/// Whether everybody's password of the fixtures is the stored one, and whose row is whose.
async fn subjects(fixtures: &Value) -> Vec<String> {
    let mut connection = PgConnection::connect(fixtures["database_url"].as_str().unwrap()).await.unwrap();
    let hasher = PasswordHasher::new(1, 0, Entropy::system()).unwrap();
    let mut subjects = Vec::new();
    for told in fixtures["users"].as_array().unwrap() {
        let username = told["username"].as_str().unwrap();
        let query = format!(
            "select subject::text, password_hash, name, sealed_totp is not null \
               from person where username = '{username}' and status = 'active'"
        );
        let row = sqlx::raw_sql(AssertSqlSafe(query)).fetch_one(&mut connection).await.unwrap();
        let password = Secret::new(told["password"].as_str().unwrap().to_owned());
        assert!(
            hasher.verify(hasher.enter().unwrap(), password, Some(row.get(1))).await.unwrap(),
            "{username}"
        );
        assert!(row.get::<Option<String>, _>(2).is_some(), "{username} has a name");
        assert_eq!(row.get::<bool, _>(3), told["totp_secret"].is_string(), "{username}");
        subjects.push(row.get(0));
    }
    connection.close().await.unwrap();
    subjects
}

async fn execute(fixtures: &Value, statement: &str) {
    let mut connection = PgConnection::connect(fixtures["database_url"].as_str().unwrap()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn dev_mends_what_table_and_fixtures_do_not_both_know_and_keeps_the_passwords_it_told() {
    let (folder, database) = (TempDir::new().unwrap(), Database::fresh().await);
    let variables = [("DATABASE_URL", database.url()), ("HILUM_DATABASE__OWNER_URL", database.owner_url())];
    let mut dev = Dev::start(folder.path(), &variables).await;
    let first = dev.fixtures.clone();
    let before = subjects(&first).await;
    dev.command(&["user", "reset", "dr.adams"], "").expect_success();
    execute(
        &first,
        "delete from person where username = 'pat.rivera'; \
                     update person set sealed_totp = null, name = null where username = 'admin'",
    )
    .await;
    dev.child.kill().unwrap();
    let mut dev = dev.again().await;
    assert_eq!(dev.fixtures, first, "the fixtures still say how to sign in");
    let after = subjects(&first).await;
    assert!(after[0] == before[0] && after[1] != before[1] && after[2] == before[2], "{before:?} {after:?}");

    dev.child.kill().unwrap();
    let mut dev = dev.again().await;
    assert_eq!(dev.fixtures, first);
    let records = dev.command(&["audit", "list", "--action", "user.reset", "--json"], "").expect_success();
    let records: Value = serde_json::from_str(&records).unwrap();
    assert_eq!(records.as_array().unwrap().len(), 3, "what is as it was told is left alone");

    let file = folder.path().join("dev/fixtures.json");
    let mut lost = first.clone();
    lost["users"] = json!([]);
    std::fs::write(&file, lost.to_string()).unwrap();
    dev.child.kill().unwrap();
    let dev = dev.again().await;
    assert_ne!(dev.fixtures["users"], first["users"], "nobody knows the old passwords any more");
    assert_eq!(subjects(&dev.fixtures).await, after);
}
