//! The master key and what is sealed under it: changed, lost, out of reach; and what a copy of the database tells.

mod dump;
mod forms;
mod rolling;
mod root;
mod unreachable;

use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use hilum::app::{self, Ground};
use hilum::config::Config;
use hilum::config::key_material::KeyMaterial;
use serde_json::Value;

use crate::harness::{Ran, World, run_briefly};

/// The master key of every world.
const MASTER: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
/// Another one.
const OTHER: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f91";

/// What every sealed value begins with.
const MARK: &str = "48494c554d534501";

fn material(digits: &str) -> KeyMaterial {
    KeyMaterial::parse(digits.as_bytes()).expect("a key")
}

/// A file that its owner alone may read, or run.
fn write(world: &World, name: &str, content: &str, mode: u32) -> PathBuf {
    let path = world.file(name);
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.create(true).write(true).truncate(true).mode(mode).open(&path).expect("a file");
    std::io::Write::write_all(&mut file, content.as_bytes()).expect("its content");
    path
}

/// The configuration of a world with other lines in the section `[secrets]`.
fn with_secrets(world: &World, name: &str, lines: &str) -> PathBuf {
    let text = std::fs::read_to_string(world.config()).expect("a configuration");
    let old = text.lines().find(|line| line.starts_with("master_key_file")).expect("a master key");
    write(world, name, &text.replace(old, lines), 0o600)
}

/// The line of a master key file.
fn of_file(world: &World, key: &str, name: &str) -> String {
    format!("{key} = \"{}\"", world.file(name).display())
}

/// Runs a command with a configuration.
async fn run(world: &World, config: &std::path::Path, arguments: &[&str]) -> Ran {
    run_with(world, config, (arguments, &[])).await
}

async fn run_with(
    world: &World,
    config: &std::path::Path,
    (arguments, more): (&[&str], &[(&str, String)]),
) -> Ran {
    let config = config.to_string_lossy();
    let all = [arguments, &["--config", &config]].concat();
    let mut variables = vec![("DATABASE_URL", world.database.url())];
    variables.extend(more.iter().cloned());
    run_briefly(&all, &variables).await
}

/// How many values of a column were re-wrapped, stood there already, were changed, and could not be opened.
fn figures(printed: &str, table: &str) -> (u64, u64, u64, usize) {
    let printed: Value = serde_json::from_str(printed).expect("JSON");
    let all = printed["sealed"].as_array().expect("columns");
    let column = all.iter().find(|column| column["table"] == table).expect(table);
    let count = |name: &str| column[name].as_u64().expect(name);
    let failed = column["not_opened"].as_array().expect("rows").len();
    (count("rewrapped"), count("already"), count("changed"), failed)
}

/// The parts of the server, in the test's own process.
async fn ground(world: &World) -> Ground {
    ground_of(world, &world.config()).await
}

/// The same, with a configuration.
async fn ground_of(world: &World, config: &std::path::Path) -> Ground {
    let text = std::fs::read_to_string(config).expect("a configuration");
    let variables = [("DATABASE_URL".to_owned(), world.database.url())];
    let config = Config::parse(&text, variables).expect("a configuration");
    let (options, db) = app::database(&config).expect("a database");
    Ground::on(&config, &options, db).await.expect("a ground")
}
