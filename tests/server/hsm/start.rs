//! What stops the start, and how it is told.

use super::{LABEL, Token};
use crate::harness::{World, run_briefly};

#[tokio::test]
async fn f_31_a_server_whose_token_cannot_be_used_does_not_start_and_says_why() {
    let world = World::start().await;
    let token = Token::new();
    let rows: [(&str, &str, &[&str]); 5] = [
        ("HILUM_HSM__MODULE_FILE", "/nowhere/pkcs11.so", &["/nowhere/pkcs11.so", "cannot be loaded"]),
        ("HILUM_HSM__TOKEN", "another", &["no token with the label \"another\"", LABEL]),
        ("HILUM_HSM__PIN_FILE", "/nowhere/pin", &["hsm.pin_file", "cannot be read"]),
        ("HILUM_HSM__SESSIONS", "0", &["hsm.sessions", "1 to 256"]),
        ("HILUM_HSM__PIN", "1234", &["hsm.pin", "no such key"]),
    ];
    for (name, value, says) in rows {
        refused(&world, &token, &[(name, value)], says).await;
    }
    token.set_pin("wrong");
    refused(&world, &token, &[], &["refuses the PIN", "not tried again"]).await;
    token.set_pin("");
    refused(&world, &token, &[], &["holds no PIN"]).await;
    token.set_pin(super::PIN);
    token.take_away();
    refused(&world, &token, &[], &["no token with the label", "shows none"]).await;
    token.put_back();
    let (_, _, complaint) = token.command(&world, &["check"]).await;
    assert!(!complaint.contains("hsm"), "{complaint}");
}

/// `serve` and `check` both refuse, in these words.
async fn refused(world: &World, token: &Token, changed: &[(&'static str, &str)], says: &[&str]) {
    let mut all = token.variables(world);
    for (name, value) in changed {
        all.retain(|(known, _)| known != name);
        all.push((name, (*value).to_owned()));
    }
    all.push(("HILUM_HTTP__OPS", "127.0.0.1:0".to_owned()));
    let config = world.config();
    for command in ["serve", "check"] {
        let ran = run_briefly(&[command, "--config", &config.to_string_lossy()], &all).await;
        assert_eq!(ran.code(), Some(1), "{command} {changed:?}: {}", ran.complaint());
        for word in says {
            let said = ran.complaint();
            assert!(said.contains(word), "{command} {changed:?} does not say {word}: {said}");
        }
    }
}
