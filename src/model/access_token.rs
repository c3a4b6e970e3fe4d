//! An access token's content, however it is written (RFC 9068; RFC 7662).

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::moment::{Timestamp, seconds};
use crate::protocol::ids::ClientId;
use crate::protocol::launch_context::LaunchContext;
use crate::scope::set::ScopeSet;

use super::binding::Binding;

/// The `typ` of access tokens (RFC 9068, 2.1).
pub const TYPE: &str = "at+jwt";

/// The content of an access token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// `jti`.
    pub id: Uuid,
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `client_id`.
    pub client: ClientId,
    /// The one `aud`.
    pub audience: String,
    /// `scope`.
    pub scope: ScopeSet,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `cnf`.
    pub binding: Option<Binding>,
    /// The person in whose name the client acts.
    pub person: Option<PersonClaims>,
}

/// What an access token says of the person in whose name the client acts. It is health data only as far as the
/// context is: whose record is meant, and what else the EHR had open and the granted scopes ask for
/// ([`LaunchContext::for_scope`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonClaims {
    /// `grant_id`: what ties all tokens of one authorization together.
    pub grant: Uuid,
    /// `auth_time`.
    pub authenticated_at: Timestamp,
    /// `amr` (RFC 8176).
    pub methods: Vec<String>,
    /// What is in context (SMART App Launch 2.2): `patient`, `encounter` and so on.
    pub context: LaunchContext,
    /// `fhirUser`.
    pub fhir_user: Option<String>,
}

impl AccessToken {
    /// The claims of the token (RFC 9068, 2.2).
    #[must_use]
    pub fn claims(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", json!(self.issuer));
        set("sub", json!(self.subject));
        set("aud", json!(self.audience));
        set("client_id", json!(self.client.as_str()));
        set("scope", json!(self.scope.to_string()));
        set("jti", json!(self.id.to_string()));
        set("iat", json!(seconds(self.issued_at)));
        set("exp", json!(seconds(self.expires_at)));
        if let Some(binding) = &self.binding {
            set("cnf", binding.confirmation());
        }
        if let Some(person) = &self.person {
            set("grant_id", json!(person.grant.to_string()));
            set("auth_time", json!(seconds(person.authenticated_at)));
            set("amr", json!(person.methods));
            if let Some(fhir_user) = &person.fhir_user {
                set("fhirUser", json!(fhir_user));
            }
            claims.extend(person.context.members());
        }
        claims
    }

    /// Reads claims that this server wrote; `None` when a member is missing or of another form.
    #[must_use]
    pub fn parse(claims: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| claims.get(name)?.as_str();
        let moment = |name: &str| Timestamp::from_unix_timestamp(claims.get(name)?.as_i64()?).ok();
        let binding = match claims.get("cnf") {
            None => None,
            // A confirmation that is not understood must not count as none.
            Some(confirmation) => Some(Binding::parse(confirmation)?),
        };
        Some(Self {
            id: Uuid::parse_str(text("jti")?).ok()?,
            issuer: text("iss")?.to_owned(),
            subject: text("sub")?.to_owned(),
            client: ClientId::parse(text("client_id")?)?,
            audience: text("aud")?.to_owned(),
            scope: ScopeSet::parse(text("scope")?).ok()?,
            issued_at: moment("iat")?,
            expires_at: moment("exp")?,
            binding,
            person: match claims.get("grant_id") {
                None => None,
                Some(_) => Some(PersonClaims::parse(claims)?),
            },
        })
    }

    /// Whether the token has not expired.
    #[must_use]
    pub fn is_current(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

impl PersonClaims {
    fn parse(claims: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let methods = claims.get("amr")?.as_array()?.iter().map(|method| method.as_str().map(str::to_owned));
        Some(Self {
            grant: Uuid::parse_str(claims.get("grant_id")?.as_str()?).ok()?,
            authenticated_at: Timestamp::from_unix_timestamp(claims.get("auth_time")?.as_i64()?).ok()?,
            methods: methods.collect::<Option<_>>()?,
            context: LaunchContext::of_claims(claims)?,
            fhir_user: text("fhirUser"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Map<String, Value> {
        let value = json!({"iss": "https://as", "sub": "c", "aud": "https://fhir", "client_id": "c",
            "scope": "system/Claim.rs", "jti": "01890a5d-ac96-774b-bcce-b302099a8057", "iat": 1_700_000_000,
            "exp": 1_700_000_300, "cnf": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}});
        value.as_object().unwrap().clone()
    }

    #[test]
    fn at_02_claims_are_read_back_as_they_were_written() {
        assert_eq!(AccessToken::parse(&claims()).unwrap().claims(), claims());
    }

    #[test]
    fn claims_about_a_person_are_read_back_as_they_were_written() {
        let mut claims = claims();
        for (name, value) in [
            ("grant_id", json!("01890a5d-ac96-774b-bcce-b302099a8058")),
            ("auth_time", json!(1_700_000_000)),
            ("amr", json!(["pwd"])),
            ("patient", json!("rivera")),
            ("fhirUser", json!("https://fhir/Patient/rivera")),
        ] {
            claims.insert(name.to_owned(), value);
        }
        assert_eq!(AccessToken::parse(&claims).unwrap().claims(), claims);
        claims.remove("amr");
        assert!(AccessToken::parse(&claims).is_none());
    }

    #[test]
    fn claims_that_are_missing_or_not_understood_make_no_token() {
        for name in ["iss", "sub", "aud", "client_id", "scope", "jti", "iat", "exp"] {
            let mut broken = claims();
            broken.remove(name);
            assert!(AccessToken::parse(&broken).is_none(), "without {name}");
        }
        for (name, value) in
            [("aud", json!(["https://fhir"])), ("exp", json!("1")), ("cnf", json!({"jkt": "x"}))]
        {
            let mut broken = claims();
            broken.insert(name.to_owned(), value);
            assert!(AccessToken::parse(&broken).is_none(), "{name}");
        }
    }
}
