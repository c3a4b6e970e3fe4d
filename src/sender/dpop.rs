//! Tokens bound to the key of a DPoP proof (RFC 9449).

use serde_json::{Value, json};
use time::Duration;

use crate::clients::authenticate::AuthenticatedClient;
use crate::clients::evidence::Evidence;
use crate::config::tokens::NonceDemand;
use crate::jose::algorithm::Algorithm;
use crate::jose::thumbprint::sha256;
use crate::keys::nonces::Nonces;
use crate::ledger::Proof as Used;
use crate::model::binding::Binding;
use crate::moment::{Timestamp, seconds};
use crate::protocol::client_metadata::Profile;
use crate::protocol::dpop::{Demand, Header, MOST_AGE, Proof};
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::secret::Secret;

use super::{Offer, SenderConstraint, SenderCx, Wish};

/// What proofs are held to beside their own words.
pub struct ProofRules {
    nonces: Nonces,
    demand: NonceDemand,
}

/// What is left of a proof that was examined: the key, and what must not be shown again.
pub struct Examined {
    /// What a token can be bound to.
    pub binding: Binding,
    /// What it uses up once it is believed.
    pub used: Used,
    /// The algorithm of its signature.
    pub algorithm: Algorithm,
}

impl ProofRules {
    /// Rules with a key of 32 bytes for the nonces.
    #[must_use]
    pub fn new(key: &[u8; 32], demand: NonceDemand) -> Self {
        Self { nonces: Nonces::new(key), demand }
    }

    /// The nonce for the next proof.
    #[must_use]
    pub fn nonce(&self, now: Timestamp) -> String {
        self.nonces.newest(now)
    }

    /// Examines the proof of a request, if it shows one; with an access token, it must be for that.
    pub fn examine(
        &self,
        evidence: &Evidence,
        now: Timestamp,
        access_token: Option<&Secret>,
    ) -> Result<Option<Examined>, Refusal> {
        let text = match &evidence.dpop {
            Header::None => return Ok(None),
            Header::Several => return Err(invalid("there is more than one DPoP proof", "dpop_several")),
            Header::One(text) => text,
        };
        let demand = Demand { target: &evidence.target, now: seconds(now), access_token };
        let proof = Proof::parse(text.expose(), &demand)
            .map_err(|error| invalid(error.told(), error.reason()).detail(error.to_string()))?;
        self.check_nonce(proof.nonce.as_deref(), now)?;
        Ok(Some(Examined {
            binding: Binding::to_key(&proof.key),
            algorithm: proof.algorithm,
            used: used(&proof),
        }))
    }

    fn check_nonce(&self, nonce: Option<&str>, now: Timestamp) -> Result<(), Refusal> {
        let told = "the DPoP proof needs the nonce of the DPoP-Nonce header";
        let refused = |reason| Err(Refusal::new(ErrorCode::UseDpopNonce, told, Reason::new(reason)));
        match (nonce, self.demand) {
            (None, NonceDemand::Required) => refused("dpop_nonce_missing"),
            (Some(nonce), _) if !self.nonces.is_current(nonce, now) => refused("dpop_nonce_old"),
            (None, NonceDemand::Optional) | (Some(_), _) => Ok(()),
        }
    }
}

/// What a proof uses up: its `jti`, for its key and address, as long as it could be shown again (RFC 9449, 11.1).
fn used(proof: &Proof) -> Used {
    let issued_at = Timestamp::from_unix_timestamp(proof.issued_at).unwrap_or(Timestamp::UNIX_EPOCH);
    Used {
        owner: format!("dpop {}", proof.key),
        key: sha256(format!("{} {}", proof.url, proof.id).as_bytes()),
        expires_at: issued_at + Duration::seconds(MOST_AGE + 1),
        refusal: invalid("the DPoP proof was shown before", "dpop_replayed"),
        is_credential: false,
    }
}

/// The refusal of a proof.
pub(crate) const fn invalid(told: &'static str, reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidDpopProof, told, Reason::new(reason))
}

/// The key to which the code of an authorization request is bound: that of its `dpop_jkt`, or of the proof that came
/// with a pushed one, which must not differ (RFC 9449, 10.1).
pub fn code_key(asked: Option<&str>, shown: Option<&Binding>) -> Result<Option<String>, Refusal> {
    let shown = shown.and_then(Binding::key);
    match (asked, shown) {
        (Some(asked), Some(shown)) if asked != shown => {
            let told = "dpop_jkt is not the key of the DPoP proof";
            Err(Refusal::invalid_request(told, "dpop_jkt_differs"))
        }
        (asked, shown) => Ok(asked.or(shown).map(str::to_owned)),
    }
}

pub(super) struct KeyProof;

impl SenderConstraint for KeyProof {
    fn metadata(&self) -> Vec<(&'static str, Value)> {
        vec![("dpop_signing_alg_values_supported", json!(algorithms()))]
    }

    fn examine(&self, cx: &SenderCx<'_>) -> Result<Option<Offer>, Refusal> {
        let examined = cx.rules.examine(cx.evidence, cx.now, None)?;
        Ok(examined.map(|Examined { binding, used, algorithm }| Offer {
            binding,
            used: Some(used),
            algorithm: Some(algorithm),
        }))
    }

    /// Nobody shows a proof but for this.
    fn wish(&self, client: &AuthenticatedClient, offer: &Offer) -> Result<Wish, Refusal> {
        let is_strong = offer.algorithm.is_none_or(Algorithm::is_of_fapi);
        match client.record().metadata.profile {
            Profile::Fapi2 if !is_strong => {
                Err(invalid("the DPoP proof must be signed with PS256, ES256 or EdDSA", "dpop_alg"))
            }
            Profile::Smart | Profile::Udap | Profile::Fapi2 => Ok(Wish::Explicit),
        }
    }
}

/// The algorithms of proofs.
#[must_use]
pub fn algorithms() -> Vec<&'static str> {
    Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect()
}
