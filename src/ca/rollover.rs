//! Another authority takes the place of the one that issues (in the words of RFC 6489: a key rollover). What the old one
//! has issued stays good.

use time::Duration;

use crate::ledger::{Done, Work};
use crate::model::authority::{Authority, AuthorityName, Generation};
use crate::moment::Timestamp;
use crate::protocol::error::{ErrorCode, Failure, FieldProblem, Reason, Refusal};
use crate::store;
use crate::store::authority::StoredAuthority;

use super::authorities::Authorities;
use super::{Acting, CertificateAuthority};

/// Within so long of a rollover, another one was most likely asked for by somebody who did not know of it.
const RECENT: Duration = Duration::DAY;

/// What took the place of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollover {
    /// The authority that issued until now.
    pub from: AuthorityName,
    /// The one that issues from now on.
    pub to: AuthorityName,
}

impl CertificateAuthority {
    /// Makes the authority that issues from now on. Whoever names the one to replace may do so at any time; who does not
    /// is refused shortly after another rollover.
    pub async fn rollover(
        &self,
        acting: Acting,
        replaced: Option<AuthorityName>,
    ) -> Result<Rollover, Failure> {
        let Acting { mut event, gate, .. } = acting;
        let authorities = match self.needed().await {
            Ok(authorities) => authorities,
            Err(failure) => return self.refuse(event, failure).await,
        };
        let (from, next) = match follows(&authorities, replaced, event.at) {
            Ok(found) => found,
            Err(refusal) => return self.refuse(event, refusal.into()).await,
        };
        let root = self.opened(&authorities.root).await?;
        let made = self.make_issuing(next, &root, event.at).await?;
        let rollover = Rollover { from, to: made.authority.name };
        event.target = Some(rollover.to.to_string());
        event.detail = Some(format!("in the place of {from}"));
        let kept = made.kept.clone();
        let outcome = self
            .ledger
            .transact(event, move |tx, _| -> Work<'_, Rollover> {
                Box::pin(async move {
                    gate(tx).await?;
                    store::authority::lock(tx).await?;
                    insert(tx, &made).await?;
                    Ok(Done::Changed(rollover))
                })
            })
            .await;
        // What nothing names is not left in the HSM. After a fault nobody knows whether something does.
        if matches!(outcome, Err(Failure::Refusal(_))) {
            self.custody.give_up(&kept);
        }
        outcome
    }
}

async fn insert(tx: &mut store::Tx, made: &StoredAuthority) -> Result<(), Failure> {
    if store::authority::insert(tx, made).await? {
        return Ok(());
    }
    let told = "another rollover was faster: nothing was changed";
    let about = (made.authority.name, "was made meanwhile".to_owned());
    Err(conflict(told, about, "rolled_over_meanwhile").into())
}

/// The authority that is replaced, and which one takes its place.
fn follows(
    authorities: &Authorities,
    replaced: Option<AuthorityName>,
    now: Timestamp,
) -> Result<(AuthorityName, Generation), Refusal> {
    let issuing = &authorities.issuing.authority;
    let root = &authorities.root.authority;
    if root.not_after <= now {
        let told = "the root has expired: nothing can take the place of what is below it";
        return Err(conflict(told, (root.name, "has expired".to_owned()), "authority_expired"));
    }
    let name = issuing.name;
    match replaced {
        Some(replaced) if replaced != name => {
            let told = "that authority does not issue: see `hilum pki status`";
            return Err(conflict(told, (name, "issues certificates".to_owned()), "authority_not_issuing"));
        }
        None if is_recent(issuing, now) => {
            let told = "there was another rollover within the last day";
            let says = format!("is new; if it is to be replaced too: hilum pki rollover --replace {name}");
            return Err(conflict(told, (name, says), "rolled_over_lately"));
        }
        Some(_) | None => {}
    }
    let next = match name {
        AuthorityName::Issuing(generation) => generation.next(),
        AuthorityName::Root => None,
    };
    let none =
        || conflict("there is no name for another", (name, "is the last".to_owned()), "no_further_name");
    Ok((name, next.ok_or_else(none)?))
}

fn is_recent(issuing: &Authority, now: Timestamp) -> bool {
    issuing.name != AuthorityName::Issuing(Generation::FIRST) && now < issuing.created_at + RECENT
}

/// The refusal of what an authority, as it stands, does not allow.
pub(super) fn conflict(
    told: &'static str,
    (name, says): (AuthorityName, String),
    reason: &'static str,
) -> Refusal {
    let problem = FieldProblem { field: name.to_string(), says };
    Refusal::new(ErrorCode::Conflict, told, Reason::new(reason)).fields(vec![problem])
}
