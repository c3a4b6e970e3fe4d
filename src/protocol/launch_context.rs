//! Launch context (SMART App Launch 2.2, launch context): what an EHR had open when it launched an app, or what
//! a person chose. It travels from the launch to the token response, introspection and refresh, always as this.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value, json};

use crate::scope::narrow::{holds, levels};
use crate::scope::permission::Level;
use crate::scope::set::ScopeSet;

use super::authorization_details::AuthorizationDetails;
use super::error::FieldProblem;
use super::fields::Fields;
use super::resource_metadata::ResourceMetadata;

mod fhir_context;

pub use fhir_context::FhirContext;

/// The longest `intent`, `tenant` and address of a style, in bytes.
const LONGEST: usize = 1024;
/// The most that an EHR hands over, in bytes of JSON: it stands in each token.
const MOST: usize = 4096;

/// What is in context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaunchContext {
    /// `patient`: the id of the patient.
    pub patient: Option<String>,
    /// `encounter`: the id of the patient's encounter.
    pub encounter: Option<String>,
    /// `fhirContext`: what else is in context.
    pub fhir_context: Vec<FhirContext>,
    /// `need_patient_banner`: whether the app has to show whose record it is.
    pub need_patient_banner: Option<bool>,
    /// `intent`: what the person wanted when the app was opened.
    pub intent: Option<String>,
    /// `smart_style_url`: where the look of the EHR is described.
    pub smart_style_url: Option<String>,
    /// `tenant`: the customer of the EHR whose data it is.
    pub tenant: Option<String>,
}

impl LaunchContext {
    /// The context of one patient and nothing else.
    #[must_use]
    pub fn of_patient(patient: Option<String>) -> Self {
        Self { patient, ..Self::default() }
    }

    /// Reads the members of a context among others; what is wrong with them is noted.
    pub fn read(fields: &mut Fields<'_>) -> Self {
        let context = Self {
            patient: fields.parsed("patient", fhir_id),
            encounter: fields.parsed("encounter", fhir_id),
            fhir_context: fhir_context::read(fields),
            need_patient_banner: fields
                .value("need_patient_banner")
                .is_some()
                .then(|| fields.flag("need_patient_banner")),
            intent: fields.parsed("intent", short),
            smart_style_url: fields.parsed("smart_style_url", style),
            tenant: fields.parsed("tenant", short),
        };
        if context.encounter.is_some() && context.patient.is_none() {
            fields.problem("patient", "is required with encounter");
        }
        context
    }

    /// Reads the members of a context that an EHR hands over: together they have a bound.
    pub fn read_bounded(fields: &mut Fields<'_>) -> Self {
        let context = Self::read(fields);
        let members = context.members();
        let size = |value: &Value| value.to_string().len();
        let whole = size(&Value::Object(members.clone()));
        if whole > MOST {
            for (name, value) in members {
                let says = format!("has {} of {whole} bytes of context, which may have {MOST}", size(&value));
                fields.problem(name, says);
            }
        }
        context
    }

    /// Reads the members of a context out of claims of this server; `None` when one is of another form.
    #[must_use]
    pub fn of_claims(claims: &Map<String, Value>) -> Option<Self> {
        let known = MEMBERS.iter().filter_map(|name| Some(((*name).to_owned(), claims.get(*name)?.clone())));
        Self::parse(&known.collect()).ok()
    }

    /// Reads a context that stands alone; every member that is wrong or unknown is named.
    pub fn parse(object: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = Fields::of(object);
        let context = Self::read(&mut fields);
        let problems = fields.finish();
        if problems.is_empty() { Ok(context) } else { Err(problems) }
    }

    /// The members, in the JSON types that strict clients want.
    #[must_use]
    pub fn members(&self) -> Map<String, Value> {
        let fhir_context = (!self.fhir_context.is_empty()).then(|| json!(self.fhir_context));
        let values = [
            self.patient.as_ref().map(|text| json!(text)),
            self.encounter.as_ref().map(|text| json!(text)),
            fhir_context,
            self.need_patient_banner.map(|is_needed| json!(is_needed)),
            self.intent.as_ref().map(|text| json!(text)),
            self.smart_style_url.as_ref().map(|text| json!(text)),
            self.tenant.as_ref().map(|text| json!(text)),
        ];
        let named = MEMBERS.iter().zip(values);
        named.filter_map(|(name, value)| Some(((*name).to_owned(), value?))).collect()
    }

    /// What an EHR hands over of it: that for which the FHIR server has capabilities (SMART App Launch 2.2,
    /// conformance). An encounter goes with its patient.
    #[must_use]
    pub fn handed_over_at(self, resource: &ResourceMetadata) -> Self {
        let has = |capability: &str| resource.has_capability(capability);
        Self {
            patient: self.patient.filter(|_| has("context-ehr-patient")),
            encounter: self.encounter.filter(|_| has("context-ehr-encounter")),
            need_patient_banner: self.need_patient_banner.filter(|_| has("context-banner")),
            smart_style_url: self.smart_style_url.filter(|_| has("context-style")),
            ..self
        }
    }

    /// What of it goes with what is granted: a detail names its patient, whatever the scopes say.
    #[must_use]
    pub fn for_grant(&self, scope: &ScopeSet, details: &AuthorizationDetails) -> Self {
        let context = self.for_scope(scope);
        let named = self.patient.clone().filter(|_| details.patients().next().is_some());
        Self { patient: named.or(context.patient.clone()), ..context }
    }

    /// What of it goes with scopes: all of it with `launch`, else only what they ask for (SM-C-07). The look of
    /// the EHR is no secret, and goes along.
    #[must_use]
    pub fn for_scope(&self, scope: &ScopeSet) -> Self {
        if holds(scope, "launch") {
            return self.clone();
        }
        Self {
            patient: self.patient.clone().filter(|_| needs_patient(scope)),
            encounter: self.encounter.clone().filter(|_| needs_encounter(scope)),
            smart_style_url: self.smart_style_url.clone(),
            ..Self::default()
        }
    }
}

const MEMBERS: [&str; 7] =
    ["patient", "encounter", "fhirContext", "need_patient_banner", "intent", "smart_style_url", "tenant"];

/// Whether scopes ask for a patient in context.
#[must_use]
pub fn needs_patient(scope: &ScopeSet) -> bool {
    holds(scope, "launch/patient") || needs_encounter(scope) || levels(scope).contains(&Level::Patient)
}

/// Whether scopes ask for an encounter in context.
#[must_use]
pub fn needs_encounter(scope: &ScopeSet) -> bool {
    holds(scope, "launch/encounter")
}

impl Serialize for LaunchContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LaunchContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Map::deserialize(deserializer)?;
        Self::parse(&object).map_err(|_| de::Error::custom("no launch context"))
    }
}

/// The logical id of a FHIR resource (FHIR R4, `id`).
fn fhir_id(text: &str) -> Result<String, &'static str> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let is_id = (1..=64).contains(&text.len()) && text.chars().all(known);
    if is_id { Ok(text.to_owned()) } else { Err("must be the id of a FHIR resource, without its type") }
}

fn short(text: &str) -> Result<String, &'static str> {
    if text.len() <= LONGEST { Ok(text.to_owned()) } else { Err("must have at most 1024 bytes") }
}

fn style(text: &str) -> Result<String, &'static str> {
    let is_address = text.starts_with("https://") && text.chars().all(|c| c.is_ascii_graphic());
    if is_address { short(text) } else { Err("must be an https URL") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    fn whole() -> Value {
        json!({"patient": "p-1", "encounter": "e-1", "fhirContext": [{"reference": "ImagingStudy/1"}],
            "need_patient_banner": false, "intent": "reconcile", "smart_style_url": "https://ehr.example/style.json",
            "tenant": "north"})
    }

    #[test]
    fn sm_c_02_to_05_members_keep_their_json_types() {
        let context = LaunchContext::parse(whole().as_object().unwrap()).unwrap();
        assert_eq!(Value::Object(context.members()), whole());
        assert_eq!(serde_json::from_value::<LaunchContext>(whole()).unwrap(), context);
        for (name, wrong) in [
            ("patient", json!(7)),
            ("patient", json!("Patient/p-1")),
            ("encounter", json!({"id": "e"})),
            ("need_patient_banner", json!("true")),
            ("intent", json!(true)),
            ("smart_style_url", json!("http://ehr.example/style.json")),
            ("tenant", json!(["north"])),
            ("fhirContext", json!("ImagingStudy/1")),
        ] {
            let mut object = whole().as_object().unwrap().clone();
            object.insert(name.to_owned(), wrong.clone());
            let problems = LaunchContext::parse(&object).unwrap_err();
            assert!(problems[0].field.starts_with(name), "{name} {wrong}");
        }
    }

    #[test]
    fn sm_c_07_context_goes_with_the_scope_that_asks_for_it() {
        let context = LaunchContext::parse(whole().as_object().unwrap()).unwrap();
        assert_eq!(context.for_scope(&scope("launch openid")), context);
        let names = |text: &str| -> Vec<String> {
            context.for_scope(&scope(text)).members().into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names("patient/Observation.rs"), ["patient", "smart_style_url"]);
        assert_eq!(names("launch/patient"), ["patient", "smart_style_url"]);
        assert_eq!(names("launch/encounter"), ["encounter", "patient", "smart_style_url"]);
        assert_eq!(names("openid user/Patient.rs"), ["smart_style_url"]);
    }

    #[test]
    fn sm_c_03_what_an_ehr_hands_over_is_bounded_and_each_member_of_too_much_is_named() {
        let of = |many: usize| {
            let context =
                vec![json!({"identifier": {"value": "x".repeat(100)}, "__more": {"a": ["b"]}}); many];
            json!({"patient": "p-1", "fhirContext": context})
        };
        let problems = |value: &Value| {
            let mut fields = Fields::of(value.as_object().unwrap());
            let context = LaunchContext::read_bounded(&mut fields);
            let named: Vec<String> = fields.finish().into_iter().map(|problem| problem.field).collect();
            (Value::Object(context.members()).to_string().len(), named)
        };
        assert!(problems(&of(20)).1.is_empty());
        let (size, named) = problems(&of(40));
        assert!(size > MOST, "{size}");
        assert_eq!(named, ["fhirContext", "patient"]);
        // What stands in the database or a token already is read, with the style that was added to it.
        assert!(LaunchContext::parse(of(40).as_object().unwrap()).is_ok());
    }

    #[test]
    fn an_encounter_is_of_a_patient() {
        let problems = LaunchContext::parse(json!({"encounter": "e"}).as_object().unwrap()).unwrap_err();
        assert_eq!(problems[0].field, "patient");
    }
}
