//! A certificate in the place of the one that something is bound to.

use crate::model::binding::Binding;
use crate::model::renewal::{self, LONGEST_LINE};
use crate::moment::Timestamp;
use crate::protocol::error::Fault;
use crate::protocol::ids::ClientId;
use crate::store::{self, Db};

/// Whether what a client shows has taken the place, by renewal, of what something is bound to. What is shown is the key of
/// this very connection; nothing else of the request is believed.
pub async fn takes_the_place(
    db: &Db,
    client: &ClientId,
    (shown, bound): (Option<&Binding>, &Binding),
    now: Timestamp,
) -> Result<bool, Fault> {
    let both = shown.and_then(Binding::certificate).zip(bound.certificate());
    let Some((shown, bound)) = both.filter(|(shown, bound)| shown != bound) else { return Ok(false) };
    let line = store::certificate::find_line(db, (&shown, &bound), LONGEST_LINE).await?;
    Ok(renewal::takes_the_place(&line, &bound, client, now))
}
