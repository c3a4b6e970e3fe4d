//! What the pages of the sandbox know: where the server is, and the demonstration people and clients with
//! their secrets.
//!
//! The secrets are told to a page, which is right here and nowhere else: they are random for each data
//! folder, no other server knows them, they open nothing but synthetic records, and they are told only to
//! pages of this very origin on this very machine, in a browser that has the key of the desk (see
//! `http::sandbox::pages`). Anybody on this machine can connect, but the key stands only where the secrets
//! stand, in a folder that its owner alone may read, and in the terminal of whoever started the server.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::protocol::secret::{Secret, same_bytes};

/// What the pages of the sandbox know.
#[derive(Clone)]
pub struct Desk {
    document: Arc<Value>,
    key: Arc<Secret>,
}

impl fmt::Debug for Desk {
    /// Says nothing: it is full of secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk(..)")
    }
}

impl Desk {
    /// A desk that tells this document to its pages, in a browser that has this key.
    #[must_use]
    pub fn new(document: Value, key: Secret) -> Self {
        Self { document: Arc::new(document), key: Arc::new(key) }
    }

    /// Whether this is its key.
    #[must_use]
    pub fn is_opened_by(&self, key: &str) -> bool {
        same_bytes(self.key.expose().as_bytes(), key.as_bytes())
    }

    /// What it tells, secrets included.
    #[must_use]
    pub fn expose(&self) -> &Value {
        &self.document
    }
}
