//! `hilum migrate`: the schema, brought up to date by its owner.

use std::path::Path;

use crate::config;
use crate::config::database::Database;
use crate::config::problem::nowhere_in;
use crate::platform::tls;
use crate::store::{connect, migrate};

use super::output::{Failed, print};

/// Runs `hilum migrate`.
pub fn run(file: Option<&Path>) -> Result<(), Failed> {
    tls::install();
    let database = Database::load(file)?;
    let nowhere = config::absent(file).map(|folder| format!("{}\n", nowhere_in(&folder))).unwrap_or_default();
    let owner = database.owner_url.as_ref().ok_or_else(|| {
        Failed(format!(
            "{nowhere}set HILUM_DATABASE__OWNER_URL (database.owner_url) to the role that owns the schema"
        ))
    })?;
    let runtime_url = database.url.as_ref().ok_or_else(|| {
        Failed(format!(
            "{nowhere}set DATABASE_URL (database.url) to the role that the server runs as: it gets its privileges here"
        ))
    })?;
    let owner = connect::options(owner.expose())?;
    let role = connect::options(runtime_url.expose())?.get_username().to_owned();
    if role == owner.get_username() {
        return Err(Failed(format!(
            "{role} is both the owner of the schema and the role of the server: the audit trail would not be safe \
             from the server; make a second role and put it into DATABASE_URL"
        )));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let applied = runtime.block_on(migrate::run(&owner, &role))?;
    print(&format!("{applied} migrations applied; {role} has the privileges of the server"));
    Ok(())
}
