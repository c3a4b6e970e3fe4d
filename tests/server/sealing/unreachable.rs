//! A master key that cannot be reached (F-31).

use hilum::admin::Administration;
use hilum::admin::actor::{Actor, Caller};
use hilum::jose::algorithm::Algorithm;
use hilum::keys::rotation::{Replacement, Revocation, Succession};
use hilum::model::audit_event::Origin;
use serde_json::json;

use super::{ground_of, run, with_secrets, write};
use crate::harness::{Backend, Peer, Process, World, free_ports};

/// A key management service that is there as long as a file is.
const KMS: &str = r#"#!/bin/sh
[ -e "$(dirname "$0")/up" ] || { echo 'no route to the service' >&2; exit 7; }
tr 'A-Za-z' 'N-ZA-Mn-za-m'
"#;

#[tokio::test]
async fn f_31_without_its_master_key_no_server_starts_one_that_runs_goes_on_and_rotation_comes_later() {
    let world = World::start().await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let kms = write(&world, "kms", KMS, 0o700);
    let up = write(&world, "up", "", 0o600);
    let line = format!("master_key_command = [\"{}\"]", kms.display());
    let former = format!("former_master_key_files = [\"{}\"]", world.file("master.key").display());
    let both = with_secrets(&world, "both.toml", &format!("{line}\n{former}"));
    let alone = with_secrets(&world, "alone.toml", &line);
    run(&world, &both, &["keys", "rewrap"]).await.expect_success();

    std::fs::remove_file(&up).unwrap();
    for command in ["serve", "check"] {
        let refused = run(&world, &alone, &[command]).await;
        assert_eq!(refused.code(), Some(1), "{command}");
        let told = refused.complaint();
        assert!(told.contains("no route to the service") && told.contains("master_key_command"), "{told}");
        assert!(!told.contains("panicked"), "{told}");
    }

    std::fs::write(&up, "").unwrap();
    let variables = [("DATABASE_URL", world.database.url())];
    let server = Process::serve(&alone, free_ports(), &world.file("kms.log"), &variables).await;
    let peer = Peer::at(server.public, &world.authority.pem, None);
    let signs = async |why: &str| {
        let token = client.ask(&world, &peer, "system/Claim.rs").await.token();
        let header = hilum::jose::base64url::decode(token.split('.').next().unwrap()).unwrap();
        assert!(String::from_utf8(header).unwrap().contains("\"alg\":\"ES256\""), "{why}");
        token.split('.').nth(2).is_some_and(|signature| !signature.is_empty())
    };
    assert!(signs("it is there").await);
    std::fs::remove_file(&up).unwrap();
    assert!(signs("what is open stays open").await);
    let kids = "select count(*) from signing_key";
    let before = world.database.count(kids).await;
    let failed = run(&world, &alone, &["keys", "rotate"]).await;
    assert_eq!(failed.code(), Some(1), "{}", failed.output());
    assert_eq!(world.database.count(kids).await, before, "nothing was half made");
    assert!(signs("and a rotation that failed").await);

    // Rotated elsewhere, and this process cannot open the new keys: it signs with those that it has.
    std::fs::write(&up, "").unwrap();
    run(&world, &alone, &["keys", "rotate"]).await.expect_success();
    let administration = ground_of(&world, &alone).await.administration;
    std::fs::remove_file(&up).unwrap();
    assert_eq!(world.database.count(kids).await, before + 3);
    assert!(signs("beside new keys that it cannot open").await);
    assert_eq!(server.ready().await, Some(200), "they are announced: none of them is needed yet");
    revoked(&world, &administration).await;
}

/// A key that is known to others is revoked all the same: first with another ready, then with none.
async fn revoked(world: &World, administration: &Administration) {
    let origin = Origin { peer: None, certificate: None, request: uuid::Uuid::nil(), process: "test".into() };
    let caller = Caller { actor: Actor::Terminal { account: "root".to_owned() }, origin };
    let revoke = async || {
        let oldest = "select kid from signing_key where algorithm = 'ES256' and withdrawn_at is null
                       order by activates_at limit 1";
        let what = Revocation { kid: world.database.text(oldest).await, reason: "it was stolen".to_owned() };
        administration.revoke_key(&caller, what).await.unwrap()
    };
    assert!(matches!(revoke().await, Succession::By(_)));
    assert_eq!(revoke().await, Succession::Nobody);
    let told = "select detail from audit_event where action = 'keys.revoke' order by at desc limit 1";
    assert_eq!(world.database.text(told).await, "it was stolen; no key could be made in its place");
    let told = "select detail from alert where kind = 'key_revoked' order by at desc limit 1";
    assert!(world.database.text(told).await.contains("nothing is signed until one is"));
    assert!(administration.rotate_keys(&caller, Replacement::Announced).await.is_err());
    assert_eq!(administration.rotate_keys(&caller, Replacement::AtOnce).await.unwrap(), [""; 0]);
}
