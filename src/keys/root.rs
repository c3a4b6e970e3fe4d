//! The root: 32 random bytes, sealed in the database, from which the server derives its other keys. They stay
//! as they are when the master key changes.

use crate::config::key_material::KeyMaterial;
use crate::ledger::{Done, Ledger, Work};
use crate::model::audit_event::AuditEvent;
use crate::platform::entropy::Entropy;
use crate::platform::seal::{Place, Sealer};
use crate::protocol::error::{Doing, Failure, Fault};
use crate::store::{self, Db};

/// What the root is called.
const ROOT: &str = "root";
const PLACE: Place<'static> = Place { table: "server_secret", column: "sealed", row: ROOT };
const READING: &str = "reading the root of the server's keys";

/// Reads the root. At the very first start it is made, by one of all processes, with an audit record.
pub async fn ensure(
    (db, ledger): (&Db, &Ledger),
    sealer: &Sealer,
    entropy: &Entropy,
    event: AuditEvent,
) -> Result<KeyMaterial, Failure> {
    if let Some(stored) = store::server_secret::find(db, ROOT).await? {
        return Ok(read(sealer, &stored).await?);
    }
    let (made, whence) = match former(db, sealer).await {
        Ok(Some(former)) => (former, "the master key of the former release"),
        Ok(None) => (KeyMaterial::new(entropy.bytes().doing("making the root")?), "made at random"),
        // Another process may have begun with it, and sealed its first key, after this one has looked.
        Err(fault) => match store::server_secret::find(db, ROOT).await? {
            Some(stored) => return Ok(read(sealer, &stored).await?),
            None => return Err(fault.into()),
        },
    };
    let fresh = sealer.seal(PLACE, made.expose()).await?;
    let master = sealer.current().to_string();
    let stored = ledger
        .transact(event, move |tx, event| -> Work<'_, Option<Vec<u8>>> {
            Box::pin(async move {
                event.target = Some(master);
                event.detail = Some(whence.to_owned());
                if store::server_secret::insert(tx, (ROOT, &fresh), event.at).await? {
                    return Ok(Done::Changed(Some(fresh)));
                }
                Ok(Done::Unchanged(store::server_secret::find_in(tx, ROOT).await?))
            })
        })
        .await?;
    let stored = stored.ok_or_else(|| Fault::new(READING, "it was there and is gone"))?;
    Ok(read(sealer, &stored).await?)
}

/// Whether a start would have the root: the one that is kept opens, or one can be made. Nothing is written.
pub async fn examine(db: &Db, sealer: &Sealer) -> Result<(), Fault> {
    match store::server_secret::find(db, ROOT).await? {
        Some(stored) => read(sealer, &stored).await.map(drop),
        None => former(db, sealer).await.map(drop),
    }
}

async fn read(sealer: &Sealer, stored: &[u8]) -> Result<KeyMaterial, Fault> {
    let root = sealer.open(PLACE, stored).await?;
    KeyMaterial::from_kept(&root).ok_or_else(|| Fault::new(READING, "it is not 32 bytes"))
}

/// What a former release derived all keys from, where one has served from this database: its master key. Which
/// one that was is proved by what it has sealed.
async fn former(db: &Db, sealer: &Sealer) -> Result<Option<KeyMaterial>, Fault> {
    for column in store::sealed::COLUMNS {
        let Some(first) = store::sealed::find_page(db, column, None, 1).await?.into_iter().next() else {
            continue;
        };
        let Some(master) = sealer.former_master(column.place(&first.row), &first.value)? else {
            let says =
                "the database holds what this release has sealed and not the root: put it back from a backup";
            return Err(Fault::new(READING, says));
        };
        return Ok(Some(master.clone()));
    }
    if store::server_secret::is_implied_by_token_keys(db).await? {
        let says = "the database names keys in a hardware security module, which this release has made, and has \
                    no root: put it back from a backup";
        return Err(Fault::new(READING, says));
    }
    if !store::server_secret::is_needed_by_digests(db).await? {
        return Ok(None);
    }
    // Nothing tells which of several it was.
    let master = sealer.only_material().ok_or_else(|| {
        let says = "the database holds client secrets of a former release: start once with its master key file \
                    alone, then change the master key";
        Fault::new(READING, says)
    })?;
    Ok(Some(master.clone()))
}
