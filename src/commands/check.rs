//! `hilum check`: the effective configuration, and what keeps it from being served.

use std::path::Path;

use crate::app::inspection::Inspection;
use crate::config::Config;
use crate::config::problem::Problem;
use crate::platform::entropy::Entropy;
use crate::platform::hsm::Hsm;
use crate::platform::{clock, tls};

use super::output::{Failed, complain, listed, print};

/// Runs `hilum check`.
pub fn run(file: Option<&Path>) -> Result<(), Failed> {
    let config = Config::load(file)?;
    print(&config.shown());
    tls::install();
    let mut found = Inspection::of_files(&config, clock::of_this_machine());
    let hsm = config.hsm.as_ref().map(|rules| Hsm::new(rules, Entropy::system()));
    if let Some(Err(error)) = hsm.as_ref().map(Hsm::greet_here) {
        found.refused.push(Problem::new("hsm", error.to_string()));
    }
    if config.database.url.is_none() {
        found.refused.retain(|problem| problem.key != "database.url");
        complain("database.url is not given (DATABASE_URL): the database was not looked at");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(found.look_further(&config, hsm));
    for problem in &found.doubtful {
        complain(&problem.to_string());
    }
    let groups = [
        ("hilum serve would refuse this configuration:", found.refused),
        ("clients would refuse the server:", found.outdated),
    ];
    let told: Vec<String> = groups
        .into_iter()
        .filter(|(_, problems)| !problems.is_empty())
        .map(|(heading, problems)| format!("{heading}\n{}", listed(&problems)))
        .collect();
    if told.is_empty() { Ok(()) } else { Err(Failed(told.join("\n"))) }
}
