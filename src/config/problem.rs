//! What is wrong with a configuration: all of it at once, each with what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// One thing wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key (`http.public`), the variable (`HILUM_HTP__PUBLIC`) or the file that it is about.
    pub key: String,
    /// What is wrong and what to do. Never a value, which might be a secret.
    pub says: String,
}

impl Problem {
    /// Tells what is wrong with a key.
    pub fn new(key: impl Into<String>, says: impl Into<String>) -> Self {
        Self { key: key.into(), says: says.into() }
    }
}

/// Why a file cannot be read, without the number that the operating system has for it.
#[must_use]
pub fn because(error: &io::Error) -> String {
    let says = error.to_string();
    says.split_once(" (os error").map_or_else(|| says.clone(), |(says, _)| says.to_owned())
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.says)
    }
}

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Everything that is wrong with it.
    pub problems: Vec<Problem>,
    /// Where a file was looked for that nobody had named, if it was not there.
    pub nowhere: Option<PathBuf>,
}

impl ConfigError {
    /// What is wrong with a configuration that was found.
    #[must_use]
    pub const fn new(problems: Vec<Problem>) -> Self {
        Self { problems, nowhere: None }
    }
}

/// That a folder has no configuration, and what to do.
#[must_use]
pub fn nowhere_in(folder: &Path) -> String {
    format!("there is no hilum.toml in {}: name it with --config FILE", folder.display())
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(folder) = &self.nowhere {
            writeln!(f, "{}", nowhere_in(folder))?;
        }
        f.write_str("the configuration cannot be used")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigError {}
