//! The master key changes while the server serves.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::sync::RwLock;

use super::forms::{KMS, token};
use super::{OTHER, figures, of_file, run_with, with_secrets, write};
use crate::harness::{App, Backend, Browser, FHIR, Peer, Person, Process, Ran, World, eventually};
use crate::token::refresh_token::SCOPE;

/// What the library of the token reads.
type Variable = (&'static str, String);

/// A form of the master key.
struct Form {
    /// Its lines.
    line: String,
    /// Its lines where it is a former one, or one to come.
    other: String,
    /// The section `[hsm]`, where it needs one.
    section: String,
}

/// Two processes behind a balancer that sends nothing to the one that is replaced.
struct Balanced {
    slots: [RwLock<Process>; 2],
    authority: String,
    variable: Variable,
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
            let variables = [("DATABASE_URL", world.database.url()), self.variable.clone()];
            *process = Process::serve(config, ports, &log, &variables).await;
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

/// A configuration with a form of the master key, and another that it can open.
fn config(world: &World, name: &str, form: &Form, other: Option<&Form>) -> PathBuf {
    let (lines, section) = other.map_or(("", ""), |other| (other.other.as_str(), other.section.as_str()));
    let section = if section.is_empty() { form.section.as_str() } else { section };
    with_secrets(world, name, &format!("{}\n{lines}\n{section}", form.line))
}

/// A file, another, a key in a token, a file again, and a command.
fn forms(world: &World) -> ([Form; 5], Variable) {
    write(world, "new.key", OTHER, 0o600);
    write(world, "third.key", &format!("c{}", &OTHER[1..]), 0o600);
    let file = |name: &str| Form {
        line: of_file(world, "master_key_file", name),
        other: format!("former_master_key_files = [\"{}\"]", world.file(name).display()),
        section: String::new(),
    };
    let (section, variable) = token(world);
    let in_token = Form {
        line: "master_key_token = \"seal\"".to_owned(),
        other: "former_master_key_tokens = [\"seal\"]".to_owned(),
        section,
    };
    let kms = format!("[\"{}\", \"key-7\"]", write(world, "kms", KMS, 0o700).display());
    let command = Form {
        line: format!("master_key_command = {kms}"),
        other: format!("former_master_key_commands = [{kms}]"),
        section: String::new(),
    };
    ([file("master.key"), file("new.key"), in_token, file("third.key"), command], variable)
}

async fn run(world: &World, config: &Path, (arguments, variable): (&[&str], &Variable)) -> Ran {
    run_with(world, config, (arguments, std::slice::from_ref(variable))).await
}

#[tokio::test]
async fn o06_the_master_key_changes_under_load_and_no_request_fails() {
    let mut world = World::with_processes(2).await;
    let client = Backend::register(&world, Algorithm::Es256, json!({"introspects": [FHIR]})).await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let (forms, variable) = forms(&world);
    let before = world.config();

    let authority = world.authority.pem.clone();
    let second = world.processes.pop().unwrap();
    let first = world.processes.pop().unwrap();
    let (end, next, served) = Default::default();
    let slots = [RwLock::new(first), RwLock::new(second)];
    let balanced = Balanced { slots, authority, variable, end, next, served };
    let (world, balanced) = (&world, &balanced);
    let (printed, ..) = tokio::join!(
        changed(world, balanced, &forms),
        tokens(world, balanced, &client),
        tokens(world, balanced, &client),
        sign_ins(balanced, &app, &pat)
    );
    recorded(world, &printed).await;
    let both = config(world, "both.toml", &forms[forms.len() - 1], Some(&forms[0]));
    refused(world, [&before, &both], &balanced.variable).await;
}

/// Each form takes the place of the one before it. What the first change printed.
async fn changed(world: &World, balanced: &Balanced, forms: &[Form]) -> String {
    let (mut first, variable) = (None, &balanced.variable);
    for (at, pair) in forms.windows(2).enumerate() {
        balanced.let_come(5).await;
        // Each can open what the other will seal before any of them seals under the new key.
        let opens = config(world, &format!("opens-{at}.toml"), &pair[0], Some(&pair[1]));
        balanced.roll(world, &opens).await;
        let both = config(world, &format!("both-{at}.toml"), &pair[1], Some(&pair[0]));
        balanced.roll(world, &both).await;
        if at == 0 {
            run(world, &both, (&["keys", "rotate"], variable)).await.expect_success();
        }
        balanced.let_come(5).await;
        let rewrap: &[&str] = &["keys", "rewrap", "--json"];
        let printed = run(world, &both, (rewrap, variable)).await.expect_success();
        let counted = if at == 0 { (3, 3, 0, 0) } else { (6, 0, 0, 0) };
        assert_eq!(figures(&printed, "signing_key"), counted, "{at}: at first three were made under it");
        first.get_or_insert(printed);
    }
    balanced.let_come(5).await;
    balanced.roll(world, &config(world, "alone.toml", &forms[forms.len() - 1], None)).await;
    balanced.let_come(5).await;
    balanced.end.store(true, Ordering::Relaxed);
    first.unwrap()
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
async fn refused(world: &World, [before, both]: [&PathBuf; 2], variable: &Variable) {
    let late = run(world, before, (&["serve"], variable)).await;
    assert_eq!(late.code(), Some(1));
    assert!(late.complaint().contains("is this the master key of this database?"), "{}", late.complaint());
    world.database.execute("update person set sealed_totp = decode('00112233', 'hex')").await;
    let subject = world.database.text("select subject::text from person").await;
    let broken = run(world, both, (&["keys", "rewrap", "--json"], variable)).await;
    assert_eq!(broken.code(), Some(1));
    assert!(broken.complaint().contains(&format!("person/sealed_totp/{subject}")), "{}", broken.complaint());
    assert_eq!(figures(&broken.output(), "person"), (0, 0, 0, 1));
    assert_eq!(figures(&broken.output(), "signing_key"), (0, 6, 0, 0));
    assert!(!broken.complaint().contains("00112233") && !broken.output().contains("00112233"));
}
