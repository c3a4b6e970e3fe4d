//! `hilum check`: the effective configuration, and what is unsafe in it.

use std::path::Path;

use crate::config::Config;
use crate::config::problem::Problem;
use crate::platform::entropy::Entropy;
use crate::platform::hsm::Hsm;

use super::output::{Failed, print};

/// Runs `hilum check`.
pub fn run(file: Option<&Path>) -> Result<(), Failed> {
    let config = Config::load(file)?;
    print(&config.shown());
    let mut problems = config.unsafe_for_production();
    problems.extend(unusable_hsm(&config));
    if problems.is_empty() {
        return Ok(());
    }
    let told: Vec<String> =
        problems.iter().map(|problem| format!("  {}: {}", problem.key, problem.says)).collect();
    Err(Failed(format!("hilum serve would refuse this configuration:\n{}", told.join("\n"))))
}

/// What only the token can tell.
fn unusable_hsm(config: &Config) -> Option<Problem> {
    let hsm = Hsm::new(config.hsm.as_ref()?, Entropy::system());
    hsm.greet_here().err().map(|error| Problem::new("hsm", error.to_string()))
}
