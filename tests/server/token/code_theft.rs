//! What a stolen, spent or orphaned code is worth (RFC 9700, 4.3 to 4.5; RFC 7636).

use reqwest::Method;
use serde_json::{Value, json};

use super::{fhir_server, reasons, text};
use crate::harness::{App, Browser, Person, World};

const SCOPE: &str = "openid offline_access launch/patient patient/Observation.rs";
const TOKEN: &str = "/oauth2/token";

async fn people(world: &World) -> (App, Person, Browser) {
    let app = App::public(world, json!({})).await;
    (app, world.patient_person().await, Browser::new(world))
}

async fn alerts(world: &World) -> Vec<Value> {
    let answer = world.administer(Method::GET, "/admin/v1/alerts", None).await;
    answer.json()["items"].as_array().expect("alerts").clone()
}

async fn administered(world: &World, path: &str) {
    let answer = world.administer(Method::POST, path, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn c01_sm_t_05_a_code_shown_twice_ends_all_that_came_of_it_and_raises_one_alert() {
    let world = World::with_processes(2).await;
    let (app, pat, mut browser) = people(&world).await;
    let (peer, fhir) = (world.public(), fhir_server(&world).await);
    let code = app.code(&mut browser, &pat, SCOPE).await;
    let tokens = app.redeem(&peer, &code).await.granted();
    let other = app.code(&mut browser, &pat, SCOPE).await;
    let other = app.redeem(&peer, &other).await.granted();
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    fhir.introspect(&world, &peer, access).await.active();
    assert!(alerts(&world).await.is_empty());

    for index in [1, 0] {
        app.redeem(&world.public_of(index), &code).await.refused(400, "invalid_grant");
        fhir.introspect(&world, &world.public_of(index), access).await.inactive();
        app.refresh(&world.public_of(index), refresh).await.refused(400, "invalid_grant");
    }
    // In the order of their names: each process has a clock of its own.
    let mut told = reasons(&world, "token.issue").await;
    told.sort_unstable();
    assert_eq!(told, ["code_replayed", "code_replayed", "family_revoked", "family_revoked"]);
    let alerts = alerts(&world).await;
    assert_eq!(alerts.len(), 1, "a grant dies once: {alerts:?}");
    assert_eq!((&alerts[0]["kind"], &alerts[0]["client"]), (&json!("code_replayed"), &json!(app.id)));
    assert_eq!(alerts[0]["person"], json!(pat.subject));
    let records = world.audit("token.issue").await;
    assert!(records.iter().any(|record| record["id"] == alerts[0]["audit_event"]), "{alerts:?}");
    // The other grant of the same app and person goes on (D2).
    fhir.introspect(&world, &peer, text(&other, "access_token")).await.active();
    app.refresh(&peer, text(&other, "refresh_token")).await.granted();
}

#[tokio::test]
async fn c01_a_spent_code_in_the_hands_of_a_thief_without_the_verifier_ends_nothing() {
    let world = World::start().await;
    let (app, pat, mut browser) = people(&world).await;
    let thief = App::public(&world, json!({"client_name": "Thief"})).await;
    let (peer, fhir) = (world.public(), fhir_server(&world).await);
    let code = app.code(&mut browser, &pat, SCOPE).await;
    let tokens = app.redeem(&peer, &code).await.granted();
    app.redeem_with(&peer, &code, &thief.verifier).await.refused(400, "invalid_grant");
    thief.redeem_with(&peer, &code, &app.verifier).await.refused(400, "invalid_grant");
    let reasons = reasons(&world, "token.issue").await;
    assert_eq!(reasons, ["code_replayed_without_verifier", "code_of_another_client"]);
    fhir.introspect(&world, &peer, text(&tokens, "access_token")).await.active();
    assert!(alerts(&world).await.is_empty());
    app.refresh(&peer, text(&tokens, "refresh_token")).await.granted();
}

#[tokio::test]
async fn c03_sm_t_04_a_code_is_for_its_client_and_another_neither_redeems_nor_burns_it() {
    let world = World::start().await;
    let (app, pat, mut browser) = people(&world).await;
    let others = [
        App::public(&world, json!({})).await,
        App::secret(&world, json!({})).await,
        App::asymmetric(&world, json!({})).await,
    ];
    let peer = world.public();
    let code = app.code(&mut browser, &pat, SCOPE).await;
    for other in &others {
        // Even with the right verifier, and more often than a wrong verifier is borne.
        for _ in 0..3 {
            other.redeem_with(&peer, &code, &app.verifier).await.refused(400, "invalid_grant");
        }
    }
    assert!(reasons(&world, "token.issue").await.iter().all(|reason| reason == "code_of_another_client"));
    let records = world.audit("token.issue").await;
    let record = records.iter().find(|record| record["outcome"] == "refused").expect("a refusal");
    assert_eq!((&record["client"], &record["outcome"]), (&json!(others[2].id), &json!("refused")));
    assert_eq!(record["detail"], json!(format!("of {}", app.id)), "{record}");
    assert_eq!(record["person"], Value::Null, "whose it is, is not this client's: {record}");
    app.redeem(&peer, &code).await.granted();
}

#[tokio::test]
async fn c06_sm_t_08_four_wrong_verifiers_are_borne_and_the_fifth_revokes_the_code() {
    let world = World::start().await;
    let (app, pat, mut browser) = people(&world).await;
    let peer = world.public();
    let wrong = "a".repeat(43);
    let borne = app.code(&mut browser, &pat, SCOPE).await;
    for _ in 0..4 {
        app.redeem_with(&peer, &borne, &wrong).await.refused(400, "invalid_grant");
    }
    app.redeem(&peer, &borne).await.granted();
    let revoked = app.code(&mut browser, &pat, SCOPE).await;
    for _ in 0..6 {
        app.redeem_with(&peer, &revoked, &wrong).await.refused(400, "invalid_grant");
    }
    app.redeem(&peer, &revoked).await.refused(400, "invalid_grant");
    let expected = [vec!["verifier_wrong"; 9], vec!["code_revoked"; 2]].concat();
    assert_eq!(reasons(&world, "token.issue").await, expected);
}

#[tokio::test]
async fn sm_t_06_p02_p05_p07_without_the_one_right_verifier_a_code_is_worth_nothing() {
    let world = World::start().await;
    let (app, pat, mut browser) = people(&world).await;
    // P07: another browser of the same client, with a verifier of its own.
    let (attacker, peer) = (App::public(&world, json!({})).await, world.public());
    let challenge = hilum::jose::thumbprint::sha256_base64url(app.verifier.as_bytes());
    let wrong = [
        String::new(),
        " ".to_owned(),
        attacker.verifier.clone(),
        challenge,
        app.verifier[..42].to_owned(),
        format!("{}{}", app.verifier, "a".repeat(129 - app.verifier.len())),
        format!("{}=", app.verifier),
        format!("{} ", app.verifier),
        format!("{}+", &app.verifier[..42]),
        app.verifier.to_uppercase(),
    ];
    let callback = app.callback.clone();
    for verifier in &wrong {
        let code = app.code(&mut browser, &pat, SCOPE).await;
        app.redeem_with(&peer, &code, verifier).await.refused(400, "invalid_grant");
        app.redeem(&peer, &code).await.granted();
    }
    let code = app.code(&mut browser, &pat, SCOPE).await;
    let without = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", &callback)];
    app.ask(&peer, TOKEN, &without).await.refused(400, "invalid_grant");
    assert_eq!(reasons(&world, "token.issue").await, vec!["verifier_wrong"; wrong.len() + 1]);
    app.redeem(&peer, &code).await.granted();
}

#[tokio::test]
async fn p02_p03_sm_t_07_no_code_exists_without_a_challenge_whoever_asks_so_none_is_redeemed_without_one() {
    let world = World::start().await;
    let pat = world.patient_person().await;
    let (mut browser, peer) = (Browser::new(&world), world.public());
    for app in [
        App::public(&world, json!({})).await,
        App::secret(&world, json!({})).await,
        App::asymmetric(&world, json!({})).await,
    ] {
        let bare = [("code_challenge", ""), ("code_challenge_method", "")];
        for change in [bare.as_slice(), &bare[..1]] {
            let page = browser.open(&app.authorize_with(SCOPE, change)).await;
            page.told(&app.callback, "invalid_request", Some(&app.state));
        }
        let code = app.code(&mut browser, &pat, SCOPE).await;
        let without =
            [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", &app.callback)];
        app.ask(&peer, TOKEN, &without).await.refused(400, "invalid_grant");
        app.redeem(&peer, &code).await.granted();
    }
}

#[tokio::test]
async fn r16_x10_a_code_is_redeemed_with_exactly_the_redirect_uri_that_it_was_sent_to() {
    let world = World::start().await;
    let pat = world.patient_person().await;
    let uris = json!({"redirect_uris": ["https://app.example/cb", "https://app.example/other", "http://127.0.0.1/cb"]});
    let app = App::public(&world, uris).await;
    let (mut browser, peer) = (Browser::new(&world), world.public());
    let form = |code: &str, uri: &str| {
        [
            ("grant_type", "authorization_code"),
            ("code_verifier", &app.verifier),
            ("code", code),
            ("redirect_uri", uri),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let ask = async |code: &str, uri: &str| {
        let form = form(code, uri);
        let pairs: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        app.ask(&peer, TOKEN, &pairs).await
    };
    for (sent, others) in [
        (
            "https://app.example/cb",
            ["https://app.example/other", "https://app.example/cb/", "https://APP.example/cb"],
        ),
        (
            "http://127.0.0.1:51234/cb",
            ["http://127.0.0.1:51235/cb", "http://127.0.0.1/cb", "https://app.example/cb"],
        ),
    ] {
        let page = browser.authorize(&app.authorize_with(SCOPE, &[("redirect_uri", sent)]), &pat).await;
        assert!(page.location().starts_with(sent), "{}", page.location());
        let code = page.code();
        ask(&code, "").await.refused(400, "invalid_request");
        for other in others {
            ask(&code, other).await.refused(400, "invalid_grant");
        }
        ask(&code, sent).await.granted();
    }
    let differs = reasons(&world, "token.issue").await;
    assert_eq!(differs.iter().filter(|reason| *reason == "redirect_uri_differs").count(), 6, "{differs:?}");
}

#[tokio::test]
async fn c07_t09_a_code_dies_with_the_person_who_agreed_and_with_the_client_it_is_for() {
    let world = World::start().await;
    let (pat, peer) = (world.patient_person().await, world.public());
    let person = format!("/admin/v1/users/{}", pat.subject);
    // Whoever is stopped or reset is signed out with it.
    let steps: [(&[&str], &str); 3] = [
        (&["disable"], "session_ended"),
        (&["disable", "enable"], "session_ended"),
        (&["reset"], "session_ended"),
    ];
    let app = App::public(&world, json!({})).await;
    for (index, (steps, reason)) in steps.into_iter().enumerate() {
        let who = world.person(&format!("pat{index}"), json!({})).await;
        let code = app.code(&mut Browser::new(&world), &who, SCOPE).await;
        for step in steps {
            administered(&world, &format!("/admin/v1/users/{}/{step}", who.subject)).await;
        }
        app.redeem(&peer, &code).await.refused(400, "invalid_grant");
        assert_eq!(reasons(&world, "token.issue").await.last().map(String::as_str), Some(reason));
    }
    for (steps, status, error, reason) in [
        (&["disable"][..], 401, "invalid_client", "client_disabled"),
        (&["disable", "enable"], 400, "invalid_grant", "client_disabled"),
    ] {
        for app in [App::public(&world, json!({})).await, App::asymmetric(&world, json!({})).await] {
            let code = app.code(&mut Browser::new(&world), &pat, SCOPE).await;
            for step in steps {
                administered(&world, &format!("/admin/v1/clients/{}/{step}", app.id)).await;
            }
            app.redeem(&peer, &code).await.refused(status, error);
            assert_eq!(reasons(&world, "token.issue").await.last().map(String::as_str), Some(reason));
        }
    }
    let granted = "select count(*) from audit_event where action = 'token.issue' and outcome = 'granted' \
                   and grant_type = 'authorization_code'";
    assert_eq!(world.database.count(granted).await, 0, "nothing was issued");
    // A change that the decision does not rest on ends nothing.
    let code = app.code(&mut Browser::new(&world), &pat, SCOPE).await;
    let renamed = world.administer(Method::PATCH, &person, Some(json!({"name": "Pat R."}))).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    app.redeem(&peer, &code).await.granted();
}
