//! Software statements (RFC 7591, 2.3): what a trusted party says of software, signed.

use serde_json::{Map, Value};

use crate::jose::claims::{Audience, Claims};
use crate::jose::jws::UnverifiedJws;
use crate::model::registration::StatementIssuer;
use crate::moment::{Timestamp, seconds};
use crate::protocol::allowance::Allowance;
use crate::protocol::client_registration::names_software;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::store;

use super::RegistrationEndpoint;

/// How far clocks may differ, in seconds.
const SKEW: i64 = 60;

/// A statement that was found good.
pub(super) struct Vouched {
    /// Whose it is.
    pub(super) issuer: StatementIssuer,
    /// What it says.
    pub(super) claims: Map<String, Value>,
    /// The statement itself.
    pub(super) text: String,
}

impl Vouched {
    /// What a client may be that comes with nothing but this statement: the issuer answers for the organization.
    pub(super) fn allowance(&self) -> Allowance {
        let named = self.claims.get("organization").and_then(Value::as_str);
        let organization =
            named.map_or_else(|| self.issuer.metadata.allowance.organization.clone(), str::to_owned);
        Allowance { organization, ..self.issuer.metadata.allowance.clone() }
    }
}

impl RegistrationEndpoint {
    /// Believes a statement, if an issuer that an administrator trusts has signed it for now and for here.
    pub(super) async fn vouched(&self, shown: &Value, now: Timestamp) -> Result<Vouched, Failure> {
        let text = shown.as_str().ok_or_else(|| invalid("statement_not_a_text"))?;
        let unverified = UnverifiedJws::parse(text)
            .map_err(|error| invalid("statement_malformed").detail(error.to_string()))?;
        let header = unverified.header().clone();
        // What was signed as something else, such as an access token, vouches for nothing.
        if header.typ.is_some() && !header.is_type("JWT") {
            return Err(invalid("statement_typ").into());
        }
        let named = unverified.unverified_claims().text("iss").ok().flatten();
        let named = named.ok_or_else(|| invalid("statement_iss"))?;
        let issuer = store::statement_issuer::find_by_issuer(&self.administration.db, named).await?;
        let issuer = issuer.ok_or_else(|| unapproved().detail(named.chars().take(200).collect()))?;
        let kid = header.kid.as_deref().ok_or_else(|| invalid("statement_kid_missing"))?;
        let key = self.keys.find_in(&issuer.metadata.keys, kid, header.alg).await;
        let key = key.map_err(|refusal| invalid(refusal.reason().code()))?;
        let claims = unverified
            .verify(&key)
            .map_err(|error| invalid("statement_signature").detail(error.to_string()))?;
        self.is_for_now_and_here(&claims, seconds(now))?;
        let claims = claims.into_map();
        is_about_software(&claims)?;
        let organization = claims.get("organization");
        if organization
            .is_some_and(|name| name.as_str().is_none_or(|name| name.is_empty() || name.len() > 256))
        {
            return Err(invalid("statement_organization").into());
        }
        Ok(Vouched { issuer, claims, text: text.to_owned() })
    }

    /// Times and audience, where the statement has them.
    fn is_for_now_and_here(&self, claims: &Claims, now: i64) -> Result<(), Refusal> {
        let time = |name| claims.time(name).map_err(|_| invalid("statement_times"));
        if time("exp")?.is_some_and(|end| end <= now - SKEW) {
            return Err(invalid("statement_expired"));
        }
        for name in ["iat", "nbf"] {
            if time(name)?.is_some_and(|start| start > now + SKEW) {
                return Err(invalid("statement_from_the_future"));
            }
        }
        let known = |named: &str| self.audiences.iter().any(|own| own == named);
        match claims.audience().map_err(|_| invalid("statement_aud"))? {
            None => Ok(()),
            Some(Audience::One(one)) if known(one) => Ok(()),
            Some(Audience::Many(many)) if many.iter().any(|one| known(one)) => Ok(()),
            Some(Audience::One(_) | Audience::Many(_)) => Err(invalid("statement_aud")),
        }
    }
}

/// Refuses what the issuer signed about somebody: an assertion for a grant (RFC 7523, 3) or a client's own always has
/// a `sub`, and without one a statement is none of these. It says what software is, or it says nothing here.
fn is_about_software(claims: &Map<String, Value>) -> Result<(), Refusal> {
    if claims.contains_key("sub") {
        return Err(invalid("statement_sub"));
    }
    if !names_software(claims) {
        return Err(invalid("statement_without_software"));
    }
    Ok(())
}

/// What the statement of a registered client says; it was verified when it was shown.
pub(super) fn claims_of(statement: &str) -> Option<Map<String, Value>> {
    let unverified = UnverifiedJws::parse(statement).ok()?;
    Some(unverified.unverified_claims().clone().into_map())
}

fn invalid(reason: &'static str) -> Refusal {
    let told = "software_statement: is not a statement that can be believed";
    Refusal::new(ErrorCode::InvalidSoftwareStatement, told, Reason::new(reason))
}

/// The refusal of a statement that vouches for nothing here (RFC 7591, 3.2.2).
pub(super) const fn unapproved() -> Refusal {
    let told = "software_statement: is not one that is accepted here";
    Refusal::new(ErrorCode::UnapprovedSoftwareStatement, told, Reason::new("statement_unapproved"))
}
