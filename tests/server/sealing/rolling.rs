//! The master key changes while the server serves.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::sync::RwLock;

use super::{OTHER, figures, of_file, run, with_secrets, write};
use crate::harness::{App, Backend, Browser, FHIR, Peer, Person, Process, World, eventually};
use crate::token::refresh_token::SCOPE;

/// Two processes behind a balancer that sends nothing to the one that is replaced.
struct Balanced {
    slots: [RwLock<Process>; 2],
    authority: String,
    end: AtomicBool,
    next: AtomicU64,
    served: AtomicU64,
}

impl Balanced {
    /// Gives one of the processes to a request, or to a few that belong together.
    async fn with<F: Future<Output = ()>>(&self, request: impl FnOnce(Peer) -> F) {
        let turn = usize::from(self.next.fetch_add(1, Ordering::Relaxed) % 2 == 1);
        let process = match self.slots[turn].try_read() {
            Ok(process) => process,
            Err(_) => self.slots[1 - turn].read().await,
        };
        request(Peer::at(process.public, &self.authority, None)).await;
        self.served.fetch_add(1, Ordering::Relaxed);
    }

    /// Replaces both processes, one by one.
    async fn roll(&self, world: &World, config: &Path) {
        for (index, slot) in self.slots.iter().enumerate() {
            let mut process = slot.write().await;
            let ports = [process.public, process.mtls, process.operations];
            process.signal(Signal::SIGTERM);
            let ended = || std::future::ready(process.ended());
            assert_eq!(eventually("the end of a process", Duration::from_mins(1), ended).await, 0);
            let log = world.file(&format!("rolled-{index}.log"));
            *process = Process::serve(config, ports, &log, &[("DATABASE_URL", world.database.url())]).await;
        }
    }

    /// Lets a few more requests come, so that each step is under load.
    async fn let_come(&self, more: u64) {
        let enough = self.served.load(Ordering::Relaxed) + more;
        let served = || std::future::ready((self.served.load(Ordering::Relaxed) >= enough).then_some(()));
        eventually("requests", Duration::from_mins(1), served).await;
    }
}

async fn tokens(world: &World, balanced: &Balanced, client: &Backend) {
    while !balanced.end.load(Ordering::Relaxed) {
        balanced
            .with(async |peer| {
                let token = client.ask(world, &peer, "system/Claim.rs").await.token();
                client.introspect(world, &peer, &token).await.active();
            })
            .await;
    }
}

async fn sign_ins(balanced: &Balanced, app: &App, person: &Person) {
    let mut refresh_token: Option<String> = None;
    while !balanced.end.load(Ordering::Relaxed) {
        let former = refresh_token.take();
        let made = std::cell::RefCell::new(None);
        balanced
            .with(async |peer| {
                // What another process gave out, perhaps under the former master key, goes on.
                if let Some(token) = former {
                    app.refresh(&peer, &token).await.granted();
                }
                let code = app.code(&mut Browser::at(peer.clone()), person, SCOPE).await;
                let granted = app.redeem(&peer, &code).await.granted();
                *made.borrow_mut() = granted["refresh_token"].as_str().map(str::to_owned);
            })
            .await;
        refresh_token = made.into_inner();
    }
}

#[tokio::test]
async fn o06_the_master_key_changes_under_load_and_no_request_fails() {
    let mut world = World::with_processes(2).await;
    let client = Backend::register(&world, Algorithm::Es256, json!({"introspects": [FHIR]})).await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    write(&world, "new.key", OTHER, 0o600);
    let [old, new] = ["master.key", "new.key"].map(|name| of_file(&world, "master_key_file", name));
    let former = |name: &str| format!("former_master_key_files = [\"{}\"]", world.file(name).display());
    let opens = with_secrets(&world, "opens.toml", &format!("{old}\n{}", former("new.key")));
    let both = with_secrets(&world, "both.toml", &format!("{new}\n{}", former("master.key")));
    let alone = with_secrets(&world, "alone.toml", &new);
    let before = world.config();

    let authority = world.authority.pem.clone();
    let second = world.processes.pop().unwrap();
    let first = world.processes.pop().unwrap();
    let (end, next, served) = Default::default();
    let balanced =
        Balanced { slots: [RwLock::new(first), RwLock::new(second)], authority, end, next, served };
    let (world, balanced) = (&world, &balanced);
    let changed = async {
        balanced.let_come(5).await;
        // Each can open what the other will seal before any of them seals under the new key.
        balanced.roll(world, &opens).await;
        balanced.roll(world, &both).await;
        run(world, &both, &["keys", "rotate"]).await.expect_success();
        balanced.let_come(5).await;
        let printed = run(world, &both, &["keys", "rewrap", "--json"]).await.expect_success();
        assert_eq!(figures(&printed, "signing_key"), (3, 3, 0, 0), "three keys were made under it");
        balanced.let_come(5).await;
        balanced.roll(world, &alone).await;
        balanced.let_come(5).await;
        balanced.end.store(true, Ordering::Relaxed);
        printed
    };
    let (printed, ..) = tokio::join!(
        changed,
        tokens(world, balanced, &client),
        tokens(world, balanced, &client),
        sign_ins(balanced, &app, &pat)
    );
    recorded(world, &printed).await;
    refused(world, [&before, &both]).await;
}

/// The trail tells of the beginning and of the end.
async fn recorded(world: &World, printed: &str) {
    let master: serde_json::Value = serde_json::from_str(printed).unwrap();
    let name = master["master_key"].as_str().unwrap();
    let told = "select string_agg(target || ': ' || detail, '; ' order by at, id) from audit_event
                 where action = 'keys.rewrap'";
    let told = world.database.text(told).await;
    let end = format!("{name}: 4 re-wrapped, 3 stood under it already, 0 could not be opened");
    assert!(told.starts_with(&format!("{name}: begun; {end}")), "{told}");
}

/// Who has the former key alone does not start; what cannot be opened is named.
async fn refused(world: &World, [before, both]: [&PathBuf; 2]) {
    let late = run(world, before, &["serve"]).await;
    assert_eq!(late.code(), Some(1));
    assert!(late.complaint().contains("is this the master key of this database?"), "{}", late.complaint());
    world.database.execute("update person set sealed_totp = decode('00112233', 'hex')").await;
    let subject = world.database.text("select subject::text from person").await;
    let broken = run(world, both, &["keys", "rewrap", "--json"]).await;
    assert_eq!(broken.code(), Some(1));
    assert!(broken.complaint().contains(&format!("person/sealed_totp/{subject}")), "{}", broken.complaint());
    assert_eq!(figures(&broken.output(), "person"), (0, 0, 0, 1));
    assert_eq!(figures(&broken.output(), "signing_key"), (0, 6, 0, 0));
    assert!(!broken.complaint().contains("00112233") && !broken.output().contains("00112233"));
}
