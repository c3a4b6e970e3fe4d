//! A master key behind a command of the operator's, such as the client of a key management service:
//! `COMMAND wrap PLACE` and `COMMAND unwrap PLACE`.
//!
//! `wrap` reads a data key in base64 and answers with any text, one line; `unwrap` reads that text and
//! answers with the data key in base64. The place is what the wrapped key must be tied to, as
//! additional authenticated data. No shell takes part.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use zeroize::Zeroizing;

use crate::config;
use crate::protocol::error::{Doing, Fault};

use super::{DATA_KEY, LONGEST_WRAPPED, MasterKey, MasterKeyId};

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of its complaints is told.
const LONGEST_COMPLAINT: usize = 1024;

/// A master key behind a command.
pub struct CommandKey {
    words: Vec<String>,
    patience: Duration,
}

/// What a command did.
struct Answer {
    output: Zeroizing<Vec<u8>>,
    complaint: Vec<u8>,
}

impl CommandKey {
    /// The key behind a program and its first arguments.
    #[must_use]
    pub const fn new(words: Vec<String>) -> Self {
        Self { words, patience: PATIENCE }
    }

    async fn ask(
        &self,
        (verb, doing): (&'static str, &'static str),
        place: &str,
        input: Zeroizing<String>,
    ) -> Result<Zeroizing<String>, Fault> {
        let (words, patience) = (self.words.clone(), self.patience);
        let last = [verb.to_owned(), place.to_owned()];
        let asking = move || run(doing, &words, last, (&input, patience));
        let answer = tokio::task::spawn_blocking(asking).await.doing(doing)??;
        let text = std::str::from_utf8(&answer).doing(doing)?.trim();
        let is_one_line =
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if !is_one_line {
            return Err(Fault::new(doing, "the command answered with something else than one line of text"));
        }
        Ok(Zeroizing::new(text.to_owned()))
    }
}

#[async_trait]
impl MasterKey for CommandKey {
    fn id(&self) -> MasterKeyId {
        MasterKeyId::of("command", &self.words.join("\u{1f}"))
    }

    async fn wrap(&self, data_key: &[u8; DATA_KEY], place: &str) -> Result<Vec<u8>, Fault> {
        let doing = "wrapping a data key by secrets.master_key_command";
        let input = Zeroizing::new(STANDARD.encode(data_key));
        let plain = input.clone();
        let wrapped = self.ask(("wrap", doing), place, input).await?;
        if wrapped.contains(plain.trim_end_matches('=')) {
            return Err(Fault::new(doing, "the command answered with the data key itself"));
        }
        Ok(wrapped.as_bytes().to_vec())
    }

    async fn open(&self, wrapped: &[u8], place: &str) -> Result<Zeroizing<[u8; DATA_KEY]>, Fault> {
        let doing = "opening a data key by secrets.master_key_command";
        let input = Zeroizing::new(String::from_utf8(wrapped.to_vec()).doing(doing)?);
        let text = self.ask(("unwrap", doing), place, input).await?;
        let key = Zeroizing::new(STANDARD.decode(text.as_bytes()).ok().unwrap_or_default());
        let key: Option<[u8; DATA_KEY]> = key.as_slice().try_into().ok();
        key.map(Zeroizing::new)
            .ok_or_else(|| Fault::new(doing, "the command answered with something else than a data key"))
    }
}

/// Runs a command to its end, or ends it when its time is over.
fn run(
    doing: &'static str,
    words: &[String],
    last: [String; 2],
    (input, patience): (&str, Duration),
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let (program, first) = words.split_first().ok_or_else(|| Fault::new(doing, "there is no command"))?;
    let mut command = Command::new(program);
    // In a group of its own, so that what it has started ends with it.
    command.args(first).args(last).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in config::own_variables() {
        command.env_remove(name);
    }
    let mut child = command.spawn().map_err(|error| Fault::new(doing, format!("{program}: {error}")))?;
    let group = i32::try_from(child.id()).map(Pid::from_raw).doing(doing)?;
    let answered = converse(&mut child, input);
    let answer = answered.recv_timeout(patience).ok();
    if answer.is_none() {
        killpg(group, Signal::SIGKILL).ok();
    }
    // Both streams have ended, or it was killed: its end is not far. What closes its streams and stays is killed.
    let status = ended(child, group, patience).doing(doing)?;
    let answer = answer.ok_or_else(|| {
        Fault::new(doing, format!("{program} did not answer within {} s", patience.as_secs()))
    })?;
    let complaint = String::from_utf8_lossy(&answer.complaint);
    if !status.success() {
        let complaint =
            if complaint.contains(input.trim_end_matches('=')) { "withheld" } else { complaint.trim() };
        return Err(Fault::new(doing, format!("{program}: {status}: {complaint}")));
    }
    if answer.output.len() > LONGEST_WRAPPED {
        return Err(Fault::new(doing, format!("{program} answered with more than {LONGEST_WRAPPED} bytes")));
    }
    Ok(answer.output)
}

/// Tells a child its input and hears it out, each stream in a thread of its own: none can block another.
fn converse(child: &mut Child, input: &str) -> Receiver<Answer> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let input = Zeroizing::new(input.to_owned());
    std::thread::spawn(move || {
        // A command that does not read its input says so by its exit code.
        let told =
            stdin.map(|mut stdin| stdin.write_all(input.as_bytes()).and_then(|()| stdin.write_all(b"\n")));
        drop(told);
    });
    let complaining = std::thread::spawn(move || heard(stderr, LONGEST_COMPLAINT));
    let (tell, answered) = mpsc::channel();
    std::thread::spawn(move || {
        let output = heard(stdout, LONGEST_WRAPPED + 1);
        let complaint = complaining.join().map(|mut complaint| std::mem::take(&mut *complaint));
        drop(tell.send(Answer { output, complaint: complaint.unwrap_or_default() }));
    });
    answered
}

/// Reads a stream to its end and keeps so much of it.
fn heard(stream: Option<impl Read>, most: usize) -> Zeroizing<Vec<u8>> {
    // Never grown, so that no copy is left behind.
    let mut kept = Zeroizing::new(Vec::with_capacity(most));
    let Some(mut stream) = stream else { return kept };
    let mut chunk = Zeroizing::new([0; 1024]);
    while let Ok(count @ 1..) = stream.read(chunk.as_mut_slice()) {
        let room = most.saturating_sub(kept.len());
        kept.extend(chunk.iter().take(count.min(room)));
    }
    kept
}

/// Waits for the end of a child; one that lingers is killed.
fn ended(mut child: Child, group: Pid, patience: Duration) -> std::io::Result<std::process::ExitStatus> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || drop(tell.send(child.wait())));
    if let Ok(status) = told.recv_timeout(patience) {
        return status;
    }
    killpg(group, Signal::SIGKILL).ok();
    told.recv().unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Longer than any of these commands takes that ends.
    const AMPLE: Duration = Duration::from_mins(1);
    /// How long those are waited for that do not.
    const SHORT: Duration = Duration::from_millis(1500);

    /// A command that is a script.
    fn script(folder: &tempfile::TempDir, text: &str, patience: Duration) -> CommandKey {
        let path = folder.path().join("kms");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        let words = vec![path.to_string_lossy().into_owned(), "first; $(touch x)".to_owned()];
        CommandKey { words, patience }
    }

    #[tokio::test]
    async fn a_command_is_told_verb_place_and_key_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let kms = script(
            &folder,
            r#"[ "$1" = 'first; $(touch x)' ] && [ "$3" = 'a/b/c $d' ] || exit 3
               env | grep -q -e HILUM -e DATABASE_URL && exit 4
               read key; case $2 in wrap) echo "v1:$key" | tr 'A-Za-z' 'N-ZA-Mn-za-m' ;; *) echo "$key" | tr 'A-Za-z' 'N-ZA-Mn-za-m' | cut -c4- ;; esac"#,
            AMPLE,
        );
        let wrapped = kms.wrap(&[7; DATA_KEY], "a/b/c $d").await.unwrap();
        assert!(wrapped.starts_with(b"i1:"));
        assert_eq!(*kms.open(&wrapped, "a/b/c $d").await.unwrap(), [7; DATA_KEY]);
        assert!(kms.open(&wrapped, "elsewhere").await.unwrap_err().to_string().contains("exit status: 3"));
    }

    #[tokio::test]
    async fn f_31_a_command_that_fails_lingers_or_says_too_much_is_a_fault_in_words() {
        let folder = tempfile::tempdir().unwrap();
        for (text, patience, says) in [
            ("echo 'no network' >&2; exit 7", AMPLE, "exit status: 7: no network"),
            ("cat >&2; exit 1", AMPLE, "exit status: 1: withheld"),
            ("sleep 60", SHORT, "did not answer within"),
            ("sleep 60 & sleep 60", SHORT, "did not answer within"),
            // It must have closed its streams by then, and is waited for as long again.
            ("exec >&- 2>&-; sleep 60", SHORT * 4, "signal: 9"),
            ("head -c 100000 /dev/zero | tr '\\0' a", AMPLE, "more than 4096 bytes"),
            ("cat; cat /dev/zero >&2", SHORT, "did not answer within"),
            ("true", AMPLE, "something else than one line"),
            ("printf 'a\\nb'", AMPLE, "something else than one line"),
            ("printf '\\377'", AMPLE, "invalid utf-8"),
            ("cat", AMPLE, "the data key itself"),
        ] {
            let kms = script(&folder, text, patience);
            let fault = kms.wrap(&[7; DATA_KEY], "a/b/c").await.unwrap_err().to_string();
            assert!(fault.contains(says) && !fault.contains("BwcHBwcH"), "{text}: {fault}");
        }
        let kms = script(&folder, "echo c2hvcnQ=", AMPLE);
        assert!(kms.open(b"v1:x", "a/b/c").await.unwrap_err().to_string().contains("than a data key"));
        let absent = CommandKey::new(vec!["/nonexistent/kms".to_owned()]);
        assert!(absent.wrap(&[7; DATA_KEY], "a").await.unwrap_err().to_string().contains("/nonexistent/kms"));
    }
}
