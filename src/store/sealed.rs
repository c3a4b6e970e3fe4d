//! Every column that holds sealed values. What re-wraps them knows them from here alone.

use sqlx::{AssertSqlSafe, Row};

use crate::platform::seal::Place;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

/// A column of sealed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedColumn {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The column that names a row, which the sealed value is tied to.
    key: (&'static str, &'static str),
}

/// A sealed value and where it stands.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The row.
    pub row: String,
    /// The value as it stands.
    pub value: Vec<u8>,
}

/// All of them. A migration that adds one has its line here.
pub const COLUMNS: [SealedColumn; 4] = [
    SealedColumn { table: "server_secret", column: "sealed", key: ("name", "text") },
    SealedColumn { table: "signing_key", column: "sealed_private_key", key: ("kid", "text") },
    SealedColumn { table: "authority", column: "sealed_private_key", key: ("name", "text") },
    SealedColumn { table: "person", column: "sealed_totp", key: ("subject", "uuid") },
];

impl SealedColumn {
    /// Where the value of a row stands.
    #[must_use]
    pub const fn place<'a>(&self, row: &'a str) -> Place<'a> {
        Place { table: self.table, column: self.column, row }
    }
}

/// Counts the values of a column.
pub async fn count(db: &Db, of: SealedColumn) -> Result<i64, Fault> {
    let SealedColumn { table, column, .. } = of;
    let statement = format!("select count(*) from {table} where {column} is not null");
    let row = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_one(db.pool()).await;
    row.doing("counting sealed values")?.try_get(0).doing("counting sealed values")
}

/// Finds the next values of a column after a row, in the order of the rows' keys.
pub async fn find_page(
    db: &Db,
    of: SealedColumn,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Sealed>, Fault> {
    let doing = "finding sealed values";
    let SealedColumn { table, column, key: (key, kind) } = of;
    let statement = format!(
        "select {key}::text as row, {column} as value from {table}
          where {column} is not null and ($1::text is null or {key} > $1::text::{kind}) order by {key} limit $2"
    );
    let rows = unchecked(statement).bind(after).bind(limit).fetch_all(db.pool()).await.doing(doing)?;
    let read = |row: &sqlx::postgres::PgRow| {
        Ok::<Sealed, sqlx::Error>(Sealed { row: row.try_get("row")?, value: row.try_get("value")? })
    };
    rows.iter().map(read).collect::<Result<_, _>>().doing(doing)
}

/// Puts another value into the place of one that still stands; whether it did.
pub async fn replace(tx: &mut Tx, of: SealedColumn, was: &Sealed, by: &[u8]) -> Result<bool, Fault> {
    let SealedColumn { table, column, key: (key, kind) } = of;
    let statement =
        format!("update {table} set {column} = $3 where {key} = $1::text::{kind} and {column} = $2");
    let statement = unchecked(statement).bind(&was.row).bind(&was.value).bind(by);
    let replaced = statement.execute(tx.connection()).await.doing("replacing a sealed value")?;
    Ok(replaced.rows_affected() == 1)
}

type Statement = sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments>;

#[expect(clippy::disallowed_methods, reason = "the table is a parameter, and one of the list above")]
fn unchecked(statement: String) -> Statement {
    sqlx::query(AssertSqlSafe(statement))
}
