//! Subjects that differ by sector (OpenID Connect Core, 8).

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{SCOPES, app, names, pat, userinfo};
use crate::harness::{App, Authority, Backend, Browser, Database, Dev, FHIR, KeyHost, Person, Saying, World};
use crate::token::{agreed, claims, text};

async fn pairwise(world: &World, callback: &str) -> App {
    app(world, json!({"subject_type": "pairwise", "redirect_uris": [callback]})).await
}

/// All that says who the person is: in each place the same.
async fn known_as(world: &World, app: &App, person: &Person) -> String {
    let scope = "openid profile launch/patient patient/Observation.rs";
    let tokens = agreed(world, app, person, scope).await;
    let access = text(&tokens, "access_token");
    let sub = claims(text(&tokens, "id_token"))["sub"].as_str().unwrap().to_owned();
    assert_eq!(claims(access)["sub"], sub);
    let info = userinfo(&world.public(), access).await;
    assert_eq!(
        (&info["sub"], &info["name"]),
        (&json!(sub), &json!("Pat Rivera")),
        "whose data it is, is known here"
    );
    let fhir = Backend::register(world, Algorithm::Es256, json!({"introspects": [FHIR]})).await;
    assert_eq!(fhir.introspect(world, &world.public(), access).await.active()["sub"], sub);
    sub
}

#[tokio::test]
async fn a_person_has_another_name_in_each_sector_and_one_within_it() {
    let world = World::start().await;
    let pat = pat(&world).await;
    let public = app(&world, json!({})).await;
    assert_eq!(known_as(&world, &public, &pat).await, pat.subject);
    let one = pairwise(&world, "https://one.example/cb").await;
    let sub = known_as(&world, &one, &pat).await;
    assert!(sub != pat.subject && (1..=255).contains(&sub.len()) && sub.is_ascii());
    let sibling = pairwise(&world, "https://one.example/other").await;
    assert_eq!(known_as(&world, &sibling, &pat).await, sub);
    let other = pairwise(&world, "https://two.example/cb").await;
    assert_ne!(known_as(&world, &other, &pat).await, sub);
    let lee = world.person("lee", json!({"name": "Pat Rivera"})).await;
    assert_ne!(known_as(&world, &one, &lee).await, sub);
    // The record names the person, and not what a client calls them.
    for action in ["token.issue", "token.introspect"] {
        let records = world.audit(action).await;
        let of_people: Vec<&str> = records.iter().filter_map(|record| record["person"].as_str()).collect();
        assert!(of_people.contains(&pat.subject.as_str()) && !of_people.contains(&sub.as_str()), "{action}");
    }
}

#[tokio::test]
async fn oi_06_a_pairwise_client_expects_people_by_the_name_it_knows() {
    let world = World::start().await;
    let (app, pat) = (pairwise(&world, "https://one.example/cb").await, pat(&world).await);
    let other = world.person("lee", json!({})).await;
    let mut browser = Browser::new(&world);
    let code = app.code(&mut browser, &pat, "openid").await;
    let tokens = app.redeem(&world.public(), &code).await.granted();
    let id_token = text(&tokens, "id_token");
    let silent = app.authorize_with("openid", &[("id_token_hint", id_token), ("prompt", "none")]);
    browser.open(&silent).await.code();
    let by_claim = |sub: &Value| {
        let asked = json!({"id_token": {"sub": {"value": sub}}}).to_string();
        app.authorize_with("openid", &[("claims", &asked), ("prompt", "none")])
    };
    browser.open(&by_claim(&claims(id_token)["sub"])).await.code();
    let page = browser.open(&by_claim(&json!(pat.subject))).await;
    page.told(&app.callback, "login_required", Some(&app.state));
    let mut of_other = Browser::new(&world);
    of_other.authorize(&app.authorize_url("openid"), &other).await.code();
    of_other.open(&silent).await.told(&app.callback, "login_required", Some(&app.state));
}

#[tokio::test]
async fn a_pairwise_client_that_is_granted_fhir_user_gets_it() {
    let world = World::start().await;
    let (app, pat) = (pairwise(&world, "https://one.example/cb").await, pat(&world).await);
    let tokens = agreed(&world, &app, &pat, "openid fhirUser launch/patient").await;
    let info = userinfo(&world.public(), text(&tokens, "access_token")).await;
    assert_eq!(names(&info), ["fhirUser", "sub"]);
    assert_eq!(claims(text(&tokens, "id_token"))["fhirUser"], info["fhirUser"]);
}

#[tokio::test]
async fn a_registration_without_one_sector_is_not_accepted() {
    let world = World::start().await;
    let register = async |members: Value| {
        let mut document = json!({"client_name": "a", "organization": "b", "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"], "subject_type": "pairwise", "scope": SCOPES});
        for (name, value) in members.as_object().unwrap() {
            document[name] = value.clone();
        }
        world.administer(Method::POST, "/admin/v1/clients", Some(document)).await
    };
    let one = "https://one.example/cb";
    for (members, named) in [
        (json!({"redirect_uris": [one, "https://two.example/cb"]}), "subject_type"),
        (json!({"redirect_uris": ["com.example.app:/cb"]}), "subject_type"),
        (json!({"redirect_uris": ["http://127.0.0.1/cb"]}), "subject_type"),
        (json!({"redirect_uris": [one], "subject_type": "both"}), "subject_type"),
        // K08: nobody makes this server look around its own network.
        (
            json!({"redirect_uris": [one], "sector_identifier_uri": "https://10.0.0.1/s.json"}),
            "sector_identifier_uri",
        ),
        (
            json!({"redirect_uris": [one], "sector_identifier_uri": "https://localhost/s.json"}),
            "sector_identifier_uri",
        ),
        (
            json!({"redirect_uris": [one], "sector_identifier_uri": "http://one.example/s.json"}),
            "sector_identifier_uri",
        ),
        (json!({"redirect_uris": [one], "default_acr_values": ["high"]}), "default_acr_values[0]"),
    ] {
        let answer = register(members.clone()).await;
        assert_eq!(answer.status, 400, "{members}: {}", answer.text);
        assert!(answer.text.contains(&format!("\"{named}\"")), "{members}: {}", answer.text);
    }
    assert_eq!(register(json!({"redirect_uris": [one]})).await.status, 201);
}

/// Registers a client at `hilum dev` whose sector is listed at a URL.
fn register(dev: &Dev, members: &Value) -> (bool, String) {
    let mut document = json!({"client_name": "a", "organization": "b", "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code"], "subject_type": "pairwise", "scope": "openid"});
    for (name, value) in members.as_object().unwrap() {
        document[name] = value.clone();
    }
    let ran = dev.command(&["client", "create", "-", "--json"], &document.to_string());
    (ran.0.status.success(), format!("{}{}", ran.output(), ran.complaint()))
}

#[tokio::test]
async fn k08_a_sector_lists_every_address_of_its_clients() {
    let (database, folder, authority) =
        (Database::fresh().await, TempDir::new().unwrap(), Authority::new("Hosts"));
    let both = json!(["https://one.example/cb", "https://two.example/cb"]);
    let host = KeyHost::start(&authority, Saying::keys("no-store", &both));
    let roots = folder.path().join("hosts.pem");
    std::fs::write(&roots, &authority.pem).unwrap();
    let variables = [
        ("DATABASE_URL", database.url()),
        ("HILUM_DATABASE__OWNER_URL", database.owner_url()),
        ("HILUM_OUTBOUND__ALLOW", format!("[\"localhost:{}\"]", host.port)),
        ("HILUM_OUTBOUND__CA_FILE", roots.to_string_lossy().into_owned()),
    ];
    let dev = Dev::start(folder.path(), &variables).await;
    let of_sector = json!({"redirect_uris": both, "sector_identifier_uri": host.url()});
    let (is_accepted, said) = register(&dev, &of_sector);
    assert!(is_accepted && host.asked() == 1, "{said}");
    let id = serde_json::from_str::<Value>(&said).unwrap()["client_id"].as_str().unwrap().to_owned();

    // It is fetched when its addresses change, and not when something else does.
    let patch = |document: Value| dev.command(&["client", "patch", &id, "-"], &document.to_string());
    patch(json!({"client_name": "another"})).expect_success();
    assert_eq!(host.asked(), 1);
    let foreign = json!({"redirect_uris": ["https://one.example/cb", "https://evil.example/cb"]});
    assert!(!patch(foreign).0.status.success());
    assert_eq!(host.asked(), 2);
    for saying in [
        Saying::keys("no-store", &json!({"keys": []})),
        Saying::keys("no-store", &json!(["https://one.example/cb"])),
        Saying::keys("no-store", &json!(["https://one.example/cb?x", "https://two.example/cb"])),
        Saying::Answer("404 Not Found", String::new(), String::new()),
        Saying::Answer("302 Found", "Location: https://one.example/\r\n".to_owned(), String::new()),
        Saying::Answer("200 OK", String::new(), "no JSON".to_owned()),
        Saying::Nothing,
    ] {
        host.say(saying.clone());
        let (is_accepted, said) = register(&dev, &of_sector);
        assert!(!is_accepted && said.contains("sector_identifier_uri"), "{saying:?}: {said}");
    }
}
