//! What a production start asks of the database before it trusts it.

use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

/// What the server found out about its database and its own role in it.
#[derive(Clone, Debug)]
pub struct Safety {
    /// The role this server runs as.
    pub role: String,
    /// Those of `fsync`, `full_page_writes` and `synchronous_commit` that are off.
    pub off: Vec<String>,
    /// Whether the database is a replica.
    pub replica: bool,
    /// Whether the role may change or remove audit records, or owns the table.
    pub may_change_audit: bool,
}

/// Asks the database for its safety.
pub async fn examine(db: &Db) -> Result<Safety, Fault> {
    sqlx::query_as!(
        Safety,
        r#"select current_user::text as "role!",
                  array(select setting from unnest(array['fsync', 'full_page_writes', 'synchronous_commit']) setting
                         where current_setting(setting) = 'off') as "off!",
                  pg_is_in_recovery() as "replica!",
                  (pg_has_role(current_user, c.relowner, 'member')
                      or has_table_privilege(c.oid, 'UPDATE')
                      or has_table_privilege(c.oid, 'DELETE')
                      or has_table_privilege(c.oid, 'TRUNCATE')) as "may_change_audit!"
             from pg_class c where c.oid = 'audit_event'::regclass"#
    )
    .fetch_one(db.pool())
    .await
    .doing("examining the database")
}

/// Takes a transaction number, which only a database that takes writes gives out.
pub async fn can_write(tx: &mut Tx) -> Result<(), Fault> {
    sqlx::query_scalar!(
        r#"select (pg_current_xact_id() is not null and has_table_privilege('audit_event', 'INSERT')) as "able!""#
    )
    .fetch_one(tx.connection())
    .await
    .doing("asking whether the database takes writes")?
    .then_some(())
    .ok_or_else(|| Fault::new("asking whether the database takes writes", "no record can be written"))
}
