//! From nothing to a bound token in five commands: those of the README, run as they stand there.

use std::process::Command;

use tempfile::TempDir;

use crate::harness::{Database, Dev, HILUM};
use crate::token::claims;

/// The commands of the README under a heading.
fn commands(heading: &str) -> Vec<String> {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let section =
        readme.split(&format!("## {heading}\n")).nth(1).expect("the section").split("\n## ").next().unwrap();
    let script = section.split("```sh\n").nth(1).expect("commands").split("\n```").next().unwrap();
    let joined = script.replace("\\\n", " ");
    joined.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_five_commands_of_the_readme_lead_from_nothing_to_a_bound_token() {
    let five = commands("Certificates of your own");
    assert_eq!(five.len(), 5, "{five:?}");
    let (database, folder) = (Database::fresh().await, TempDir::new().unwrap());
    let variables = [("DATABASE_URL", database.url()), ("HILUM_DATABASE__OWNER_URL", database.owner_url())];
    // Where the README says it is: the data of `scripts/dev`.
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let dev = Dev::start(&data, &variables).await;
    let script = five
        .join("\n")
        .replace("target/release/hilum", HILUM)
        .replace("https://localhost:8444", dev.fixtures["mtls"].as_str().unwrap());
    let ran = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .envs(variables.iter().map(|(name, value)| (*name, value.as_str())))
        .output()
        .unwrap();
    let (told, complaint) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{told}{complaint}");
    let answer = told.lines().find(|line| line.starts_with('{')).expect("the answer of the token endpoint");
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    let certificate = std::fs::read_to_string(folder.path().join("clinic.pem")).unwrap();
    let (_, leaf) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()).unwrap();
    let thumbprint = hilum::jose::thumbprint::sha256_base64url(&leaf.contents);
    assert_eq!(claims(answer["access_token"].as_str().unwrap())["cnf"]["x5t#S256"], thumbprint);
}
