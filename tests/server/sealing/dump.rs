//! A copy of the database is searched for every secret of a run in which each kind was used.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hilum::app::Ground;
use hilum::commands::terminal;
use hilum::jose::algorithm::Algorithm;
use hilum::platform::entropy::Entropy;
use hilum::store::sealed::{COLUMNS, find_page};
use reqwest::Method;
use serde_json::{Value, json};

use super::{MASTER, ground, material};
use crate::device;
use crate::harness::{
    ADMIN_SCOPES, App, Backend, Browser, Database, FHIR, OPAQUE, PASSWORD, Prover, World, key, registration,
};
use crate::token::refresh_token::SCOPE;
use crate::token::text;

const ON: &str = "[features]\ndevice_authorization = true\ndynamic_registration = true\n";

/// A secret, and what it is called.
struct Secret(String, Vec<u8>);

fn secret(name: &str, text: &str) -> Secret {
    assert!(text.len() >= 8, "{name} is no secret: {text}");
    Secret(name.to_owned(), text.as_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// What a secret may be written as. What stands in a column of bytes is hexadecimal in a dump.
fn forms(bytes: &[u8]) -> Vec<String> {
    let mut texts = vec![STANDARD_NO_PAD.encode(bytes), URL_SAFE_NO_PAD.encode(bytes), hex(bytes)];
    let mut all = vec![hex(bytes).to_uppercase()];
    if let Ok(text) = std::str::from_utf8(bytes) {
        texts.push(text.to_owned());
        // A part that is in every JWT of a kind tells nothing; its signature does. Names go before some tokens.
        let last = text.rsplit(['.', '_', ':']).next().unwrap_or(text);
        let part = if last.len() >= 16 { last } else { text };
        texts.push(part.to_owned());
        if let Some(decoded) = hilum::jose::base64url::decode(part).filter(|decoded| decoded.len() >= 12) {
            all.extend([hex(&decoded), STANDARD_NO_PAD.encode(&decoded)]);
        }
    }
    all.extend(texts.iter().map(|text| hex(text.as_bytes())));
    all.extend(texts);
    all
}

/// The numbers and keys inside of a private key (PKCS#8), without what is public.
fn private_parts(der: &[u8], public: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = der;
    while let [tag, length, after @ ..] = rest {
        let (length, after) = match usize::from(*length) {
            short @ 0..=127 => (short, after),
            long => {
                let (digits, after) = after.split_at_checked(long - 128).unwrap_or_default();
                (digits.iter().fold(0, |sum, digit| sum * 256 + usize::from(*digit)), after)
            }
        };
        let Some((value, after)) = after.split_at_checked(length) else { break };
        let holds_more = *tag == 0x30 || *tag == 0xa0 || (*tag == 0x04 && value.first() == Some(&0x30));
        if holds_more {
            found.extend(private_parts(value, public));
        } else if matches!(*tag, 0x02 | 0x04) {
            let value = value.strip_prefix(&[0]).unwrap_or(value);
            if value.len() >= 24 && !public.contains(&URL_SAFE_NO_PAD.encode(value)) {
                found.push(value.to_vec());
            }
        }
        rest = after;
    }
    found
}

/// Back-ends, their secrets, assertions and tokens.
async fn back_ends(world: &World, found: &mut Vec<Secret>) {
    let members = json!({"scope": "capacity.read", "resources": [FHIR]});
    let whole = world.register_whole(registration("client_secret_basic", members)).await;
    let (id, of_client) = (text(&whole, "client_id"), text(&whole, "client_secret"));
    let public = world.public();
    let form = [("grant_type", "client_credentials"), ("scope", "capacity.read")];
    let token = public.post_basic("/oauth2/token", (id, of_client), &form).await.token();
    let wrong = "canary-wrong-secret-5f2a9c";
    public.post_basic("/oauth2/token", (id, wrong), &form).await.invalid_client();
    let rotated =
        world.administer(Method::POST, &format!("/admin/v1/clients/{id}/secret"), None).await.json();
    found.extend([
        secret("a client secret", of_client),
        secret("a wrong secret", wrong),
        secret("a new secret", text(&rotated, "client_secret")),
        secret("an access token by secret", &token),
    ]);
    let resources = json!({"resources": [FHIR, OPAQUE], "introspects": [FHIR, OPAQUE]});
    let client = Backend::register(world, Algorithm::Es256, resources).await;
    let (assertion, forged) =
        (client.assertion(world).sign(&client.key), client.assertion(world).sign(&key(Algorithm::Es256)));
    let mut form = Backend::form(&assertion, "system/Claim.rs");
    form.push(("resource", OPAQUE));
    let opaque = public.post("/oauth2/token", &form).await.token();
    public.post("/oauth2/token", &form).await.invalid_client();
    public.post("/oauth2/token", &Backend::form(&forged, "system/Claim.rs")).await.invalid_client();
    client.introspect(world, &public, &opaque).await.active();
    found.extend([
        secret("an assertion", &assertion),
        secret("a forged assertion", &forged),
        secret("an opaque token", &opaque),
        secret("a token of an administrator", &world.admin_token(ADMIN_SCOPES).await),
    ]);
}

/// A person at a browser, with an app that pushes its request, and one that proves a key.
async fn people(world: &World, found: &mut Vec<Secret>) {
    let pat = world.patient_person().await;
    let mut browser = Browser::new(world);
    let public = world.public();
    let app = App::secret(world, json!({})).await;
    let pushed = app.push(&public, SCOPE, &[]).await;
    let code = browser.authorize(&app.pushed_url(&pushed), &pat).await.code();
    let granted = app.redeem(&public, &code).await.granted();
    let refreshed = app.refresh(&public, text(&granted, "refresh_token")).await.granted();
    let unspent = app.code(&mut browser, &pat, SCOPE).await;
    let pushed = pushed.json();
    found.extend([
        secret("a pushed request", text(&pushed, "request_uri")),
        secret("a code", &code),
        secret("an unspent code", &unspent),
        secret("a verifier", &app.verifier),
        secret("an id token", text(&granted, "id_token")),
        secret("a password", PASSWORD),
    ]);
    for granted in [&granted, &refreshed] {
        found.push(secret("a person's token", text(granted, "access_token")));
        found.push(secret("a refresh token", text(granted, "refresh_token")));
    }
    let prover = Prover::new(&public).await;
    let keyed = App::public(world, json!({"dpop_bound_access_tokens": true})).await;
    let code = keyed.code(&mut browser, &pat, SCOPE).await;
    let bound = keyed.redeem(&prover.token(&public), &code).await.granted();
    found.extend([
        secret("a nonce", &prover.nonce),
        secret("a bound token", text(&bound, "access_token")),
        secret("a bound refresh token", text(&bound, "refresh_token")),
    ]);
    let screen = device::public(world).await;
    let codes = device::ask(world, &screen, device::SCOPE).await;
    device::approve(&mut browser, &codes, &pat).await;
    let granted = device::poll(world, &screen, &codes).await.granted();
    // One whose code was entered and not answered yet.
    let waiting = device::ask(world, &screen, device::SCOPE).await;
    device::question(&mut browser, &waiting, &pat).await;
    for codes in [&codes, &waiting] {
        found.push(secret("a device's code", text(codes, "device_code")));
        found.push(secret("a user's code", text(codes, "user_code")));
        found.push(secret("a user's code", &text(codes, "user_code").replace('-', "")));
    }
    found.push(secret("a device's token", text(&granted, "access_token")));
    found.extend(browser.cookies.values().map(|value| secret("a cookie", value)));
}

/// A client that registers itself.
async fn registered(world: &World, found: &mut Vec<Secret>) {
    let leave = json!({"organization": "Acme Health", "scope": "patient/*.rs", "resources": [FHIR], "registrations": 9});
    let leave = world.administer(Method::POST, "/admin/v1/initial-access-tokens", Some(leave)).await.json();
    let document = json!({"client_name": "Growth Chart", "redirect_uris": ["https://app.example/cb"],
        "token_endpoint_auth_method": "client_secret_basic"});
    let token = text(&leave, "token");
    let made =
        world.public().send(Method::POST, "/oauth2/register", Some(token), Some(document)).await.json();
    found.extend([
        secret("an initial access token", token),
        secret("a registration access token", text(&made, "registration_access_token")),
        secret("a self-registered secret", text(&made, "client_secret")),
    ]);
}

/// What is sealed: each private part of each key, the second factor, and the root with all that comes of it.
async fn sealed(world: &World, ground: &Ground, found: &mut Vec<Secret>) {
    let administration = &ground.administration;
    let factor: [u8; 20] = Entropy::system().bytes().unwrap();
    let subject = world.database.text("select subject::text from person limit 1").await;
    let place = COLUMNS.iter().find(|of| of.table == "person").unwrap().place(&subject);
    let value = hex(&administration.sealer.seal(place, &factor).await.unwrap());
    let update =
        format!("update person set sealed_totp = decode('{value}', 'hex') where subject = '{subject}'");
    world.database.execute(&update).await;
    administration.init_pki(&terminal::at_terminal(ground).unwrap().caller).await.unwrap();

    let keys = world.public().get("/oauth2/jwks").await.text;
    for column in COLUMNS {
        let values = find_page(&administration.db, column, None, 100).await.unwrap();
        assert!(!values.is_empty(), "{} holds nothing", column.table);
        for stored in values {
            let value = administration.sealer.open(column.place(&stored.row), &stored.value).await.unwrap();
            let name = format!("{} of {}", column.column, column.table);
            if column.column == "sealed_private_key" {
                let parts = private_parts(&value, &keys);
                assert!(!parts.is_empty(), "{name} has no private part");
                found.extend(parts.into_iter().map(|part| Secret(name.clone(), part)));
            }
            found.push(Secret(name, value.to_vec()));
        }
    }
    let root = found.iter().find(|Secret(name, _)| name == "sealed of server_secret").unwrap();
    let root = hilum::config::key_material::KeyMaterial::from_kept(&root.1).unwrap();
    for purpose in ["client secrets", "refresh tokens", "browser", "pairwise subjects", "dpop nonces", "seal"]
    {
        found.push(Secret(format!("the key for {purpose}"), root.derive(purpose).to_vec()));
    }
    let master = material(MASTER);
    found.push(Secret("the master key".to_owned(), master.expose().to_vec()));
    found.push(Secret("the wrapping key".to_owned(), master.derive("wrap data keys").to_vec()));
}

#[tokio::test]
async fn o05_o06_a_dump_of_the_database_holds_no_secret_that_the_run_has_used() {
    let world = World::configured(1, ON, Database::url).await;
    let ground = ground(&world).await;
    let mut found = Vec::new();
    back_ends(&world, &mut found).await;
    people(&world, &mut found).await;
    registered(&world, &mut found).await;
    sealed(&world, &ground, &mut found).await;
    let (dump, log) = (world.database.dump(), world.processes[0].log());
    assert!(found.len() > 60, "{} secrets", found.len());
    for shown in ["signing_key", "sealed_totp", "audit_event", "device_code", "server_secret", "authority"] {
        assert!(dump.contains(shown), "{shown} is in the dump");
    }
    let public: Value = world.public().get("/oauth2/jwks").await.json();
    assert!(dump.contains(public["keys"][0]["kid"].as_str().unwrap()), "what is there is found");
    for Secret(name, bytes) in &found {
        for form in forms(bytes) {
            assert!(!dump.contains(&form), "{name} is in the dump: {form}");
            assert!(!log.contains(&form), "{name} is in the log: {form}");
        }
    }
}
