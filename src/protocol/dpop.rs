//! DPoP proofs (RFC 9449, 4): a note, signed for one request, by which its sender shows that they hold a key.

use thiserror::Error;

use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::claims::Claims;
use crate::jose::jws::{self, JwsError};
use crate::jose::thumbprint::sha256_base64url;
use crate::protocol::secret::Secret;

pub use target::{Target, normal};

mod target;

/// The `typ` of a proof (RFC 9449, 4.2).
const TYPE: &str = "dpop+jwt";
/// How old a proof may be, in seconds.
pub const MOST_AGE: i64 = 60;
/// How far a proof's clock may be ahead, in seconds.
pub const MOST_AHEAD: i64 = 60;
/// The longest `jti`, in bytes.
const LONGEST_ID: usize = 256;
/// The longest `nonce`, in bytes: longer than any of this server.
const LONGEST_NONCE: usize = 256;

/// The `DPoP` headers of a request.
#[derive(Debug, Default)]
pub enum Header {
    /// There is none.
    #[default]
    None,
    /// There is one; nothing in it is believed.
    One(Secret),
    /// There are several, of which none counts (RFC 9449, 4.3).
    Several,
}

/// What a proof is held to.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// The request that it must be for.
    pub target: &'a Target,
    /// The time, in seconds since 1970.
    pub now: i64,
    /// The access token that is shown with it.
    pub access_token: Option<&'a Secret>,
}

/// A proof whose signature is that of its own key and whose words fit the request. Whether its nonce is one of this
/// server, and whether it was shown before, is not judged yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of the key (RFC 7638).
    pub key: String,
    /// The algorithm of the signature.
    pub algorithm: Algorithm,
    /// `jti`.
    pub id: String,
    /// `htu` in its normal form.
    pub url: String,
    /// `iat`, in seconds since 1970.
    pub issued_at: i64,
    /// `nonce`.
    pub nonce: Option<String>,
}

/// What is wrong with a proof; for the log and the audit record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// It is no token that is signed with the public key in its own header.
    #[error("{0}")]
    Token(JwsError),
    /// It is a token of another kind.
    #[error("typ is not dpop+jwt")]
    Type,
    /// There is no `jti`, or none that can be kept.
    #[error("jti is missing, empty or too long")]
    Id,
    /// It is for another method.
    #[error("htm is missing or another method")]
    Method,
    /// It is for another address.
    #[error("htu is missing or another address")]
    Url,
    /// It does not say when it was made, or a time is no time.
    #[error("iat is missing, or iat, nbf or exp is no time")]
    Times,
    /// It is too old.
    #[error("iat is too long ago, or exp is over")]
    Old,
    /// It is from the future.
    #[error("iat or nbf is too far ahead")]
    Early,
    /// Its nonce is no text, or too long.
    #[error("nonce is no text, or too long")]
    Nonce,
    /// It is for another access token.
    #[error("ath is missing or of another access token")]
    AccessToken,
}

impl ProofError {
    /// The words for the peer.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::Token(_) => "the DPoP proof is not a token signed with the public key in its jwk",
            Self::Type => "the typ of the DPoP proof is not dpop+jwt",
            Self::Id => "the jti of the DPoP proof is missing, empty or too long",
            Self::Method => "the htm of the DPoP proof is not the method of this request",
            Self::Url => "the htu of the DPoP proof is not the address of this request",
            Self::Times => "the iat, nbf or exp of the DPoP proof is no time",
            Self::Old => "the DPoP proof is too old",
            Self::Early => "the DPoP proof is from the future",
            Self::Nonce => "the nonce of the DPoP proof is no text, or too long",
            Self::AccessToken => "the ath of the DPoP proof is not that of the access token",
        }
    }

    /// The code for the audit record.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Token(JwsError::Signature) => "dpop_signature",
            Self::Token(JwsError::OwnKey(_)) => "dpop_jwk",
            Self::Token(JwsError::Algorithm | JwsError::OtherAlgorithm) => "dpop_alg",
            Self::Token(
                JwsError::TooLong
                | JwsError::Parts
                | JwsError::Encoding(_)
                | JwsError::Object(..)
                | JwsError::Extension(_)
                | JwsError::Member(_),
            ) => "dpop_malformed",
            Self::Type => "dpop_typ",
            Self::Id => "dpop_jti",
            Self::Method => "dpop_htm",
            Self::Url => "dpop_htu",
            Self::Times => "dpop_times",
            Self::Old => "dpop_old",
            Self::Early => "dpop_from_the_future",
            Self::Nonce => "dpop_nonce_malformed",
            Self::AccessToken => "dpop_ath",
        }
    }
}

impl Proof {
    /// Reads a proof and holds it to a request (RFC 9449, 4.3).
    pub fn parse(text: &str, demand: &Demand<'_>) -> Result<Self, ProofError> {
        let (header, key, claims) = jws::prove_possession(text).map_err(ProofError::Token)?;
        if !header.is_type(TYPE) {
            return Err(ProofError::Type);
        }
        let bounded = |name, most, wrong| match claims.text(name) {
            Ok(text) if text.is_none_or(|text| (1..=most).contains(&text.len())) => Ok(text),
            Ok(_) | Err(_) => Err(wrong),
        };
        let id = bounded("jti", LONGEST_ID, ProofError::Id)?.ok_or(ProofError::Id)?;
        // Methods are case-sensitive (RFC 9110, 9.1).
        if claims.text("htm").ok().flatten() != Some(demand.target.method.as_str()) {
            return Err(ProofError::Method);
        }
        let url = claims.text("htu").ok().flatten().and_then(normal).ok_or(ProofError::Url)?;
        if !demand.target.is_at(&url) {
            return Err(ProofError::Url);
        }
        let issued_at = times(&claims, demand.now)?;
        let nonce = bounded("nonce", LONGEST_NONCE, ProofError::Nonce)?.map(str::to_owned);
        if let Some(token) = demand.access_token {
            let hash = sha256_base64url(token.expose().as_bytes());
            if claims.text("ath").ok().flatten() != Some(hash.as_str()) {
                return Err(ProofError::AccessToken);
            }
        }
        let id = id.to_owned();
        Ok(Self { key: key.thumbprint(), algorithm: header.alg, id, url, issued_at, nonce })
    }
}

/// `iat` about now, `nbf` not ahead and `exp` not over where they stand. The answer is `iat`.
fn times(claims: &Claims, now: i64) -> Result<i64, ProofError> {
    let time = |name| claims.time(name).map_err(|_| ProofError::Times);
    let (issued_at, not_before, expires_at) = (time("iat")?, time("nbf")?, time("exp")?);
    let issued_at = issued_at.ok_or(ProofError::Times)?;
    if issued_at < now - MOST_AGE || expires_at.is_some_and(|end| end <= now) {
        return Err(ProofError::Old);
    }
    if [Some(issued_at), not_before].into_iter().flatten().any(|at| at > now + MOST_AHEAD) {
        return Err(ProofError::Early);
    }
    Ok(issued_at)
}

/// Whether a text is the thumbprint of a key: SHA-256 in base64url (RFC 9449, 10).
#[must_use]
pub fn is_thumbprint(text: &str) -> bool {
    base64url::decode(text).is_some_and(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests;
