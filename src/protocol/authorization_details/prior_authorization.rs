//! The type `prior_authorization`: one request for prior authorization, until its decision is reported. It is about
//! the claim of Da Vinci PAS, or about the order that Da Vinci CRD asks coverage for: exactly one of them, which with
//! the patient tells it from every other.

use serde_json::{Map, Value};

use crate::jose::thumbprint::sha256;
use crate::protocol::error::FieldProblem;
use crate::protocol::fields::Fields;

/// The name of the type.
pub const TYPE: &str = "prior_authorization";

/// What can be done: the operations of Da Vinci PAS on Claim.
const ACTIONS: [&str; 2] = ["$submit", "$inquire"];

/// The FHIR resources that are orders (Da Vinci CRD, order-sign).
const ORDERS: [&str; 6] = [
    "ServiceRequest",
    "DeviceRequest",
    "MedicationRequest",
    "NutritionOrder",
    "VisionPrescription",
    "CommunicationRequest",
];

/// The purposes of use of payment under which prior authorization is asked for (HL7 PurposeOfUse), and that of a
/// patient who asks.
const PURPOSES: [&str; 5] = ["HPAYMT", "COVAUTH", "COVERAGE", "CLMATTCH", "PATRQT"];

/// The longest place, in bytes.
const LONGEST_PLACE: usize = 2048;

/// One request for prior authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorAuthorization {
    /// The id of the patient.
    pub patient: String,
    /// The coverage, as a relative reference.
    pub coverage: String,
    /// What is to be authorized.
    pub about: About,
    /// What may be done.
    pub actions: Vec<String>,
}

/// What is to be authorized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A claim, as a relative reference.
    Claim(String),
    /// An order, as a relative reference.
    Order(String),
}

/// What a payer reports to be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The id of the patient.
    pub patient: String,
    /// What was decided about: a claim, its order, or both.
    pub about: Vec<About>,
}

/// Whether prior authorization may be asked for under a purpose of use.
#[must_use]
pub fn is_purpose(code: &str) -> bool {
    PURPOSES.contains(&code)
}

impl PriorAuthorization {
    /// Reads a detail; every member that is wrong, missing or unknown is named.
    pub fn parse(members: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = begin(members, &["patient", "coverage", "actions"]);
        let patient = fields.parsed("patient", patient);
        let coverage = fields.parsed("coverage", |text| reference(text, &["Coverage"]));
        let mut about = about(&mut fields);
        if about.len() > 1 {
            fields.problem("order", "cannot stand beside claim: a detail is about one of them");
        }
        let actions = fields.list("actions", action);
        if actions.is_empty() {
            fields.problem("actions", "must name $submit, $inquire or both");
        }
        fields.list("locations", place);
        let problems = fields.finish();
        match (patient, coverage, about.pop()) {
            (Some(patient), Some(coverage), Some(about)) if problems.is_empty() => {
                Ok(Self { patient, coverage, about, actions })
            }
            _ => Err(problems),
        }
    }

    /// By what it is known once it has ended.
    #[must_use]
    pub fn identity(&self) -> [u8; 32] {
        identity(&self.patient, &self.about)
    }
}

impl Decision {
    /// Reads a report; every member that is wrong, missing or unknown is named.
    pub fn parse(members: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = begin(members, &["type", "patient"]);
        let is_known =
            |text: &str| if text == TYPE { Ok(()) } else { Err("is not a type that ends by a decision") };
        fields.parsed("type", is_known);
        let patient = fields.parsed("patient", patient);
        let about = about(&mut fields);
        let problems = fields.finish();
        match patient {
            Some(patient) if problems.is_empty() => Ok(Self { patient, about }),
            _ => Err(problems),
        }
    }

    /// By what the requests are known that it ends.
    #[must_use]
    pub fn identities(&self) -> Vec<[u8; 32]> {
        self.about.iter().map(|about| identity(&self.patient, about)).collect()
    }
}

/// Begins to read an object that must have these members, and none that is `null`.
fn begin<'a>(members: &'a Map<String, Value>, required: &[&'static str]) -> Fields<'a> {
    let mut fields = Fields::of(members);
    fields.value("type");
    for name in required {
        if fields.value(name).is_none() {
            fields.problem(*name, "is required");
        }
    }
    for (name, _) in members.iter().filter(|(_, value)| value.is_null()) {
        fields.problem(name.clone(), "must not be null");
    }
    fields
}

fn about(fields: &mut Fields<'_>) -> Vec<About> {
    let claim = fields.parsed("claim", |text| reference(text, &["Claim"])).map(About::Claim);
    let order = fields.parsed("order", |text| reference(text, &ORDERS)).map(About::Order);
    if fields.value("claim").is_none() && fields.value("order").is_none() {
        fields.problem("claim", "is required, or order");
    }
    claim.into_iter().chain(order).collect()
}

/// An id, alone or as a reference; known by the id.
fn patient(text: &str) -> Result<String, &'static str> {
    let id = text.strip_prefix("Patient/").unwrap_or(text);
    if is_id(id) { Ok(id.to_owned()) } else { Err("must be the id of a patient, or Patient/ with the id") }
}

/// A reference relative to the FHIR server that the token is for.
fn reference(text: &str, types: &[&str]) -> Result<String, String> {
    match text.split_once('/') {
        Some((of, id)) if types.contains(&of) && is_id(id) => Ok(text.to_owned()),
        _ => Err(format!("must be a relative reference to a {}", types.join(" or "))),
    }
}

fn action(text: &str) -> Result<String, &'static str> {
    if ACTIONS.contains(&text) { Ok(text.to_owned()) } else { Err("must be $submit or $inquire") }
}

fn place(text: &str) -> Result<String, &'static str> {
    if text.len() <= LONGEST_PLACE { Ok(text.to_owned()) } else { Err("is too long") }
}

/// The id of a FHIR resource.
fn is_id(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(known)
}

/// No part of it can hold the sign between them.
fn identity(patient: &str, about: &About) -> [u8; 32] {
    let (member, reference) = match about {
        About::Claim(reference) => ("claim", reference),
        About::Order(reference) => ("order", reference),
    };
    sha256(format!("{TYPE}\n{patient}\n{member}\n{reference}").as_bytes())
}
