//! `hilum serve`: the server in production. What is unsafe stops the start, with the reason.

use std::path::{Path, PathBuf};

use crate::app::inspection::{self, Inspection};
use crate::app::renewal::Files;
use crate::app::{self, Beside, Ground};
use crate::config::Config;
use crate::config::problem::ConfigError;
use crate::platform::{clock, telemetry, tls};
use crate::protocol::error::Doing;
use crate::store::{Db, connect};

use super::output::{Failed, listed};
use super::running::{self, Running};

/// What to do about an address that another program has.
const TAKEN: &str = "choose another in http.public, http.mtls or http.ops";

/// Runs `hilum serve`.
pub fn run(file: Option<&Path>) -> Result<(), Failed> {
    let config = Config::load(file)?;
    tls::install();
    let found = Inspection::of_files(&config, clock::of_this_machine());
    if !found.refused.is_empty() {
        let told = listed(&found.refused);
        return Err(Failed(format!("refusing to start, since this is not safe:\n{told}")));
    }
    let log = telemetry::start(&config.log).doing("starting the log")?;
    for problem in found.outdated.iter().chain(&found.doubtful) {
        tracing::warn!(%problem, "clients may refuse this server");
    }
    let file: Option<PathBuf> = file.map(Path::to_owned);
    running::runtime()?.block_on(async {
        let (options, db) = app::database(&config)?;
        connect::reach(&options, &db).await?;
        refuse_unsafe_database(&db).await?;
        let ground = Ground::on(&config, &options, db).await?;
        refuse_unusable_hsm(&ground).await?;
        let reload = move || {
            let config = Config::load(file.as_deref())?;
            let problems = config.unsafe_for_production();
            if problems.is_empty() { Ok(config) } else { Err(ConfigError::new(problems)) }
        };
        let beside = Beside::Nothing;
        let judge = |files: &Files| Config::unsafe_files(&files.tls, files.proxy.as_ref());
        let reload = Box::new(reload);
        let running = Running { config: &config, ground: &ground, beside, log, taken: TAKEN, reload, judge };
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
    let problems = inspection::of_database(db).await?;
    if problems.is_empty() {
        return Ok(());
    }
    let told = listed(&problems);
    Err(Failed(format!("refusing to start, since this database is not safe:\n{told}")))
}
