//! The built-in client PKI with its keys in a token.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::Method;

use super::away::{SOON, lock_all, obstacles};
use super::token::objects;
use super::{Token, signed_by, verified};
use crate::harness::{Identity, World, eventually};
use crate::pki::judges::{ocsp, verify, write_certificates};
use crate::pki::scene::{Scene, identity, request, text};

/// How many answers are signed at once where the HSM has eight sessions.
const SHARE: usize = 4;

#[tokio::test]
async fn h_12_f_31_the_client_pki_signs_by_keys_that_never_leave_the_token() {
    let mut world = World::start().await;
    let token = Token::new();
    made_once(&world, &token).await;
    // However slow the machine is: what waits for the token is not the matter here.
    let patient = [("HILUM_HSM__TIMEOUT_MS", "30000".to_owned())];
    token.serve_with(&mut world, &patient).await;
    let mut scene = Scene::over(world);
    let client = scene.client().await;

    let (shown, good) = (scene.issued(&client).await, "leaf.pem: good");
    write_certificates(&scene, &shown.1);
    scene.token(&client, &shown.0).await.granted();
    let (fine, said) = verify(&scene).await;
    assert!(fine, "{said}");
    let (fine, said) = ocsp(&scene, "leaf.pem", &[]).await;
    assert!(fine && said.contains("Response verify OK") && said.contains(good), "{said}");

    // A new process signs by the same keys.
    token.serve_with(&mut scene.world, &patient).await;
    assert_eq!(scene.revoke(&shown.1, "keyCompromise").await.status, 200);
    scene.token(&client, &shown.0).await.invalid_client();
    let (fine, said) = verify(&scene).await;
    assert!(!fine && said.contains("certificate revoked"), "{said}");
    let list = ["crl", "-inform", "DER", "-in", "issuing.crl", "-noout", "-text", "-CAfile", "chain.pem"];
    scene.write("chain.pem", format!("{}{}", text(&shown.1, "chain"), text(&shown.1, "root")));
    let (fine, said) = scene.openssl(&list);
    assert!(fine && said.contains("verify OK") && said.contains("Key Compromise"), "{said}");
    let (_, said) = ocsp(&scene, "leaf.pem", &[]).await;
    assert!(said.contains("Response verify OK") && said.contains("leaf.pem: revoked"), "{said}");
    let shown = scene.issued(&client).await;
    write_certificates(&scene, &shown.1);
    assert!(verify(&scene).await.0, "what another process issued");

    let shown = away(&scene, &token, &client).await;
    strangers_leave_sessions_to_tokens(&scene, &token, (&client, &shown)).await;
}

/// Both authorities are made in the token, by one of two who begin at once; nothing is left of the other's.
async fn made_once(world: &World, token: &Token) {
    let before = objects(&token.tokens());
    let (one, other) =
        tokio::join!(token.command(world, &["pki", "init"]), token.command(world, &["pki", "init"]));
    let mut codes = [one.0, other.0];
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1)], "{} {}", one.2, other.2);
    let keys = "select count(*) from authority";
    let in_token = format!("{keys} where sealed_private_key is null and token_key ~ '^[0-9a-f]{{32}}$'");
    let keys = world.database.count(keys).await;
    assert_eq!(world.database.count(&in_token).await, keys);
    // SoftHSM2 keeps each half of a pair by itself.
    assert_eq!(objects(&token.tokens()) - before, usize::try_from(2 * keys).unwrap());
}

/// What is approved while the token is away is not issued, and not lost either.
async fn away(scene: &Scene, token: &Token, client: &str) -> Identity {
    let (key, csr) = request();
    let path = scene.ask(client, &csr).await;
    let approval = format!("{path}/approval");
    let issued = "select count(*) from certificate where origin = 'issued'";
    let before = scene.world.database.count(issued).await;
    token.take_away();
    eventually("readiness tells it", SOON, || async {
        (obstacles(&scene.world).await == ["the HSM does not sign"]).then_some(())
    })
    .await;
    for _ in 0..2 {
        let answer = scene.second(Method::POST, &approval, None).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
    }
    let id = path.rsplit('/').next().unwrap();
    let (code, _, complaint) = token.command(&scene.world, &["pki", "approve", id]).await;
    assert_eq!(code, Some(1), "{complaint}");
    assert!(complaint.contains("no token with the label"), "{complaint}");
    let asked = std::fs::read(scene.world.file("request.der")).unwrap();
    assert_eq!(answered(scene, asked).await.0, 503);
    assert!(!scene.bytes("/pki/crl/issuing.crl").await.is_empty(), "the list that is there is shown on");
    assert_eq!(scene.world.database.count(issued).await, before);
    assert_eq!(text(&scene.second(Method::GET, &path, None).await.json(), "state"), "pending");

    token.put_back();
    let shown = eventually("the same request is approved", SOON, || async {
        let answer = scene.second(Method::POST, &approval, None).await;
        assert!([200, 503].contains(&answer.status), "{}", answer.text);
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    assert_eq!(scene.world.database.count(issued).await, before + 1);
    let identity = identity(&key, &shown);
    scene.token(client, &identity).await.granted();
    write_certificates(scene, &shown);
    assert!(verify(scene).await.0);
    identity
}

/// However many ask the responder, most sessions are there for tokens.
async fn strangers_leave_sessions_to_tokens(
    scene: &Scene,
    token: &Token,
    (client, shown): (&str, &Identity),
) {
    token.move_keys(&scene.world).await;
    let keys = token.keys(&scene.world).await;
    let signs_there = |kid: &str| keys.iter().any(|key| key["custody"] == "hsm" && key["kid"] == kid);
    eventually("the keys of the token sign", SOON, || async {
        let granted = scene.token(client, shown).await;
        signs_there(&signed_by(&granted.token())).then_some(())
    })
    .await;
    let (fine, said) = ocsp(scene, "leaf.pem", &["-no_nonce"]).await;
    assert!(fine, "{said}");
    let asked = std::fs::read(scene.world.file("request.der")).unwrap();
    // Until the token answers, nobody gets more than a place to wait in.
    let locked = lock_all(&token.tokens());
    let strangers = async {
        let mut answers: FuturesUnordered<_> = (0..24).map(|_| answered(scene, asked.clone())).collect();
        for _ in SHARE..24 {
            let (status, der) = answers.next().await.unwrap();
            assert_eq!((status, der.as_slice()), (200, [0x30, 3, 0x0a, 1, 3].as_slice()), "try later");
        }
        drop(locked);
        while let Some((status, der)) = answers.next().await {
            assert!(status == 200 && der.len() > 100, "{status} {der:?}");
        }
    };
    let (granted, ()) = tokio::join!(scene.token(client, shown), strangers);
    assert!(signs_there(&verified(&scene.world.public(), &granted.token()).await));
}

/// A question to the responder.
async fn answered(scene: &Scene, asked: Vec<u8>) -> (u16, Vec<u8>) {
    let sent = scene.world.public().request(Method::POST, "/pki/ocsp").body(asked);
    let answer = sent.header("content-type", "application/ocsp-request").send().await.unwrap();
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}
