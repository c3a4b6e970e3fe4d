//! An access token's content, however it is written (RFC 9068; RFC 7662).

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::moment::{Timestamp, seconds};
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::ids::ClientId;
use crate::protocol::launch_context::LaunchContext;
use crate::scope::set::ScopeSet;

use super::binding::Binding;

/// The `typ` of access tokens (RFC 9068, 2.1).
pub const TYPE: &str = "at+jwt";

/// How many may act one for another (RFC 8693, 4.1), the app that the person used included.
pub const MOST_ACTORS: usize = 4;

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
    /// `scope`; it may be empty where details say what is granted.
    pub scope: ScopeSet,
    /// `authorization_details` (RFC 9396, 9.1).
    pub details: AuthorizationDetails,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `cnf`.
    pub binding: Option<Binding>,
    /// The person in whose name the client acts.
    pub person: Option<PersonClaims>,
    /// `act`: who acts, and for whom they do, the last one first (RFC 8693, 4.1). Empty when nobody else does.
    pub actors: Vec<ClientId>,
    /// `exchanged_from`: the `jti` of the tokens that it was exchanged for, the last one first. It ends with any.
    pub ancestors: Vec<Uuid>,
    /// `obtained_with`: the certificates that it rests on, beside the one in `cnf`: that with which its client proved
    /// who it is, and those of the tokens that it was exchanged for. It ends with any, unless that was but superseded.
    pub certificates: Vec<Thumbprint>,
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
        if !self.scope.is_empty() {
            set("scope", json!(self.scope.to_string()));
        }
        if !self.details.is_empty() {
            set("authorization_details", self.details.to_json());
        }
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
        if let Some(act) = act(&self.actors) {
            claims.insert("act".to_owned(), act);
        }
        if !self.ancestors.is_empty() {
            let ancestors: Vec<String> = self.ancestors.iter().map(Uuid::to_string).collect();
            claims.insert("exchanged_from".to_owned(), json!(ancestors));
        }
        if !self.certificates.is_empty() {
            let thumbprints: Vec<String> = self.certificates.iter().map(Thumbprint::as_base64url).collect();
            claims.insert("obtained_with".to_owned(), json!(thumbprints));
        }
        claims
    }

    /// Who acts for whom, the client that holds the token included, the last one first: what the `act` of a token
    /// that is exchanged for this one continues.
    #[must_use]
    pub fn chain(&self) -> Vec<ClientId> {
        match &self.person {
            // The app that the person used acts for the person.
            Some(_) if self.actors.is_empty() => vec![self.client.clone()],
            Some(_) | None => self.actors.clone(),
        }
    }

    /// Every certificate that it rests on, the one that it is bound to included.
    #[must_use]
    pub fn all_certificates(&self) -> Vec<Thumbprint> {
        let bound = self.binding.as_ref().and_then(Binding::certificate);
        bound.into_iter().chain(self.certificates.iter().copied()).collect()
    }

    /// The clients without which the token is nothing, beside the one that holds it.
    #[must_use]
    pub fn others(&self) -> Vec<ClientId> {
        let system = match self.person {
            Some(_) => None,
            None => ClientId::parse(&self.subject),
        };
        let mut others: Vec<ClientId> = self.actors.iter().cloned().chain(system).collect();
        others.sort();
        others.dedup();
        others.retain(|other| *other != self.client);
        others
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
        let details = match claims.get("authorization_details") {
            None => AuthorizationDetails::default(),
            Some(value) => AuthorizationDetails::of_stored(value.clone())?,
        };
        let scope = match claims.get("scope") {
            None if !details.is_empty() => ScopeSet::default(),
            _ => ScopeSet::parse(text("scope")?).ok()?,
        };
        Some(Self {
            id: Uuid::parse_str(text("jti")?).ok()?,
            issuer: text("iss")?.to_owned(),
            subject: text("sub")?.to_owned(),
            client: ClientId::parse(text("client_id")?)?,
            audience: text("aud")?.to_owned(),
            scope,
            details,
            issued_at: moment("iat")?,
            expires_at: moment("exp")?,
            binding,
            person: match claims.get("grant_id") {
                None => None,
                Some(_) => Some(PersonClaims::parse(claims)?),
            },
            actors: actors(claims.get("act"))?,
            ancestors: ancestors(claims.get("exchanged_from"))?,
            certificates: certificates(claims.get("obtained_with"))?,
        })
    }

    /// Whether anything is granted by it.
    #[must_use]
    pub fn grants_something(&self) -> bool {
        !self.scope.is_empty() || !self.details.is_empty()
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

/// The `act` claim (RFC 8693, 4.1): who acts now, and nested in it whoever acted before.
fn act(actors: &[ClientId]) -> Option<Value> {
    actors.iter().rev().fold(None, |before, actor| {
        let mut act = Map::from_iter([("sub".to_owned(), json!(actor.as_str()))]);
        if let Some(before) = before {
            act.insert("act".to_owned(), before);
        }
        Some(Value::Object(act))
    })
}

/// Reads an `act` claim back; `None` when it is not one that this server writes.
fn actors(act: Option<&Value>) -> Option<Vec<ClientId>> {
    let mut found = Vec::new();
    let mut next = act;
    while let Some(act) = next {
        if found.len() == MOST_ACTORS {
            return None;
        }
        found.push(ClientId::parse(act.get("sub")?.as_str()?)?);
        next = act.get("act");
    }
    Some(found)
}

fn ancestors(claim: Option<&Value>) -> Option<Vec<Uuid>> {
    let Some(claim) = claim else { return Some(Vec::new()) };
    claim.as_array()?.iter().map(|id| Uuid::parse_str(id.as_str()?).ok()).collect()
}

fn certificates(claim: Option<&Value>) -> Option<Vec<Thumbprint>> {
    let Some(claim) = claim else { return Some(Vec::new()) };
    claim.as_array()?.iter().map(|thumbprint| Thumbprint::parse(thumbprint.as_str()?)).collect()
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
    fn dp_04_a_token_is_bound_to_one_thing_of_a_kind_that_is_known() {
        let mut claims = claims();
        claims.insert("cnf".to_owned(), json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}));
        let token = AccessToken::parse(&claims).unwrap();
        assert_eq!(token.claims(), claims);
        let certificate = claims.get("cnf").unwrap().get("jkt").unwrap().clone();
        let same = Binding::parse(&json!({ "x5t#S256": certificate })).unwrap();
        assert!(!token.binding.unwrap().is(&same), "a certificate is no key, whatever its thumbprint");
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
    fn rr_02_details_stand_in_the_token_and_may_stand_there_alone() {
        let mut claims = claims();
        claims.insert("authorization_details".to_owned(), json!([{"type": "notes", "n": 1}]));
        assert_eq!(AccessToken::parse(&claims).unwrap().claims(), claims);
        claims.remove("scope");
        assert_eq!(AccessToken::parse(&claims).unwrap().claims(), claims);
        claims.insert("authorization_details".to_owned(), json!([1]));
        assert!(AccessToken::parse(&claims).is_none());
    }

    #[test]
    fn te_02_who_acts_for_whom_is_written_and_read() {
        let mut claims = claims();
        assert_eq!(AccessToken::parse(&claims).unwrap().others(), []);
        claims.insert("sub".to_owned(), json!("payer"));
        claims.insert("act".to_owned(), json!({"sub": "b", "act": {"sub": "a"}}));
        claims.insert("exchanged_from".to_owned(), json!([Uuid::nil().to_string()]));
        let token = AccessToken::parse(&claims).unwrap();
        assert_eq!(token.claims(), claims);
        let others: Vec<String> = token.others().iter().map(ToString::to_string).collect();
        assert_eq!(others, ["a", "b", "payer"]);
        let deep = (0..5).fold(json!({"sub": "a"}), |act, _| json!({"sub": "b", "act": act}));
        for wrong in [json!({}), json!("a"), json!({"sub": 1}), json!({"sub": "a", "act": "b"}), deep] {
            claims.insert("act".to_owned(), wrong);
            assert!(AccessToken::parse(&claims).is_none());
        }
    }

    #[test]
    fn m05_the_certificates_that_a_token_rests_on_are_written_and_read() {
        let mut claims = claims();
        let print = |of: &[u8]| json!(Thumbprint::of_der(of).as_base64url());
        let (bound, other) = (print(b"bound"), print(b"other"));
        claims.insert("cnf".to_owned(), json!({"x5t#S256": bound}));
        claims.insert("obtained_with".to_owned(), json!([other]));
        let token = AccessToken::parse(&claims).unwrap();
        assert_eq!(token.claims(), claims);
        let all: Vec<String> = token.all_certificates().iter().map(Thumbprint::as_base64url).collect();
        assert_eq!(json!(all), json!([bound, other]));
        for wrong in [json!(other), json!(["short"]), json!([1])] {
            claims.insert("obtained_with".to_owned(), wrong);
            assert!(AccessToken::parse(&claims).is_none());
        }
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
