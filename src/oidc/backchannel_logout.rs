//! Telling clients that a session has ended (OpenID Connect Back-Channel Logout 1.0). A notice stands in the
//! database from the moment its session ends until it is delivered or given up; any process may send it.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use time::Duration;

use crate::config::outbound::Outbound as Rules;
use crate::keys::keyring::KeyRing;
use crate::keys::subjects::Subjects;
use crate::ledger::{self, Done, Ledger, Work};
use crate::model::audit_event::{AuditEvent, Origin};
use crate::model::backchannel_logout::{Answer, LEASE, LogoutNotice, Outcome};
use crate::model::client::Client;
use crate::model::session::sid;
use crate::moment::seconds;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::platform::outbound::{Outbound, OutboundError, OutboundUrl};
use crate::protocol::error::{Doing, Failure, Fault};
use crate::store::{self, Db};

/// The `typ` of a logout token; no other token has it, so that none is taken for one (Back-Channel Logout, 2.4).
pub const TYPE: &str = "logout+jwt";
/// The event that a logout token tells of (Back-Channel Logout, 2.4).
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How long a logout token is good for: two minutes at most (Back-Channel Logout, 4).
const LIFE: Duration = Duration::minutes(2);
/// How many notices are sent at a time by one run.
const MOST: i64 = 32;
/// What is told when a client could not be told.
const NOT_TOLD: (&str, &str) = (
    "backchannel_logout_failed",
    "a client was not told that a session has ended: people may still be signed in there",
);

/// Sends notices. Cloning is cheap.
#[derive(Clone)]
pub struct LogoutNotifier {
    /// The door to reading.
    pub db: Db,
    /// The door through which state changes.
    pub ledger: Ledger,
    /// The database's time.
    pub clock: Clock,
    /// Chance.
    pub entropy: Entropy,
    /// The signing keys.
    pub keys: KeyRing,
    /// By which names clients know people.
    pub subjects: Arc<Subjects>,
    /// The door out.
    pub outbound: Outbound,
    /// What may be reached.
    pub rules: Arc<Rules>,
    /// The name of this server.
    pub issuer: Arc<str>,
    /// The name of this process in audit records.
    pub process: Arc<str>,
}

impl LogoutNotifier {
    /// Takes the notices that are to be sent now, a bounded number of them; no other process sends them meanwhile.
    pub async fn claim(&self) -> Result<Vec<LogoutNotice>, Failure> {
        let now = self.clock.now();
        if !store::backchannel_logout::is_due(&self.db, now).await? {
            return Ok(Vec::new());
        }
        let event = self.event("logout.notify")?;
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, Vec<LogoutNotice>> {
                Box::pin(async move {
                    let taken = store::backchannel_logout::claim(tx, (now, now + LEASE), MOST).await?;
                    Ok(if taken.is_empty() { Done::Unchanged(taken) } else { Done::Unrecorded(taken) })
                })
            })
            .await
    }

    /// Sends notices that were taken, all at once, and keeps what came of each. Then their clients have places again:
    /// whoever sends the next is called.
    pub async fn send_all(&self, notices: Vec<LogoutNotice>) {
        let each = notices.into_iter().map(async |notice| {
            if let Err(failure) = self.send(&notice).await {
                // The lease ends, and the notice is sent again.
                tracing::warn!(client = %notice.client, ?failure, "what came of a logout notice could not be kept");
            }
        });
        join_all(each).await;
        self.ledger.ring();
    }

    async fn send(&self, notice: &LogoutNotice) -> Result<(), Failure> {
        let client = store::client::find(&self.db, &notice.client).await?;
        let answer = match self.ask(notice, client.as_ref()).await {
            Ok(answer) => answer,
            Err(fault) => {
                tracing::error!(%fault, client = %notice.client, "a logout token could not be written");
                Answer::Unreachable("no logout token could be written")
            }
        };
        self.keep(notice, client, answer).await
    }

    /// Makes one attempt. Only the address that is registered now is asked, by the rules of this server.
    async fn ask(&self, notice: &LogoutNotice, client: Option<&Client>) -> Result<Answer, Fault> {
        let Some(client) = client.filter(|client| client.is_active()) else {
            return Ok(Answer::Gone("the client is gone or stopped"));
        };
        let Some(uri) = &client.metadata.backchannel_logout_uri else {
            return Ok(Answer::Gone("the client does not want to be told any more"));
        };
        let Ok(uri) = OutboundUrl::parse(uri, &self.rules) else {
            return Ok(Answer::Barred("the address may not be asked"));
        };
        let token = self.logout_token(notice, client).await?;
        Ok(match self.outbound.post_form(&uri, &[("logout_token", &token)]).await {
            Ok(status) => Answer::Status(status),
            Err(error) => answer(error),
        })
    }

    /// A logout token, new for each attempt (Back-Channel Logout, 2.4).
    async fn logout_token(&self, notice: &LogoutNotice, client: &Client) -> Result<String, Fault> {
        let now = self.clock.now();
        let id = self.entropy.id(now).doing("naming a logout token")?;
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", json!(&*self.issuer));
        set("aud", json!(client.id.as_str()));
        set("iat", json!(seconds(now)));
        set("exp", json!(seconds(now + LIFE)));
        set("jti", json!(id.to_string()));
        set("events", json!({ EVENT: {} }));
        set("sub", json!(self.subjects.of_person(client, &notice.subject)));
        set("sid", json!(sid(notice.session, &client.id)));
        self.keys.sign(client.metadata.id_token_signed_response_alg, TYPE, &claims, now).await
    }

    /// Keeps what came of an attempt; what is final is recorded, and what failed in the end is an alert.
    pub async fn keep(
        &self,
        notice: &LogoutNotice,
        client: Option<Client>,
        answer: Answer,
    ) -> Result<(), Failure> {
        let mut event = self.event("logout.notify")?;
        let now = event.at;
        let outcome = notice.judge(answer, now);
        match &client {
            Some(client) => event.name_client(client),
            None => event.client = Some(notice.client.to_string()),
        }
        event.person = Some(notice.subject.to_string());
        tell(notice, answer, outcome);
        let (notice, said) = (notice.clone(), answer.to_string());
        self.ledger
            .transact(event, move |tx, event| -> Work<'_, ()> {
                Box::pin(async move {
                    let at = format!("{said}, at attempt {}", notice.attempt);
                    let is_news = match outcome {
                        Outcome::Untried => {
                            let is_news = store::backchannel_logout::mark_untried(tx, &notice, now).await?;
                            return Ok(if is_news { Done::Unrecorded(()) } else { Done::Unchanged(()) });
                        }
                        Outcome::Again(next_at) => {
                            let is_news =
                                store::backchannel_logout::mark_again(tx, &notice, &said, next_at).await?;
                            return Ok(if is_news { Done::Unrecorded(()) } else { Done::Unchanged(()) });
                        }
                        Outcome::Delivered => {
                            event.detail = Some(at);
                            store::backchannel_logout::mark_delivered(tx, &notice, &said, now).await?
                        }
                        Outcome::Refused | Outcome::GivenUp => {
                            "logout.notify_failed".clone_into(&mut event.action);
                            event.detail = Some(at);
                            store::backchannel_logout::mark_failed(tx, &notice, &said, now).await?
                        }
                    };
                    if is_news && outcome == Outcome::GivenUp {
                        ledger::raise(tx, event, NOT_TOLD).await?;
                    }
                    Ok(if is_news { Done::Changed(()) } else { Done::Unchanged(()) })
                })
            })
            .await
    }

    fn event(&self, action: &str) -> Result<AuditEvent, Fault> {
        let now = self.clock.now();
        let id = self.entropy.id(now).doing("naming an entry")?;
        let request = self.entropy.id(now).doing("naming an attempt")?;
        let origin = Origin { peer: None, certificate: None, request, process: self.process.clone() };
        Ok(AuditEvent::begin(id, now, action, origin))
    }
}

fn answer(error: OutboundError) -> Answer {
    match error {
        OutboundError::NotPublic => Answer::Barred("the host is not public"),
        OutboundError::Redirect => Answer::Barred("the answer is a redirect"),
        OutboundError::TooSlow => Answer::Unreachable("the answer took too long"),
        OutboundError::Busy => Answer::Unasked("too much is being sent to its host"),
        OutboundError::Status(status) => Answer::Status(status),
        OutboundError::Unreachable
        | OutboundError::TooLarge
        | OutboundError::NotJson
        | OutboundError::Token => Answer::Unreachable("the host cannot be reached"),
    }
}

/// Tells the log and the measurements what came of an attempt.
fn tell(notice: &LogoutNotice, answer: Answer, outcome: Outcome) {
    let (word, is_good) = match outcome {
        Outcome::Delivered => ("delivered", true),
        Outcome::Again(_) => ("again", false),
        Outcome::Untried => ("untried", false),
        Outcome::Refused => ("refused", false),
        Outcome::GivenUp => ("given_up", false),
    };
    metrics::counter!("hilum_backchannel_logout_total", "outcome" => word).increment(1);
    let (client, attempt) = (&notice.client, notice.attempt);
    if is_good {
        tracing::info!(%client, attempt, "a client was told that a session has ended");
    } else {
        tracing::warn!(%client, attempt, %answer, outcome = word, "a client was not told that a session has ended");
    }
}
