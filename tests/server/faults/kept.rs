//! A database that cannot keep a record: nothing is given, nothing is used up, and nothing is revoked.

use serde_json::json;

use super::unbalanced;
use crate::harness::{Answer, App, Browser, OPAQUE, World};

/// Two ways to fail: at the insert of a record, and at the commit of what it belongs to.
const FAILURES: [&str; 2] = [
    "before insert on audit_event for each row",
    "after insert on audit_event deferrable initially deferred for each row",
];

async fn fail(world: &World, how: &str) {
    let constraint = if how.starts_with("after") { "constraint" } else { "" };
    let statements = format!(
        "create or replace function refuse_record() returns trigger language plpgsql as
             $$ begin raise exception 'no record can be kept'; end $$;
         create {constraint} trigger refuse_record {how} execute function refuse_record()"
    );
    world.database.execute(&statements).await;
}

async fn mend(world: &World) {
    world.database.execute("drop trigger refuse_record on audit_event").await;
}

#[track_caller]
fn cannot_serve(answer: &Answer) {
    answer.refused(503, "temporarily_unavailable");
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn o01_inv_8_without_a_record_no_code_and_no_refresh_token_is_spent_and_no_family_revoked() {
    let world = World::start().await;
    let (pat, mut browser, peer) = (world.patient_person().await, Browser::new(&world), world.public());
    let members = json!({"resources": [OPAQUE]});
    let apps = [App::public(&world, members.clone()).await, App::secret(&world, members.clone()).await];
    for (app, how) in apps.iter().flat_map(|app| FAILURES.map(|how| (app, how))) {
        let request = app.authorize_with("offline_access patient/Observation.rs", &[("aud", OPAQUE)]);
        let code = browser.authorize(&request, &pat).await.code();
        fail(&world, how).await;
        cannot_serve(&app.redeem(&peer, &code).await);
        cannot_serve(&app.redeem_with(&peer, &code, &"wrong".repeat(9)).await);
        let fresh =
            "select count(*) from authorization_code where redeemed_at is null and wrong_verifiers = 0";
        assert_eq!(world.database.count(fresh).await, 1, "{how}");
        mend(&world).await;
        let first = app.redeem(&peer, &code).await.granted();
        let first = first["refresh_token"].as_str().unwrap();

        fail(&world, how).await;
        cannot_serve(&app.refresh(&peer, first).await);
        mend(&world).await;
        let second = app.refresh(&peer, first).await.granted();
        let third = app.refresh(&peer, second["refresh_token"].as_str().unwrap()).await.granted();
        let third = third["refresh_token"].as_str().unwrap();

        // What the refusal of a spent one would leave behind stands in a record, or is not left behind.
        fail(&world, how).await;
        cannot_serve(&app.refresh(&peer, first).await);
        cannot_serve(&app.redeem(&peer, &code).await);
        cannot_serve(&app.ask(&peer, "/oauth2/revoke", &[("token", third)]).await);
        mend(&world).await;
        world.database.execute("revoke insert on alert from hilum_app").await;
        cannot_serve(&app.refresh(&peer, first).await);
        world.database.execute("grant insert on alert to hilum_app").await;
        let revoked =
            format!("select count(*) from family where client_id = '{}' and revoked_at is null", app.id);
        assert_eq!(world.database.count(&revoked).await, 1, "{how}");
        assert_eq!(world.database.count(&unbalanced(&app.id, 0)).await, 0, "{how}");
        app.refresh(&peer, third).await.granted();
        app.refresh(&peer, first).await.refused(400, "invalid_grant");
        assert_eq!(world.database.count(&revoked).await, 0, "{how}");
    }
    let alerts =
        "select count(*) from alert a join audit_event e on e.id = a.event_id and e.outcome = 'refused'";
    assert_eq!(world.database.count(alerts).await, 4);
}
