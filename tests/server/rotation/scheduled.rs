//! The schedule, by processes as they run.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Database, World, eventually};

#[tokio::test]
async fn md_05_of_many_processes_whose_schedule_comes_due_at_once_one_makes_the_next_keys() {
    let world = World::configured(3, "[tokens]\njwks_seconds = 30", Database::url).await;
    let answer = world.public().get("/oauth2/jwks").await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=30"));
    let records = "select count(*) from audit_event where action = 'keys.announce'";
    assert_eq!(
        (answer.json()["keys"].as_array().unwrap().len(), world.database.count(records).await),
        (3, 1)
    );
    // Their 90 days are nearly over.
    let aged = "update signing_key set announced_at = announced_at - interval '89 days 12 hours',
                       activates_at = activates_at - interval '89 days 12 hours'";
    world.database.execute(aged).await;
    for index in 0..3 {
        eventually("every process shows the next keys", Duration::from_mins(1), || async {
            let keys = world.public_of(index).get("/oauth2/jwks").await.json();
            (keys["keys"].as_array().unwrap().len() == 6).then_some(())
        })
        .await;
    }
    let list = world.administer(reqwest::Method::GET, "/admin/v1/keys", None).await.json();
    let keys = list["items"].as_array().unwrap();
    for algorithm in ["ES256", "RS256", "PS256"] {
        let states: Vec<&str> = keys
            .iter()
            .filter(|key| key["alg"] == algorithm)
            .map(|key| key["state"].as_str().unwrap())
            .collect();
        assert_eq!(states, ["announced", "active"], "{algorithm}");
    }
    let (next, now): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key["state"] == "announced");
    assert!(now.iter().all(|key| next.iter().any(|next| next["activates_at"] == key["retires_at"])));
    assert!(keys.iter().all(|key| key["revoked_at"] == json!(null)));
    // Each process has looked since, more than once.
    assert_eq!(world.database.count(records).await, 2, "one record says so");
    assert_eq!(world.database.count("select count(*) from signing_key").await, 6);
}
