//! What administrators say of a person: the JSON form of a record, without what the server sets.

use serde_json::{Map, Value, json};

use crate::config::issuer::BaseUrl;
use crate::model::person::{Person, Role, Username, is_fhir_id};
use crate::model::relationship::Relationship;
use crate::protocol::error::{ErrorCode, FieldProblem, Reason, Refusal};
use crate::protocol::fields::Fields;
use crate::protocol::secret::Secret;
use crate::protocol::standard_claims::StandardClaims;

use super::patients;

/// The FHIR resources that can be a person (SMART App Launch 2.2, `fhirUser`).
const FHIR_USERS: [&str; 5] = ["Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person"];

/// What is said of a person and may be said anew.
#[derive(Clone, Debug)]
pub struct Profile {
    name: Option<String>,
    organization: String,
    roles: Vec<Role>,
    fhir_user: Option<String>,
    claims: StandardClaims,
    patients: Vec<Relationship>,
}

/// A person, and the patients the person may act for.
#[derive(Clone, Debug)]
pub struct Record {
    /// The person.
    pub person: Person,
    /// The patients, by FHIR server and id.
    pub patients: Vec<Relationship>,
}

/// A person to be.
#[derive(Debug)]
pub struct Newcomer {
    /// The name to sign in with.
    pub username: Username,
    /// The password, if one was chosen.
    pub password: Option<Secret>,
    /// What is said of the person.
    pub profile: Profile,
}

impl Profile {
    /// Reads what is said of a person anew; every member that is wrong or unknown is named.
    pub fn parse(document: &Map<String, Value>) -> Result<Self, Refusal> {
        let mut fields = Fields::of(document);
        let profile = Self::read(&mut fields);
        let problems = fields.finish();
        if problems.is_empty() { Ok(profile) } else { Err(refusal(problems)) }
    }

    /// What is said of a person, as [`Self::parse`] reads it.
    #[must_use]
    pub fn of(Record { person, patients }: &Record) -> Map<String, Value> {
        let roles: Vec<&str> = person.roles.iter().map(|role| role.as_str()).collect();
        Map::from_iter([
            ("name".to_owned(), json!(person.name)),
            ("organization".to_owned(), json!(person.organization)),
            ("roles".to_owned(), json!(roles)),
            ("fhir_user".to_owned(), json!(person.fhir_user)),
            ("claims".to_owned(), person.claims.to_json()),
            ("patients".to_owned(), patients::written(patients)),
        ])
    }

    /// The person of whom this is said.
    #[must_use]
    pub fn said_of(self, person: Person) -> Record {
        let Self { name, organization, roles, fhir_user, claims, patients } = self;
        Record { person: Person { name, organization, roles, fhir_user, claims, ..person }, patients }
    }

    /// What others may know of the person, and try as a password.
    #[must_use]
    pub fn known(&self) -> [&str; 2] {
        [self.name.as_deref().unwrap_or_default(), &self.organization]
    }

    fn read(fields: &mut Fields<'_>) -> Self {
        let absent = fields.value("organization").is_none();
        let organization = fields.parsed("organization", |text| short(text, 256)).unwrap_or_default();
        if absent {
            fields.problem("organization", "is required: on whose behalf the person acts");
        }
        Self {
            name: fields.parsed("name", |text| short(text, 200)),
            organization,
            roles: fields.list("roles", role),
            fhir_user: fields.parsed("fhir_user", fhir_user),
            claims: StandardClaims::read(fields, "claims"),
            patients: patients::read(fields),
        }
    }
}

impl Record {
    /// The record with its person changed.
    #[must_use]
    pub fn with(self, change: impl FnOnce(Person) -> Person) -> Self {
        Self { person: change(self.person), ..self }
    }
}

impl Newcomer {
    /// Reads a person to be; every member that is wrong or unknown is named.
    pub fn parse(document: &Map<String, Value>) -> Result<Self, Refusal> {
        let mut fields = Fields::of(document);
        if fields.value("username").is_none() {
            fields.problem("username", "is required: the name to sign in with");
        }
        let username = fields.parsed("username", username);
        let password = password(&mut fields);
        let profile = Profile::read(&mut fields);
        let problems = fields.finish();
        match username {
            Some(username) if problems.is_empty() => Ok(Self { username, password, profile }),
            _ => Err(refusal(problems)),
        }
    }
}

/// Reads the password of a document that may have one and nothing else.
pub fn chosen_password(document: &Map<String, Value>) -> Result<Option<Secret>, Refusal> {
    let mut fields = Fields::of(document);
    let password = password(&mut fields);
    let problems = fields.finish();
    if problems.is_empty() { Ok(password) } else { Err(refusal(problems)) }
}

/// The refusal of what is said of a person.
#[must_use]
pub fn refusal(problems: Vec<FieldProblem>) -> Refusal {
    let named: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    let named = named.join(" ");
    let told = "the person cannot be accepted as told";
    Refusal::new(ErrorCode::InvalidRequest, told, Reason::new("invalid_person"))
        .detail(named)
        .fields(problems)
}

/// The password as it stands: what will not do is told by whoever judges it.
fn password(fields: &mut Fields<'_>) -> Option<Secret> {
    let password = fields.value("password")?.as_str().map(|text| Secret::new(text.to_owned()));
    if password.is_none() {
        fields.problem("password", "must be a text");
    }
    password
}

fn username(text: &str) -> Result<Username, &'static str> {
    // A subject is never a name, so that a command line cannot mean two people.
    if uuid::Uuid::try_parse(text).is_ok() {
        return Err("must not look like a subject");
    }
    Username::parse(text).ok_or("must be 1 to 64 of the letters a to z, digits and . _ - @ +")
}

pub(in crate::admin) fn short(text: &str, most: usize) -> Result<String, String> {
    if text.trim() != text {
        return Err("must not begin or end with a space".to_owned());
    }
    if text.len() > most { Err(format!("must have at most {most} bytes")) } else { Ok(text.to_owned()) }
}

fn role(text: &str) -> Result<Role, &'static str> {
    Role::parse(text).ok_or("must be clinician, patient or security-officer")
}

fn fhir_user(text: &str) -> Result<String, &'static str> {
    let mut segments = text.rsplitn(3, '/');
    let (id, resource, base) = (segments.next(), segments.next(), segments.next());
    let is_person = resource.is_some_and(|resource| FHIR_USERS.contains(&resource));
    if text.len() > 2048 || !is_person || !id.is_some_and(is_fhir_id) || !base.is_none_or(is_base) {
        return Err(
            "must be Patient/id, or another of Practitioner, PractitionerRole, RelatedPerson, Person; \
                    alone or after the https URL of a FHIR server",
        );
    }
    Ok(text.to_owned())
}

/// Whether a text is the URL of a FHIR server in its normal form.
fn is_base(text: &str) -> bool {
    BaseUrl::parse(text).is_ok_and(|url| url.as_str() == text && (url.is_https() || url.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(document: &Value) -> Vec<String> {
        let refusal = Newcomer::parse(document.as_object().unwrap()).unwrap_err();
        refusal.field_problems().iter().map(|problem| problem.field.clone()).collect()
    }

    #[test]
    fn a_person_to_be_is_read() {
        let document = json!({"username": "Dr.Lee", "organization": "Mercy", "roles": ["clinician"],
            "fhir_user": "https://fhir.example/r4/Practitioner/lee", "name": null});
        let newcomer = Newcomer::parse(document.as_object().unwrap()).unwrap();
        assert_eq!(newcomer.username.as_str(), "dr.lee");
        assert!(newcomer.password.is_none());
        assert_eq!(newcomer.profile.known(), ["", "Mercy"]);
    }

    #[test]
    fn d03_everything_that_is_wrong_or_not_theirs_to_say_is_named() {
        assert_eq!(problems(&json!({})), ["username", "organization"]);
        let document = json!({"username": "dr lee", "organization": " x", "roles": ["clinician", "root"],
            "fhir_user": "Device/1", "patients": ["p-1"], "name": "a\nb", "password": 7, "status": "active",
            "subject": "x", "verified": true, "locked_until": null, "totp": "x", "not_before": 0});
        let mut expected = [
            "username",
            "organization",
            "roles[1]",
            "fhir_user",
            "patients[0]",
            "name",
            "password",
            "status",
            "subject",
            "verified",
            "locked_until",
            "totp",
            "not_before",
        ];
        let mut found = problems(&document);
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected);
        let like_a_subject = json!({"username": "01890a5d-ac96-774b-bcce-b302099a8057", "organization": "x"});
        assert_eq!(problems(&like_a_subject), ["username"]);
    }

    #[test]
    fn a_fhir_user_is_a_resource_that_can_be_a_person() {
        for good in [
            "Patient/a",
            "Person/1.2",
            "RelatedPerson/x",
            "https://f.example/r4/Patient/a",
            "http://localhost:8080/PractitionerRole/p",
        ] {
            assert!(fhir_user(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "Patient",
            "Patient/",
            "/Patient/a",
            "Patient/a/",
            "x/Patient/a",
            "http://f.example/Patient/a",
            "https://u@f.example/Patient/a",
            "https://f.example/?/Patient/a",
            "javascript:x/Patient/a",
            "https:///Patient/a",
            "patient/a",
            "https://f.example/r4//Patient/a",
        ] {
            assert!(fhir_user(bad).is_err(), "{bad}");
        }
    }
}
