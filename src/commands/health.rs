//! `hilum health`: one question to the operations listener of a server on this machine, for health
//! checks where there is no other program to ask, such as in a container.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::config;
use crate::config::http::Http;
use crate::config::problem::nowhere_in;

use super::ConfigFile;
use super::output::{Failed, print};

/// How long the answer may take, all in all.
const PATIENCE: Duration = Duration::from_secs(2);
/// More is not read: the answers are one line of JSON.
const MAX_ANSWER: u64 = 16 * 1024;

/// The options of `hilum health`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    #[command(flatten)]
    file: ConfigFile,
    /// Ask whether it can serve (/readyz), not only whether it is alive (/healthz)
    #[arg(long)]
    ready: bool,
}

/// Runs `hilum health`.
pub fn run(options: &Options) -> Result<(), Failed> {
    let ops = Http::load_ops(options.file.config.as_deref())?;
    let address = *ops.first().ok_or_else(|| Failed("http.ops names no address".to_owned()))?;
    let (path, well, ill) =
        if options.ready { ("/readyz", "ready", "not ready") } else { ("/healthz", "alive", "not alive") };
    let nowhere = config::absent(options.file.config.as_deref());
    let nowhere = nowhere.map(|folder| format!("\n{}", nowhere_in(&folder))).unwrap_or_default();
    let failed = |why: String| Failed(format!("{ill}: {why}{nowhere}"));
    let answer = ask_in_time(address, path).map_err(|error| failed(format!("{address}: {error}")))?;
    match Answer::parse(&answer) {
        Some(Answer { status: 200, .. }) => {
            print(well);
            Ok(())
        }
        Some(Answer { reasons: Some(reasons), .. }) => Err(failed(reasons)),
        Some(Answer { status, .. }) => Err(failed(format!("{address} answered {path} with {status}"))),
        None => Err(failed(format!("{address} does not answer in HTTP"))),
    }
}

/// The thread ends with the program if nothing answers in time.
fn ask_in_time(address: SocketAddr, path: &'static str) -> io::Result<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().spawn(move || drop(sender.send(ask(address, path))))?;
    receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
}

// By hand, since the one door out (platform::outbound) rightly reaches neither loopback nor clear text,
// and nothing else in the program has a reason to.
fn ask(address: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    Ok(answer)
}

/// What the answer of an operations listener says.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// Why the server cannot serve, in one line.
    reasons: Option<String>,
}

impl Answer {
    fn parse(answer: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(answer).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let body: Option<Value> = serde_json::from_str(body).ok();
        let reasons = body.as_ref().and_then(|body| body.get("reasons")?.as_array());
        let reasons = reasons.map(|reasons| {
            let each: Vec<&str> = reasons.iter().filter_map(Value::as_str).collect();
            each.join("; ").replace(char::is_control, " ")
        });
        Some(Self { status, reasons })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_the_reasons_in_one_line() {
        let answered =
            |status, reasons: Option<&str>| Some(Answer { status, reasons: reasons.map(str::to_owned) });
        let rows = [
            ("HTTP/1.1 200 OK\r\n\r\n{\"status\":\"alive\"}", answered(200, None)),
            (
                "HTTP/1.1 503 X\r\nA: b\r\n\r\n{\"reasons\":[\"one\",2,\"t\\nw\\u001bo\"]}",
                answered(503, Some("one; t w o")),
            ),
            ("HTTP/1.1 503 X\r\n\r\nbusy", answered(503, None)),
            ("HTTP/1.1 200 OK\r\n", None),
            ("SSH-2.0\r\n\r\n", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(Answer::parse(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(Answer::parse(b"\xff"), None);
    }
}
