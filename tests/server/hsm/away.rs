//! A token that is away, or silent, while the server runs.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use nix::fcntl::{FcntlArg, fcntl};
use serde_json::json;

use super::{Token, verified};
use crate::harness::{Backend, World, eventually, plain_client};

pub(super) const SOON: Duration = Duration::from_secs(30);

/// Why the process is not ready; empty when it is.
pub(super) async fn obstacles(world: &World) -> Vec<String> {
    let url = format!("http://127.0.0.1:{}/readyz", world.processes[0].operations);
    let answer = plain_client().get(url).send().await.unwrap().text().await.unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    serde_json::from_value(answer["reasons"].clone()).unwrap()
}

/// A world whose keys are in a token, and a client.
async fn with_token() -> (World, Token, Backend) {
    let mut world = World::start().await;
    let token = Token::new();
    token.move_keys(&world).await;
    token.serve(&mut world).await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    (world, token, backend)
}

#[tokio::test]
async fn f_31_without_the_token_nothing_is_issued_or_used_up_and_all_is_well_once_it_is_back() {
    let (world, token, backend) = with_token().await;
    let public = world.public();
    verified(&public, &backend.ask(&world, &public, "system/Claim.rs").await.token()).await;
    assert!(obstacles(&world).await.is_empty());

    token.take_away();
    eventually("readiness tells it", SOON, || async {
        (obstacles(&world).await == ["the HSM does not sign"]).then_some(())
    })
    .await;
    let issued = "select count(*) from audit_event where outcome = 'granted' and action like 'token%'";
    let before = world.database.count(issued).await;
    let assertion = backend.assertion(&world).sign(&backend.key);
    let form = Backend::form(&assertion, "system/Claim.rs");
    for _ in 0..3 {
        let answer = public.post("/oauth2/token", &form).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert!(answer.json().get("access_token").is_none());
    }
    assert_eq!(world.database.count(issued).await, before);
    let (code, _, complaint) = token.command(&world, &["keys", "rotate"]).await;
    assert_eq!(code, Some(1));
    assert!(complaint.contains("no token with the label"), "{complaint}");

    token.put_back();
    eventually("the same assertion is good still", SOON, || async {
        let answer = public.post("/oauth2/token", &form).await;
        assert!([200, 503].contains(&answer.status), "{}", answer.text);
        (answer.status == 200).then_some(())
    })
    .await;
    eventually("readiness tells it", SOON, || async { obstacles(&world).await.is_empty().then_some(()) })
        .await;
    for _ in 0..20 {
        verified(&public, &backend.ask(&world, &public, "system/Claim.rs").await.token()).await;
    }
}

#[tokio::test]
async fn f_31_a_token_that_never_answers_holds_up_nobody_but_those_who_need_it() {
    let (world, token, backend) = with_token().await;
    let public = world.public();
    backend.ask(&world, &public, "system/Claim.rs").await.token();

    // SoftHSM2 waits for the lock of its files as long as it takes.
    let locked = lock_all(&token.tokens());
    let answers = futures_util::future::join_all((0..24).map(|_| async {
        let answer = backend.ask(&world, &public, "system/Claim.rs").await;
        (answer.status, public.get("/.well-known/openid-configuration").await.status)
    }))
    .await;
    assert!(answers.iter().all(|answer| *answer == (503, 200)), "{answers:?}");
    drop(locked);
    eventually("it signs again", SOON, || async {
        (backend.ask(&world, &public, "system/Claim.rs").await.status == 200).then_some(())
    })
    .await;
}

/// Locks every file under a folder, as another process would; the locks end with the files.
pub(super) fn lock_all(folder: &Path) -> Vec<File> {
    let mut locked = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            locked.extend(lock_all(&path));
            continue;
        }
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let whole = nix::libc::flock {
            l_type: i16::try_from(nix::libc::F_WRLCK).unwrap(),
            l_whence: i16::try_from(nix::libc::SEEK_SET).unwrap(),
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        fcntl(&file, FcntlArg::F_SETLKW(&whole)).unwrap();
        assert!(file.as_raw_fd() > 2);
        locked.push(file);
    }
    locked
}
