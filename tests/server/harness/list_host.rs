//! A host that publishes revocation lists over plain HTTP, well or badly, and answers for an OCSP responder.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// What the host has at an address.
#[derive(Clone)]
pub enum Publishing {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The head of an answer, and then nothing more.
    Silence,
    /// What OpenSSL answers to the question that was posted, by the index in this folder.
    Responder(PathBuf),
}

/// The host.
pub struct ListHost {
    /// Its port on this machine.
    pub port: u16,
    published: Arc<Mutex<HashMap<String, Publishing>>>,
}

impl ListHost {
    /// Starts a host that has nothing yet.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let published: Arc<Mutex<HashMap<String, Publishing>>> = Arc::default();
        let all = published.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let all = all.clone();
                std::thread::spawn(move || answer(socket, &all));
            }
        });
        Self { port, published }
    }

    /// The URL of a name.
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// Has this at a name from now on.
    pub fn publish(&self, name: &str, publishing: Publishing) {
        self.published.lock().expect("what is published").insert(name.to_owned(), publishing);
    }
}

fn answer(mut socket: TcpStream, published: &Mutex<HashMap<String, Publishing>>) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Ok(_) | Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let name = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or_default()];
    if socket.read_exact(&mut body).is_err() {
        return;
    }
    let found = published.lock().expect("what is published").get(&name).cloned();
    let (status, body) = match found {
        None => ("404 Not Found", Vec::new()),
        Some(Publishing::Bytes(bytes)) => ("200 OK", bytes),
        Some(Publishing::Responder(folder)) => ("200 OK", ocsp(&folder, &["-reqin"], &body)),
        Some(Publishing::Silence) => {
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").ok();
            // Until the other side has had enough.
            drop(socket.read_exact(&mut byte));
            return;
        }
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(&body)).ok();
}

/// What OpenSSL answers to a question, in DER, by `index.txt`, `ca.pem` and `responder.pem` of a folder. The arguments
/// are those that say what is asked; after `-reqin` the question follows.
pub fn ocsp(folder: &Path, asked: &[&str], question: &[u8]) -> Vec<u8> {
    let run = tempfile::TempDir::new().expect("a folder");
    let (request, response) = (run.path().join("request"), run.path().join("response"));
    std::fs::write(&request, question).expect("a question");
    let mut command = Command::new("openssl");
    command.current_dir(folder).args([
        "ocsp",
        "-index",
        "index.txt",
        "-CA",
        "ca.pem",
        "-rsigner",
        "responder.pem",
    ]);
    command
        .args(["-rkey", "responder.pem", "-nmin", "5", "-noverify", "-respout"])
        .arg(&response)
        .args(asked);
    if asked == ["-reqin"] {
        command.arg(&request);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().expect("openssl, of the package openssl");
    std::fs::read(&response).unwrap_or_default()
}
