//! People over the admin API.

use hilum::platform::entropy::Entropy;
use hilum::platform::passwords::PasswordHasher;
use hilum::protocol::secret::Secret;
use reqwest::Method;
use serde_json::{Value, json};

use super::clients::named;
use crate::harness::{ADMIN_SCOPES, Answer, FHIR, Peer, World, registration};

const USERS: &str = "/admin/v1/users";
const GOOD: &str = "violet tractor pencil";

fn lee() -> Value {
    json!({"username": "Dr.Lee", "name": "Dr. Kim Lee", "organization": "Mercy", "roles": ["clinician"],
        "fhir_user": "Practitioner/lee", "password": GOOD})
}

async fn create(world: &World, document: Value) -> Value {
    let created = world.administer(Method::POST, USERS, Some(document)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    created.json()
}

fn path(person: &Value) -> String {
    format!("{USERS}/{}", person["subject"].as_str().unwrap())
}

async fn conditional(world: &World, path: &str, etag: &str, body: &Value) -> Answer {
    let token = world.admin_token(ADMIN_SCOPES).await;
    let request = world.mtls(&world.admin).request(Method::PATCH, path).bearer_auth(token);
    Answer::read(request.header("if-match", etag).json(body).send().await.unwrap()).await
}

/// Whether the stored hash of a person is that of a password.
async fn is_password(world: &World, username: &str, password: &str) -> bool {
    let query = format!("select password_hash from person where username = '{username}'");
    let stored = world.database.text(&query).await;
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    let hasher = PasswordHasher::new(1, 0, Entropy::system()).unwrap();
    hasher.verify(hasher.enter().unwrap(), Secret::new(password.to_owned()), Some(stored)).await.unwrap()
}

/// Whether everything that a person began until now is dead.
async fn is_cut_off(world: &World, username: &str) -> bool {
    let cut = format!(
        "select count(*) from person where username = '{username}' and not_before > updated_at \
         and not_before > created_at"
    );
    world.database.count(&cut).await == 1
}

#[tokio::test]
async fn hi_01_a_person_is_created_changed_stopped_and_let_go_on_and_never_deleted() {
    let world = World::start().await;
    let created = world.administer(Method::POST, USERS, Some(lee())).await;
    assert_eq!(
        (created.status, created.header("etag"), created.header("cache-control")),
        (201, Some("\"1\""), Some("no-store"))
    );
    let person = created.json();
    let path = path(&person);
    assert_eq!(created.header("location"), Some(path.as_str()));
    assert_eq!((&person["username"], &person["status"]), (&json!("dr.lee"), &json!("active")));
    assert!(
        person.get("password").is_none() && !created.text.contains(GOOD),
        "a chosen one is not told back"
    );
    assert!(is_password(&world, "dr.lee", GOOD).await && !is_cut_off(&world, "dr.lee").await);
    let read = world.administer(Method::GET, &path, None).await;
    assert_eq!((read.json(), read.header("etag")), (person.clone(), Some("\"1\"")));
    let list = world.administer(Method::GET, USERS, None).await;
    assert_eq!(list.json(), json!({"items": [person], "next": null}));
    assert!(!list.text.contains("argon2") && !list.text.contains("totp"));

    let child = json!({"resource": FHIR, "patient": "p-1", "relation": "proxy", "name": "Sam", "birthDate": "2016-09-14",
        "identifier": null, "encounters": [{"id": "e-1", "title": "Check-up", "date": null}]});
    let patch = json!({"name": null, "roles": ["clinician", "patient"], "patients": [child]});
    assert_eq!(conditional(&world, &path, "\"7\"", &patch).await.status, 412);
    let patched = conditional(&world, &path, "\"1\"", &patch).await;
    assert_eq!((patched.status, patched.header("etag")), (200, Some("\"2\"")), "{}", patched.text);
    let patched = patched.json();
    assert_eq!(
        (&patched["name"], &patched["patients"], &patched["fhir_user"]),
        (&Value::Null, &json!([child]), &json!("Practitioner/lee"))
    );
    assert!(!is_cut_off(&world, "dr.lee").await);

    let disabled = world.administer(Method::POST, &format!("{path}/disable"), None).await.json();
    assert_eq!((&disabled["status"], is_cut_off(&world, "dr.lee").await), (&json!("disabled"), true));
    let enabled = world.administer(Method::POST, &format!("{path}/enable"), None).await.json();
    assert_eq!((&enabled["status"], &enabled["version"]), (&json!("active"), &json!(4)));
    assert!(is_cut_off(&world, "dr.lee").await, "what began before stays dead");

    let deleted = world.administer(Method::DELETE, &path, None).await;
    assert_eq!((deleted.status, deleted.header("allow")), (405, Some("GET, PATCH")));
    for action in ["create", "patch", "disable", "enable"] {
        let records = world.audit(&format!("user.{action}")).await;
        let granted = records.iter().find(|record| record["outcome"] == "granted").expect(action);
        assert_eq!(
            (&granted["target"], &granted["person"], &granted["client"]),
            (&json!("dr.lee"), &person["subject"], &json!(world.admin_id)),
            "{action}"
        );
    }
    assert_eq!(world.audit("user.patch").await.len(), 2, "the refused one too");
}

#[tokio::test]
async fn t09_l11_a_reset_gives_a_new_password_once_and_ends_what_began_with_the_old_one() {
    let world = World::start().await;
    let mut without = lee();
    without.as_object_mut().unwrap().remove("password");
    let created = create(&world, without).await;
    let first = created["password"].as_str().unwrap().to_owned();
    assert!(is_password(&world, "dr.lee", &first).await && !is_cut_off(&world, "dr.lee").await);
    let reset = format!("{}/reset", path(&created));
    let answer = world.administer(Method::POST, &reset, None).await.json();
    let second = answer["password"].as_str().unwrap();
    assert!(second != first && second.len() == 34 && answer["version"] == 2, "{answer}");
    assert!(is_password(&world, "dr.lee", second).await && is_cut_off(&world, "dr.lee").await);
    let read = world.administer(Method::GET, &path(&created), None).await;
    assert!(!read.text.contains("password"), "{}", read.text);

    let chosen = world.administer(Method::POST, &reset, Some(json!({"password": GOOD}))).await;
    assert!(chosen.status == 200 && !chosen.text.contains("password"), "{}", chosen.text);
    assert!(is_password(&world, "dr.lee", GOOD).await);
    for (wrong, field) in [
        (json!({"password": "short"}), "password"),
        (json!({"password": "dr.lee dr.lee 1"}), "password"),
        (json!({"password": 7}), "password"),
        (json!({"passwd": GOOD}), "passwd"),
        (json!({"password": GOOD, "status": "active"}), "status"),
    ] {
        let refused = world.administer(Method::POST, &reset, Some(wrong)).await;
        assert_eq!((refused.status, named(&refused)), (400, vec![field.to_owned()]), "{}", refused.text);
    }
    assert!(is_password(&world, "dr.lee", GOOD).await, "a refusal changes nothing");
    let log = world.processes[0].log();
    for secret in [first.as_str(), second, GOOD] {
        assert!(!log.contains(secret) && !format!("{:?}", world.audit("user.reset").await).contains(secret));
    }
}

#[tokio::test]
async fn h_05_names_that_are_equal_or_look_alike_do_not_exist_twice() {
    let world = World::start().await;
    let token = world.admin_token(ADMIN_SCOPES).await;
    create(&world, lee()).await;
    let admin = world.mtls(&world.admin);
    for (taken, status) in [
        ("dr.lee", 409),
        ("DR.LEE", 409),
        ("dr.le\u{435}", 400),
        ("\u{ff44}r.lee", 400),
        ("dr.lee\u{200b}", 400),
        (" dr.lee", 400),
        ("dr.le\u{301}e", 400),
        ("01890a5d-ac96-774b-bcce-b302099a8057", 400),
        ("", 400),
    ] {
        let mut document = lee();
        document["username"] = json!(taken);
        let refused = admin.send(Method::POST, USERS, Some(&token), Some(document)).await;
        assert_eq!(refused.status, status, "{taken:?}: {}", refused.text);
    }
    assert_eq!(world.database.count("select count(*) from person").await, 1);
    for subject in ["nobody", "00000000-0000-0000-0000-000000000000", "%00"] {
        for (method, at) in [(Method::GET, ""), (Method::POST, "/disable"), (Method::POST, "/reset")] {
            let refused = admin.send(method, &format!("{USERS}/{subject}{at}"), Some(&token), None).await;
            assert_eq!(refused.status, 404, "{subject}{at}");
        }
    }
}

#[tokio::test]
async fn d03_members_that_the_server_sets_or_does_not_know_are_refused_and_named() {
    let world = World::start().await;
    let person = create(&world, lee()).await;
    let (path, token) = (path(&person), world.admin_token(ADMIN_SCOPES).await);
    let admin = world.mtls(&world.admin);
    for (member, value) in [
        ("status", json!("active")),
        ("verified", json!(true)),
        ("mfa_enrolled", json!(true)),
        ("tenant_id", json!("other")),
        ("locked_until", json!(1)),
        ("subject", json!("00000000-0000-0000-0000-000000000000")),
        ("version", json!(9)),
        ("not_before", json!(0)),
        ("password_hash", json!("$argon2id$")),
        ("sealed_totp", json!("x")),
        ("fhirUser", json!("Practitioner/lee")),
    ] {
        let mut whole = lee();
        whole["username"] = json!("another");
        whole[member] = value.clone();
        for (method, path, body) in
            [(Method::PATCH, path.as_str(), json!({member: value})), (Method::POST, USERS, whole)]
        {
            let refused = admin.send(method.clone(), path, Some(&token), Some(body)).await;
            let expected = (400, vec![member.to_owned()]);
            assert_eq!((refused.status, named(&refused)), expected, "{method} {member}: {}", refused.text);
            assert_eq!(refused.json()["error"], "invalid_request");
        }
    }
    for (member, value, field) in [
        ("username", json!("other"), "username"),
        ("password", json!(GOOD), "password"),
        ("roles", json!(["root"]), "roles[0]"),
        ("roles", json!("clinician"), "roles"),
        ("organization", Value::Null, "organization"),
        ("name", json!("x".repeat(201)), "name"),
        ("fhir_user", json!("Device/1"), "fhir_user"),
        ("patients", json!(["p-1"]), "patients[0]"),
    ] {
        let refused = admin.send(Method::PATCH, &path, Some(&token), Some(json!({member: value}))).await;
        assert_eq!((refused.status, named(&refused)), (400, vec![field.to_owned()]), "{}", refused.text);
    }
    assert_eq!(world.administer(Method::GET, &path, None).await.json(), person);
    assert_eq!(world.database.count("select count(*) from person").await, 1);
}

fn patients(count: usize) -> Value {
    let one = |index: usize| {
        json!({"resource": FHIR, "patient": format!("p-{index:04}"), "relation": "care-team",
            "name": format!("Patient {index}"), "birthDate": "1961-04-02", "identifier": format!("M{index}"),
            "encounters": []})
    };
    (0..count).map(one).collect()
}

#[tokio::test]
async fn sm_l_08_the_patients_of_a_person_are_kept_whole_or_not_at_all() {
    let world = World::start().await;
    let mut whole = lee();
    whole["patients"] = patients(1000);
    let person = create(&world, whole).await;
    assert_eq!(person["patients"], patients(1000));
    let (path, token) = (path(&person), world.admin_token(ADMIN_SCOPES).await);
    let admin = world.mtls(&world.admin);
    let mut wrong = patients(3);
    wrong[1]["birthDate"] = json!("2.4.1961");
    wrong[1]["resource"] = json!("http://fhir.example/r4");
    wrong[2]["relation"] = json!("friend");
    for (patients, fields) in [
        (patients(1001), vec!["patients"]),
        (wrong, vec!["patients[1].birthDate", "patients[1].resource", "patients[2].relation"]),
        (json!([patients(1)[0], patients(1)[0]]), vec!["patients"]),
    ] {
        let body = json!({"patients": patients, "name": "Changed"});
        let refused = admin.send(Method::PATCH, &path, Some(&token), Some(body)).await;
        let mut found = named(&refused);
        found.sort();
        assert_eq!((refused.status, found), (400, fields.iter().map(ToString::to_string).collect()));
    }
    assert_eq!(world.administer(Method::GET, &path, None).await.json(), person);
    for (count, version) in [(2, 2), (0, 3)] {
        let patched =
            world.administer(Method::PATCH, &path, Some(json!({"patients": patients(count)}))).await;
        assert_eq!(
            (&patched.json()["patients"], &patched.json()["version"]),
            (&patients(count), &json!(version))
        );
        let rows = "select count(*) from relationship";
        assert_eq!(world.database.count(rows).await, i64::try_from(count).unwrap());
    }
}

#[tokio::test]
async fn l13_a_password_that_is_short_long_broken_common_or_about_the_person_is_refused_with_reasons() {
    let world = World::start().await;
    let token = world.admin_token(ADMIN_SCOPES).await;
    let admin = world.mtls(&world.admin);
    for (weak, why) in [
        ("tHjw83#kdLq9@x".to_owned(), "15 characters"),
        ("violet tractor pencil\u{1}".to_owned(), "control characters"),
        ("v\u{e9}".repeat(400), "1024 bytes"),
        ("passwordpassword".to_owned(), "guessed too easily"),
        ("dr.lee dr.lee 1".to_owned(), "guessed too easily"),
        ("kimleekimleekimlee".to_owned(), "guessed too easily"),
    ] {
        let mut document = lee();
        document["password"] = json!(weak);
        let refused = admin.send(Method::POST, USERS, Some(&token), Some(document)).await;
        assert_eq!((refused.status, named(&refused)), (400, vec!["password".to_owned()]), "{weak}");
        let says = refused.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
        assert!(
            says.contains(why) && !refused.text.contains(weak.trim_end_matches('\u{1}')),
            "{weak}: {says}"
        );
    }
    let mut document = lee();
    document["password"] = json!("x".repeat(1_048_576));
    let refused =
        admin.request(Method::POST, USERS).bearer_auth(&token).json(&document).send().await.unwrap();
    assert_eq!(refused.status(), 413);
    assert_eq!(world.database.count("select count(*) from person").await, 0);

    // Typed in another normal form, it is the same password.
    document["password"] = json!("cafe\u{301} \u{ff54}ractor pencil");
    create(&world, document).await;
    assert!(is_password(&world, "dr.lee", "caf\u{e9} tractor pencil").await);
}

fn officer(username: &str) -> Value {
    json!({"username": username, "organization": "Mercy", "roles": ["security-officer"], "password": GOOD})
}

/// An administrator of people alone.
async fn small(world: &World) -> (Peer, String) {
    let certificate = world.authority.client("https://small.example/");
    let scope = "admin/users.read admin/users.write";
    let members = json!({"scope": scope, "resources": [world.issuer_url("/admin")],
        "tls_client_auth_san_uri": "https://small.example/"});
    let id = world.register(registration("tls_client_auth", members)).await;
    let form = [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("scope", scope)];
    let peer = world.mtls(&certificate);
    let token = peer.post("/oauth2/token", &form).await.token();
    (peer, token)
}

#[tokio::test]
async fn d10_nobody_makes_or_becomes_a_security_officer_without_every_admin_scope() {
    let world = World::start().await;
    let first = path(&create(&world, officer("first")).await);
    let (peer, token) = small(&world).await;
    let other = peer.send(Method::POST, USERS, Some(&token), Some(lee())).await;
    assert_eq!(other.status, 201, "{}", other.text);
    let other = path(&other.json());
    for (method, at, body) in [
        (Method::POST, USERS.to_owned(), Some(officer("second"))),
        (Method::PATCH, other.clone(), Some(json!({"roles": ["clinician", "security-officer"]}))),
        (Method::PATCH, first.clone(), Some(json!({"roles": []}))),
        (Method::PATCH, first.clone(), Some(json!({"name": "Taken Over"}))),
        (Method::POST, format!("{first}/disable"), None),
        (Method::POST, format!("{first}/enable"), None),
        (Method::POST, format!("{first}/reset"), None),
        (Method::POST, format!("{first}/reset"), Some(json!({"password": GOOD}))),
    ] {
        let refused = peer.send(method.clone(), &at, Some(&token), body).await;
        assert_eq!(refused.status, 403, "{method} {at}: {}", refused.text);
        assert_eq!(refused.json()["error"], "insufficient_scope");
    }
    let reset = peer.send(Method::POST, &format!("{other}/reset"), Some(&token), None).await;
    assert_eq!(reset.status, 200, "{}", reset.text);
    let refused = world.audit("user.reset").await;
    assert!(
        refused
            .iter()
            .any(|record| record["reason"] == "admin_scope_beyond_own" && record["target"] == "first")
    );
}

#[tokio::test]
async fn d10_the_last_security_officer_stays_but_for_whoever_sits_at_the_server() {
    let world = World::start().await;
    let (first, second) = (create(&world, officer("first")).await, create(&world, officer("second")).await);
    let (token, admin) = (world.admin_token(ADMIN_SCOPES).await, world.mtls(&world.admin));
    for _ in 0..5 {
        let (one, other) = (format!("{}/disable", path(&first)), format!("{}/disable", path(&second)));
        let (one, other) = tokio::join!(
            admin.send(Method::POST, &one, Some(&token), None),
            admin.send(Method::POST, &other, Some(&token), None)
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", one.text, other.text);
        for person in [&first, &second] {
            let enable = format!("{}/enable", path(person));
            let enabled = admin.send(Method::POST, &enable, Some(&token), None).await;
            assert_eq!(enabled.status, 200);
        }
    }
    let less = json!({"roles": ["clinician"]});
    let changed = admin.send(Method::PATCH, &path(&second), Some(&token), Some(less.clone())).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    for (method, at, body) in [
        (Method::PATCH, path(&first), Some(less)),
        (Method::PATCH, path(&first), Some(json!({"roles": null}))),
        (Method::POST, format!("{}/disable", path(&first)), None),
    ] {
        let refused = admin.send(method.clone(), &at, Some(&token), body).await;
        assert_eq!(
            (refused.status, refused.json()["error"].as_str()),
            (409, Some("conflict")),
            "{method} {at}"
        );
    }
    let reset = admin.send(Method::POST, &format!("{}/reset", path(&first)), Some(&token), None).await;
    assert_eq!(reset.status, 200, "{}", reset.text);
    world.command(&["user", "disable", "first"], "").expect_success();
}

#[tokio::test]
async fn people_are_listed_page_by_page_in_the_order_of_their_names() {
    let world = World::start().await;
    let token = world.admin_token(ADMIN_SCOPES).await;
    let admin = world.mtls(&world.admin);
    for username in ["delta", "Alpha", "charlie", "bravo", "echo"] {
        let document = json!({"username": username, "organization": "Mercy"});
        assert_eq!(admin.send(Method::POST, USERS, Some(&token), Some(document)).await.status, 201);
    }
    let (mut at, mut found) = (format!("{USERS}?limit=2"), Vec::new());
    loop {
        let page = admin.send(Method::GET, &at, Some(&token), None).await;
        let items = page.json()["items"].as_array().unwrap().clone();
        found.extend(items.iter().map(|person| person["username"].as_str().unwrap().to_owned()));
        let Some(link) = page.header("link") else { break };
        link.strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""))
            .unwrap()
            .clone_into(&mut at);
    }
    assert_eq!(found, ["alpha", "bravo", "charlie", "delta", "echo"]);
    for wrong in ["limit=0", "cursor=!", "page=2", "status=active"] {
        let refused = admin.send(Method::GET, &format!("{USERS}?{wrong}"), Some(&token), None).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
}
