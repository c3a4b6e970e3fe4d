//! The root of all derived keys: made once, or taken over from a former release.

use futures_util::future::join_all;
use hilum::clients::secrets::SecretDigester;
use hilum::config::key_material::KeyMaterial;
use hilum::jose::algorithm::Algorithm;
use hilum::platform::entropy::Entropy;
use hilum::platform::seal::{KeySealer, Place};
use hilum::protocol::ids::ClientId;
use hilum::protocol::secret::Secret;
use serde_json::json;

use super::{MARK, MASTER, OTHER, figures, ground, material, of_file, run, with_secrets, write};
use crate::harness::{Backend, Database, World, registration};

const MADE: &str =
    "select count(*) from audit_event where action = 'secrets.make_root' and outcome = 'granted'";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[tokio::test]
async fn o06_of_many_processes_one_makes_the_root_and_records_it() {
    let world = World::configured(0, "", Database::url).await;
    assert_eq!(world.database.count(MADE).await, 1);
    world.database.execute("delete from server_secret").await;
    let config = world.config();
    let ran = join_all((0..6).map(|_| run(&world, &config, &["resource", "list"]))).await;
    for ran in ran {
        ran.expect_success();
    }
    assert_eq!(world.database.count(MADE).await, 2);
    assert_eq!(world.database.count("select count(*) from server_secret").await, 1);
    // It is no key that anybody could know from the configuration.
    let of_file = material(MASTER);
    let sealer = &ground(&world).await.administration.sealer;
    let sealed = world.database.text("select encode(sealed, 'hex') from server_secret").await;
    let place = Place { table: "server_secret", column: "sealed", row: "root" };
    let root = sealer.open(place, &bytes(&sealed)).await.unwrap();
    assert_ne!(KeyMaterial::from_kept(&root).unwrap().expose(), of_file.expose());

    // A key in a hardware security module tells that this release has served, though nothing of it is sealed.
    let in_a_token =
        "insert into signing_key (kid, algorithm, public_jwk, token_key, announced_at, activates_at)
                      values ('k', 'ES256', '{}', '00', now(), now())";
    world.database.execute(in_a_token).await;
    world.database.execute("delete from server_secret").await;
    let refused = run(&world, &config, &["resource", "list"]).await;
    assert_eq!(refused.code(), Some(1));
    assert!(refused.complaint().contains("put it back from a backup"), "{}", refused.complaint());
    world.database.execute("delete from signing_key").await;

    // Once something is sealed, a root that is gone is not made anew: no client secret would match.
    run(&world, &config, &["keys", "rotate"]).await.expect_success();
    world.database.execute("delete from server_secret").await;
    let refused = run(&world, &config, &["keys", "list"]).await;
    assert_eq!(refused.code(), Some(1));
    assert!(refused.complaint().contains("put it back from a backup"), "{}", refused.complaint());
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Makes of a database what a former release would have left: no root, and signing keys without an envelope.
async fn as_of_a_former_release(world: &World) {
    let sealer = ground(world).await.administration.sealer;
    let release = KeySealer::new(&material(MASTER).derive("seal"), Entropy::system()).unwrap();
    let kids = world.database.text("select string_agg(kid, ' ') from signing_key").await;
    for kid in kids.split(' ') {
        let find = format!("select encode(sealed_private_key, 'hex') from signing_key where kid = '{kid}'");
        let place = Place { table: "signing_key", column: "sealed_private_key", row: kid };
        let private = sealer.open(place, &bytes(&world.database.text(&find).await)).await.unwrap();
        let sealed = hex(&release.seal(place, &private).unwrap());
        let update = format!(
            "update signing_key set sealed_private_key = decode('{sealed}', 'hex') where kid = '{kid}'"
        );
        world.database.execute(&update).await;
    }
    world.database.execute("delete from server_secret").await;
}

#[tokio::test]
async fn o06_a_database_of_a_former_release_keeps_its_keys_and_its_digests() {
    let mut world = World::start().await;
    let members = json!({"introspects": [crate::harness::FHIR]});
    let client = Backend::register(&world, Algorithm::Es256, members).await;
    let token = client.ask(&world, &world.public(), "system/Claim.rs").await.token();
    world.processes[0].kill();
    as_of_a_former_release(&world).await;

    world.restart(0).await;
    client.introspect(&world, &world.public(), &token).await.active();
    let whole = world.register_whole(registration("client_secret_basic", json!({"scope": null}))).await;
    let (id, secret) = (whole["client_id"].as_str().unwrap(), whole["client_secret"].as_str().unwrap());
    let digester = SecretDigester::new(&material(MASTER).derive("client secrets"));
    let digest = digester.digest(&ClientId::parse(id).unwrap(), &Secret::new(secret.to_owned()));
    let stored = format!("select encode(digest, 'hex') from client_secret where client_id = '{id}'");
    assert_eq!(
        world.database.text(&stored).await,
        hex(&digest),
        "digests of the former release go on matching"
    );

    // The master key changes, and everything is put into envelopes under the new one.
    write(&world, "new.key", OTHER, 0o600);
    let lines = [of_file(&world, "master_key_file", "new.key"), {
        let old = world.file("master.key");
        format!("former_master_key_files = [\"{}\"]", old.display())
    }];
    let both = with_secrets(&world, "both.toml", &lines.join("\n"));
    let alone = with_secrets(&world, "alone.toml", &lines[0]);
    let printed = run(&world, &both, &["keys", "rewrap", "--json"]).await.expect_success();
    assert_eq!(figures(&printed, "signing_key"), (3, 0, 0, 0));
    assert_eq!(figures(&printed, "server_secret"), (1, 0, 0, 0));
    let bare = format!(
        "select count(*) from signing_key where encode(substr(sealed_private_key, 1, 8), 'hex') <> '{MARK}'"
    );
    assert_eq!(world.database.count(&bare).await, 0);
    world.processes[0].kill();
    std::fs::copy(&alone, world.config()).unwrap();
    world.restart(0).await;
    client.introspect(&world, &world.public(), &token).await.active();
    let form = [("token", token.as_str())];
    let answer = world.public().post_basic("/oauth2/revoke", (id, secret), &form).await;
    assert_eq!(answer.status, 200, "the client's secret is still its own: {}", answer.text);
    let wrong = world.public().post_basic("/oauth2/revoke", (id, "wrong"), &form).await;
    wrong.invalid_client();
}
