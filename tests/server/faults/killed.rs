//! Two processes on one database, raced and killed.

use futures_util::future::join_all;
use hilum::jose::algorithm::Algorithm;
use serde_json::json;

use super::unmatched;
use crate::harness::{Answer, Backend, Browser, Ehr, Peer, World};
use crate::smart::{self, EHR_SCOPE};

#[tokio::test]
async fn j06_an_assertion_raced_200_ways_over_two_processes_is_spent_once_and_stays_spent_after_kill_9() {
    let mut world = World::with_processes(2).await;
    let backend = Backend::register(&world, Algorithm::Es384, json!({})).await;
    let assertion = backend.assertion(&world).sign(&backend.key);
    let form = Backend::form(&assertion, "system/Claim.rs");
    let peers = [world.public_of(0), world.public_of(1)];

    // A machine that is too busy says so with 503, and is asked again.
    let ask = async |peer: &Peer| loop {
        let answer = peer.post("/oauth2/token", &form).await;
        if answer.status != 503 {
            return answer;
        }
    };
    let answers: Vec<Answer> = join_all((0..200).map(|at| ask(&peers[at % 2]))).await;
    let (granted, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(granted.len(), 1, "spent once");
    for answer in &others {
        answer.invalid_client();
    }
    let records = "select count(*) from audit_event where action = 'token.issue' and outcome = 'granted' and client_id = ";
    assert_eq!(world.database.count(&format!("{records} '{}'", backend.id)).await, 1);

    for index in 0..2 {
        world.processes[index].kill();
        world.restart(index).await;
        world.public_of(index).post("/oauth2/token", &form).await.invalid_client();
    }
    backend.ask(&world, &world.public(), "system/Claim.rs").await.token();
}

#[tokio::test]
async fn k2_a_process_killed_under_load_leaves_no_token_without_its_record_and_no_proof_without_either() {
    let mut world = World::with_processes(2).await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let peer = world.public_of(1);
    // Each asks until nobody answers any more: the process is killed in the middle, however late that comes.
    let load = join_all((0..200).map(|_| async {
        let mut told = 0_i64;
        loop {
            let assertion = backend.assertion(&world).sign(&backend.key);
            let request = peer.request(reqwest::Method::POST, "/oauth2/token");
            let request = crate::harness::encoded(request, &Backend::form(&assertion, "system/Claim.rs"));
            match request.send().await {
                Ok(answer) => told += i64::from(answer.status() == 200),
                Err(_) => return told,
            }
        }
    }));
    let database = &world.database;
    let some = format!(
        "select count(*) from audit_event where action = 'token.issue' and client_id = '{}' and outcome = 'granted'",
        backend.id
    );
    let victim = &world.processes[1];
    let kill = async {
        // As soon as the first of many has been answered.
        while database.count(&some).await < 5 {
            tokio::task::yield_now().await;
        }
        victim.signal(nix::sys::signal::Signal::SIGKILL);
    };
    let (answers, ()) = tokio::join!(load, kill);
    let told: i64 = answers.into_iter().sum();

    let granted = world.database.count(&some).await;
    assert!(told <= granted, "{told} were told, {granted} are recorded");
    assert_eq!(world.database.count(&unmatched(&backend.id)).await, 0, "proofs and records");
    world.processes[1].wait();
    world.restart(1).await;
    backend.ask(&world, &world.public_of(1), "system/Claim.rs").await.token();
}

#[tokio::test]
async fn s02_a_handle_shown_to_two_processes_of_which_one_is_killed_is_taken_up_once() {
    let mut world = World::with_processes(2).await;
    let (ehr, app) = (Ehr::register(&world, json!({})).await, smart::app(&world, json!({})).await);
    let lee = world.clinician().await;
    let token = ehr.token(&world).await;
    let mut handles = Vec::new();
    for _ in 0..40 {
        let body = json!({"client_id": app.id, "user": "dr.lee", "patient": "p-7"});
        let made = world.public().send(reqwest::Method::POST, "/launch", Some(&token), Some(body)).await;
        handles.push(made.json()["launch"].as_str().expect("a handle").to_owned());
    }
    let address = |handle: &str| app.authorize_with(EHR_SCOPE, &[("launch", handle)]);
    let shown = handles.iter().flat_map(|handle| [(0, handle), (1, handle)]).map(|(index, handle)| {
        let request = world.public_of(index).request(reqwest::Method::GET, &address(handle));
        async move {
            let answer = request.send().await.ok()?;
            Some(answer.headers().get("location")?.to_str().ok()?.contains("i="))
        }
    });
    let used = "select count(*) from launch where used_at is not null";
    let kill = async {
        while world.database.count(used).await < 5 {
            tokio::task::yield_now().await;
        }
        world.processes[1].signal(nix::sys::signal::Signal::SIGKILL);
    };
    let (answers, ()) = tokio::join!(join_all(shown), kill);
    let opened = answers.iter().filter(|answer| **answer == Some(true)).count();
    world.processes[1].wait();
    world.restart(1).await;

    let taken = "select count(*) from interaction where launch is not null";
    let distinct = "select count(distinct launch ->> 'id') from interaction where launch is not null";
    let count = world.database.count(taken).await;
    assert_eq!((world.database.count(distinct).await, world.database.count(used).await), (count, count));
    assert!(i64::try_from(opened).unwrap() <= count, "{opened} were told, {count} are kept");
    // Shown once more to both, each has been taken up once in all.
    for handle in &handles {
        for index in 0..2 {
            Browser::at(world.public_of(index)).get(&address(handle)).await;
        }
    }
    for statement in [taken, distinct, used] {
        assert_eq!(world.database.count(statement).await, 40, "{statement}");
    }
    let handle = ehr.launch(&world, (&app.id, "dr.lee"), json!({"patient": "p-7"})).await;
    Browser::at(world.public_of(1)).authorize(&address(&handle), &lee).await.code();
}
