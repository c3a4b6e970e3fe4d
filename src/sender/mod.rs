//! Sender constraints: what ties a token to a key. To add one: its file, its `mod` line, its place in
//! [`CONSTRAINTS`].

pub mod dpop;
mod mtls;
pub mod renewed;

use crate::clients::authenticate::AuthenticatedClient;
use crate::clients::evidence::Evidence;
use crate::jose::algorithm::Algorithm;
use crate::ledger::{Entry, Proof};
use crate::model::binding::Binding;
use crate::moment::Timestamp;
use crate::protocol::error::{ErrorCode, Refusal};

use dpop::ProofRules;

/// Every constraint of this server.
pub static CONSTRAINTS: &[&dyn SenderConstraint] = &[&dpop::KeyProof, &mtls::Certificate];

/// What a constraint is given to look at.
pub struct SenderCx<'a> {
    /// What proofs are held to.
    pub rules: &'a ProofRules,
    /// What the request shows.
    pub evidence: &'a Evidence,
    /// The time.
    pub now: Timestamp,
}

/// A key that a request has shown to hold.
pub struct Offer {
    /// What a token can be bound to.
    pub binding: Binding,
    /// What showing it has used up.
    pub used: Option<Proof>,
    /// The algorithm by which it was shown, where there is a choice.
    pub algorithm: Option<Algorithm>,
}

/// How much a client that shows a key wants its tokens bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Not at all: it shows the key for something else.
    None,
    /// Unless it wants another.
    Implied,
    /// It said so.
    Explicit,
}

/// One way to tie a token to a key.
pub trait SenderConstraint: Sync {
    /// The members of discovery that this constraint brings (RFC 8414, 2).
    fn metadata(&self) -> Vec<(&'static str, serde_json::Value)>;

    /// `None` when no key was shown in this way; a refusal when one was and it is false.
    fn examine(&self, cx: &SenderCx<'_>) -> Result<Option<Offer>, Refusal>;

    /// How much a client wants its tokens bound to what it has shown.
    fn wish(&self, client: &AuthenticatedClient, offer: &Offer) -> Result<Wish, Refusal>;
}

/// What a request has shown of keys, before it is known who sends it.
pub struct Shown(Vec<(&'static dyn SenderConstraint, Result<Offer, Refusal>)>);

/// Asks every constraint what a request shows. A proof without the right nonce is refused at once, so that nothing
/// else of the request is used up; whatever else is false is refused when it is known whose it is.
pub fn examine(rules: &ProofRules, evidence: &Evidence, now: Timestamp) -> Result<Shown, Refusal> {
    let cx = SenderCx { rules, evidence, now };
    let mut shown = Vec::new();
    for constraint in CONSTRAINTS {
        match constraint.examine(&cx) {
            Ok(None) => {}
            Ok(Some(offer)) => shown.push((*constraint, Ok(offer))),
            Err(refusal) if refusal.code() == ErrorCode::UseDpopNonce => return Err(refusal),
            Err(refusal) => shown.push((*constraint, Err(refusal))),
        }
    }
    Ok(Shown(shown))
}

impl Shown {
    /// What the tokens of a client are bound to. No token is tied to two keys: where a request shows two, what the
    /// client said decides, and it must not have said both.
    pub fn bind(self, entry: &mut Entry, client: &AuthenticatedClient) -> Result<Option<Binding>, Refusal> {
        let (mut implied, mut explicit) = (None, None);
        for (constraint, offer) in self.0 {
            let offer = offer?;
            let place = match constraint.wish(client, &offer)? {
                Wish::None => continue,
                Wish::Implied => &mut implied,
                Wish::Explicit => &mut explicit,
            };
            if let Some(used) = offer.used {
                entry.use_up(used);
            }
            if place.replace(offer.binding).is_some() {
                let told = "the request offers two proofs of possession";
                return Err(Refusal::invalid_request(told, "two_bindings"));
            }
        }
        Ok(explicit.or(implied))
    }
}
