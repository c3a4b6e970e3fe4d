//! The changes that a request can ask for, one file of `store` behind each.

mod browser;
mod sign_in;
mod tokens;

use time::Duration;
use uuid::Uuid;

use crate::model::attempts::Attempts;
use crate::model::code::Code;
use crate::model::consent::Consent;
use crate::model::interaction::Interaction;
use crate::moment::Timestamp;
use crate::protocol::error::{Fault, Refusal};
use crate::store::{self, Tx};

pub use sign_in::SigningIn;
pub use tokens::{Redeeming, Rotating};

/// The one change a request asks for.
#[derive(Debug)]
pub enum Attempt {
    /// Store an authorization request that begins its way; a session it begins in was used.
    BeginInteraction(Box<Interaction>),
    /// Count an attempt to sign in before the password is looked at.
    ReserveSignIn(Vec<Attempts>),
    /// Begin a session, for an interaction.
    SignIn(Box<SigningIn>),
    /// Note what the person of an interaction decided: to agree, to this extent, or to refuse.
    Decide {
        /// The interaction and the session.
        at: (Uuid, Uuid),
        /// What was agreed to.
        consent: Option<Box<Consent>>,
    },
    /// Issue a code and end its interaction.
    IssueCode {
        /// The interaction.
        interaction: Uuid,
        /// The code.
        code: Box<Code>,
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
    pub(super) async fn write(&self, tx: &mut Tx, now: Timestamp) -> Result<Written, Fault> {
        match self {
            Self::BeginInteraction(interaction) => browser::begin(tx, interaction, now).await,
            Self::ReserveSignIn(counts) => sign_in::reserve(tx, counts.clone(), now).await,
            Self::SignIn(signing_in) => signing_in.write(tx, now).await,
            Self::Decide { at, consent } => browser::decide(tx, *at, consent.as_deref(), now).await,
            Self::IssueCode { interaction, code } => browser::issue(tx, *interaction, code, now).await,
            Self::EndSession { session, everywhere } => {
                match everywhere {
                    Some(subject) => store::session::mark_all_ended(tx, *subject, now).await?,
                    None => store::session::mark_ended(tx, *session, now).await?,
                };
                Ok(Written::Recorded)
            }
            Self::RedeemCode(redeeming) => redeeming.write(tx, now).await,
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
            Self::NoteIntrospection { id, audience, expires_at } => {
                let first = store::access_token::insert_introspected(tx, *id, audience, *expires_at).await?;
                Ok(if first { Written::Recorded } else { Written::Unrecorded })
            }
            Self::RecordNothing => Ok(Written::Unrecorded),
        }
    }
}
