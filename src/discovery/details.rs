//! What documents say of authorization details (RFC 9396, 10): the types that every server has, and those registered.

use serde_json::{Map, Value, json};

use crate::grants::details::BUILT_IN;
use crate::protocol::error::Fault;
use crate::store::{self, Db};

/// The types that can be asked for.
#[derive(Clone)]
pub struct DetailsTypes {
    db: Db,
}

impl DetailsTypes {
    /// The types that stand in a database.
    #[must_use]
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// A document that names them.
    pub async fn named_in(&self, mut document: Map<String, Value>) -> Result<Map<String, Value>, Fault> {
        let registered = store::authorization_details_type::find_names(&self.db).await?;
        let all: Vec<&str> = BUILT_IN.into_iter().chain(registered.iter().map(String::as_str)).collect();
        document.insert("authorization_details_types_supported".to_owned(), json!(all));
        Ok(document)
    }
}
