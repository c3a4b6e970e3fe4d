//! The built binary as a process: started, asked whether it is ready, killed.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// How long a start, or the end of a command, may take at most: what hangs ends, and what is only slow does not.
const MOST: Duration = Duration::from_secs(90);

/// The program under test.
pub const HILUM: &str = env!("CARGO_BIN_EXE_hilum");

/// What a command printed, and how it ended.
pub struct Ran(pub Output);

impl Ran {
    /// What it printed, when it ended well.
    pub fn expect_success(&self) -> String {
        assert!(self.0.status.success(), "{}{}", self.output(), self.complaint());
        self.output()
    }

    /// What it printed.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    /// What it complained about.
    pub fn complaint(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// Its exit code.
    pub fn code(&self) -> Option<i32> {
        self.0.status.code()
    }
}

/// The program with exactly these arguments and variables.
pub fn command(arguments: &[&str], variables: &[(&str, String)]) -> Command {
    let mut command = Command::new(HILUM);
    command.args(arguments).env_clear().envs(variables.iter().map(|(name, value)| (*name, value)));
    command
}

/// Runs a command to its end, with a text for its input stream.
pub fn run(arguments: &[&str], variables: &[(&str, String)], input: &str) -> Ran {
    let mut child = command(arguments, variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the built binary");
    child.stdin.take().expect("an input stream").write_all(input.as_bytes()).ok();
    Ran(child.wait_with_output().expect("an end"))
}

/// Runs a command that must end by itself, without an input stream.
pub async fn run_briefly(arguments: &[&str], variables: &[(&str, String)]) -> Ran {
    let mut child = command(arguments, variables)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the built binary");
    let ended = async {
        while child.try_wait().expect("the process").is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(MOST, ended).await.is_err() {
        child.kill().expect("kill");
        let ran = Ran(child.wait_with_output().expect("its output"));
        panic!("{arguments:?} did not end: {}{}", ran.output(), ran.complaint());
    }
    Ran(child.wait_with_output().expect("its output"))
}

/// A server process.
pub struct Process {
    child: Child,
    /// The port of the public listener.
    pub public: u16,
    /// The port of the mutual-TLS listener.
    pub mtls: u16,
    /// The port of the operations listener.
    pub operations: u16,
    log: std::path::PathBuf,
}

/// Ports that nobody else takes while the test runs: below those that the system gives to outgoing
/// connections, and each reserved by the UDP socket of the same number, which ends with the test.
pub fn free_ports() -> [u16; 3] {
    [(); 3].map(|()| (0..1000).find_map(|_| reserve(random_port())).expect("a free port"))
}

fn random_port() -> u16 {
    let bytes: [u8; 2] = hilum::platform::entropy::Entropy::system().bytes().expect("chance");
    // Above those on which scripts/test starts a server for the clients of others.
    20_000 + u16::from_be_bytes(bytes) % 12_000
}

fn reserve(port: u16) -> Option<u16> {
    let reservation = UdpSocket::bind(("127.0.0.1", port)).ok()?;
    TcpListener::bind(("127.0.0.1", port)).ok()?;
    std::mem::forget(reservation);
    Some(port)
}

impl Process {
    /// Starts `hilum serve` with a configuration on three ports, and waits until it is ready.
    pub async fn serve(config: &Path, ports: [u16; 3], log: &Path, variables: &[(&str, String)]) -> Self {
        let [public, mtls, operations] = ports;
        let mut all = variables.to_vec();
        all.push(("HILUM_HTTP__PUBLIC", format!("127.0.0.1:{public}")));
        all.push(("HILUM_HTTP__MTLS", format!("127.0.0.1:{mtls}")));
        all.push(("HILUM_HTTP__OPS", format!("127.0.0.1:{operations}")));
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a log file");
        let child = command(&["serve", "--config", &config.to_string_lossy()], &all)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log file"))
            .stderr(file)
            .spawn()
            .expect("the built binary");
        let mut process = Self { child, public, mtls, operations, log: log.to_owned() };
        process.wait_until_ready().await;
        process
    }

    async fn wait_until_ready(&mut self) {
        let ready = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("the process") {
                    panic!("hilum serve ended with {status}:\n{}", self.log());
                }
                if self.ready().await.is_some_and(|status| status == 200) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        let waited = tokio::time::timeout(MOST, ready).await;
        assert!(waited.is_ok(), "hilum serve did not become ready:\n{}", self.log());
    }

    /// The status of `/readyz`, when it answers.
    pub async fn ready(&self) -> Option<u16> {
        let url = format!("http://127.0.0.1:{}/readyz", self.operations);
        let answer = super::world::plain_client().get(url).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    /// Kills the process as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("its end");
    }

    /// Sends a signal.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        nix::sys::signal::kill(pid, signal).expect("a signal");
    }

    /// Its exit code, if it has ended; -1 for one that was killed.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().expect("the process").map(|status| status.code().unwrap_or(-1))
    }

    /// Waits for its end and answers with its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("its end").code()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        let mut text = String::new();
        std::fs::File::open(&self.log).and_then(|mut file| file.read_to_string(&mut text)).ok();
        text
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
