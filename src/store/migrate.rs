//! The schema: migrations run as its owner, and give the server's role what it needs and no more.

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::protocol::error::{Doing, Fault};

use super::{Db, connect};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");
/// How long whoever waits to migrate rests before it asks again.
const REST: Duration = Duration::from_millis(200);

/// Brings the schema up to date as its owner and gives `runtime_role` its privileges: everything on
/// the tables but the audit trail, which it may fill and read and never change.
pub async fn run(owner: &PgConnectOptions, runtime_role: &str) -> Result<usize, Fault> {
    let mut connection = connect::open(owner, "database.owner_url").await?;
    wait_for_turn(&mut connection).await?;
    let before = applied(&mut connection).await?;
    drop_unfinished(&mut connection).await?;
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

/// Waits until nobody else migrates this database. Whoever waits holds no snapshot: an index that is built
/// concurrently waits for all that are held, and the two would wait for each other.
async fn wait_for_turn(connection: &mut PgConnection) -> Result<(), Fault> {
    let ours = "select pg_try_advisory_lock(hashtext('hilum migrate'))";
    loop {
        let taken = sqlx::raw_sql(ours).fetch_one(&mut *connection).await.doing("waiting to migrate")?;
        if taken.try_get(0).doing("waiting to migrate")? {
            return Ok(());
        }
        tokio::time::sleep(REST).await;
    }
}

/// Drops the indexes that an interrupted run left unfinished: they serve nobody, and stand in the way of the next.
async fn drop_unfinished(connection: &mut PgConnection) -> Result<(), Fault> {
    let unfinished = "select indexrelid::regclass::text from pg_index join pg_class on oid = indexrelid
                       where not indisvalid and relnamespace = 'public'::regnamespace";
    let found = sqlx::raw_sql(unfinished).fetch_all(&mut *connection).await.doing("looking for indexes")?;
    for row in found {
        let name: String = row.try_get(0).doing("looking for indexes")?;
        execute(connection, format!("drop index concurrently {name}")).await?;
    }
    Ok(())
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
    let mut connection = connect::open(admin, "connecting as the superuser").await?;
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
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.doing("changing the cluster")?;
    Ok(())
}

/// A text that SQL takes as it stands.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
