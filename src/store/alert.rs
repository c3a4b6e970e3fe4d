//! The table `alert`.

use uuid::Uuid;

use crate::model::alert::Alert;
use crate::model::page::Page;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

/// Inserts an alert.
pub async fn insert(tx: &mut Tx, alert: &Alert) -> Result<(), Fault> {
    sqlx::query!(
        "insert into alert (alert_id, at, kind, event_id, client_id, person, detail)
         values ($1, $2, $3, $4, $5, $6, $7)",
        alert.id,
        alert.at,
        alert.kind,
        alert.event,
        alert.client,
        alert.person,
        alert.detail
    )
    .execute(tx.connection())
    .await
    .doing("inserting an alert")?;
    Ok(())
}

/// Finds a page of alerts, the newest first. Identifiers sort by their time.
pub async fn find_page(db: &Db, page: &Page<Uuid>) -> Result<Vec<Alert>, Fault> {
    sqlx::query_as!(
        Alert,
        r#"select alert_id as "id", at, kind, event_id as "event", client_id as "client", person, detail from alert
            where ($1::uuid is null or alert_id < $1) order by alert_id desc limit $2"#,
        page.after,
        page.limit
    )
    .fetch_all(db.pool())
    .await
    .doing("finding alerts")
}
