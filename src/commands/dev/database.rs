//! The roles and the schema of the development database.

use crate::protocol::error::Fault;
use crate::store::{connect, migrate};

/// How the database is reached in each role.
#[derive(Clone, Debug)]
pub struct Urls {
    /// The role that serves.
    pub runtime: String,
    /// The role that owns the schema.
    pub owner: String,
    /// The role that made the cluster, for a private one.
    pub admin: Option<String>,
}

/// Makes roles and database in a private cluster, and brings the schema up to date.
pub async fn prepare(urls: &Urls) -> Result<(), Fault> {
    if let Some(admin) = &urls.admin {
        migrate::create_database(&connect::options(admin)?, "hilum", "hilum_owner", "hilum_app").await?;
    }
    let role = connect::options(&urls.runtime)?.get_username().to_owned();
    migrate::run(&connect::options(&urls.owner)?, &role).await?;
    Ok(())
}
