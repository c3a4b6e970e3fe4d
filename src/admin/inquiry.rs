//! The question what would become of a request, read member by member.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::model::person::{Username, is_fhir_id};
use crate::protocol::error::{FieldProblem, Refusal};
use crate::protocol::fields::Fields;
use crate::protocol::ids::ClientId;
use crate::scope::set::ScopeSet;

/// The most scopes that are explained at once.
const MOST_SCOPES: usize = 500;

/// The grants that begin with a request for scopes.
const GRANTS: [&str; 2] = ["authorization_code", "client_credentials"];

/// Whom a client would act for, as an administrator names people.
#[derive(Clone, Debug)]
pub(super) enum Whom {
    /// By `sub`.
    Subject(Uuid),
    /// By the name to sign in with.
    Named(Username),
}

/// A request to be explained.
#[derive(Clone, Debug)]
pub(super) struct Inquiry {
    /// The client.
    pub(super) client: ClientId,
    /// What it asks for.
    pub(super) scope: ScopeSet,
    /// For whom; whoever signs in when absent.
    pub(super) user: Option<Whom>,
    /// The URL of the resource server, where the client names one.
    pub(super) resource: Option<String>,
    /// The grant; what the client is registered for when absent.
    pub(super) grant_type: Option<&'static str>,
    /// The patient in context.
    pub(super) patient: Option<String>,
}

impl Inquiry {
    /// Reads a question; every member that is wrong or unknown is named.
    pub(super) fn parse(document: &Map<String, Value>) -> Result<Self, Refusal> {
        let mut fields = Fields::of(document);
        for name in ["client_id", "scope"] {
            if fields.value(name).is_none() {
                fields.problem(name, "is required");
            }
        }
        let client = fields.parsed("client_id", |text| ClientId::parse(text).ok_or("is not a client_id"));
        let scope = fields.parsed("scope", scopes);
        let user = fields.parsed("user", whom);
        let resource = fields.text("resource").map(str::to_owned);
        let grant_type = fields.parsed("grant_type", grant);
        let patient = fields.parsed("patient", patient);
        if patient.is_some() && user.is_none() {
            fields.problem("patient", "goes with user: name the person who acts for this patient");
        }
        if grant_type == Some("client_credentials") && user.is_some() {
            fields.problem("user", "has no meaning here: with client_credentials the client acts for itself");
        }
        let problems = fields.finish();
        match (client, scope) {
            (Some(client), Some(scope)) if problems.is_empty() => {
                Ok(Self { client, scope, user, resource, grant_type, patient })
            }
            _ => Err(invalid(problems)),
        }
    }
}

/// The refusal of a question that cannot be answered.
pub(super) fn invalid(problems: Vec<FieldProblem>) -> Refusal {
    let told = "the question cannot be answered as it is";
    let named: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    Refusal::invalid_request(told, "invalid_inquiry").detail(named.join(" ")).fields(problems)
}

fn scopes(text: &str) -> Result<ScopeSet, String> {
    let set = ScopeSet::parse(text).map_err(|error| error.to_string())?;
    if set.is_empty() {
        return Err("names no scope".to_owned());
    }
    if set.len() > MOST_SCOPES {
        return Err(format!("has more than {MOST_SCOPES} scopes"));
    }
    Ok(set)
}

fn whom(text: &str) -> Result<Whom, &'static str> {
    if let Ok(subject) = Uuid::try_parse(text) {
        return Ok(Whom::Subject(subject));
    }
    Username::parse(text).map(Whom::Named).ok_or("is neither a user name nor a subject")
}

fn grant(text: &str) -> Result<&'static str, &'static str> {
    GRANTS.into_iter().find(|known| *known == text).ok_or("must be authorization_code or client_credentials")
}

fn patient(text: &str) -> Result<String, &'static str> {
    if is_fhir_id(text) { Ok(text.to_owned()) } else { Err("must be the id of a Patient") }
}
