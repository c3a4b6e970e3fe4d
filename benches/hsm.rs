//! Signatures a second by the pool of sessions, on a SoftHSM2 token of its own: `scripts/bench --hsm`.

#![expect(
    clippy::disallowed_methods,
    reason = "it measures from outside: its own clock and its own environment are what it is for"
)]

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hilum::config::hsm::Hsm as Rules;
use hilum::jose::algorithm::Algorithm;
use hilum::platform::entropy::Entropy;
use hilum::platform::hsm::Hsm;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// Where SoftHSM2 looks for its configuration.
const CONFIGURATION: &str = "SOFTHSM2_CONF";
const PIN: &str = "4711";
/// How many ask at once, as a server's requests do.
const ASKING: usize = 64;
const COUNTED: Duration = Duration::from_secs(5);
const WARMING: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let outcome = if std::env::var_os(CONFIGURATION).is_some() { measure() } else { with_a_token() };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hsm: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes a token and runs this program again, which then finds it by its environment.
fn with_a_token() -> Outcome<()> {
    let folder = tempfile::TempDir::new()?;
    let (tokens, file) = (folder.path().join("tokens"), folder.path().join("softhsm2.conf"));
    std::fs::create_dir(&tokens)?;
    std::fs::write(folder.path().join("pin"), PIN)?;
    std::fs::write(&file, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display()))?;
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "bench", "--so-pin", "47114711", "--pin", PIN])
        .env(CONFIGURATION, &file)
        .output()
        .map_err(|error| format!("softhsm2-util: {error}: install the package softhsm2"))?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into_owned().into());
    }
    let measured = Command::new(std::env::current_exe()?)
        .env(CONFIGURATION, &file)
        .env("PIN_FILE", folder.path().join("pin"))
        .status()?;
    if measured.success() { Ok(()) } else { Err("the measurement failed".into()) }
}

fn measure() -> Outcome<()> {
    let pin_file = std::env::var_os("PIN_FILE").ok_or("PIN_FILE names no file")?.into();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("signatures a second on SoftHSM2, {ASKING} at once, {} s each", COUNTED.as_secs());
    println!("{:<10}{:>9}{:>14}{:>14}{:>14}", "algorithm", "sessions", "a second", "median", "p99");
    for (algorithm, sessions) in [
        (Algorithm::Es256, 1),
        (Algorithm::Es256, 2),
        (Algorithm::Es256, 4),
        (Algorithm::Es256, 8),
        (Algorithm::Es384, 8),
        (Algorithm::Rs256, 8),
        (Algorithm::Ps256, 8),
    ] {
        let rules = Rules {
            module_file: MODULE.into(),
            token: "bench".to_owned(),
            pin_file: std::path::PathBuf::clone(&pin_file),
            sessions,
            timeout: Duration::from_secs(10),
        };
        runtime.block_on(sign_for_a_while(algorithm, &rules))?;
    }
    Ok(())
}

async fn sign_for_a_while(algorithm: Algorithm, rules: &Rules) -> Outcome<()> {
    let hsm = Hsm::new(rules, Entropy::system());
    hsm.greet().await?;
    let (id, _) = hsm.generate(algorithm, "bench".to_owned()).await?;
    let (counting, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let done = Arc::new(AtomicU64::new(0));
    let askers: Vec<_> = (0..ASKING)
        .map(|_| {
            let (hsm, id) = (hsm.clone(), id.clone());
            let (counting, over, done) = (counting.clone(), over.clone(), done.clone());
            tokio::spawn(async move {
                let mut taken = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    hsm.sign(algorithm, &id, vec![7; 600]).await?;
                    if counting.load(Ordering::Relaxed) {
                        done.fetch_add(1, Ordering::Relaxed);
                        taken.push(began.elapsed());
                    }
                }
                Outcome::Ok(taken)
            })
        })
        .collect();
    tokio::time::sleep(WARMING).await;
    counting.store(true, Ordering::Relaxed);
    let began = Instant::now();
    tokio::time::sleep(COUNTED).await;
    over.store(true, Ordering::Relaxed);
    let rate = u128::from(done.load(Ordering::Relaxed)) * 1000 / began.elapsed().as_millis().max(1);
    let mut taken = Vec::new();
    for asker in askers {
        taken.extend(asker.await??);
    }
    taken.sort_unstable();
    let at = |hundredths: usize| {
        let found = taken.get(taken.len() * hundredths / 100).copied().unwrap_or_default();
        format!("{} µs", found.as_micros())
    };
    println!("{:<10}{:>9}{rate:>14}{:>14}{:>14}", algorithm.as_str(), rules.sessions, at(50), at(99));
    Ok(())
}
