//! Codes and refresh tokens over two processes, raced and killed: spent once, and spent for good.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use hilum::jose::algorithm::Algorithm;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Backend, Browser, Database, FHIR, Peer, Person, World};

const SCOPE: &str = "openid offline_access launch/patient patient/Observation.rs";
const WAYS: usize = 200;

/// Two processes, a patient, and whoever looks at tokens.
struct Race {
    world: World,
    pat: Person,
    fhir: Backend,
}

impl Race {
    async fn prepare() -> Self {
        // A busy machine may need longer for 200 requests than an app waits for an answer.
        let more = "[tokens]\nrefresh_retry_seconds = 60\n";
        let world = World::configured(2, more, Database::url).await;
        let pat = world.patient_person().await;
        let fhir = Backend::register(&world, Algorithm::Es256, json!({"introspects": [FHIR]})).await;
        Self { world, pat, fhir }
    }

    async fn code(&self, app: &App) -> String {
        app.code(&mut Browser::new(&self.world), &self.pat, SCOPE).await
    }

    async fn launch(&self, app: &App) -> Value {
        app.redeem(&self.world.public(), &self.code(app).await).await.granted()
    }

    /// Asks 200 ways at once, half of them each process. A machine that is too busy says so with 503, and is
    /// asked again.
    async fn run(&self, ask: impl AsyncFn(&Peer) -> Answer) -> (Vec<Value>, Vec<Answer>) {
        let peers = [self.world.public_of(0), self.world.public_of(1)];
        let one = async |peer: &Peer| loop {
            let answer = ask(peer).await;
            if answer.status != 503 {
                return answer;
            }
        };
        let answers = join_all((0..WAYS).map(|at| one(&peers[at % 2]))).await;
        let (granted, others): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        (granted.iter().map(Answer::granted).collect(), others)
    }

    /// Whether each process calls a token alive.
    async fn alive(&self, tokens: &Value) -> [bool; 2] {
        let mut found = [true; 2];
        for (index, found) in found.iter_mut().enumerate() {
            let peer = self.world.public_of(index);
            let answer = self.fhir.introspect(&self.world, &peer, text(tokens, "access_token")).await;
            *found = answer.json()["active"] == true;
        }
        found
    }

    /// Nothing of a family is any good on either process.
    async fn is_dead(&self, app: &App, tokens: &Value) {
        assert_eq!(self.alive(tokens).await, [false; 2]);
        for index in 0..2 {
            let answer = app.refresh(&self.world.public_of(index), text(tokens, "refresh_token")).await;
            answer.refused(400, "invalid_grant");
        }
    }

    async fn restart_both(&mut self) {
        for index in 0..2 {
            self.world.processes[index].kill();
        }
        for index in 0..2 {
            self.world.restart(index).await;
        }
    }

    async fn granted_records(&self, app: &App) -> i64 {
        let granted = "select count(*) from audit_event where action = 'token.issue' and outcome = 'granted'";
        self.world.database.count(&format!("{granted} and client_id = '{}'", app.id)).await
    }
}

fn text<'a>(tokens: &'a Value, member: &str) -> &'a str {
    tokens[member].as_str().expect(member)
}

#[tokio::test]
async fn c02_inv_1_a_code_raced_200_ways_over_two_processes_is_spent_once_and_its_tokens_die() {
    let mut race = Race::prepare().await;
    let apps = [
        App::public(&race.world, json!({})).await,
        App::secret(&race.world, json!({})).await,
        App::asymmetric(&race.world, json!({})).await,
    ];
    let mut spent = Vec::new();
    for app in apps {
        let code = race.code(&app).await;
        let (granted, others) = race.run(async |peer| app.redeem(peer, &code).await).await;
        assert_eq!((granted.len(), others.len()), (1, WAYS - 1), "spent once");
        for answer in &others {
            answer.refused(400, "invalid_grant");
        }
        assert_eq!(race.granted_records(&app).await, 1);
        race.is_dead(&app, &granted[0]).await;
        spent.push((app, code, granted));
    }
    let families = "select count(*) from family where generation = 1 and revoked_at is not null";
    assert_eq!(race.world.database.count(families).await, 3);
    assert_eq!(race.world.database.count("select count(*) from alert where kind = 'code_replayed'").await, 3);
    race.restart_both().await;
    for (app, code, granted) in &spent {
        for index in 0..2 {
            app.redeem(&race.world.public_of(index), code).await.refused(400, "invalid_grant");
        }
        race.is_dead(app, &granted[0]).await;
    }
}

#[tokio::test]
async fn t02_inv_2_a_public_apps_refresh_token_raced_200_ways_is_spent_once_and_its_family_dies() {
    let race = Race::prepare().await;
    let app = App::public(&race.world, json!({})).await;
    let first = race.launch(&app).await;
    let kept = race.launch(&app).await;
    let token = text(&first, "refresh_token");
    let (granted, others) = race.run(async |peer| app.refresh(peer, token).await).await;
    assert_eq!((granted.len(), others.len()), (1, WAYS - 1), "spent once");
    for answer in &others {
        answer.refused(400, "invalid_grant");
    }
    assert_eq!(race.granted_records(&app).await, 3);
    race.is_dead(&app, &granted[0]).await;
    assert_eq!(race.alive(&first).await, [false; 2]);
    let families = "select count(*) from family where generation = 2 and revoked_at is not null";
    assert_eq!(race.world.database.count(families).await, 1);
    let alerts = "select count(*) from alert where kind = 'refresh_token_reused'";
    assert_eq!(race.world.database.count(alerts).await, 1);
    assert_eq!(race.alive(&kept).await, [true; 2]);
}

#[tokio::test]
async fn t02_d2_sm_r_05_whoever_may_ask_again_gets_one_successor_however_many_ask_at_once() {
    let race = Race::prepare().await;
    for app in [App::secret(&race.world, json!({})).await, App::asymmetric(&race.world, json!({})).await] {
        let first = race.launch(&app).await;
        let token = text(&first, "refresh_token");
        let (granted, others) = race.run(async |peer| app.refresh(peer, token).await).await;
        assert_eq!((granted.len(), others.len()), (WAYS, 0), "{:?}", others.first());
        let successors: BTreeSet<&str> = granted.iter().map(|tokens| text(tokens, "refresh_token")).collect();
        assert_eq!(successors.len(), 1);
        let family = format!("select max(generation) from family where client_id = '{}'", app.id);
        assert_eq!(race.world.database.count(&family).await, 2);
        for tokens in [&granted[0], &granted[WAYS - 1]] {
            assert_eq!(race.alive(tokens).await, [true; 2]);
        }
        app.refresh(&race.world.public_of(1), text(&granted[0], "refresh_token")).await.granted();
    }
    assert_eq!(race.world.database.count("select count(*) from alert").await, 0);
}

#[tokio::test]
async fn inv_1_inv_2_what_was_spent_stays_spent_and_what_lives_goes_on_after_kill_9_of_every_process() {
    let mut race = Race::prepare().await;
    for app in [App::public(&race.world, json!({})).await, App::secret(&race.world, json!({})).await] {
        let code = race.code(&app).await;
        let replayed = app.redeem(&race.world.public_of(0), &code).await.granted();
        let first = race.launch(&app).await;
        let second = app.refresh(&race.world.public_of(1), text(&first, "refresh_token")).await.granted();
        let third = app.refresh(&race.world.public_of(0), text(&second, "refresh_token")).await.granted();
        let (live, fresh) = (race.launch(&app).await, race.code(&app).await);
        race.restart_both().await;

        assert_eq!([race.alive(&replayed).await, race.alive(&third).await], [[true; 2]; 2]);
        app.redeem(&race.world.public_of(1), &code).await.refused(400, "invalid_grant");
        race.is_dead(&app, &replayed).await;
        app.refresh(&race.world.public_of(1), text(&first, "refresh_token"))
            .await
            .refused(400, "invalid_grant");
        race.is_dead(&app, &third).await;

        let live = app.refresh(&race.world.public_of(1), text(&live, "refresh_token")).await.granted();
        assert_eq!(race.alive(&live).await, [true; 2]);
        app.redeem(&race.world.public_of(0), &fresh).await.granted();
    }
}
