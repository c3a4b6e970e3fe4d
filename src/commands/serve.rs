//! `hilum serve`: the server in production. What is unsafe stops the start, with the reason.

use std::path::{Path, PathBuf};

use crate::app::renewal::Files;
use crate::app::{self, Beside, Ground};
use crate::config::Config;
use crate::config::problem::ConfigError;
use crate::platform::{telemetry, tls};
use crate::protocol::error::Doing;
use crate::store::{Db, connect, migrate, safety};

use super::output::Failed;
use super::running::{self, Running};

/// Runs `hilum serve`.
pub fn run(file: Option<&Path>) -> Result<(), Failed> {
    let config = Config::load(file)?;
    let problems = config.unsafe_for_production();
    if !problems.is_empty() {
        let told: Vec<String> =
            problems.iter().map(|problem| format!("  {}: {}", problem.key, problem.says)).collect();
        return Err(Failed(format!("refusing to start, since this is not safe:\n{}", told.join("\n"))));
    }
    tls::install();
    let log = telemetry::start(&config.log).doing("starting the log")?;
    let file: Option<PathBuf> = file.map(Path::to_owned);
    running::runtime()?.block_on(async {
        let (options, db) = app::database(&config)?;
        connect::reach(&options).await?;
        refuse_unsafe_database(&db).await?;
        let ground = Ground::on(&config, &options, db).await?;
        refuse_unusable_hsm(&ground).await?;
        let reload = move || {
            let config = Config::load(file.as_deref())?;
            let problems = config.unsafe_for_production();
            if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }
        };
        let beside = Beside::Nothing;
        let judge = |files: &Files| Config::unsafe_files(&files.tls, files.proxy.as_ref());
        let reload = Box::new(reload);
        let running = Running { config: &config, ground: &ground, beside, log, reload, judge };
        running::serve(running, || {
            tracing::info!(issuer = config.issuer.url.as_str(), "ready");
        })
        .await
    })
}

/// What only the token of a hardware security module can tell.
async fn refuse_unusable_hsm(ground: &Ground) -> Result<(), Failed> {
    let Some(hsm) = ground.administration.custody.hsm() else { return Ok(()) };
    let begun = hsm.greet().await;
    begun.map_err(|error| Failed(format!("refusing to start, since the HSM cannot be used:\n  {error}")))
}

/// What only the database can tell.
async fn refuse_unsafe_database(db: &Db) -> Result<(), Failed> {
    if !migrate::is_current(db).await? {
        return Err(Failed(
            "the schema is not up to date: run hilum migrate with HILUM_DATABASE__OWNER_URL".to_owned(),
        ));
    }
    let safety = safety::examine(db).await?;
    let role = &safety.role;
    let problems = [
        (
            !safety.durable,
            "fsync, full_page_writes or synchronous_commit is off: a crash would lose what was answered"
                .to_owned(),
        ),
        (safety.replica, "the database is a replica: connect to the primary".to_owned()),
        (
            safety.may_change_audit,
            format!(
                "{role} owns or may change the audit trail: connect as a role that hilum migrate gave its privileges"
            ),
        ),
    ];
    let told: Vec<String> =
        problems.into_iter().filter_map(|(unsafe_, says)| unsafe_.then_some(format!("  {says}"))).collect();
    if told.is_empty() {
        return Ok(());
    }
    Err(Failed(format!("refusing to start, since this database is not safe:\n{}", told.join("\n"))))
}
