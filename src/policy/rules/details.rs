//! Details are granted whole or refused whole (RFC 9396, 5): to a client that is registered for their type, for the
//! resource server that the token is for, about the patient in context, for a purpose that goes with them.

use crate::model::client::Client;
use crate::policy::{Speaker, Wish};
use crate::protocol::authorization_details::{AuthorizationDetails, Detail, prior_authorization, refusal};
use crate::protocol::error::Refusal;
use crate::protocol::resource_metadata::ResourceKind;

use super::capability;

pub(in crate::policy) fn apply(
    wish: &Wish<'_>,
    details: &AuthorizationDetails,
) -> Result<AuthorizationDetails, Refusal> {
    if !details.is_empty() {
        capability::takes_client(wish)?;
        details.iter().try_for_each(|detail| may_have(wish, detail))?;
        about_one_patient(wish, details)?;
    }
    Ok(details.clone())
}

/// Refuses a detail of a type that the client is not registered for; that is asked before the detail is read, too.
pub fn may_ask_for(client: &Client, detail: &Detail) -> Result<(), Refusal> {
    if client.metadata.authorization_details_types.iter().any(|registered| registered == detail.kind()) {
        return Ok(());
    }
    let told = "this client is not registered for that type of authorization_details";
    Err(refusal(told, "authorization_details_type_not_registered"))
}

fn may_have(wish: &Wish<'_>, detail: &Detail) -> Result<(), Refusal> {
    let Wish { client, resource, .. } = wish;
    may_ask_for(client, detail)?;
    if detail.locations().any(|place| !resource.answers_to(place)) {
        let told = "the locations of authorization_details are not where the token is for";
        return Err(refusal(told, "authorization_details_elsewhere"));
    }
    if detail.kind() != prior_authorization::TYPE {
        return Ok(());
    }
    if resource.kind != ResourceKind::Fhir {
        let told = "prior_authorization is asked for at a FHIR server";
        return Err(refusal(told, "authorization_details_elsewhere"));
    }
    // The registration says for what the client asks; what is for treatment is not for payers (45 CFR 164.502(b)).
    match &client.metadata.purpose_of_use {
        Some(purpose) if !prior_authorization::is_purpose(purpose) => {
            let told = "this client is registered for another purpose of use than prior authorization";
            Err(refusal(told, "authorization_details_beyond_purpose"))
        }
        Some(_) | None => Ok(()),
    }
}

/// A person's app may only name the patient in context, or the one who will be.
fn about_one_patient(wish: &Wish<'_>, details: &AuthorizationDetails) -> Result<(), Refusal> {
    let in_context = match wish.speaker {
        Speaker::Client => return Ok(()),
        Speaker::Somebody => None,
        Speaker::Person(person) => person.context.patient.clone(),
    };
    let mut named = details.patients();
    let Some(first) = named.next() else { return Ok(()) };
    if in_context.is_some_and(|patient| patient != first) || named.any(|other| other != first) {
        let told = "authorization_details name another patient than the one in context";
        return Err(refusal(told, "authorization_details_of_another_patient"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::authorization::OnBehalf;
    use crate::model::client::ClientStatus;
    use crate::model::delegation::SignIn;
    use crate::model::person::PersonStatus;
    use crate::model::standing::Standing;
    use crate::moment::Timestamp;
    use crate::protocol::client_metadata::ClientMetadata;
    use crate::protocol::ids::ClientId;
    use crate::protocol::launch_context::LaunchContext;
    use crate::protocol::resource_metadata::ResourceMetadata;

    fn client(members: &Value) -> Client {
        let mut says = json!({"client_name": "a", "organization": "b", "token_endpoint_auth_method": "tls_client_auth",
            "tls_client_auth_san_dns": "a.example", "authorization_details_types": ["prior_authorization", "notes"]});
        for (name, value) in members.as_object().unwrap() {
            says[name] = value.clone();
        }
        let epoch = Timestamp::UNIX_EPOCH;
        Client {
            id: ClientId::parse("c").unwrap(),
            status: ClientStatus::Active,
            provenance: crate::model::registration::Provenance::ADMINISTRATOR,
            metadata: ClientMetadata::parse(says.as_object().unwrap()).unwrap(),
            version: 1,
            tokens_not_before: epoch,
            created_at: epoch,
            updated_at: epoch,
        }
    }

    fn resource(members: &Value) -> ResourceMetadata {
        let mut says = json!({"title": "f", "url": "https://fhir.example/r4", "scope": "system/*.rs"});
        for (name, value) in members.as_object().unwrap() {
            says[name] = value.clone();
        }
        ResourceMetadata::parse(says.as_object().unwrap()).unwrap()
    }

    fn person(patient: Option<&str>) -> OnBehalf {
        let epoch = Timestamp::UNIX_EPOCH;
        OnBehalf {
            standing: Standing {
                subject: uuid::Uuid::nil(),
                organization: "o".to_owned(),
                roles: Vec::new(),
                fhir_user: None,
                status: PersonStatus::Active,
                not_before: epoch,
                version: 1,
                acts_for: None,
            },
            context: LaunchContext::of_patient(patient.map(str::to_owned)),
            sign_in: SignIn { session: uuid::Uuid::nil(), methods: Vec::new(), at: epoch },
            grant: uuid::Uuid::nil(),
            particulars: crate::model::delegation::Particulars::default(),
        }
    }

    fn request(patient: &str, members: &Value) -> Value {
        let mut detail = json!({"type": "prior_authorization", "patient": patient, "coverage": "Coverage/1",
            "claim": "Claim/1", "actions": ["$submit"]});
        for (name, value) in members.as_object().unwrap() {
            detail[name] = value.clone();
        }
        detail
    }

    fn ask(wish: &Wish<'_>, details: &[Value]) -> Result<usize, &'static str> {
        let details = AuthorizationDetails::parse(&json!(details).to_string()).unwrap();
        let granted = apply(wish, &details);
        granted.map(|granted| granted.iter().count()).map_err(|refusal| refusal.reason().code())
    }

    #[test]
    fn rr_01_a_back_end_gets_the_types_it_is_registered_for_where_the_token_is_for() {
        let (nothing, fhir) = (json!({}), resource(&json!({})));
        let known = client(&nothing);
        let wish = |client, resource| Wish { client, speaker: Speaker::Client, resource };
        let right = [request("p-7", &nothing), request("p-8", &nothing), json!({"type": "notes", "n": 1})];
        assert_eq!(ask(&wish(&known, &fhir), &right), Ok(3));
        let here = request("p-7", &json!({"locations": ["https://fhir.example/r4"]}));
        assert_eq!(ask(&wish(&known, &fhir), &[here]), Ok(1));
        for place in ["https://other.example", ""] {
            let there = request("p-7", &json!({"locations": ["https://fhir.example/r4", place]}));
            assert_eq!(ask(&wish(&known, &fhir), &[there]), Err("authorization_details_elsewhere"));
        }
        let wrong = json!({"type": "notes", "locations": "https://other.example"});
        assert_eq!(ask(&wish(&known, &fhir), &[wrong]), Err("authorization_details_elsewhere"));
        let api = resource(&json!({"kind": "api"}));
        assert_eq!(
            ask(&wish(&known, &api), &[request("p", &nothing)]),
            Err("authorization_details_elsewhere")
        );
        let unknown = client(&json!({"authorization_details_types": ["notes"]}));
        assert_eq!(
            ask(&wish(&unknown, &fhir), &[json!({"type": "notes"}), request("p-7", &nothing)]),
            Err("authorization_details_type_not_registered")
        );
    }

    #[test]
    fn s16_what_is_registered_for_treatment_asks_for_no_prior_authorization() {
        let fhir = resource(&json!({}));
        for (purpose, is_right) in
            [("HPAYMT", true), ("COVAUTH", true), ("PATRQT", true), ("TREAT", false), ("HMARKT", false)]
        {
            let client = client(&json!({"purpose_of_use": purpose}));
            let wish = Wish { client: &client, speaker: Speaker::Client, resource: &fhir };
            let asked = ask(&wish, &[request("p-7", &json!({}))]);
            let expected = if is_right { Ok(1) } else { Err("authorization_details_beyond_purpose") };
            assert_eq!(asked, expected, "{purpose}");
        }
    }

    #[test]
    fn minimum_necessary_a_persons_app_names_the_patient_in_context_alone() {
        let (client, fhir, nothing) = (client(&json!({})), resource(&json!({})), json!({}));
        let ask_as = |speaker, patients: &[&str]| {
            let details: Vec<Value> = patients.iter().map(|patient| request(patient, &nothing)).collect();
            ask(&Wish { client: &client, speaker, resource: &fhir }, &details)
        };
        let other = Err("authorization_details_of_another_patient");
        assert_eq!(ask_as(Speaker::Somebody, &["p-7", "Patient/p-7"]), Ok(2));
        assert_eq!(ask_as(Speaker::Somebody, &["p-7", "p-8"]), other);
        let (seven, none) = (person(Some("p-7")), person(None));
        assert_eq!(ask_as(Speaker::Person(&seven), &["p-7"]), Ok(1));
        assert_eq!(ask_as(Speaker::Person(&seven), &["p-8"]), other);
        assert_eq!(ask_as(Speaker::Person(&none), &["p-8"]), Ok(1), "who it will be is not known yet");
    }
}
