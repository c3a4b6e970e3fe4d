//! Keys that a client publishes itself, fetched by `hilum dev`, which may fetch from this machine.

use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use hilum::jose::signing::SigningKey;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    Answer, Assertion, Authority, Backend, Database, Dev, Identity, KeyHost, Peer, Saying, World, eventually,
    key,
};

/// A server, a host that publishes keys, and a client whose keys stand there.
struct Scene {
    dev: Dev,
    host: KeyHost,
    public: Peer,
    id: String,
    key: SigningKey,
    _database: Database,
    _folder: TempDir,
}

impl Scene {
    /// Begins with a host that says this about the client's key.
    async fn begin(says: impl FnOnce(&SigningKey) -> Saying) -> Self {
        let (database, folder, authority) =
            (Database::fresh().await, TempDir::new().unwrap(), Authority::new("Hosts"));
        let key = key(Algorithm::Es384);
        let host = KeyHost::start(&authority, says(&key));
        let roots = folder.path().join("hosts.pem");
        std::fs::write(&roots, &authority.pem).unwrap();
        let variables = [
            ("DATABASE_URL", database.url()),
            ("HILUM_DATABASE__OWNER_URL", database.owner_url()),
            ("HILUM_OUTBOUND__ALLOW", format!("[\"localhost:{}\"]", host.port)),
            ("HILUM_OUTBOUND__CA_FILE", roots.to_string_lossy().into_owned()),
        ];
        let dev = Dev::start(folder.path(), &variables).await;
        let mut scene = Self {
            public: dev.public(),
            dev,
            host,
            id: String::new(),
            key,
            _database: database,
            _folder: folder,
        };
        scene.id = scene.register(&scene.host.url());
        scene
    }

    /// Registers a client whose keys are at a URL.
    fn register(&self, uri: &str) -> String {
        self.register_for("private_key_jwt", uri)
    }

    fn register_for(&self, method: &str, uri: &str) -> String {
        let document = json!({"client_name": "Payer", "organization": "Blue", "grant_types": ["client_credentials"],
            "resources": [self.dev.url("/sandbox/fhir")], "scope": "system/Claim.rs",
            "token_endpoint_auth_method": method, "jwks_uri": uri});
        let created =
            self.dev.command(&["client", "create", "-", "--json"], &document.to_string()).expect_success();
        serde_json::from_str::<Value>(&created).unwrap()["client_id"].as_str().unwrap().to_owned()
    }

    async fn ask_as(&self, id: &str, key: &SigningKey, kid: &str) -> Answer {
        let assertion = Assertion::of(id, &self.dev.url("/oauth2/token"), key, kid).sign(key);
        self.public.post("/oauth2/token", &Backend::form(&assertion, "system/Claim.rs")).await
    }

    async fn ask(&self) -> Answer {
        self.ask_as(&self.id, &self.key, "k1").await
    }
}

fn set(keys: &[Value]) -> Value {
    json!({"keys": keys})
}

#[tokio::test]
async fn k06_k07_fetched_keys_are_kept_as_long_as_their_server_allows_and_not_longer() {
    let scene = Scene::begin(|key| Saying::keys("max-age=10", &set(&[key.public_jwk("k1")]))).await;
    scene.ask().await.granted();
    scene.ask().await.granted();
    assert_eq!(scene.host.asked(), 1, "the second request found them kept");
    let next = key(Algorithm::Es384);
    scene.host.say(Saying::keys("max-age=600", &set(&[next.public_jwk("k2")])));
    // The key that was withdrawn there dies here once what was fetched is no longer fresh.
    eventually("the removed key is refused", Duration::from_mins(1), || async {
        (scene.ask().await.status == 401).then_some(())
    })
    .await;
    scene.ask().await.invalid_client();
    scene.ask_as(&scene.id, &next, "k2").await.granted();
    assert_eq!(scene.host.asked(), 2, "a kid that is not there does not cause another fetch at once");

    scene.host.say(Saying::Nothing);
    scene.ask_as(&scene.id, &next, "k2").await.granted();
    assert_eq!(scene.host.asked(), 2, "what is fresh needs no host");
    for _ in 0..5 {
        scene.ask_as(&scene.id, &key(Algorithm::Es384), "k3").await.invalid_client();
    }
    assert_eq!(scene.host.asked(), 2);

    // When the cool-down is over, an unknown kid causes one fetch, and the new key is found.
    let third = key(Algorithm::Es384);
    scene.host.say(Saying::keys("max-age=600", &set(&[next.public_jwk("k2"), third.public_jwk("k3")])));
    eventually("the new key is found", Duration::from_mins(2), || async {
        (scene.ask_as(&scene.id, &third, "k3").await.status == 200).then_some(())
    })
    .await;
    scene.ask_as(&scene.id, &next, "k2").await.granted();
    assert_eq!(scene.host.asked(), 3);
}

#[tokio::test]
async fn m13_mt_03_a_self_signed_certificate_is_looked_for_at_its_jwks_uri() {
    let (own, alike) = (Identity::self_signed("payer"), Identity::self_signed("payer"));
    let scene = Scene::begin(|_| Saying::keys("max-age=600", &set(&[own.jwk()]))).await;
    let id = scene.register_for("self_signed_tls_client_auth", &scene.host.url());
    let form =
        [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("scope", "system/Claim.rs")];
    let ask = async |identity: &Identity| scene.dev.mtls_as(identity).post("/oauth2/token", &form).await;
    ask(&alike).await.invalid_client();
    let token = ask(&own).await.token();
    assert_eq!(crate::token::claims(&token)["cnf"]["x5t#S256"], own.thumbprint());
    ask(&alike).await.invalid_client();
    assert_eq!(scene.host.asked(), 1);
}

#[tokio::test]
async fn k07_a_host_that_is_down_when_nothing_fresh_is_kept_refuses_its_own_client_alone() {
    let scene = Scene::begin(|_| Saying::Nothing).await;
    scene.ask().await.invalid_client();
    let asked = scene.host.asked();
    scene.ask().await.invalid_client();
    assert_eq!(scene.host.asked(), asked, "a failed fetch is not repeated at once");
    scene.host.say(Saying::keys("no-store", &set(&[scene.key.public_jwk("k1")])));
    eventually("the host is asked again", Duration::from_mins(1), || async {
        (scene.ask().await.status == 200).then_some(())
    })
    .await;
    let before = scene.host.asked();
    eventually(
        "no-store is obeyed, but for the second in which one fetch serves all",
        Duration::from_mins(1),
        || async {
            scene.ask().await.granted();
            (scene.host.asked() > before).then_some(())
        },
    )
    .await;
}

#[tokio::test]
async fn k03_k04_bad_answers_of_a_jwks_host_refuse_its_client_and_trouble_nobody_else() {
    let scene = Scene::begin(|_| Saying::Nothing).await;
    let json_type = || "Content-Type: application/json\r\n".to_owned();
    let good = set(&[scene.key.public_jwk("k1")]);
    let decoy = KeyHost::start(&Authority::new("Decoy"), Saying::keys("max-age=60", &good));
    let private = set(&[scene.key.public_jwk("k1"), key(Algorithm::Es256).private_jwk("other").unwrap()]);
    let oct = set(&[scene.key.public_jwk("k1"), json!({"kty": "oct", "kid": "s", "k": "c2VjcmV0"})]);
    let many = set(&(0..33).map(|n| scene.key.public_jwk(&format!("k{n}"))).collect::<Vec<_>>());
    let padded = json!({"keys": good["keys"], "padding": "x".repeat(70_000)});
    let location = |to: &str| format!("Location: {to}\r\n");
    let rows = [
        Saying::Answer("302 Found", location(&decoy.url()), String::new()),
        Saying::Answer(
            "301 Moved Permanently",
            location(&format!("{}?again", scene.host.url())),
            good.to_string(),
        ),
        Saying::Answer("307 Temporary Redirect", location("http://169.254.169.254/"), String::new()),
        Saying::Answer("500 Internal Server Error", json_type(), good.to_string()),
        Saying::Answer("404 Not Found", json_type(), String::new()),
        Saying::Answer("200 OK", "Content-Type: text/html\r\n".to_owned(), "<html>".to_owned()),
        Saying::Answer("200 OK", json_type(), "{\"keys\": [".to_owned()),
        Saying::Answer("200 OK", json_type(), "[]".to_owned()),
        Saying::Answer("200 OK", json_type(), "{\"keys\": {}}".to_owned()),
        Saying::Answer("200 OK", json_type(), "[".repeat(60_000)),
        Saying::keys("max-age=60", &private),
        Saying::keys("max-age=60", &oct),
        Saying::keys("max-age=60", &many),
        Saying::keys("max-age=60", &padded),
        Saying::keys("max-age=60", &set(&[scene.key.public_jwk("k1"), scene.key.public_jwk("k1")])),
        Saying::Drips,
        Saying::Endless,
    ];
    for (index, saying) in rows.into_iter().enumerate() {
        scene.host.say(saying.clone());
        // A URL of its own for each, since a failed fetch is not repeated for a while.
        let id = scene.register(&format!("{}?{index}", scene.host.url()));
        let before = scene.host.asked();
        let refused =
            tokio::time::timeout(Duration::from_secs(30), scene.ask_as(&id, &scene.key, "k1")).await;
        let refused = refused.unwrap_or_else(|_| panic!("{saying:?} holds the request up"));
        assert_eq!(refused.status, 401, "{saying:?}: {}", refused.text);
        refused.invalid_client();
        assert_eq!(scene.host.asked(), before + 1, "asked once: {saying:?}");
    }
    assert_eq!(decoy.asked(), 0, "a redirect is not followed");
    scene.host.say(Saying::Drips);
    let slow = scene.register(&format!("{}?slow", scene.host.url()));
    let partner = &scene.dev.fixtures["clients"]["partner-secret"];
    let (id, secret) = (partner["client_id"].as_str().unwrap(), partner["client_secret"].as_str().unwrap());
    let form = [("grant_type", "client_credentials"), ("scope", "capacity.read")];
    let before = scene.host.asked();
    // Who waits for a host that drips does so until it is given up; others are answered meanwhile.
    let other = async {
        eventually("the host is asked", Duration::from_mins(1), || async {
            (scene.host.asked() > before).then_some(())
        })
        .await;
        scene.public.post_basic("/oauth2/token", (id, secret), &form).await
    };
    let held = scene.ask_as(&slow, &scene.key, "k1");
    tokio::pin!(held);
    tokio::select! {
        answer = other => drop(answer.granted()),
        _ = &mut held => panic!("others are held up"),
    }
    held.await.invalid_client();
    assert!(!scene.dev.log().contains("panicked"), "{}", scene.dev.log());
}

#[tokio::test]
async fn k01_a_jwks_uri_that_leads_inside_is_refused_at_registration_and_when_it_is_used() {
    let world = World::start().await;
    let token = world.admin_token("admin/clients.write").await;
    let admin = world.mtls(&world.admin);
    let uris = [
        "http://127.0.0.1:5432",
        "http://[::1]",
        "http://169.254.169.254/latest",
        "https://169.254.169.254/",
        "http://10.0.0.1",
        "https://10.0.0.1/jwks",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://localhost/",
        "https://localhost:8443/",
        "https://a.localhost/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
        "https://192.168.1.1/",
        "https://172.16.0.1/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[::]/",
        "file:///etc/passwd",
        "gopher://payer.example/",
        "ftp://payer.example/",
        "data:application/json,{}",
        "https://payer.example./jwks",
        "http://payer.example/jwks",
        "https://user:pass@payer.example/",
        "https://payer.example/#x",
        "https://intranet/",
        "https://db.internal/",
        "https://payer.example:22/",
        "//payer.example/",
        "jwks.json",
        "https://payer.example/a b",
        "https://payer.example\\@127.0.0.1/",
        "https://①②⑦.0.0.1/",
    ];
    for uri in uris {
        let document = crate::harness::registration("private_key_jwt", json!({"jwks_uri": uri}));
        let refused = admin.send(Method::POST, "/admin/v1/clients", Some(&token), Some(document)).await;
        assert_eq!(
            (refused.status, refused.json()["error"].as_str()),
            (400, Some("invalid_client_metadata")),
            "{uri}: {}",
            refused.text
        );
        assert_eq!(refused.json()["errors"][0]["field"], "jwks_uri", "{uri}");
    }
    // A row that came in by another way is not fetched either.
    let host = KeyHost::start(&world.authority, Saying::keys("max-age=60", &set(&[])));
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let change = format!(
        "update client set metadata = (metadata - 'jwks') || jsonb_build_object('jwks_uri', '{}')",
        host.url()
    );
    world.database.execute(&format!("{change} where client_id = '{}'", client.id)).await;
    client.ask(&world, &world.public(), "system/Claim.rs").await.invalid_client();
    assert_eq!(host.asked(), 0, "no packet was sent");
}

#[tokio::test]
async fn sm_ca_08_sm_ca_13_a_jku_may_repeat_what_is_registered_and_keys_come_over_tls_from_who_is_trusted() {
    let scene = Scene::begin(|key| Saying::keys("max-age=600", &set(&[key.public_jwk("k1")]))).await;
    let url = scene.host.url();
    let ask = async |id: &str, jku: &str| {
        let assertion = Assertion::of(id, &scene.dev.url("/oauth2/token"), &scene.key, "k1");
        let assertion = assertion.head("jku", json!(jku)).sign(&scene.key);
        scene.public.post("/oauth2/token", &Backend::form(&assertion, "system/Claim.rs")).await
    };
    ask(&scene.id, &url).await.granted();
    ask(&scene.id, &format!("{url}?")).await.invalid_client();
    let heard = scene.host.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].starts_with("get /jwks.json http/1.1\r\n"), "{heard:?}");
    assert!(heard[0].contains("\r\naccept: application/json\r\n"), "{heard:?}");
    assert!(!heard[0].contains("\r\nauthorization:") && !heard[0].contains("\r\ncookie:"), "{heard:?}");

    // The same keys on the same port, under the certificate of an authority that nobody trusts.
    scene.host.show(&Authority::new("Stranger"));
    let id = scene.register(&format!("{url}?stranger"));
    scene.ask_as(&id, &scene.key, "k1").await.invalid_client();
    assert_eq!((scene.host.asked(), scene.host.heard().len()), (2, 1), "nothing is asked of it");
}
