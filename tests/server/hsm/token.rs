//! The token itself, in a process of its own: where SoftHSM2 finds its tokens is said by the environment.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use futures_util::FutureExt;
use hilum::config::hsm::Hsm as Rules;
use hilum::jose::Jwk;
use hilum::jose::algorithm::Algorithm;
use hilum::platform::entropy::Entropy;
use hilum::platform::hsm::{Hsm, HsmError, KeyId};

use super::{CONFIGURATION, LABEL, MODULE, PIN, Token};
use crate::harness::eventually;

const NAME: &str = "hsm::token::keys_are_made_in_the_token_and_used_there";

#[expect(clippy::disallowed_methods, reason = "the library reads its environment, and so does its test")]
pub(super) fn configuration() -> Option<PathBuf> {
    std::env::var_os(CONFIGURATION).map(PathBuf::from)
}

#[tokio::test]
async fn keys_are_made_in_the_token_and_used_there() {
    if let Some(file) = configuration() {
        return in_the_token(file.with_file_name("pin")).await;
    }
    let token = Token::new();
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CONFIGURATION, token.configuration())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

async fn in_the_token(pin_file: PathBuf) {
    let rules = Rules {
        module_file: MODULE.into(),
        token: LABEL.to_owned(),
        pin_file: pin_file.clone(),
        sessions: 3,
        timeout: Duration::from_secs(30),
    };
    let hsm = Hsm::new(&rules, Entropy::system());
    std::fs::write(&pin_file, "wrong").unwrap();
    let greeted = futures_util::future::join_all((0..6).map(|_| hsm.greet())).await;
    assert!(greeted.iter().all(|greeted| matches!(greeted, Err(HsmError::WrongPin))), "{greeted:?}");
    std::fs::write(&pin_file, PIN).unwrap();
    hsm.greet().await.expect("the right PIN is tried without a new start");
    signs(&hsm).await;
    let sealing = hsm.clone();
    tokio::task::spawn_blocking(move || seals(&sealing)).await.unwrap();

    // With one session one thing happens after the other: the key is made, and removed before the second answer.
    let tokens = pin_file.with_file_name("tokens");
    let alone = Hsm::new(&Rules { sessions: 1, ..rules }, Entropy::system());
    alone.greet().await.unwrap();
    let before = objects(&tokens);
    // Whose key is there before anybody could go away has one, and is asked to forget it.
    while let Some(made) = alone.generate(Algorithm::Es256, "hilum test".to_owned()).now_or_never() {
        alone.forget(&made.unwrap().0).unwrap();
    }
    for _ in 0..2 {
        alone.greet().await.unwrap();
    }
    assert_eq!(objects(&tokens), before, "a key that nobody waits for is removed again");
}

/// How many files there are under a folder: SoftHSM2 keeps each object in one, and removes it with its lock.
pub(super) fn objects(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let count = |path: PathBuf| {
        if path.is_dir() {
            objects(&path)
        } else {
            usize::from(path.extension().is_some_and(|end| end == "object"))
        }
    };
    entries.map(count).sum()
}

async fn signs(hsm: &Hsm) {
    let algorithms =
        [Algorithm::Es256, Algorithm::Es384, Algorithm::Rs256, Algorithm::Ps256, Algorithm::Rs384];
    for algorithm in algorithms {
        let (id, public) = hsm.generate(algorithm, "hilum test".to_owned()).await.unwrap();
        let jwk = Jwk::parse(&public).unwrap();
        assert_eq!(hsm.public_jwk(algorithm, &id).await.unwrap(), public);
        assert_eq!(KeyId::parse(&id.to_string()).unwrap(), id);
        let signatures = (0..16).map(|number: u8| hsm.sign(algorithm, &id, vec![number; 40]));
        let signatures = futures_util::future::join_all(signatures).await;
        for (number, signature) in (0..16).zip(signatures) {
            let signature = signature.unwrap();
            jwk.verify(algorithm, &[number; 40], &signature).expect("its own key");
            jwk.verify(algorithm, &[number; 41], &signature).expect_err("another message");
        }
        hsm.forget(&id).unwrap();
        eventually("the key is gone", Duration::from_mins(1), || async {
            let public = hsm.public_jwk(algorithm, &id).await.map(drop);
            let private = hsm.sign(algorithm, &id, vec![1]).await.map(drop);
            let gone = |asked| matches!(asked, Err(HsmError::NoKey(_)));
            (gone(public) && gone(private)).then_some(())
        })
        .await;
    }
    match hsm.generate(Algorithm::EdDsa, "hilum test".to_owned()).await {
        Ok((_, public)) => assert_eq!(public["crv"], "Ed25519"),
        Err(refused) => assert_eq!(refused.to_string(), "the token cannot do EdDSA"),
    }
    for bad in ["", "0", "xx", "+1", &"00".repeat(300)] {
        assert!(KeyId::parse(bad).is_err(), "{bad}");
    }
}

fn seals(hsm: &Hsm) {
    let key = hsm.data_key("seal").unwrap();
    assert_eq!(hsm.data_key("seal").unwrap(), key);
    let other = hsm.data_key("another").unwrap();
    let sealed = hsm.encrypt(&key, b"place", b"a data key").unwrap();
    assert_ne!(hsm.encrypt(&key, b"place", b"a data key").unwrap(), sealed);
    assert_eq!(hsm.decrypt(&key, b"place", &sealed).unwrap().as_slice(), b"a data key");
    let mut changed = sealed.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (key, aad, text) in [
        (&other, b"place".as_slice(), &sealed),
        (&key, b"other", &sealed),
        (&key, b"place", &changed),
        (&key, b"place", &Vec::new()),
    ] {
        assert!(hsm.decrypt(key, aad, text).is_err());
    }
    assert_eq!(hsm.decrypt(&key, b"place", &sealed).unwrap().as_slice(), b"a data key");
}
