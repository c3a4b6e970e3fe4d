//! What a request brings to the ledger.

use uuid::Uuid;

use crate::model::access_token::AccessToken;
use crate::model::audit_event::{AuditEvent, Origin};
use crate::model::certificate::KnownCertificate;
use crate::model::client::Client;
use crate::moment::Timestamp;
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::error::Refusal;

use super::{Attempt, Condition};

/// What a request has shown and so used up. It is added only once it is fully verified, and stays
/// used whatever follows.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Within what the key is unique, such as the client.
    pub owner: String,
    /// The digest of what was shown.
    pub key: [u8; 32],
    /// Until when it must not be shown again.
    pub expires_at: Timestamp,
    /// What the peer is told when it was shown before.
    pub refusal: Refusal,
    /// Whether only somebody who is registered can have shown it. Refusals of those who show nothing else are counted
    /// where there are too many, and then nothing of them is kept.
    pub is_credential: bool,
}

/// Proofs, attempt and audit event of one request.
pub struct Entry {
    now: Timestamp,
    event: AuditEvent,
    proven: bool,
    pub(super) proofs: Vec<Proof>,
    pub(super) attempt: Option<Attempt>,
    pub(super) opaque_token: Option<([u8; 32], Box<AccessToken>)>,
    pub(super) certificate: Option<Box<KnownCertificate>>,
    pub(super) condition: Option<Condition>,
}

impl Entry {
    /// An entry that has begun; the one now of its request.
    #[must_use]
    pub fn begin(id: Uuid, now: Timestamp, action: &str, origin: Origin) -> Self {
        Self::of(AuditEvent::begin(id, now, action, origin))
    }

    /// An entry that records what was counted.
    pub(super) const fn counted(event: AuditEvent) -> Self {
        Self::of(event)
    }

    const fn of(event: AuditEvent) -> Self {
        Self {
            now: event.at,
            event,
            proven: false,
            proofs: Vec::new(),
            attempt: None,
            opaque_token: None,
            certificate: None,
            condition: None,
        }
    }

    /// The one now of the request.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The audit event as far as it is known.
    #[must_use]
    pub const fn event(&self) -> &AuditEvent {
        &self.event
    }

    /// The audit event, for the step that learns more.
    pub const fn event_mut(&mut self) -> &mut AuditEvent {
        &mut self.event
    }

    /// Notes who asks, once it is proved: refusals from here on are always recorded one by one.
    pub fn prove_client(&mut self, client: &Client) {
        self.proven = true;
        self.event.name_client(client);
    }

    /// Whether somebody has proved who asks, or has used something up that must be kept.
    #[must_use]
    pub fn has_shown_something(&self) -> bool {
        self.proven || self.proofs.iter().any(|proof| proof.is_credential)
    }

    /// Adds what the request has used up.
    pub fn use_up(&mut self, proof: Proof) {
        self.proofs.push(proof);
    }

    /// Sets the one change that the request asks for.
    pub fn attempt(&mut self, attempt: Attempt) {
        self.attempt = Some(attempt);
    }

    /// Keeps what an opaque token stands for, under its digest, with whatever else is written.
    pub fn keep_token(&mut self, digest: [u8; 32], token: AccessToken) {
        self.opaque_token = Some((digest, Box::new(token)));
    }

    /// Notes a certificate that a token rests on, with whatever else is written.
    pub fn note_certificate(&mut self, known: KnownCertificate) {
        self.certificate = Some(Box::new(known));
    }

    /// The certificate that is to be noted.
    #[must_use]
    pub fn noted_certificate(&self) -> Option<Thumbprint> {
        self.certificate.as_ref().map(|known| known.thumbprint)
    }

    /// Sets what the decision rests on.
    pub fn decided_under(&mut self, condition: Condition) {
        self.condition = Some(condition);
    }

    /// Whether there is nothing to write for an answer that was given.
    pub(super) const fn keeps_nothing(&self) -> bool {
        self.proofs.is_empty() && matches!(self.attempt, Some(Attempt::RecordNothing))
    }

    /// Whether what it asks for may end a session.
    pub(super) fn ends_a_session(&self) -> bool {
        self.attempt.as_ref().is_some_and(Attempt::ends_a_session)
    }

    pub(super) fn into_event(self) -> AuditEvent {
        self.event
    }
}
