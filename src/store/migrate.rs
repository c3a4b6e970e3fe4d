//! The schema: migrations run as its owner, and give the server's role what it needs and no more.

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::protocol::error::{Doing, Fault};

use super::Db;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Brings the schema up to date as its owner and gives `runtime_role` its privileges: everything on
/// the tables but the audit trail, which it may fill and read and never change.
pub async fn run(owner: &PgConnectOptions, runtime_role: &str) -> Result<usize, Fault> {
    let mut connection =
        PgConnection::connect_with(owner).await.doing("connecting as the owner of the schema")?;
    let before = applied(&mut connection).await?;
    MIGRATIONS.run(&mut connection).await.doing("migrating the schema")?;
    let after = applied(&mut connection).await?;
    let role = quoted(runtime_role);
    // One transaction: at no moment may the server's role change the audit trail.
    let privileges = format!(
        "begin; grant usage on schema public to {role};
         grant select, insert, update, delete on all tables in schema public to {role};
         revoke all on audit_event, _sqlx_migrations from {role};
         grant select, insert on audit_event to {role};
         grant select on _sqlx_migrations to {role}; commit"
    );
    let granted = sqlx::raw_sql(AssertSqlSafe(privileges)).execute(&mut connection).await;
    granted.doing("granting privileges")?;
    connection.close().await.doing("closing the owner's connection")?;
    Ok(after.saturating_sub(before))
}

/// How many migrations have been applied.
async fn applied(connection: &mut PgConnection) -> Result<usize, Fault> {
    let known = "select count(*) from pg_class where oid = to_regclass('_sqlx_migrations')";
    let exists: i64 =
        sqlx::raw_sql(known).fetch_one(&mut *connection).await.doing("looking for migrations")?.get(0);
    if exists == 0 {
        return Ok(0);
    }
    let count = "select count(*) from _sqlx_migrations where success";
    let count: i64 = sqlx::raw_sql(count).fetch_one(connection).await.doing("counting migrations")?.get(0);
    usize::try_from(count).doing("counting migrations")
}

/// Whether the schema has every migration of this release.
pub async fn is_current(db: &Db) -> Result<bool, Fault> {
    let last = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
    let found = sqlx::query_scalar!(r#"select to_regclass('client') is not null as "migrated!""#)
        .fetch_one(db.pool())
        .await
        .doing("looking for the schema")?;
    if !found {
        return Ok(false);
    }
    let version = "select coalesce(max(version), 0) from _sqlx_migrations where success";
    let version: i64 =
        sqlx::raw_sql(version).fetch_one(db.pool()).await.doing("reading the schema's version")?.get(0);
    Ok(version >= last)
}

/// An identifier that SQL takes as it stands.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Makes the two roles and a database of the owner's, where they are missing, as a superuser.
pub async fn create_database(
    admin: &PgConnectOptions,
    name: &str,
    owner: &str,
    runtime: &str,
) -> Result<(), Fault> {
    let mut connection = PgConnection::connect_with(admin).await.doing("connecting as the superuser")?;
    for role in [owner, runtime] {
        let known = format!("select count(*) from pg_roles where rolname = {}", literal(role));
        if count(&mut connection, known).await? == 0 {
            execute(&mut connection, format!("create role {} login", quoted(role))).await?;
        }
    }
    let known = format!("select count(*) from pg_database where datname = {}", literal(name));
    if count(&mut connection, known).await? == 0 {
        execute(&mut connection, format!("create database {} owner {}", quoted(name), quoted(owner))).await?;
    }
    connection.close().await.doing("closing the superuser's connection")
}

async fn count(connection: &mut PgConnection, statement: String) -> Result<i64, Fault> {
    let row = sqlx::raw_sql(AssertSqlSafe(statement))
        .fetch_one(connection)
        .await
        .doing("looking at the cluster")?;
    row.try_get(0).doing("looking at the cluster")
}

async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), Fault> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.doing("making roles and database")?;
    Ok(())
}

/// A text that SQL takes as it stands.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
