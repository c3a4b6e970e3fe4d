//! What documents say of authorization details (RFC 9396, 10): the types that every server has, and those registered.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use serde_json::{Map, Value, json};

use crate::grants::details::BUILT_IN;
use crate::protocol::error::Fault;
use crate::store::{self, Db};

/// How long a document goes on as it was read: whoever fetches it may keep it for much longer.
const FRESH: Duration = Duration::from_secs(1);

/// The types that can be asked for. Clones share what was read.
#[derive(Clone)]
pub struct DetailsTypes {
    db: Db,
    read: Cache<(), Arc<[String]>>,
}

impl DetailsTypes {
    /// The types that stand in a database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, read: Cache::builder().max_capacity(1).time_to_live(FRESH).build() }
    }

    /// A document that names them.
    pub async fn named_in(&self, mut document: Map<String, Value>) -> Result<Map<String, Value>, Fault> {
        let registered = match self.read.get(&()).await {
            Some(registered) => registered,
            None => self.read_again().await?,
        };
        let all: Vec<&str> = BUILT_IN.into_iter().chain(registered.iter().map(String::as_str)).collect();
        document.insert("authorization_details_types_supported".to_owned(), json!(all));
        Ok(document)
    }

    async fn read_again(&self) -> Result<Arc<[String]>, Fault> {
        let registered: Arc<[String]> = store::authorization_details_type::find_names(&self.db).await?.into();
        self.read.insert((), registered.clone()).await;
        Ok(registered)
    }
}
