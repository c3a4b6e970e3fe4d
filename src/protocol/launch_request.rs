//! What an EHR asks for when it launches an app: the body of `POST /launch`.

use serde_json::{Map, Value};

use super::error::FieldProblem;
use super::fields::Fields;
use super::ids::ClientId;
use super::launch_context::LaunchContext;

/// The longest name of a person, in bytes.
const LONGEST: usize = 2048;

/// What an EHR asks for.
#[derive(Clone, Debug)]
pub struct LaunchRequest {
    /// The app to open.
    pub client: ClientId,
    /// Who opens it: a `sub`, a user name, or the FHIR resource that is the person.
    pub user: String,
    /// Where to open it, when the app has several launch URLs.
    pub launch_url: Option<String>,
    /// What is open in the EHR.
    pub context: LaunchContext,
}

impl LaunchRequest {
    /// Reads the body; the error names every member that is wrong or unknown.
    pub fn parse(object: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = Fields::of(object);
        for name in ["client_id", "user"] {
            if fields.value(name).is_none() {
                fields.problem(name, "is required");
            }
        }
        let client =
            fields.parsed("client_id", |text| ClientId::parse(text).ok_or("is not the id of a client"));
        let user = fields.parsed("user", |text| {
            if text.len() <= LONGEST { Ok(text.to_owned()) } else { Err("is too long") }
        });
        let launch_url = fields.text("launch_url").map(str::to_owned);
        let context = LaunchContext::read_bounded(&mut fields);
        let problems = fields.finish();
        match (client, user) {
            (Some(client), Some(user)) if problems.is_empty() => {
                Ok(Self { client, user, launch_url, context })
            }
            _ => Err(problems),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_member_that_is_wrong_is_named() {
        let wrong = json!({"client_id": "a b", "patient": "Patient/1", "encounter": 1, "fhirContext": ["x"],
            "need_patient_banner": "yes", "intent": "", "aud": "https://fhir.example"});
        let problems = LaunchRequest::parse(wrong.as_object().unwrap()).unwrap_err();
        let named: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        let expected = [
            "user",
            "client_id",
            "patient",
            "encounter",
            "fhirContext[0]",
            "need_patient_banner",
            "intent",
            "aud",
        ];
        assert_eq!(named, expected);
    }

    #[test]
    fn a_launch_needs_an_app_and_a_person_and_nothing_else() {
        let least = json!({"client_id": "app", "user": "dr.adams"});
        let request = LaunchRequest::parse(least.as_object().unwrap()).unwrap();
        assert_eq!((request.client.as_str(), request.user.as_str()), ("app", "dr.adams"));
        assert_eq!(request.context, LaunchContext::default());
    }
}
