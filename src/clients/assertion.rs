//! The client's assertion (RFC 7523, 2.2 and 3; SMART App Launch 2.2, asymmetric authentication).

use std::sync::LazyLock;

use serde_json::json;
use time::Duration;

use crate::jose::claims::{Audience, Claims};
use crate::jose::jwk::Jwk;
use crate::jose::jws::{Header, UnverifiedJws};
use crate::jose::thumbprint::sha256;
use crate::ledger::Proof;
use crate::model::client::Client;
use crate::moment::{Timestamp, seconds};
use crate::protocol::client_metadata::Profile;
use crate::protocol::error::Refusal;
use crate::protocol::ids::ClientId;
use crate::protocol::params::Params;

/// The one type of assertion (RFC 7523, 2.2).
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What an assertion must say.
#[derive(Debug)]
pub struct AssertionRules {
    /// The issuer of this server.
    pub issuer: String,
    /// The URLs of the token endpoint: its own and its mutual-TLS alias.
    pub token_endpoints: Vec<String>,
    /// How far ahead `exp` may be, in seconds.
    pub most_ahead: i64,
    /// How far the client's clock may differ, in seconds.
    pub skew: i64,
}

/// An assertion as it was sent; nothing in it is believed.
pub struct ClientAssertion<'a> {
    compact: &'a str,
    unverified: UnverifiedJws<'a>,
}

/// The assertion of a request, if it carries one.
pub fn shown(params: &Params) -> Result<Option<ClientAssertion<'_>>, Refusal> {
    let kind = params.optional("client_assertion_type");
    let Some(compact) = params.optional("client_assertion") else {
        return match kind {
            None => Ok(None),
            Some(_) => Err(Refusal::invalid_request("client_assertion is missing", "assertion_missing")),
        };
    };
    if kind != Some(TYPE) {
        return Err(Refusal::invalid_client("assertion_type"));
    }
    let unverified = UnverifiedJws::parse(compact)
        .map_err(|error| Refusal::invalid_client("assertion_malformed").detail(error.to_string()))?;
    Ok(Some(ClientAssertion { compact, unverified }))
}

/// The client that an assertion names, whoever wrote it.
#[must_use]
pub fn named(params: &Params) -> Option<String> {
    let shown = shown(params).ok().flatten()?;
    // A name that no client can have names nobody.
    ClientId::parse(shown.client_id().ok()?).map(|id| id.to_string())
}

impl ClientAssertion<'_> {
    /// The client that the assertion names: `iss` and `sub` are the same (RFC 7523, 3).
    pub fn client_id(&self) -> Result<&str, Refusal> {
        let claims = self.unverified.unverified_claims();
        let text = |name| claims.text(name).ok().flatten().filter(|text| !text.is_empty());
        match (text("iss"), text("sub")) {
            (Some(issuer), Some(subject)) if issuer == subject => Ok(subject),
            _ => Err(Refusal::invalid_client("assertion_iss_sub")),
        }
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        self.unverified.header()
    }

    /// Judges what needs no key: type, algorithm, `jku`, audience and times.
    pub fn examine(
        &self,
        client: &Client,
        rules: &AssertionRules,
        now: Timestamp,
    ) -> Result<Examined, Refusal> {
        let header = self.unverified.header();
        let typed =
            header.typ.is_none() || header.is_type("JWT") || header.is_type("client-authentication+jwt");
        if !typed {
            return Err(Refusal::invalid_client("assertion_typ"));
        }
        if client.metadata.token_endpoint_auth_signing_alg.is_some_and(|registered| registered != header.alg)
        {
            return Err(Refusal::invalid_client("assertion_alg_not_registered"));
        }
        if client.metadata.profile == Profile::Fapi2 && !header.alg.is_of_fapi() {
            return Err(Refusal::invalid_client("assertion_alg_not_of_fapi"));
        }
        let claims = self.unverified.unverified_claims();
        audience(claims, client.metadata.profile, rules)?;
        let expires_at = times(claims, (rules.most_ahead, rules.skew), seconds(now))?;
        Ok(Examined { key: jti(claims)?, expires_at, skew: rules.skew })
    }

    /// Verifies the signature.
    pub fn verify(&self, key: &Jwk) -> Result<(), Refusal> {
        let unverified = UnverifiedJws::parse(self.compact);
        let verified = unverified.and_then(|jws| jws.verify(key));
        verified
            .map(drop)
            .map_err(|error| Refusal::invalid_client("assertion_signature").detail(error.to_string()))
    }

    /// Spends the time of a verification on a key that is nobody's.
    pub fn verify_in_vain(&self) {
        let key = DECOYS.iter().find(|key| key.accepts(self.header().alg));
        if let (Some(key), Ok(jws)) = (key, UnverifiedJws::parse(self.compact)) {
            drop(std::hint::black_box(jws.verify(key)));
        }
    }
}

/// What is left of an assertion whose words are in order: what must not be shown again.
#[derive(Debug)]
pub struct Examined {
    key: [u8; 32],
    expires_at: i64,
    skew: i64,
}

impl Examined {
    /// The proof that a verified assertion uses up: its `jti` is unique for its client until it expires.
    pub fn proof(&self, client: &Client) -> Proof {
        let end = Timestamp::from_unix_timestamp(self.expires_at).unwrap_or(Timestamp::UNIX_EPOCH);
        Proof {
            owner: format!("assertion {}", client.id),
            key: self.key,
            expires_at: end + Duration::seconds(self.skew + 1),
            refusal: Refusal::invalid_client("assertion_replayed"),
            is_credential: true,
        }
    }
}

/// Exactly one audience: the token endpoint or the issuer; for FAPI 2.0 the issuer, as a text.
pub fn audience(claims: &Claims, profile: Profile, rules: &AssertionRules) -> Result<(), Refusal> {
    let refused = || Refusal::invalid_client("assertion_aud");
    let audience = claims.audience().ok().flatten().ok_or_else(refused)?;
    let known = |named: &str| named == rules.issuer || rules.token_endpoints.iter().any(|url| url == named);
    let good = match (profile, audience) {
        (Profile::Fapi2, Audience::One(one)) => one == rules.issuer,
        (Profile::Fapi2, Audience::Many(_)) => false,
        (Profile::Smart | Profile::Udap, Audience::One(one)) => known(one),
        (Profile::Smart | Profile::Udap, Audience::Many(many)) => match many.as_slice() {
            [one] => known(one),
            _ => false,
        },
    };
    if good { Ok(()) } else { Err(refused()) }
}

/// The digest of the `jti`, which must be there.
pub fn jti(claims: &Claims) -> Result<[u8; 32], Refusal> {
    let jti = claims.text("jti").ok().flatten().filter(|jti| (1..=256).contains(&jti.len()));
    jti.map(|jti| sha256(jti.as_bytes())).ok_or_else(|| Refusal::invalid_client("assertion_jti"))
}

/// `exp` ahead, but not far; `iat` and `nbf` not ahead. The answer is `exp`.
pub fn times(claims: &Claims, (most_ahead, skew): (i64, i64), now: i64) -> Result<i64, Refusal> {
    let refused = |reason| Refusal::invalid_client(reason);
    let expires_at = claims.time("exp").ok().flatten().ok_or_else(|| refused("assertion_exp"))?;
    if expires_at <= now - skew {
        return Err(refused("assertion_expired"));
    }
    if expires_at > now + most_ahead + skew {
        return Err(refused("assertion_exp_far_ahead"));
    }
    for name in ["iat", "nbf"] {
        let at = claims.time(name).map_err(|_| refused("assertion_times"))?;
        if at.is_some_and(|at| at > now + skew) {
            return Err(refused("assertion_from_the_future"));
        }
    }
    Ok(expires_at)
}

/// Public keys whose private halves were never kept, one for each type and curve.
static DECOYS: LazyLock<Vec<Jwk>> = LazyLock::new(|| {
    let documents = [
        json!({"kty": "EC", "crv": "P-256", "x": DECOY_P256.0, "y": DECOY_P256.1}),
        json!({"kty": "EC", "crv": "P-384", "x": DECOY_P384.0, "y": DECOY_P384.1}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": DECOY_ED25519}),
        json!({"kty": "RSA", "e": "AQAB", "n": DECOY_RSA}),
    ];
    documents.iter().filter_map(|document| Jwk::parse(document).ok()).collect()
});

const DECOY_P256: (&str, &str) =
    ("pwea1ItvmoPkAFBmHcQNkz4XhoZ40LEK7gV8KqIDUz0", "pBJAmZP-2bnIiD7fHt9ELLtnWnkwCg1Yv2Sa_SU2Sik");
const DECOY_P384: (&str, &str) = (
    "diWQrCJ3NEA6HhuZ4HoSUS3pGKX7cuXu6yk7ZO4vv1_twMoqtuL0a9LHri_Rmi2G",
    "xZff0Asqmg0DewJQwksQEWj_-e02YAJhLtE2VHOJd2DvKBNirEDYXv6uUsbLQGnA",
);
const DECOY_ED25519: &str = "ctuKYFYdf1kyW1RtBucAC6P0BolKI3xd8-oAnYxivIc";
const DECOY_RSA: &str = "5BUe9fhjCxAfhRibKvC4Ik8Pgl46nE8rLIqsCRsljgShG3_KIvqbrSmrVlEtDOxUWb14dxwDlLFiWI_f\
    eAmqWbPBeSSafl6T9FApz2ibabgE-OuFRNfTlaLsw33pjXxhDjs_a2xNyrNrnuJVjz2EdLUwp9nNpuk3\
    PmH8jWjZmh4fDMtdVXnH6PNsSj7Rdv0lMoeiLGJco8LHpR22PFmutPHZgG-0Vr10VIQlrT68DXY82-kp\
    Zx1fRBxeZ3OT13Z_4Fe5Q3l-6_DQIPs3osZr0JM_vYGCV-VLzDseBRzezbJkqz7izU9na5uuonN4h11o\
    xOmyrsNo08z6yWio12Pahw";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::algorithm::Algorithm;

    #[test]
    fn oa_03_there_is_a_decoy_for_every_algorithm() {
        for algorithm in Algorithm::ALL {
            assert!(DECOYS.iter().any(|key| key.accepts(*algorithm)), "{algorithm:?}");
        }
    }
}
