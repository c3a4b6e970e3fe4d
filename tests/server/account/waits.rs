//! A withdrawal beside one other request, in each order that locks can make of them.

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::is_dead;
use crate::harness::{App, Database, World};
use crate::token::reasons;
use crate::token::refresh_token::{SCOPE, Scene};

/// A request of which the database keeps the locks, until another waits for them.
struct Held<'a> {
    holder: PgConnection,
    database: &'a Database,
}

impl<'a> Held<'a> {
    /// Does this, and goes no further.
    async fn after(world: &'a World, statements: &str) -> Self {
        let mut holder = world.database.superuser().await;
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut holder).await.expect("the locks");
        Self { holder, database: &world.database }
    }

    /// Commits once somebody waits.
    async fn commit(mut self) {
        self.database.locks_awaited(1, "").await;
        sqlx::raw_sql("commit").execute(&mut self.holder).await.expect("a commit");
        self.holder.close().await.expect("an end");
    }
}

#[tokio::test]
async fn on_04_a_code_that_is_being_issued_is_waited_for_and_revoked() {
    let mut scene = Scene::start().await;
    let app = App::secret(&scene.world, json!({})).await;
    let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    let page = scene.browser.open("/account").await;
    let issuing =
        "create temp table kept as select * from authorization_code; delete from authorization_code;
                   commit; begin;
                   select from consent for share; insert into authorization_code select * from kept";
    let held = Held::after(&scene.world, &format!("begin; {issuing}")).await;
    let (answer, ()) = tokio::join!(scene.browser.end_access(&page, &app.id), held.commit());
    assert_eq!(answer.answer.status, 303);
    app.redeem(&scene.world.public(), &code).await.refused(400, "invalid_grant");
    assert_eq!(reasons(&scene.world, "token.issue").await, ["code_revoked"]);
}

#[tokio::test]
async fn on_04_a_code_that_is_being_redeemed_is_waited_for_and_its_tokens_die() {
    let mut scene = Scene::start().await;
    let app = App::secret(&scene.world, json!({})).await;
    let tokens = scene.launch(&app, SCOPE).await;
    let page = scene.browser.open("/account").await;
    let redeeming = "create temp table kept as select * from family;
                     create temp table spent as select * from authorization_code;
                     update authorization_code set redeemed_at = null, family_id = null; delete from family;
                     commit; begin;
                     update authorization_code c set redeemed_at = s.redeemed_at, family_id = s.family_id
                       from spent s where s.digest = c.digest;
                     insert into family select * from kept";
    let held = Held::after(&scene.world, &format!("begin; {redeeming}")).await;
    let (answer, ()) = tokio::join!(scene.browser.end_access(&page, &app.id), held.commit());
    assert_eq!(answer.answer.status, 303);
    is_dead(&scene, &app, &tokens).await;
}

#[tokio::test]
async fn on_04_a_refresh_that_is_under_way_is_waited_for_and_what_came_of_it_dies() {
    let mut scene = Scene::start().await;
    let app = App::secret(&scene.world, json!({})).await;
    let tokens = scene.launch(&app, SCOPE).await;
    let page = scene.browser.open("/account").await;
    let rotating = "begin; update family set generation = generation + 1, rotated_at = now()";
    let held = Held::after(&scene.world, rotating).await;
    let (answer, ()) = tokio::join!(scene.browser.end_access(&page, &app.id), held.commit());
    assert_eq!(answer.answer.status, 303);
    is_dead(&scene, &app, &tokens).await;
}

#[tokio::test]
async fn on_04_an_answer_that_comes_after_a_withdrawal_has_begun_waits_and_carries_no_code() {
    let mut scene = Scene::start().await;
    let app = App::secret(&scene.world, json!({})).await;
    scene.launch(&app, SCOPE).await;
    let held = Held::after(&scene.world, "begin; update consent set withdrawn_at = given_at").await;
    let address = app.authorize_url(SCOPE);
    let (answer, ()) = tokio::join!(scene.browser.open(&address), held.commit());
    answer.told(&app.callback, "access_denied", Some(&app.state));
    assert_eq!(reasons(&scene.world, "authorize.respond").await, ["consent_withdrawn"]);
    let fresh = "select count(*) from authorization_code where redeemed_at is null";
    assert_eq!(scene.world.database.count(fresh).await, 0);
    assert!(scene.browser.open(&address).await.asks_for_consent(), "nothing of it is left but the refusal");
}
