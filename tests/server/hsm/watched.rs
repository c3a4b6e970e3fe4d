//! Certificates that an administrator has put into the token.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, CertificateType, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::token::configuration;
use super::{CONFIGURATION, LABEL, MODULE, PIN, Token};
use crate::harness::{World, eventually, plain_client};

const NAME: &str = "hsm::watched::f_21_the_ends_of_certificates_in_the_token_are_listed_measured_and_told";
const PATIENCE: Duration = Duration::from_secs(30);

/// Puts the files of a folder into the token as certificates, labelled as they are called. The library reads its
/// environment, so this is done in a process of its own.
fn put(folder: &Path) {
    let library = Pkcs11::new(MODULE).unwrap();
    library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let slots = library.get_slots_with_initialized_token().unwrap();
    let ours = |slot: &cryptoki::slot::Slot| library.get_token_info(*slot).unwrap().label() == LABEL;
    let session = library.open_rw_session(slots.into_iter().find(ours).unwrap()).unwrap();
    session.login(UserType::User, Some(&AuthPin::from(PIN.to_owned()))).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let der = std::fs::read(&path).unwrap();
        let subject = X509Certificate::from_der(&der).map(|(_, read)| read.subject().as_raw().to_vec());
        let object = [
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Class(ObjectClass::CERTIFICATE),
            Attribute::CertificateType(CertificateType::X_509),
            Attribute::Label(path.file_name().unwrap().as_encoded_bytes().to_vec()),
            Attribute::Subject(subject.unwrap_or_else(|_| b"none".to_vec())),
            Attribute::Value(der),
        ];
        session.create_object(&object).unwrap();
    }
}

fn put_from_another_process(token: &Token, files: &[(&str, &[u8])]) {
    let folder = token.folder.path().join("certificates");
    std::fs::create_dir(&folder).unwrap();
    for (name, content) in files {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CONFIGURATION, token.configuration())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

/// The certificates of the token, as they are listed: label, days left and thumbprint.
async fn listed(world: &World) -> Vec<(String, i64, String)> {
    let answer = world.administer(Method::GET, "/admin/v1/certificates?limit=200", None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let items = answer.json()["items"].as_array().unwrap().clone();
    let ours = items.iter().filter(|item| item["kind"] == "hsm");
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    ours.map(|item| (text(item, "label"), item["days_left"].as_i64().unwrap(), text(item, "thumbprint")))
        .collect()
}

#[tokio::test]
async fn f_21_the_ends_of_certificates_in_the_token_are_listed_measured_and_told() {
    if let Some(file) = configuration() {
        return put(&file.with_file_name("certificates"));
    }
    let mut world = World::start().await;
    let token = Token::new();
    let ending = |name: &str, hours: i64| {
        world.authority.client_with("https://unused.example/", |params| {
            let end = crate::harness::now() + hours * 3_600;
            params.not_after = OffsetDateTime::from_unix_timestamp(end).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
        })
    };
    let (soon, far) = (ending("hsm soon", 12), ending("hsm far", 24 * 400 + 1));
    let large = vec![0x30; 40_000];
    let files: [(&str, &[u8]); 4] =
        [("soon", &soon.der), ("far", &far.der), ("broken", b"no certificate"), ("large", &large)];
    put_from_another_process(&token, &files);
    token.serve(&mut world).await;

    let shown = [("soon".to_owned(), 0, soon.thumbprint()), ("far".to_owned(), 400, far.thumbprint())];
    // While one asks the token, the others take what it showed before: at first, nothing.
    eventually("they are listed", PATIENCE, || async { (listed(&world).await == shown).then_some(()) }).await;
    // Of the four thresholds the last counts, and it is told once.
    let told = eventually("its end is told", PATIENCE, || async {
        let alerts = world.administer(Method::GET, "/admin/v1/alerts?limit=200", None).await.json();
        let says =
            |item: &Value| item["detail"].as_str().filter(|says| says.contains("hsm")).map(str::to_owned);
        let told: Vec<String> = alerts["items"].as_array().unwrap().iter().filter_map(says).collect();
        (!told.is_empty()).then_some(told)
    })
    .await;
    assert!(
        told.len() == 1 && told[0].starts_with("the hsm certificate \"soon\" expires within a day: "),
        "{told:?}"
    );
    let days =
        format!("select days::bigint from certificate_warning where thumbprint = '{}'", soon.thumbprint());
    assert_eq!(world.database.count(&days).await, 1);
    for label in ["broken", "large"] {
        let log = world.processes[0].log();
        let lines = log.lines().filter(|line| line.contains("is not watched") && line.contains(label));
        assert_eq!(lines.count(), 1, "{log}");
    }
    away(&world, &token, &shown).await;
}

/// A token that is away takes nothing from the list and from what is measured: for the minute in which what it showed is
/// good. What follows then is held by the unit test of the list.
async fn away(world: &World, token: &Token, shown: &[(String, i64, String)]) {
    token.take_away();
    assert_eq!(listed(world).await, shown);
    let url = format!("http://127.0.0.1:{}/metrics", world.processes[0].operations);
    let text = plain_client().get(url).send().await.unwrap().text().await.unwrap();
    let of_hsm =
        |line: &&str| line.starts_with("hilum_certificate_expiry_seconds") && line.contains("kind=\"hsm\"");
    let mut left: Vec<f64> =
        text.lines().filter(of_hsm).map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    left.sort_by(f64::total_cmp);
    let days: Vec<f64> = left.iter().map(|seconds| (seconds / 86_400.0).floor()).collect();
    assert_eq!(days, [0.0, 400.0], "{text}");

    // Who has never seen it lists the others and says so.
    let (code, printed, complaint) = token.command(world, &["pki", "certificates", "--json"]).await;
    assert_eq!(code, Some(0), "{complaint}");
    assert!(complaint.contains("no token with the label"), "{complaint}");
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let kinds: Vec<&Value> = printed.as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert!(kinds.contains(&&json!("server")) && !kinds.contains(&&json!("hsm")), "{kinds:?}");
    token.put_back();
    let (_, printed, complaint) = token.command(world, &["pki", "certificates", "--json"]).await;
    assert_eq!(printed.matches("\"hsm\"").count(), 2, "{printed} {complaint}");
}
