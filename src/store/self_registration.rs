//! The table `client_registration`: how a client registered itself, and the token by which it may change that.

use serde_json::Value;

use crate::model::registration::SelfRegistration;
use crate::protocol::allowance::Allowance;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;

use super::{Db, Tx, meaningless};

struct Row {
    client_id: String,
    digest: Vec<u8>,
    allowance: Value,
    software_statement: Option<String>,
}

impl TryFrom<Row> for SelfRegistration {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let wrong = |column| meaningless("client_registration", column, &row.client_id);
        let allowance = row.allowance.as_object().and_then(|object| Allowance::parse(object).ok());
        Ok(Self {
            digest: row.digest.as_slice().try_into().map_err(|_| wrong("digest"))?,
            allowance: allowance.ok_or_else(|| wrong("allowance"))?,
            software_statement: row.software_statement,
        })
    }
}

/// Finds how a client registered itself.
pub async fn find(db: &Db, client: &ClientId) -> Result<Option<SelfRegistration>, Fault> {
    sqlx::query_as!(
        Row,
        "select client_id, digest, allowance, software_statement from client_registration where client_id = $1",
        client.as_str()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a registration")?
    .map(SelfRegistration::try_from)
    .transpose()
}

/// Finds how a client registered itself, as it stands within a transaction that holds the client.
pub async fn find_in(tx: &mut Tx, client: &ClientId) -> Result<Option<SelfRegistration>, Fault> {
    sqlx::query_as!(
        Row,
        "select client_id, digest, allowance, software_statement from client_registration where client_id = $1",
        client.as_str()
    )
    .fetch_optional(tx.connection())
    .await
    .doing("finding a registration of a locked client")?
    .map(SelfRegistration::try_from)
    .transpose()
}

/// Inserts how a client registered itself.
pub async fn insert(tx: &mut Tx, client: &ClientId, registration: &SelfRegistration) -> Result<(), Fault> {
    sqlx::query!(
        "insert into client_registration (client_id, digest, allowance, software_statement)
         values ($1, $2, $3, $4)",
        client.as_str(),
        registration.digest.as_slice(),
        Value::Object(registration.allowance.to_json()),
        registration.software_statement
    )
    .execute(tx.connection())
    .await
    .doing("inserting a registration")?;
    Ok(())
}

/// Sets anew what a client that registered itself may be at most.
pub async fn update_allowance(tx: &mut Tx, client: &ClientId, allowance: &Allowance) -> Result<(), Fault> {
    sqlx::query!(
        "update client_registration set allowance = $2 where client_id = $1",
        client.as_str(),
        Value::Object(allowance.to_json())
    )
    .execute(tx.connection())
    .await
    .doing("setting what a client may be")?;
    Ok(())
}
