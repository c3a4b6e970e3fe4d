//! A sign-in beside a change of the person.

use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::authorize::PATIENT_SCOPE;
use crate::harness::{App, Browser, World};

#[tokio::test]
async fn t09_a_password_that_is_replaced_while_it_is_looked_at_signs_nobody_in() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let form = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let mut holder = world.database.superuser().await;
    let reset = format!(
        "begin; update person set version = version + 1, not_before = date_trunc('second', now()) + interval '1 second'
                 where subject = '{}'",
        pat.subject
    );
    sqlx::raw_sql(AssertSqlSafe(reset)).execute(&mut holder).await.expect("a lock");
    let commit = async {
        world.database.locks_awaited(1, "").await;
        sqlx::raw_sql("commit").execute(&mut holder).await.expect("a commit");
    };
    let (page, ()) = tokio::join!(browser.try_password(&form, &pat.username, &pat.password), commit);
    page.shows(400);
    assert!(page.asks_to_sign_in() && browser.session().is_none());
    assert_eq!(world.database.count("select count(*) from session").await, 0, "nothing is left of it");
    let page = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    browser.sign_in(&page, &pat).await;
}
