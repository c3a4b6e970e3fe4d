//! Keys in a hardware security module, as SoftHSM2 plays one: a token of each test's own.

mod away;
mod client_pki;
mod journey;
mod start;
mod token;
mod watched;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hilum::jose::{Jwk, UnverifiedJws};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Peer, Process, World, run_briefly};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "a user's pin";
const LABEL: &str = "hilum test";
/// Where SoftHSM2 looks for its configuration.
const CONFIGURATION: &str = "SOFTHSM2_CONF";

/// A token in a folder of its own.
struct Token {
    folder: TempDir,
}

impl Token {
    fn new() -> Self {
        assert!(Path::new(MODULE).exists(), "{MODULE} is missing: install the package softhsm2");
        let token = Self { folder: TempDir::new().unwrap() };
        std::fs::create_dir(token.tokens()).unwrap();
        let told = format!("directories.tokendir = {}\nlog.level = ERROR\n", token.tokens().display());
        std::fs::write(token.configuration(), told).unwrap();
        token.set_pin(PIN);
        let arguments =
            ["--init-token", "--free", "--label", LABEL, "--so-pin", "the officer's pin", "--pin", PIN];
        let made =
            Command::new("softhsm2-util").args(arguments).env(CONFIGURATION, token.configuration()).output();
        let Output { status, stderr, .. } = made.expect("softhsm2-util, of the package softhsm2");
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        token
    }

    fn tokens(&self) -> PathBuf {
        self.folder.path().join("tokens")
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("softhsm2.conf")
    }

    fn pin_file(&self) -> PathBuf {
        self.folder.path().join("pin")
    }

    fn set_pin(&self, pin: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(self.pin_file(), format!("{pin}\n")).unwrap();
        std::fs::set_permissions(self.pin_file(), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Takes the token away, as a cable that is pulled.
    fn take_away(&self) {
        std::fs::rename(self.tokens(), self.folder.path().join("away")).unwrap();
        std::fs::create_dir(self.tokens()).unwrap();
    }

    fn put_back(&self) {
        std::fs::remove_dir(self.tokens()).unwrap();
        std::fs::rename(self.folder.path().join("away"), self.tokens()).unwrap();
    }

    /// What a process needs to use it.
    fn variables(&self, world: &World) -> Vec<(&'static str, String)> {
        vec![
            ("DATABASE_URL", world.database.url()),
            (CONFIGURATION, self.configuration().to_string_lossy().into_owned()),
            ("HILUM_HTTP__DRAIN_SECONDS", "1".to_owned()),
            ("HILUM_HSM__MODULE_FILE", MODULE.to_owned()),
            ("HILUM_HSM__TOKEN", LABEL.to_owned()),
            ("HILUM_HSM__PIN_FILE", self.pin_file().to_string_lossy().into_owned()),
        ]
    }

    /// Starts the world's process again, now with the token.
    async fn serve(&self, world: &mut World) {
        self.serve_with(world, &[]).await;
    }

    /// The same, with more variables.
    async fn serve_with(&self, world: &mut World, more: &[(&'static str, String)]) {
        let variables = [self.variables(world).as_slice(), more].concat();
        let process = &mut world.processes[0];
        process.kill();
        let ports = [process.public, process.mtls, process.operations];
        let log = world.file(&format!("{}.log", ports[0]));
        world.processes[0] = Process::serve(&world.config(), ports, &log, &variables).await;
    }

    /// Runs a command of the terminal with the token, and has it wait for a busy machine; its exit code, output and
    /// complaint.
    async fn command(&self, world: &World, arguments: &[&str]) -> (Option<i32>, String, String) {
        let config = world.config();
        let config = config.to_string_lossy();
        let all = [arguments, &["--config", &*config]].concat();
        let mut variables = self.variables(world);
        variables.push(("HILUM_HSM__TIMEOUT_MS", "30000".to_owned()));
        let ran = run_briefly(&all, &variables).await;
        (ran.code(), ran.output(), ran.complaint())
    }

    /// The signing keys, as the terminal lists them.
    async fn keys(&self, world: &World) -> Vec<Value> {
        let (code, output, complaint) = self.command(world, &["keys", "list", "--json"]).await;
        assert_eq!(code, Some(0), "{complaint}");
        serde_json::from_str(&output).unwrap()
    }

    /// Swaps the keys at once, so that all that sign are in the token.
    async fn move_keys(&self, world: &World) {
        let (code, _, complaint) = self.command(world, &["keys", "rotate", "--now"]).await;
        assert_eq!(code, Some(0), "{complaint}");
    }
}

/// The keys of the JWKS.
async fn published(peer: &Peer) -> Vec<Value> {
    peer.get("/oauth2/jwks").await.json()["keys"].as_array().unwrap().clone()
}

/// The `kid` of a token.
fn signed_by(token: &str) -> String {
    UnverifiedJws::parse(token).unwrap().header().kid.clone().unwrap()
}

/// The `kid` of a token, which one of the published keys verifies.
async fn verified(peer: &Peer, token: &str) -> String {
    let jws = UnverifiedJws::parse(token).unwrap();
    let kid = signed_by(token);
    let keys = published(peer).await;
    let key = keys.iter().find(|key| key["kid"] == kid.as_str()).expect("a published key");
    jws.verify(&Jwk::parse(key).unwrap()).expect("its signature");
    kid
}
