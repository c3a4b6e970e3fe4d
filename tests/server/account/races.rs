//! A withdrawal in the midst of 200 other requests over two processes.

use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::Barrier;

use super::{is_dead, signed_in};
use crate::harness::{Answer, App, Browser, Database, Page, Peer, World};
use crate::token::refresh_token::{SCOPE, Scene, Tokens};

const OF_EACH: usize = 50;

/// One of the requests that an app and a browser have under way.
enum Way {
    /// Redeem this code.
    Redeem(String),
    /// Use the refresh token of these.
    Refresh(Tokens),
    /// Look at the access token of these.
    Look(Tokens),
    /// Go on to the answer of an authorization request.
    GoOn(Page),
}

/// What came of it.
enum Came {
    Tokens(Tokens),
    Code(String),
    Nothing,
}

/// Asks again when a machine is too busy and says so.
async fn patiently(ask: impl AsyncFn() -> Answer) -> Answer {
    loop {
        let answer = ask().await;
        if answer.status != 503 {
            return answer;
        }
    }
}

async fn go(scene: &Scene, app: &App, (way, peer): (&Way, &Peer), browser: &Browser) -> Came {
    let granted = |answer: Answer| {
        if answer.status == 200 {
            return Came::Tokens(Tokens(answer.granted()));
        }
        answer.refused(400, "invalid_grant");
        Came::Nothing
    };
    match way {
        Way::Redeem(code) => granted(patiently(async || app.redeem(peer, code).await).await),
        Way::Refresh(tokens) => granted(patiently(async || app.refresh(peer, tokens.refresh()).await).await),
        Way::Look(tokens) => {
            scene.looks(peer, tokens).await;
            Came::Nothing
        }
        Way::GoOn(page) => {
            let mut browser = Browser { peer: peer.clone(), ..browser.clone() };
            let page = browser.get(page.location()).await;
            match page.answer.header("location") {
                Some(location) if location.contains("code=") => Came::Code(page.code()),
                _ => Came::Nothing,
            }
        }
    }
}

/// Everything under way at once, with codes, tokens and an answer that is not sent yet for each way.
async fn ways(scene: &mut Scene, app: &App) -> Vec<Way> {
    let mut ways = Vec::new();
    for _ in 0..OF_EACH {
        let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
        ways.push(Way::Redeem(code));
        ways.push(Way::Refresh(scene.launch(app, SCOPE).await));
        ways.push(Way::Look(scene.launch(app, SCOPE).await));
        let begun = scene.browser.get(&app.authorize_url(SCOPE)).await;
        assert!(begun.location().starts_with("/oauth2/continue"), "{}", begun.location());
        ways.push(Way::GoOn(begun));
    }
    ways
}

async fn race(app: impl AsyncFn(&World) -> App) {
    let more = "[tokens]\nrefresh_retry_seconds = 60\n";
    let mut scene = Scene::of(World::configured(2, more, Database::url).await).await;
    let (app, other) = (app(&scene.world).await, App::secret(&scene.world, json!({})).await);
    let sam = scene.world.person("sam", json!({})).await;
    let kept = scene.launch(&other, SCOPE).await;
    let code = app.code(&mut Browser::new(&scene.world), &sam, SCOPE).await;
    let sams = Tokens(app.redeem(&scene.world.public(), &code).await.granted());
    let ways = ways(&mut scene, &app).await;
    let before = scene.launch(&app, SCOPE).await;
    let mut browser = signed_in(&scene, 1).await;
    let page = browser.open("/account").await;

    let peers = [scene.world.public_of(0), scene.world.public_of(1)];
    let barrier = Barrier::new(ways.len() + 1);
    let (scene, app) = (&scene, &app);
    let each = ways.iter().enumerate().map(async |(at, way)| {
        barrier.wait().await;
        go(scene, app, (way, &peers[at % 2]), &scene.browser).await
    });
    let withdrawal = async {
        barrier.wait().await;
        let answer = loop {
            let answer = browser.end_access(&page, &app.id).await;
            if answer.answer.status != 503 {
                break answer;
            }
        };
        assert_eq!(answer.answer.status, 303, "{:?}", answer.answer);
        // From here on nothing is alive, whatever else is still under way.
        assert!(!scene.is_alive(&before).await);
    };
    let (came, ()) = tokio::join!(join_all(each), withdrawal);

    for (at, came) in came.iter().enumerate() {
        match came {
            Came::Tokens(tokens) => is_dead(scene, app, tokens).await,
            Came::Code(code) => app.redeem(&peers[at % 2], code).await.refused(400, "invalid_grant"),
            Came::Nothing => {}
        }
    }
    for way in &ways {
        match way {
            Way::Redeem(code) => app.redeem(&peers[0], code).await.refused(400, "invalid_grant"),
            Way::Refresh(tokens) | Way::Look(tokens) => assert!(!scene.is_alive(tokens).await),
            Way::GoOn(_) => {}
        }
    }
    let of_both = format!("client_id = '{}' and subject = '{}'", app.id, scene.pat.subject);
    let alive = format!("select count(*) from family where revoked_at is null and {of_both}");
    assert_eq!(scene.world.database.count(&alive).await, 0);
    let fresh = "redeemed_at is null and revoked_at is null";
    let fresh = format!("select count(*) from authorization_code where {fresh} and {of_both}");
    assert_eq!(scene.world.database.count(&fresh).await, 0);
    // Another app, and another person, live on.
    assert!(scene.is_alive(&kept).await && scene.is_alive(&sams).await);
    app.refresh(&peers[1], sams.refresh()).await.granted();
    other.refresh(&peers[0], kept.refresh()).await.granted();
    assert_eq!(scene.world.audit("access.withdraw").await.len(), 1);
}

#[tokio::test]
async fn on_04_inv_a_withdrawal_raced_200_ways_leaves_nothing_of_an_app_with_a_secret() {
    race(async |world: &World| App::secret(world, json!({})).await).await;
}

#[tokio::test]
async fn on_04_inv_a_withdrawal_raced_200_ways_leaves_nothing_of_a_public_app() {
    race(async |world: &World| App::public(world, json!({})).await).await;
}

#[tokio::test]
async fn on_04_whoever_ends_access_200_times_at_once_ends_it_once() {
    let mut scene = Scene::of(World::with_processes(2).await).await;
    let app = App::secret(&scene.world, json!({})).await;
    let tokens = scene.launch(&app, SCOPE).await;
    let (one, other) = (signed_in(&scene, 0).await, signed_in(&scene, 1).await);
    let pages = [one.clone().open("/account").await, other.clone().open("/account").await];
    let all = (0..200).map(|at| {
        let mut browser = if at % 2 == 0 { one.clone() } else { other.clone() };
        let (page, app) = (&pages[at % 2], &app);
        async move {
            loop {
                let answer = browser.end_access(page, &app.id).await;
                if answer.answer.status != 503 {
                    return answer.answer.status;
                }
            }
        }
    });
    assert_eq!(join_all(all).await, [303; 200]);
    is_dead(&scene, &app, &tokens).await;
    assert_eq!(scene.world.audit("access.withdraw").await.len(), 1);
}
