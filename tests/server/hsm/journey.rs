//! From sealed keys to keys in a token, and what is left of them in the database.

use std::collections::BTreeMap;
use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use serde_json::{Value, json};

use super::{Token, published, signed_by, verified};
use crate::harness::{Backend, World, eventually};

/// How many keys there are of each custody and state.
fn counted(keys: &[Value]) -> BTreeMap<(String, String), usize> {
    let mut counted = BTreeMap::new();
    for key in keys {
        let text = |member: &str| key[member].as_str().unwrap().to_owned();
        *counted.entry((text("custody"), text("state"))).or_insert(0) += 1;
    }
    counted
}

fn row(custody: &str, state: &str, count: usize) -> ((String, String), usize) {
    ((custody.to_owned(), state.to_owned()), count)
}

#[tokio::test]
async fn h_12_new_keys_are_made_in_the_hsm_and_none_of_them_is_in_the_database() {
    let mut world = World::start().await;
    let token = Token::new();
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    token.serve(&mut world).await;

    // What was sealed before signs until it retires.
    let public = world.public();
    let sealed = backend.ask(&world, &public, "system/Claim.rs").await.token();
    let before = verified(&public, &sealed).await;
    let all = published(&public).await.len();
    assert_eq!(counted(&token.keys(&world).await), BTreeMap::from([row("sealed", "active", all)]));

    // The next are made in the token, and published ahead of their use.
    let (code, _, complaint) = token.command(&world, &["keys", "rotate"]).await;
    assert_eq!(code, Some(0), "{complaint}");
    eventually("the next keys are published", Duration::from_mins(1), || async {
        (published(&public).await.len() == 2 * all).then_some(())
    })
    .await;
    assert_eq!(
        verified(&public, &backend.ask(&world, &public, "system/Claim.rs").await.token()).await,
        before
    );
    let announced = BTreeMap::from([row("hsm", "announced", all), row("sealed", "active", all)]);
    assert_eq!(counted(&token.keys(&world).await), announced);

    token.move_keys(&world).await;
    // A token of the withdrawn key is not verified: the server may learn of it before the key set is asked for.
    let issued = eventually("a key of the token signs", Duration::from_mins(1), || async {
        let issued = backend.ask(&world, &public, "system/Claim.rs").await.token();
        (signed_by(&issued) != before).then_some(issued)
    })
    .await;
    let kid = verified(&public, &issued).await;
    let keys = token.keys(&world).await;
    let signing = keys.iter().find(|key| key["kid"] == kid.as_str()).unwrap();
    assert_eq!((&signing["custody"], &signing["state"]), (&json!("hsm"), &json!("active")));
    let listed = world.administer(reqwest::Method::GET, "/admin/v1/keys", None).await.json();
    assert!(listed["items"].as_array().unwrap().iter().any(|key| key == signing));

    // The database has the name of a key and nothing of the key.
    let rows =
        "select count(*) from signing_key where token_key ~ '^[0-9a-f]{32}$' and sealed_private_key is null";
    assert_eq!(world.database.count(rows).await, i64::try_from(2 * all).unwrap());
    let private =
        "select count(*) from signing_key where public_jwk ?| array['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']";
    assert_eq!(world.database.count(private).await, 0);

    // A new process finds them where they are.
    token.serve(&mut world).await;
    let again = backend.ask(&world, &world.public(), "system/Claim.rs").await.token();
    assert_eq!(verified(&world.public(), &again).await, kid);

    world.processes[0].signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(world.processes[0].wait(), Some(0), "the library does not keep it from ending");

    // Without the token there is no way to them, and so no start.
    let config = world.config();
    let ran = crate::harness::run_briefly(
        &["serve", "--config", &config.to_string_lossy()],
        &[("DATABASE_URL", world.database.url()), ("HILUM_HTTP__OPS", "127.0.0.1:0".to_owned())],
    )
    .await;
    assert_eq!(ran.code(), Some(1));
    assert!(ran.complaint().contains("none is configured ([hsm])"), "{}", ran.complaint());
}
