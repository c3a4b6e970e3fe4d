//! What the trace says of each rule.

mod same;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::model::authorization::{Companions, OnBehalf, SenderDemand, Subject};
use crate::model::client::{Client, ClientStatus};
use crate::model::delegation::{Particulars, SignIn};
use crate::model::person::{PersonStatus, Role};
use crate::model::standing::Standing;
use crate::moment::Timestamp;
use crate::policy::{Lifetimes, Strength};
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::protocol::{client_metadata::ClientMetadata, ids::ClientId, launch_context::LaunchContext};

const LIFETIMES: Lifetimes = Lifetimes { system: 300, person: 900, exchange: 60 };

/// What a request is made of.
#[derive(Clone, Debug)]
struct Case {
    client: Client,
    resource: ResourceMetadata,
    strength: Strength,
    speaker: &'static str,
}

fn case(client: &Value, resource: &str, speaker: &'static str) -> Case {
    let mut registration = json!({"client_name": "Growth Chart", "organization": "b",
        "token_endpoint_auth_method": "private_key_jwt", "grant_types": ["authorization_code"]});
    for (name, value) in client.as_object().unwrap() {
        registration[name] = value.clone();
    }
    let epoch = Timestamp::UNIX_EPOCH;
    let server =
        json!({"title": "FHIR", "url": "https://fhir.example/r4", "token_seconds": 120, "scope": resource});
    Case {
        client: Client {
            id: ClientId::parse("growth-chart").unwrap(),
            status: ClientStatus::Active,
            metadata: ClientMetadata::parse(registration.as_object().unwrap()).unwrap(),
            version: 1,
            tokens_not_before: epoch,
            created_at: epoch,
            updated_at: epoch,
            provenance: crate::model::registration::Provenance::ADMINISTRATOR,
        },
        resource: ResourceMetadata::parse(server.as_object().unwrap()).unwrap(),
        strength: Strength::PrivateKey,
        speaker,
    }
}

impl Case {
    /// `clinician`, `patient`, `unrelated` (a clinician without a patient), or nobody who is known.
    fn person(&self) -> OnBehalf {
        let is_patient = self.speaker == "patient";
        OnBehalf {
            standing: Standing {
                subject: Uuid::nil(),
                organization: String::new(),
                roles: vec![if is_patient { Role::Patient } else { Role::Clinician }],
                fhir_user: is_patient.then(|| "Patient/rivera".to_owned()),
                status: PersonStatus::Active,
                not_before: Timestamp::UNIX_EPOCH,
                version: 1,
                acts_for: None,
            },
            context: LaunchContext::of_patient((self.speaker != "unrelated").then(|| "rivera".to_owned())),
            sign_in: SignIn { session: Uuid::nil(), methods: Vec::new(), at: Timestamp::UNIX_EPOCH },
            grant: Uuid::nil(),
            particulars: Particulars::default(),
        }
    }

    fn authorization(&self, asked: &ScopeSet) -> Authorization {
        let subject = match self.speaker {
            "client" => Subject::Client(self.client.id.clone()),
            _ => Subject::Person(Box::new(self.person())),
        };
        Authorization {
            details: crate::protocol::authorization_details::AuthorizationDetails::default(),
            grant_type: "",
            subject,
            asked: asked.clone(),
            resource: self.resource.clone(),
            sender: SenderDemand::AsRegistered,
            companions: Companions::default(),
            descent: None,
        }
    }

    fn question(&self) -> Question<'_> {
        Question { client: &self.client, strength: self.strength, binding: None, lifetimes: LIFETIMES }
    }

    fn trace(&self, asked: &ScopeSet) -> Trace {
        explain(&Inquiry {
            question: self.question(),
            authorization: self.authorization(asked),
            presence: if self.speaker == "somebody" { Presence::Awaited } else { Presence::Known },
            resource_name: Some("sandbox"),
        })
    }

    fn told(&self, asked: &str) -> Trace {
        self.trace(&ScopeSet::parse(asked).unwrap())
    }
}

/// The one way of a scope, as `fate rule granted`.
fn line(trace: &Trace, asked: &str) -> String {
    let way = trace.ways.iter().find(|way| way.asked.as_str() == asked).unwrap();
    format!("{} {} {}", way.fate.as_str(), way.rule, listed(&way.granted)).trim_end().to_owned()
}

const REGISTERED: &str = "openid fhirUser offline_access online_access launch/patient patient/Patient.rs \
                          patient/Observation.rs user/Patient.rs patient/Claim.cruds email \
                          launch/imagingstudy";
const SERVER: &str = "patient/*.rs user/*.rs patient/Claim.r";

/// Who asks, for which scope, what becomes of it, why, and what to do.
const TAKEN: &[(&str, &str, &str, &str, &str)] = &[
    ("patient", "patient/Patient.rs", "granted granted_as_asked patient/Patient.rs", "Every rule", ""),
    (
        "patient",
        "patient/Encounter.rs",
        "dropped client_scope",
        "not registered for it.",
        "Add patient/Encounter.rs to the client's scope with `hilum client patch growth-chart FILE`",
    ),
    (
        "patient",
        "patient/Observation.cruds",
        "narrowed client_scope patient/Observation.rs",
        "no more of it than patient/Observation.rs",
        "hilum client patch growth-chart",
    ),
    (
        "patient",
        "patient/Patient.u",
        "dropped client_scope",
        "only for patient/Patient.rs",
        "hilum client patch",
    ),
    (
        "patient",
        "patient/Claim.cruds",
        "narrowed resource_scope patient/Claim.rs",
        "FHIR is registered for no more",
        "hilum resource patch sandbox FILE",
    ),
    (
        "patient",
        "launch/imagingstudy",
        "dropped resource_scope",
        "does not grant launch/imagingstudy",
        "Leave launch/imagingstudy out",
    ),
    ("patient", "email", "dropped person_scope", "none without openid", "Ask for openid as well"),
    ("patient", "fhirUser", "dropped person_scope", "none without openid", "Ask for openid as well"),
    (
        "patient",
        "offline_access",
        "dropped person_scope",
        "not registered for refresh tokens",
        "Add refresh_token to its grant_types",
    ),
    (
        "patient",
        "user/Patient.rs",
        "dropped person_scope",
        "role clinician, which this person does not have.",
        "hilum user patch",
    ),
    ("clinician", "user/Patient.rs", "granted granted_as_asked user/Patient.rs", "Every rule", ""),
    ("somebody", "user/Patient.rs", "granted granted_as_asked user/Patient.rs", "Every rule", ""),
    (
        "patient",
        "patient/Observation.sr",
        "dropped spelling",
        "order cruds",
        "Ask for patient/Observation.rs",
    ),
    (
        "patient",
        "patient/observation.rs",
        "dropped spelling",
        "types begin with a capital letter",
        "Ask for patient/Observation.rs",
    ),
    (
        "patient",
        "patient/Observation.rs?code:in=a",
        "dropped spelling",
        "modifiers such as in “code:in” are not supported",
        "leave it out",
    ),
    ("patient", "fhiruser", "dropped spelling", "Letter case counts", "Ask for fhirUser"),
];

#[test]
fn each_rule_of_a_persons_app_says_what_it_took_why_and_what_to_do() {
    let app = json!({"scope": REGISTERED, "redirect_uris": ["https://app.example/cb"]});
    for &(speaker, asked, way, because, advice) in TAKEN {
        let case = case(&app, SERVER, speaker);
        // Beside something that is granted whatever happens, so that the request is not refused.
        let trace = case.told(&format!("launch/patient user/Patient.rs patient/Observation.r {asked}"));
        let trace =
            if speaker == "clinician" { case.told(&format!("{asked} user/Patient.r")) } else { trace };
        assert!(trace.denial.is_none(), "{asked}: {:?}", trace.denial);
        assert_eq!(line(&trace, asked), way, "{speaker} {asked}");
        let found = trace.ways.iter().find(|way| way.asked.as_str() == asked).unwrap();
        assert!(found.because.contains(because), "{asked}: {}", found.because);
        assert!(found.advice.clone().unwrap_or_default().contains(advice), "{asked}: {:?}", found.advice);
        assert_eq!(found.advice.is_none(), advice.is_empty(), "{asked}");
        assert_eq!(trace.seconds, 120);
    }
    let refreshing = json!({"scope": REGISTERED, "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code", "refresh_token"]});
    let trace = case(&refreshing, SERVER, "patient").told("openid offline_access online_access");
    assert_eq!(line(&trace, "offline_access"), "dropped person_scope");
    assert_eq!(trace.scope.to_string(), "openid online_access");
}

const BACK_END_SERVER: &str = "system/Patient.rs capacity.read";

/// Which client asks, where, as whom, how strong; for what; the rule, its reason and the way out.
type Refused = (&'static str, &'static str, &'static str, Strength, &'static str, [&'static str; 3]);

const REFUSED: &[Refused] = &[
    (
        "back_end",
        BACK_END_SERVER,
        "client",
        Strength::SharedSecret,
        "system/Patient.rs capacity.read",
        [
            "authentication_strength",
            "system_scope_with_secret",
            "Without system/Patient.rs it would be granted: capacity.read.",
        ],
    ),
    (
        "back_end",
        BACK_END_SERVER,
        "client",
        Strength::PrivateKey,
        "system/Patient.rs openid",
        ["requested_scope", "scope_of_a_person", "Without openid it would be granted: system/Patient.rs."],
    ),
    (
        "back_end",
        BACK_END_SERVER,
        "client",
        Strength::PrivateKey,
        "patient/Patient.rs",
        ["requested_scope", "scope_level", "Ask for system/Patient.rs"],
    ),
    (
        "app",
        SERVER,
        "patient",
        Strength::PrivateKey,
        "openid system/Patient.rs",
        ["requested_scope", "scope_of_a_system", "Without system/Patient.rs it would be granted: openid."],
    ),
    (
        "back_end",
        BACK_END_SERVER,
        "client",
        Strength::PrivateKey,
        "system/Patient.c",
        ["client_scope", "scope_not_registered_for_client", "Add system/Patient.c to the client's scope"],
    ),
    (
        "back_end",
        BACK_END_SERVER,
        "client",
        Strength::PrivateKey,
        "system/Claim.r",
        ["resource_scope", "scope_not_registered_for_resource", "hilum resource patch sandbox FILE"],
    ),
    (
        "app",
        SERVER,
        "patient",
        Strength::PrivateKey,
        "user/Patient.rs",
        ["person_scope", "scope_beyond_person", "Give the person the role"],
    ),
    (
        "app",
        SERVER,
        "unrelated",
        Strength::PrivateKey,
        "patient/Patient.rs",
        ["patient_context", "no_patient", "hilum user patch"],
    ),
    (
        "app",
        SERVER,
        "unrelated",
        Strength::PrivateKey,
        "openid patient/Patient.rs",
        ["patient_context", "no_patient", "Without patient/Patient.rs it would be granted: openid."],
    ),
    (
        "bound",
        BACK_END_SERVER,
        "client",
        Strength::PrivateKey,
        "system/Patient.rs",
        ["sender_constraint", "certificate_required_by_registration", "mutual-TLS token endpoint"],
    ),
];

#[test]
fn each_refusal_of_a_request_names_its_rule_its_culprit_and_a_way_out() {
    let app = json!({"scope": REGISTERED, "redirect_uris": ["https://app.example/cb"]});
    let back_end = json!({"scope": "system/*.rs capacity.read", "grant_types": ["client_credentials"]});
    let bound = json!({"scope": "system/*.rs", "grant_types": ["client_credentials"], "tls_client_certificate_bound_access_tokens": true});
    for &(client, server, speaker, strength, asked, [rule, reason, advice]) in REFUSED {
        let client = match client {
            "app" => &app,
            "bound" => &bound,
            _ => &back_end,
        };
        let case = Case { strength, ..case(client, server, speaker) };
        let trace = case.told(asked);
        let denial = trace.denial.unwrap();
        assert_eq!((denial.rule, denial.refusal.reason().code()), (rule, reason), "{asked}");
        assert!(trace.advice.clone().unwrap_or_default().contains(advice), "{asked}: {:?}", trace.advice);
        assert!(trace.scope.is_empty() && trace.ways.iter().all(|way| way.fate == Fate::Dropped));
        assert!(trace.ways.iter().all(|way| way.rule == rule), "{asked}");
        let last = trace.rules.iter().position(|visit| visit.did == "refused").unwrap();
        assert!(trace.rules[last + 1..].iter().all(|visit| visit.did == "not_reached"));
    }
    let empty = case(&app, SERVER, "patient").trace(&ScopeSet::default());
    assert_eq!(empty.denial.unwrap().refusal.reason().code(), "scope_missing");
}

#[test]
fn a_wildcard_tells_what_came_of_it_and_two_parts_that_became_one_are_told_by_both() {
    let app = json!({"scope": "patient/Observation.rs patient/Condition.r", "redirect_uris": ["https://app.example/cb"]});
    let case = case(&app, "patient/*.cruds", "patient");
    let trace = case.told("patient/Observation.rs patient/*.rs");
    assert_eq!(
        line(&trace, "patient/*.rs"),
        "narrowed client_scope patient/Observation.rs patient/Condition.r"
    );
    assert_eq!(line(&trace, "patient/Observation.rs"), "granted granted_as_asked patient/Observation.rs");
    let trace = case.told("patient/Observation.cr patient/Observation.us");
    for asked in ["patient/Observation.cr", "patient/Observation.us"] {
        assert_eq!(line(&trace, asked), "narrowed client_scope patient/Observation.rs");
    }
}

#[test]
fn sm_s_08_two_scopes_that_are_granted_as_one_are_told_so() {
    let app = json!({"scope": "patient/Observation.rs patient/Patient.rs", "redirect_uris": ["https://app.example/cb"]});
    let trace = case(&app, "patient/*.cruds", "patient")
        .told("patient/Observation.r patient/Patient.r patient/Observation.s");
    assert_eq!(trace.scope.to_string(), "patient/Observation.rs patient/Patient.r");
    for asked in ["patient/Observation.r", "patient/Observation.s"] {
        assert_eq!(line(&trace, asked), "granted granted_as_asked patient/Observation.rs");
    }
}

#[test]
fn a_person_is_refused_what_is_refused_before_anybody_signs_in() {
    let app = json!({"scope": REGISTERED, "redirect_uris": ["https://app.example/cb"]});
    let mut case = case(&app, SERVER, "patient");
    let held = ["launch-ehr", "client-confidential-asymmetric", "permission-patient", "permission-v2"];
    case.resource.capabilities = Some(held.map(str::to_owned).to_vec());
    let denial = case.told("patient/Patient.rs").denial.unwrap();
    assert_eq!((denial.rule, denial.refusal.reason().code()), ("capability", "capability_of_launch"));
}

#[test]
fn a_misspelt_scope_is_told_as_that_whatever_else_is_refused() {
    let app = json!({"scope": REGISTERED, "redirect_uris": ["https://app.example/cb"]});
    let trace = case(&app, SERVER, "patient").told("system/Patient.rs patient/Foo.rs openid");
    assert_eq!(line(&trace, "patient/Foo.rs"), "dropped spelling");
    assert_eq!(line(&trace, "openid"), "dropped requested_scope");
    let asked = ScopeSet::parse("patient/Foo.rs openid").unwrap();
    let rules: Vec<_> = unasked(&asked, "resource").iter().map(|way| way.rule).collect();
    assert_eq!(rules, ["spelling", "resource"]);
}

#[test]
fn every_rule_says_what_it_holds_in_one_sentence() {
    let app = json!({"scope": REGISTERED, "redirect_uris": ["https://app.example/cb"]});
    for visit in case(&app, SERVER, "patient").told("openid").rules {
        assert!(visit.says.ends_with('.') && visit.says.matches('.').count() == 1, "{}", visit.says);
        assert_eq!(visit.did, "passed", "{}", visit.rule);
    }
}
