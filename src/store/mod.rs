//! PostgreSQL: one file for each record, one statement for each function. Reads take the pool, whose
//! sessions cannot write; writes take a [`Tx`], which only the ledger has to give.

pub mod access_token;
pub mod alert;
pub mod attempts;
pub mod audit_event;
pub mod authority;
pub mod authorization_details_type;
pub mod backchannel_logout;
pub mod certificate;
pub mod certificate_request;
pub mod client;
pub mod client_secret;
pub mod code;
pub mod community;
pub mod connect;
pub mod consent;
pub mod device_code;
pub mod ended_authorization;
pub mod epoch;
pub mod family;
pub mod initial_token;
pub mod issuing_authority;
pub mod interaction;
pub mod issued_certificate;
pub mod launch;
pub mod migrate;
pub mod person;
pub mod proof;
pub mod pushed_request;
pub mod relationship;
pub mod resource;
pub mod responder_answer;
pub mod revocation_list;
pub mod revoked_key;
pub mod safety;
pub mod sealed;
pub mod self_registration;
pub mod server_secret;
pub mod session;
pub mod signing_key;
pub mod standing;
pub mod statement_issuer;
pub(crate) mod transaction;
pub mod trusted_issuer;
pub mod watched_certificate;

use sqlx::{PgConnection, PgPool};

use crate::moment::Timestamp;
use crate::protocol::error::Fault;

/// The door to reading. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
}

impl Db {
    /// Reads through a pool.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The pool, whose sessions are read-only.
    pub(in crate::store) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// How many connections the pool holds, and how many of them are idle.
    #[must_use]
    pub fn connections(&self) -> (u32, usize) {
        (self.pool.size(), self.pool.num_idle())
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// An open transaction. Only the ledger's writers make one.
#[derive(Debug)]
pub struct Tx {
    connection: PgConnection,
}

impl Tx {
    /// Takes over a connection on which a transaction has begun.
    pub(crate) const fn new(connection: PgConnection) -> Self {
        Self { connection }
    }

    /// The connection, for the statements of this folder.
    pub(crate) const fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Gives the connection back once the transaction has ended.
    pub(crate) fn into_connection(self) -> PgConnection {
        self.connection
    }
}

/// The fault of a row that fits no state: the database is input too.
pub(in crate::store) fn meaningless(table: &'static str, column: &'static str, key: &str) -> Fault {
    Fault::new("reading a row", format!("{table}.{column} of {key} has no meaning here"))
}

/// The database's time.
pub async fn now(db: &Db) -> Result<Timestamp, Fault> {
    use crate::protocol::error::Doing;
    sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
        .fetch_one(db.pool())
        .await
        .doing("asking the database for its time")
}
