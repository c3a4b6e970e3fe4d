//! `hilum dev` as a process, on a database of the run or on a private PostgreSQL of its own.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::process::{command, free_ports, run};
use super::world::Peer;
use super::{Identity, eventually};

/// A running `hilum dev`.
pub struct Dev {
    /// Its process.
    pub child: Child,
    /// What it printed once it was ready.
    pub fixtures: Value,
    ports: [u16; 3],
    variables: Vec<(&'static str, String)>,
    folder: std::path::PathBuf,
}

impl Dev {
    /// Starts it on a data folder and waits until it is ready.
    pub async fn start(folder: &Path, variables: &[(&'static str, String)]) -> Self {
        Self::start_on(free_ports(), folder, variables).await
    }

    /// Starts it on ports that it had before.
    pub async fn start_on(ports: [u16; 3], folder: &Path, variables: &[(&'static str, String)]) -> Self {
        Self::start_as(&format!("https://localhost:{}", ports[0]), ports, folder, variables).await
    }

    /// Starts another process of the same server, on a folder of its own with the same keys.
    pub async fn beside(&self, folder: &Path) -> Self {
        std::fs::create_dir(folder.join("dev")).expect("a folder");
        for file in std::fs::read_dir(self.folder.join("dev")).expect("its files").flatten() {
            std::fs::copy(file.path(), folder.join("dev").join(file.file_name())).expect("a copy");
        }
        Self::start_as(self.url("").trim_end_matches('/'), free_ports(), folder, &self.variables).await
    }

    async fn start_as(
        issuer: &str,
        ports: [u16; 3],
        folder: &Path,
        variables: &[(&'static str, String)],
    ) -> Self {
        let [public, mtls, ops] = ports.map(|port| format!("127.0.0.1:{port}"));
        let data = folder.to_string_lossy();
        let arguments = [
            "dev", "--data", &data, "--issuer", issuer, "--public", &public, "--mtls", &mtls, "--ops", &ops,
            "--json",
        ];
        let file = |name: &str| std::fs::File::create(folder.join(name)).expect("a file");
        let child = command(&arguments, variables)
            .stdin(Stdio::null())
            .stdout(file("printed.json"))
            .stderr(file("complaints"))
            .spawn()
            .expect("the built binary");
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        // Ended with this value, also when it never becomes ready.
        let mut dev = Self {
            child,
            fixtures: serde_json::Value::Null,
            ports,
            variables: variables.to_vec(),
            folder: folder.to_owned(),
        };
        let child = &mut dev.child;
        let fixtures = eventually("hilum dev is ready", Duration::from_secs(90), || {
            if let Some(status) = child.try_wait().expect("the process") {
                panic!("hilum dev ended with {status}: {}", read("complaints"));
            }
            let printed = serde_json::from_str(&read("printed.json")).ok();
            async move { printed }
        });
        dev.fixtures = fixtures.await;
        dev
    }

    /// Starts it again after its end, on the same ports and data.
    pub async fn again(mut self) -> Self {
        self.child.wait().expect("its end");
        let (ports, folder, variables) = (self.ports, self.folder.clone(), self.variables.clone());
        Self::start_on(ports, &folder, &variables).await
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("complaints")).unwrap_or_default()
    }

    /// A URL under the issuer.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.ports[0])
    }

    /// Its public listener.
    pub fn public(&self) -> Peer {
        Peer::at(self.ports[0], &self.read("dev/ca.pem"), None)
    }

    /// Its mutual-TLS listener, with the certificate of a demonstration client.
    pub fn mtls(&self, client: &str) -> Peer {
        let certificate = self.read(&format!("dev/{client}.pem"));
        let identity =
            Identity { certificate, key: self.read(&format!("dev/{client}.key")), der: Vec::new() };
        self.mtls_as(&identity)
    }

    /// Its mutual-TLS listener, with any certificate.
    pub fn mtls_as(&self, identity: &Identity) -> Peer {
        Peer::at(self.ports[1], &self.read("dev/ca.pem"), Some(identity))
    }

    /// The ports of its public, mutual-TLS and operations listeners.
    pub fn ports(&self) -> [u16; 3] {
        self.ports
    }

    /// Runs a command of the terminal against its data.
    pub fn command(&self, arguments: &[&str], input: &str) -> super::process::Ran {
        let config = self.folder.join("dev/hilum.toml");
        let config = config.to_string_lossy();
        run(&[arguments, &["--config", &config]].concat(), &self.variables, input)
    }

    /// Sends a signal.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        nix::sys::signal::kill(pid, signal).expect("a signal");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).expect(name)
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Its PostgreSQL ends with it.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
