//! `hilum check`: the effective configuration, and what is unsafe in it.

use std::path::Path;

use crate::config::Config;

use super::output::{Failed, print};

/// Runs `hilum check`.
pub fn run(file: Option<&Path>) -> Result<(), Failed> {
    let config = Config::load(file)?;
    print(&config.shown());
    let problems = config.unsafe_for_production();
    if problems.is_empty() {
        return Ok(());
    }
    let told: Vec<String> =
        problems.iter().map(|problem| format!("  {}: {}", problem.key, problem.says)).collect();
    Err(Failed(format!("hilum serve would refuse this configuration:\n{}", told.join("\n"))))
}
