//! The table `authorization_details_type`.

use std::collections::HashMap;
use std::sync::LazyLock;

use arc_swap::ArcSwap;
use serde_json::Value;

use crate::jose::thumbprint::sha256;
use crate::model::authorization_details_type::DetailsType;
use crate::model::page::Page;
use crate::moment::Timestamp;
use crate::protocol::authorization_details::schema::Schema;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx, meaningless};

/// How many compiled schemas are kept.
const MOST_COMPILED: usize = 64;

/// The schemas that were compiled before, each by the digest of its text: a name and a version stand for another text
/// once a type was deleted and registered anew.
static COMPILED: LazyLock<Compiled> = LazyLock::new(Compiled::default);

/// Schemas that were compiled before.
#[derive(Default)]
struct Compiled(ArcSwap<HashMap<[u8; 32], Schema>>);

impl Compiled {
    /// The schema of a text, compiled at most once while there is room. Once that is full, it begins anew.
    fn find(&self, text: &Value) -> Result<Schema, String> {
        let digest = sha256(text.to_string().as_bytes());
        let known = self.0.load().get(&digest).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let schema = Schema::parse(text)?;
        self.0.rcu(|known| {
            let mut next = if known.len() < MOST_COMPILED { HashMap::clone(known) } else { HashMap::new() };
            next.insert(digest, schema.clone());
            next
        });
        Ok(schema)
    }
}

struct Row {
    name: String,
    title: String,
    schema: Value,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for DetailsType {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let schema = COMPILED.find(&row.schema);
        Ok(Self {
            schema: schema.map_err(|_| meaningless("authorization_details_type", "schema", &row.name))?,
            name: row.name,
            title: row.title,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Finds the types that have one of these names.
pub async fn find_named(db: &Db, names: &[String]) -> Result<Vec<DetailsType>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, title, schema, version, created_at, updated_at from authorization_details_type
          where name = any($1::text[])",
        names
    )
    .fetch_all(db.pool())
    .await
    .doing("finding types of authorization details")?
    .into_iter()
    .map(DetailsType::try_from)
    .collect()
}

/// Finds the names of all types.
pub async fn find_names(db: &Db) -> Result<Vec<String>, Fault> {
    sqlx::query_scalar!("select name from authorization_details_type order by name")
        .fetch_all(db.pool())
        .await
        .doing("listing the names of types of authorization details")
}

/// Finds a page of types in the order of their names.
pub async fn find_page(db: &Db, page: &Page<String>) -> Result<Vec<DetailsType>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, title, schema, version, created_at, updated_at from authorization_details_type
          where name > $1 order by name limit $2",
        page.after.as_deref().unwrap_or_default(),
        page.limit
    )
    .fetch_all(db.pool())
    .await
    .doing("listing types of authorization details")?
    .into_iter()
    .map(DetailsType::try_from)
    .collect()
}

/// Finds the version of a type and locks its row for a change.
pub async fn find_version_locked(tx: &mut Tx, name: &str) -> Result<Option<i64>, Fault> {
    sqlx::query_scalar!("select version from authorization_details_type where name = $1 for update", name)
        .fetch_optional(tx.connection())
        .await
        .doing("locking a type of authorization details")
}

/// Writes a type, new or in place of the one of its name, and counts its version up.
pub async fn put(tx: &mut Tx, kind: &DetailsType, now: Timestamp) -> Result<DetailsType, Fault> {
    sqlx::query_as!(
        Row,
        "insert into authorization_details_type (name, title, schema, version, created_at, updated_at)
         values ($1, $2, $3, 1, $4, $4)
         on conflict (name) do update set title = excluded.title, schema = excluded.schema,
                version = authorization_details_type.version + 1, updated_at = excluded.updated_at
         returning name, title, schema, version, created_at, updated_at",
        kind.name,
        kind.title,
        kind.schema.to_json(),
        now
    )
    .fetch_one(tx.connection())
    .await
    .doing("writing a type of authorization details")?
    .try_into()
}

/// Deletes a type; the answer tells whether it was there.
pub async fn delete(tx: &mut Tx, name: &str) -> Result<bool, Fault> {
    let deleted = sqlx::query!("delete from authorization_details_type where name = $1", name)
        .execute(tx.connection())
        .await
        .doing("deleting a type of authorization details")?;
    Ok(deleted.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(title: usize) -> Value {
        json!({"type": "object", "title": title.to_string(), "additionalProperties": false,
            "properties": {"type": {"const": "notes"}}})
    }

    #[test]
    fn a_schema_is_compiled_once_and_so_many_are_kept() {
        let compiled = Compiled::default();
        let first = compiled.find(&text(0)).unwrap();
        assert!(compiled.find(&text(0)).unwrap().is(&first));
        assert!(!compiled.find(&text(1)).unwrap().is(&first), "another text is another schema");
        for title in 0..MOST_COMPILED {
            compiled.find(&text(title)).unwrap();
        }
        assert!(compiled.find(&text(0)).unwrap().is(&first));
        compiled.find(&text(MOST_COMPILED)).unwrap();
        assert_eq!(compiled.0.load().len(), 1, "it begins anew once it is full");
        let anew = compiled.find(&text(0)).unwrap();
        assert!(!anew.is(&first));
        assert_eq!(anew.to_json(), &text(0));
        compiled.find(&json!({"type": "array"})).unwrap_err();
        assert_eq!(compiled.0.load().len(), 2, "what is no schema is not kept");
    }
}
