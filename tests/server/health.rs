//! `hilum health`: what a health check asks where there is no other program.

use std::net::TcpListener;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{World, eventually, free_ports, run_briefly};

/// Runs `hilum health` with a configuration, for the operations listener on a port.
async fn asked(config: &str, port: u16, more: &[&str]) -> (Option<i32>, String, String) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("hilum.toml");
    std::fs::write(&file, config).unwrap();
    let file = file.to_string_lossy();
    let arguments = [&["health", "--config", &*file], more].concat();
    let ran = run_briefly(&arguments, &[("HILUM_HTTP__OPS", format!("127.0.0.1:{port}"))]).await;
    (ran.code(), ran.output(), ran.complaint())
}

fn well(word: &str) -> (Option<i32>, String, String) {
    (Some(0), format!("{word}\n"), String::new())
}

fn ill(says: &str) -> (Option<i32>, String, String) {
    (Some(1), String::new(), format!("hilum: {says}\n"))
}

#[tokio::test]
async fn health_tells_alive_from_ready_and_says_what_is_missing() {
    let mut world = World::start().await;
    let port = world.processes[0].operations;
    let config = std::fs::read_to_string(world.config()).unwrap();
    assert_eq!(asked(&config, port, &[]).await, well("alive"));
    assert_eq!(asked(&config, port, &["--ready"]).await, well("ready"));

    world.database.execute("delete from _sqlx_migrations").await;
    let unready = ill("not ready: the schema is not up to date: run hilum migrate");
    // What readiness found is told for a second.
    eventually("readiness follows", Duration::from_mins(1), || async {
        (asked(&config, port, &["--ready"]).await == unready).then_some(())
    })
    .await;
    assert_eq!(asked(&config, port, &[]).await, well("alive"), "a restart would not help");

    world.processes[0].kill();
    for (more, word) in [(&[][..], "not alive"), (&["--ready"], "not ready")] {
        let refused = format!("{word}: 127.0.0.1:{port}: Connection refused (os error 111)");
        assert_eq!(asked(&config, port, more).await, ill(&refused));
    }
}

#[tokio::test]
async fn health_does_not_wait_for_what_never_answers() {
    let [port, ..] = free_ports();
    let _silent = TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(asked("", port, &[]).await, ill(&format!("not alive: 127.0.0.1:{port}: timed out")));
}

#[tokio::test]
async fn health_judges_nothing_of_the_configuration_but_the_listener() {
    let world = World::start().await;
    let port = world.processes[0].operations;
    let since_mistaken = "[issuer]\nurl = \"nowhere\"\n[http]\npublik = []\n[new]\n";
    assert_eq!(asked(since_mistaken, port, &[]).await, well("alive"));

    let rows: [(&[&str], &str); 3] = [
        (&["health", "--config", "/nowhere.toml"], "/nowhere.toml"),
        (&["health"], "http.ops"),
        (&["health", "--ready"], "loopback"),
    ];
    for (arguments, says) in rows {
        let ran = run_briefly(arguments, &[("HILUM_HTTP__OPS", "192.0.2.1:9464".to_owned())]).await;
        assert_eq!((ran.code(), ran.output().as_str()), (Some(1), ""), "{arguments:?}: {}", ran.complaint());
        assert!(ran.complaint().contains(says), "{arguments:?}: {}", ran.complaint());
    }
    for arguments in [&["health", "--nope"][..], &["health", "now"], &["health", "--config"]] {
        let ran = run_briefly(arguments, &[]).await;
        assert_eq!((ran.code(), ran.output().as_str()), (Some(2), ""), "{arguments:?}: {}", ran.complaint());
    }
}
