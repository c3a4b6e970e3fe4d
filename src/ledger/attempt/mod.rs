//! The changes that a request can ask for, one file of `store` behind each.

mod browser;
mod device;
mod sign_in;
mod tokens;

use time::Duration;
use uuid::Uuid;

use crate::model::attempts::{self, Attempts};
use crate::model::code::Code;
use crate::model::consent::Consent;
use crate::model::device_code::NewDeviceCode;
use crate::model::ended_authorization::EndedAuthorization;
use crate::model::interaction::{Choice, Interaction};
use crate::model::launch::Launch;
use crate::model::pushed_request::PushedRequest;
use crate::moment::Timestamp;
use crate::protocol::error::{Fault, Refusal};
use crate::protocol::ids::ClientId;
use crate::store::{self, Tx};

pub use device::{Answering, RedeemingDevice};
pub use sign_in::SigningIn;
pub use tokens::{Beginning, Redeeming, Rotating};

/// The one change a request asks for.
#[derive(Debug)]
pub enum Attempt {
    /// Keep what an EHR hands over to an app.
    CreateLaunch(Box<Launch>),
    /// Note what a payer has decided.
    EndAuthorization(Box<EndedAuthorization>),
    /// Keep an authorization request that a client has pushed.
    Push(Box<PushedRequest>),
    /// Store an authorization request that begins its way; a session it begins in was used, and a launch that it
    /// shows.
    BeginInteraction(Box<Interaction>),
    /// Count an attempt to sign in before the password is looked at.
    ReserveSignIn(Vec<Attempts>),
    /// Begin a session, for an interaction.
    SignIn(Box<SigningIn>),
    /// Note what the person of an interaction chose to work on.
    Choose {
        /// The interaction and the session.
        at: (Uuid, Uuid),
        /// The choice.
        choice: Box<Choice>,
    },
    /// Note what the person of an interaction decided: to agree, to this extent, or to refuse.
    Decide {
        /// The interaction and the session.
        at: (Uuid, Uuid),
        /// What was agreed to.
        consent: Option<Box<Consent>>,
        /// What had been chosen when it was.
        choice: Option<Box<Choice>>,
    },
    /// Issue a code and end its interaction.
    IssueCode {
        /// The interaction.
        interaction: Uuid,
        /// The pushed request that it came from.
        pushed: Option<Uuid>,
        /// The code.
        code: Box<Code>,
        /// The decision it rests on, when that is the policy's.
        consent: Option<Box<Consent>>,
    },
    /// Keep the code that a device asks with.
    BeginDevice(Box<NewDeviceCode>),
    /// Count an attempt to enter the code of a device before it is looked up.
    ReserveUserCode(Vec<Attempts>),
    /// Begin what the code of a device leads to.
    EnterUserCode {
        /// The interaction.
        interaction: Box<Interaction>,
        /// The counts in which the attempt was reserved.
        counts: Vec<Attempts>,
    },
    /// Answer a device, and end its interaction.
    AnswerDevice(Answering),
    /// Redeem a device code.
    RedeemDeviceCode(Box<RedeemingDevice>),
    /// Take back all that a person has let a client do, from this session.
    Withdraw {
        /// The person.
        subject: Uuid,
        /// The client.
        client: ClientId,
        /// The session.
        session: Uuid,
    },
    /// End a session, or every session of its person.
    EndSession {
        /// The session.
        session: Uuid,
        /// The person, when all of theirs end.
        everywhere: Option<Uuid>,
    },
    /// Redeem a code.
    RedeemCode(Box<Redeeming>),
    /// Begin a family on the word of another issuer.
    BeginFamily(Box<Beginning>),
    /// Take the next refresh token of a family.
    RotateFamily(Box<Rotating>),
    /// Revoke a family by one of its refresh tokens.
    RevokeFamily {
        /// The family.
        id: Uuid,
    },
    /// Revoke an access token.
    RevokeToken {
        /// Its `jti`.
        id: Uuid,
        /// When it would have expired.
        expires_at: Timestamp,
    },
    /// Note that a resource server has introspected a token; only the first time is recorded.
    NoteIntrospection {
        /// Its `jti`.
        id: Uuid,
        /// The grant that it descends from, when it speaks for a person.
        grant: Option<Uuid>,
        /// The resource server.
        audience: String,
        /// When the token expires.
        expires_at: Timestamp,
    },
    /// Keep what was used up, and record nothing: the answer told nothing about any token.
    RecordNothing,
}

/// What came of an attempt.
#[derive(Debug)]
pub(super) enum Written {
    /// It was made, and gets a record of its own.
    Recorded,
    /// It was made; a record of it exists, or will with what follows.
    Unrecorded,
    /// It was made, and it is the last one that an account takes from places it does not know.
    AccountHeld,
    /// What it was decided under is so no more; decided again it is refused. Nothing of it was written.
    Refused(Refusal),
}

impl Attempt {
    /// Whether it may end a session of which clients are told.
    pub(super) const fn ends_a_session(&self) -> bool {
        matches!(self, Self::EndSession { .. } | Self::SignIn(_))
    }

    pub(super) async fn write(&self, tx: &mut Tx, now: Timestamp) -> Result<Written, Fault> {
        match self {
            Self::CreateLaunch(launch) => {
                store::launch::insert(tx, launch).await?;
                Ok(Written::Recorded)
            }
            Self::EndAuthorization(ended) => {
                // Reported again, it is no news.
                let is_news = store::ended_authorization::insert_all(tx, ended).await?;
                Ok(if is_news { Written::Recorded } else { Written::Unrecorded })
            }
            Self::Push(pushed) => {
                // What comes of it is recorded: anybody can push in the name of a public client.
                store::pushed_request::insert(tx, pushed).await?;
                Ok(Written::Unrecorded)
            }
            Self::BeginInteraction(interaction) => browser::begin(tx, interaction, now).await,
            Self::ReserveSignIn(counts) => {
                sign_in::reserve(tx, counts.clone(), attempts::too_soon, now).await
            }
            Self::SignIn(signing_in) => signing_in.write(tx, now).await,
            Self::Choose { at, choice } => browser::choose(tx, *at, choice, now).await,
            Self::Decide { at, consent, choice } => {
                browser::decide(tx, *at, (consent.as_deref(), choice.as_deref()), now).await
            }
            Self::IssueCode { interaction, pushed, code, consent } => {
                browser::issue(tx, (*interaction, *pushed), (code, consent.as_deref()), now).await
            }
            Self::BeginDevice(code) => device::begin(tx, code).await,
            Self::ReserveUserCode(counts) => {
                sign_in::reserve(tx, counts.clone(), attempts::too_many_codes, now).await
            }
            Self::EnterUserCode { interaction, counts } => device::enter(tx, interaction, counts, now).await,
            Self::AnswerDevice(answering) => answering.write(tx, now).await,
            Self::RedeemDeviceCode(redeeming) => redeeming.write(tx, now).await,
            Self::Withdraw { subject, client, session } => {
                browser::withdraw(tx, (*subject, client), *session, now).await
            }
            Self::EndSession { session, everywhere } => sign_in::end(tx, (*session, *everywhere), now).await,
            Self::RedeemCode(redeeming) => redeeming.write(tx, now).await,
            Self::BeginFamily(beginning) => beginning.write(tx).await,
            Self::RotateFamily(rotating) => rotating.write(tx, now).await,
            Self::RevokeFamily { id } => {
                store::family::mark_revoked(tx, *id, now).await?;
                Ok(Written::Recorded)
            }
            Self::RevokeToken { id, expires_at } => {
                // Kept a little longer than the token, so that no process whose time differs revives it.
                let until = *expires_at + Duration::minutes(5);
                store::access_token::revoke(tx, *id, until, now).await?;
                Ok(Written::Recorded)
            }
            Self::NoteIntrospection { id, grant, audience, expires_at } => {
                let of = (*id, *grant);
                let first =
                    store::access_token::insert_introspected(tx, of, audience, *expires_at, now).await?;
                Ok(if first { Written::Recorded } else { Written::Unrecorded })
            }
            Self::RecordNothing => Ok(Written::Unrecorded),
        }
    }
}
