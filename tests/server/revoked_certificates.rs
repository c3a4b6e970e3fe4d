//! Certificates that their authorities have revoked: by lists that they publish, well or badly, and by responders.

mod responders;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use hilum::jose::signing::SigningKey;
use rcgen::{CrlDistributionPoint, CrlIssuingDistributionPoint, CustomExtension, ExtendedKeyUsagePurpose};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    ASSERTION_TYPE, Answer, Assertion, Authority, Database, Dev, Identity, ListHost, Peer, Prover,
    Publishing, eventually, key, ocsp, plain_client,
};

const URI: &str = "https://payer.example/system";
/// The authorities of the community, one for each way to publish: a list speaks of all certificates of its authority.
const AUTHORITIES: [&str; 15] = [
    "good",
    "revoked",
    "stale",
    "stale_revoked",
    "missing",
    "malformed",
    "empty",
    "strangers",
    "of_another_point",
    "of_its_point",
    "several_points",
    "silent",
    "large",
    "new",
    "told",
];
/// In the test, what is known of revocation may be a second old.
const SOON: Duration = Duration::from_mins(1);

/// A server that may fetch from this machine, an authority, what it publishes, and a client of its community.
struct Scene {
    dev: Dev,
    authorities: BTreeMap<&'static str, Authority>,
    host: ListHost,
    client: String,
    /// Who introspects, and its key.
    inspector: (String, SigningKey),
    folder: TempDir,
    database: Database,
}

impl Scene {
    async fn begin() -> Self {
        let (database, folder) = (Database::fresh().await, TempDir::new().unwrap());
        let named = |name: &'static str| (name, Authority::new(&format!("Payers, {name}")));
        let (authorities, host) = (BTreeMap::from(AUTHORITIES.map(named)), ListHost::start());
        responder(folder.path(), &authorities["told"], &[]);
        let stapled = folder.path().join("stapled.der");
        std::fs::write(&stapled, ocsp(folder.path(), &["-issuer", "ca.pem", "-serial", "10"], &[])).unwrap();
        let variables = [
            ("DATABASE_URL", database.url()),
            ("HILUM_DATABASE__OWNER_URL", database.owner_url()),
            ("HILUM_OUTBOUND__ALLOW", format!("[\"127.0.0.1:{}\"]", host.port)),
            ("HILUM_REVOCATION__REFRESH_SECONDS", "1".to_owned()),
            ("HILUM_TLS__OCSP_FILE", stapled.to_string_lossy().into_owned()),
        ];
        let dev = Dev::start(folder.path(), &variables).await;
        let (anchors, key) = (folder.path().join("anchors.pem"), key(Algorithm::Es384));
        std::fs::write(&anchors, authorities.values().map(|one| one.pem.as_str()).collect::<String>())
            .unwrap();
        let anchors = anchors.to_string_lossy();
        dev.command(&["pki", "community", "add", "payers", "--anchors", &anchors], "").expect_success();
        let mut scene = Self {
            dev,
            authorities,
            host,
            client: String::new(),
            inspector: (String::new(), key),
            folder,
            database,
        };
        let members = json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_uri": URI,
            "trust_community": "payers"});
        scene.client = scene.register(&members);
        let keys = json!({"keys": [scene.inspector.1.public_jwk("k1")]});
        let members = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": keys,
            "introspects": [scene.dev.url("/sandbox/fhir")]});
        scene.inspector.0 = scene.register(&members);
        scene
    }

    fn register(&self, members: &Value) -> String {
        let mut document = json!({"client_name": "Payer", "organization": "Blue", "scope": "system/Claim.rs",
            "grant_types": ["client_credentials"], "resources": [self.dev.url("/sandbox/fhir")]});
        for (name, value) in members.as_object().unwrap() {
            document[name] = value.clone();
        }
        let created =
            self.dev.command(&["client", "create", "-", "--json"], &document.to_string()).expect_success();
        serde_json::from_str::<Value>(&created).unwrap()["client_id"].as_str().unwrap().to_owned()
    }

    /// A certificate of the client, of an authority whose lists are at these names of the host.
    fn listed(&self, serial: u64, authority: &str, names: &[&str]) -> Identity {
        let points = names.iter().map(|name| CrlDistributionPoint { uris: vec![self.host.url(name)] });
        self.authorities[authority].client_with(URI, |params| {
            params.serial_number = Some(serial.into());
            params.crl_distribution_points = points.collect();
        })
    }

    /// A certificate of the client of which a responder of the host tells.
    fn told_of(&self, serial: u64, name: &str) -> Identity {
        let url = self.host.url(name).into_bytes();
        let wrap = |tag: u8, inner: &[u8]| [&[tag, u8::try_from(inner.len()).unwrap()], inner].concat();
        let access = [&[6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 1][..], &wrap(0x86, &url)].concat();
        let access = wrap(0x30, &wrap(0x30, &access));
        self.authorities["told"].client_with(URI, |params| {
            params.serial_number = Some(serial.into());
            let oid = [1, 3, 6, 1, 5, 5, 7, 1, 1];
            params.custom_extensions = vec![CustomExtension::from_oid_content(&oid, access)];
        })
    }

    async fn ask(&self, peer: &Peer) -> Answer {
        let form =
            [("grant_type", "client_credentials"), ("client_id", &self.client), ("scope", "system/Claim.rs")];
        peer.post("/oauth2/token", &form).await
    }

    async fn introspect(&self, token: &str) -> Answer {
        self.introspect_at(&self.dev.public(), token).await
    }

    async fn introspect_at(&self, peer: &Peer, token: &str) -> Answer {
        let (id, key) = &self.inspector;
        let assertion = Assertion::of(id, &self.dev.url("/oauth2/token"), key, "k1").sign(key);
        let form =
            [("token", token), ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)];
        peer.post("/oauth2/introspect", &form).await
    }

    fn records(&self, arguments: &[&str]) -> Vec<Value> {
        let said = self.dev.command(&[&["audit"], arguments, &["--json"]].concat(), "").expect_success();
        serde_json::from_str(&said).unwrap()
    }

    /// A token, once what a certificate needs is known: who finds nothing known waits for it, and no longer than a
    /// second. Where the machine is too busy for that it is unknown for a moment, and granted later.
    async fn granted(&self, what: &str, peer: &Peer) -> String {
        eventually(what, SOON, || async {
            let answer = self.ask(peer).await;
            if answer.status == 200 {
                return Some(answer.token());
            }
            answer.invalid_client();
            assert_eq!(self.last_refusal(), "revocation_unknown", "{what}");
            None
        })
        .await
    }

    /// Why the last request of the client was refused.
    fn last_refusal(&self) -> String {
        let records =
            self.records(&["list", "--action", "token.issue", "--outcome", "refused", "--limit", "1"]);
        records[0]["detail"].as_str().unwrap_or_default().to_owned()
    }

    /// The token of a certificate dies without a request of the client, and so does its open connection.
    async fn dies(&self, what: &str, peer: &Peer, token: &str) {
        eventually(what, SOON, || async {
            let said = self.introspect(token).await;
            (said.text == r#"{"active":false}"#).then_some(())
        })
        .await;
        self.ask(peer).await.invalid_client();
        assert_eq!(self.last_refusal(), "revoked", "{what}");
    }
}

/// What an OpenSSL responder answers from: certificates 10 and up are good, but for those revoked.
fn responder(folder: &Path, authority: &Authority, revoked: &[u64]) {
    let delegate = authority.client_with("https://responder.example/", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        let no_check = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 5], vec![5, 0]);
        params.custom_extensions = vec![no_check];
    });
    let lines = (10..20_u64).map(|serial| {
        let (state, at) =
            if revoked.contains(&serial) { ("R", "260101000000Z,keyCompromise") } else { ("V", "") };
        format!("{state}\t361231235959Z\t{at}\t{serial:02X}\tunknown\t/CN={serial}\n")
    });
    let write = |name: &str, text: String| {
        // Whole or not at all: a responder may be reading.
        std::fs::write(folder.join("new"), text).unwrap();
        std::fs::rename(folder.join("new"), folder.join(name)).unwrap();
    };
    write("ca.pem", authority.pem.clone());
    write("responder.pem", format!("{}{}", delegate.certificate, delegate.key));
    write("index.txt", lines.collect());
}

/// A list of fifty megabytes: signed, and good. What makes it so large is the name of its point.
fn fifty_megabytes(authority: &Authority, url: String) -> Vec<u8> {
    authority.list_with(&[7], |list| {
        let uris = vec![url, "x".repeat(50 * 1024 * 1024)];
        let distribution_point = CrlDistributionPoint { uris };
        list.issuing_distribution_point =
            Some(CrlIssuingDistributionPoint { distribution_point, scope: None });
    })
}

#[tokio::test]
async fn m05_f23_lists_and_responders_decide_within_the_interval_and_what_they_do_not_tell_is_refused() {
    let scene = Scene::begin().await;
    is_stapled(&scene);
    every_way_of_publishing(&scene).await;
    a_new_revocation(&scene).await;
    a_responder(&scene).await;
    let metrics = format!("http://127.0.0.1:{}/metrics", scene.dev.ports()[2]);
    let metrics = plain_client().get(metrics).send().await.unwrap().text().await.unwrap();
    for name in ["list_days_left", "list_age_seconds", "list_failures_total"] {
        assert!(
            metrics.contains(&format!("hilum_revocation_{name}{{list=\"http://127.0.0.1")),
            "{name}: {metrics}"
        );
    }
    let alerts = scene.records(&["alerts"]);
    let raised = |kind: &str| alerts.iter().filter(|alert| alert["kind"] == kind).count();
    assert_eq!(raised("certificate_revoked"), 3, "one for each that was known");
    assert!(raised("revocation_list_unavailable") > 0);
}

/// What the server staples is what a client that others wrote is told (RFC 6066, 8).
fn is_stapled(scene: &Scene) {
    let at = format!("127.0.0.1:{}", scene.dev.ports()[0]);
    let said = std::process::Command::new("openssl")
        .args(["s_client", "-status", "-connect", &at, "-servername", "localhost"])
        .stdin(std::process::Stdio::null())
        .output()
        .expect("openssl, of the package openssl");
    let said = String::from_utf8_lossy(&said.stdout);
    assert!(said.contains("OCSP Response Status: successful"), "{said}");
}

/// One row for each way in which a list may be published (F-23), and what becomes of whom it speaks of.
async fn every_way_of_publishing(scene: &Scene) {
    let bytes = |name: &str, der: Vec<u8>| scene.host.publish(name, Publishing::Bytes(der));
    let of = |name: &str| &scene.authorities[name];
    let whole = |name: &str| of(name).list_with(&[7], |_| {});
    let stale = |name: &str| {
        of(name).list_with(&[7], |list| list.next_update = list.this_update + time::Duration::MINUTE)
    };
    let part = |name: &str, of_point: &str| {
        let distribution_point = CrlDistributionPoint { uris: vec![scene.host.url(of_point)] };
        let scope = CrlIssuingDistributionPoint { distribution_point, scope: None };
        of(name).list_with(&[7], |list| list.issuing_distribution_point = Some(scope))
    };
    for name in ["good", "revoked"] {
        bytes(name, whole(name));
    }
    for name in ["stale", "stale_revoked"] {
        bytes(name, stale(name));
    }
    bytes("malformed", whole("malformed").split_last().unwrap().1.to_vec());
    bytes("empty", Vec::new());
    bytes("strangers", Authority::new("Payers, strangers").list_with(&[], |_| {}));
    bytes("of_another_point", part("of_another_point", "elsewhere"));
    bytes("of_its_point", part("of_its_point", "of_its_point"));
    bytes("several_points", part("several_points", "several_points"));
    bytes("large", fifty_megabytes(of("large"), scene.host.url("large")));
    scene.host.publish("silent", Publishing::Silence);
    let rows = [
        ("good", 6, "granted"),
        ("revoked", 7, "revoked"),
        ("stale", 6, "revocation_stale"),
        ("stale_revoked", 7, "revoked"),
        ("missing", 6, "revocation_unknown"),
        ("malformed", 6, "revocation_unknown"),
        ("empty", 6, "revocation_unknown"),
        ("strangers", 6, "revocation_unknown"),
        ("of_another_point", 6, "revocation_unknown"),
        ("of_its_point", 7, "revoked"),
        ("several_points", 7, "revoked"),
        ("several_points", 6, "granted"),
        ("silent", 6, "revocation_unknown"),
    ];
    for (name, serial, expected) in rows {
        let names = if name == "several_points" { vec!["missing", name] } else { vec![name] };
        let peer = scene.dev.mtls_as(&scene.listed(serial, name, &names));
        if expected == "granted" {
            scene.granted(name, &peer).await;
            continue;
        }
        // Unknown for a moment where the machine is too busy to fetch a list in a second, and never granted.
        eventually(name, SOON, || async {
            scene.ask(&peer).await.invalid_client();
            (scene.last_refusal() == expected).then_some(())
        })
        .await;
    }
    let large = scene.dev.mtls_as(&scene.listed(6, "large", &["large"]));
    eventually("a large list is read", SOON, || async {
        (scene.ask(&large).await.status == 200).then_some(())
    })
    .await;
}

/// What is revoked after it was good dies within the interval: its tokens without a request of the client.
async fn a_new_revocation(scene: &Scene) {
    let publish = |revoked: &[u64]| {
        let list = scene.authorities["new"].list_with(revoked, |_| {});
        scene.host.publish("new", Publishing::Bytes(list));
    };
    publish(&[]);
    let identity = scene.listed(8, "new", &["new"]);
    let peer = scene.dev.mtls_as(&identity);
    let token = scene.granted("a new list", &peer).await;
    scene.introspect(&token).await.active();
    // Nothing is bound to this one: its client only proved itself with it.
    let other = scene.dev.mtls_as(&scene.listed(9, "new", &["new"]));
    let proved = scene.ask(&Prover::new(&other).await.token(&other)).await.token();
    scene.introspect(&proved).await.active();
    // What is not the authority's, or cannot be read, or is not there, replaces nothing.
    scene.host.publish("new", Publishing::Bytes(Authority::new("Payers, new").list_with(&[8], |_| {})));
    let is_told = || scene.dev.log().contains("no authority that is known has signed it");
    eventually("the stranger's list is refused", SOON, || async { is_told().then_some(()) }).await;
    scene.ask(&peer).await.granted();
    publish(&[8, 9]);
    scene.dies("a certificate on a new list", &peer, &token).await;
    scene.dies("a certificate that nothing is bound to", &other, &proved).await;
    let records = scene.records(&["list", "--action", "certificate.revoked"]);
    let of_this =
        records.iter().find(|record| record["target"] == identity.thumbprint()).expect("its record");
    assert_eq!(of_this["client"], scene.client.as_str());
    // Nor does its own authority take that back with what it said before.
    publish(&[]);
    scene.ask(&peer).await.invalid_client();
}

/// Where no list is, the responder of the certificate is asked, and asked again.
async fn a_responder(scene: &Scene) {
    let folder = scene.folder.path().to_owned();
    scene.host.publish("ocsp", Publishing::Responder(folder.clone()));
    let peer = scene.dev.mtls_as(&scene.told_of(10, "ocsp"));
    let token = scene.granted("a responder", &peer).await;
    scene.introspect(&token).await.active();
    for (name, serial) in [("ocsp", 99), ("no_responder", 11)] {
        scene.ask(&scene.dev.mtls_as(&scene.told_of(serial, name))).await.invalid_client();
        assert_eq!(scene.last_refusal(), "revocation_unknown", "{name} {serial}");
    }
    responder(&folder, &scene.authorities["told"], &[10]);
    scene.dies("a certificate of which the responder tells", &peer, &token).await;
}
