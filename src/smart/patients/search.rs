//! The patients that a FHIR server finds, asked with a token that this server signs for itself.

use std::sync::Arc;

use time::Duration;
use url::Url;

use crate::config::outbound::Outbound as Rules;
use crate::keys::keyring::KeyRing;
use crate::model::access_token::{AccessToken, TYPE};
use crate::model::client::THIS_SERVER;
use crate::model::relationship::parse_date;
use crate::moment::Timestamp;
use crate::platform::entropy::Entropy;
use crate::platform::outbound::{Outbound, OutboundError, OutboundUrl};
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::protocol::secret::Secret;
use crate::scope::set::ScopeSet;

use super::{EncounterEntry, MOST, Page, bundle};

/// What this server may do at a FHIR server.
const SCOPE: &str = "system/Patient.rs system/Encounter.rs";
/// How long a token of its own lives: one question.
const LIFE: Duration = Duration::seconds(60);
/// The most words of a search that count.
const MOST_WORDS: usize = 6;
/// What was being done when a search failed.
const ASKING: &str = "the FHIR server could not be asked for patients";

/// A way to ask FHIR servers. Cloning is cheap.
#[derive(Clone)]
pub struct Search {
    /// The one door out.
    pub outbound: Outbound,
    /// What may be fetched.
    pub rules: Arc<Rules>,
    /// The signing keys.
    pub keys: KeyRing,
    /// Chance.
    pub entropy: Entropy,
    /// The name of this server.
    pub issuer: Arc<str>,
}

/// What a search for patients asks.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The parameters that stand for what somebody has typed or chosen.
    pub(super) parameters: Vec<(String, String)>,
    /// The parameter without which more would be found than may be, and its reference.
    pub(super) restriction: Option<(String, String)>,
}

/// What a FHIR server answers.
enum Answer {
    /// What it found.
    Found(serde_json::Value),
    /// It does not search for this.
    Refused,
}

impl Search {
    /// Finds patients by search parameters. What the server refuses to search for finds nobody.
    pub(super) async fn patients(
        &self,
        resource: &ResourceMetadata,
        question: &Question,
        now: Timestamp,
    ) -> Result<Page, Fault> {
        let mut url = address(resource, "Patient")?;
        for (name, value) in question.parameters.iter().chain(&question.restriction) {
            url.query_pairs_mut().append_pair(name, &literal(value));
        }
        url.query_pairs_mut()
            .append_pair("_elements", "name,birthDate,identifier")
            .append_pair("_count", &(MOST + 1).to_string());
        let answer = match self.ask(resource, &url, now).await? {
            Answer::Found(answer) => answer,
            Answer::Refused if !question.parameters.is_empty() => {
                return Ok(Page { asked: Some(0), ..Page::default() });
            }
            // Nobody has typed anything: what is refused is what an administrator has registered.
            Answer::Refused => return Err(refused()),
        };
        let page = bundle::patients(&answer).ok_or_else(not_understood)?;
        match &question.restriction {
            Some((name, reference)) if !bundle::has_kept(&answer, &resource.url, (name, reference)) => {
                let told = format!("the `self` link of its answer does not repeat {name}={reference}");
                Err(Fault::new("the FHIR server may have searched without its restriction", told))
            }
            Some(_) | None => Ok(page),
        }
    }

    /// Finds visits of a patient, all of them or one.
    pub(super) async fn encounters(
        &self,
        resource: &ResourceMetadata,
        (patient, id): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<Vec<EncounterEntry>, Fault> {
        let mut url = address(resource, "Encounter")?;
        url.query_pairs_mut().append_pair("patient", &literal(patient));
        if let Some(id) = id {
            url.query_pairs_mut().append_pair("_id", &literal(id));
        }
        url.query_pairs_mut().append_pair("_sort", "-date").append_pair("_count", &MOST.to_string());
        match self.ask(resource, &url, now).await? {
            Answer::Found(answer) => {
                bundle::encounters(&answer, &resource.url, patient).ok_or_else(not_understood)
            }
            Answer::Refused => Err(refused()),
        }
    }

    async fn ask(&self, resource: &ResourceMetadata, url: &Url, now: Timestamp) -> Result<Answer, Fault> {
        let url = OutboundUrl::parse(url.as_str(), &self.rules).doing(ASKING)?;
        let token = self.token(resource, now).await?;
        match self.outbound.fetch_fhir(&url, &token).await {
            // Of what was asked alone: a token that is not taken or a wrong address is no answer to a search.
            Err(OutboundError::Status(status @ (400 | 413 | 414 | 422))) => {
                tracing::warn!(status, resource = %resource.url, "a FHIR server refused a search");
                Ok(Answer::Refused)
            }
            fetched => Ok(Answer::Found(fetched.doing(ASKING)?.body)),
        }
    }

    /// A token for one question: a JWT whatever the server's format is, since introspection explains both.
    async fn token(&self, resource: &ResourceMetadata, now: Timestamp) -> Result<Secret, Fault> {
        let client = ClientId::parse(THIS_SERVER).ok_or_else(|| Fault::new(ASKING, "no name"))?;
        let token = AccessToken {
            details: AuthorizationDetails::default(),
            id: self.entropy.id(now).doing("naming a token")?,
            issuer: self.issuer.to_string(),
            subject: THIS_SERVER.to_owned(),
            client,
            audience: resource.url.clone(),
            scope: ScopeSet::parse(SCOPE).doing("reading the server's own scopes")?,
            issued_at: now,
            expires_at: now + LIFE,
            binding: None,
            person: None,
            actors: Vec::new(),
            ancestors: Vec::new(),
            certificates: Vec::new(),
        };
        self.keys.sign(resource.token_signing_alg, TYPE, &token.claims(), now).await.map(Secret::new)
    }
}

/// The search that words stand for: a day is a birth date, what has a digit a number of the patient, all else a
/// part of the name.
pub(super) fn parameters(words: &str) -> Vec<(String, String)> {
    let words = words.split(|sign: char| sign.is_whitespace() || sign == ',').filter(|word| !word.is_empty());
    let parameter = |word: &str| {
        let name = if is_date(word) {
            "birthdate"
        } else if word.chars().any(|sign| sign.is_ascii_digit()) {
            "identifier"
        } else {
            "name"
        };
        (name.to_owned(), word.to_owned())
    };
    words.take(MOST_WORDS).map(parameter).collect()
}

/// Whether a word is a day or a month (FHIR R4, `date`).
fn is_date(word: &str) -> bool {
    parse_date(word).is_some() || parse_date(&format!("{word}-01")).is_some()
}

fn address(resource: &ResourceMetadata, kind: &str) -> Result<Url, Fault> {
    Url::parse(&format!("{}/{kind}", resource.url.trim_end_matches('/'))).doing(ASKING)
}

/// A value in which nothing has a meaning for FHIR (FHIR R4, search, 3.1.1.4.0.1).
fn literal(value: &str) -> String {
    value
        .chars()
        .flat_map(|sign| matches!(sign, '\\' | ',' | '$' | '|').then_some('\\').into_iter().chain([sign]))
        .collect()
}

fn refused() -> Fault {
    Fault::new(ASKING, "the search was refused")
}

fn not_understood() -> Fault {
    Fault::new(ASKING, "the answer is no Bundle of a search")
}
