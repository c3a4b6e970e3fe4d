//! What is left when a process ends, what it says when it cannot serve, and what a flood leaves.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::{Database, Raw, World, eventually};

#[tokio::test]
async fn d8_a_flood_of_strangers_is_counted_and_every_refusal_of_it_stands_in_the_trail() {
    let mut world = World::configured(1, "[limits]\nrefusals_recorded_per_minute = 3\n", Database::url).await;
    let form = [("grant_type", "client_credentials"), ("client_id", "nobody"), ("scope", "system/Claim.rs")];
    for _ in 0..40 {
        world.public().post("/oauth2/token", &form).await.invalid_client();
    }
    world.processes[0].signal(Signal::SIGTERM);
    let process = &mut world.processes[0];
    let code = eventually("the process ends", Duration::from_secs(30), || {
        let code = process.ended();
        async move { code }
    });
    assert_eq!(code.await, 0, "what was counted is written when the process ends");
    let of = "from audit_event where action = 'token.issue' and reason = 'unknown_client'";
    assert_eq!(world.database.count(&format!("select sum(occurrences)::bigint {of}")).await, 40);
    let records = world.database.count(&format!("select count(*) {of}")).await;
    // Three one by one and one for the rest, twice if the minute changed meanwhile.
    assert!((4..=8).contains(&records), "{records} records");
}

#[tokio::test]
async fn a_second_signal_ends_the_process_though_a_request_is_under_way() {
    let mut world = World::patient(300).await;
    let port = world.processes[0].public;
    let mut under_way = Raw::connect(port, &world.authority.pem);
    let head = "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    under_way.send(format!("{head}Content-Length: 100\r\n\r\ngrant_type").as_bytes());
    under_way.certificate();
    assert_eq!(world.public().get("/oauth2/jwks").await.status, 200);
    world.processes[0].signal(Signal::SIGTERM);
    eventually("no new connection is taken", Duration::from_mins(1), || async {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_err().then_some(())
    })
    .await;
    world.processes[0].signal(Signal::SIGTERM);
    let process = &mut world.processes[0];
    let code = eventually("the process ends", Duration::from_secs(30), || {
        let code = process.ended();
        async move { code }
    });
    assert_eq!(code.await, 0, "{}", world.processes[0].log());
}

#[tokio::test]
async fn a_process_that_cannot_keep_a_record_says_that_it_is_not_ready() {
    let world = World::start().await;
    let ready = async |status: u16| {
        eventually("readiness follows", Duration::from_mins(1), || async {
            (world.processes[0].ready().await == Some(status)).then_some(())
        })
        .await;
    };
    ready(200).await;
    world.database.execute("revoke insert on audit_event from hilum_app").await;
    ready(503).await;
    world.database.execute("grant insert on audit_event to hilum_app").await;
    ready(200).await;
}
