//! What comes of a request beside its scopes: the question to the person, the token, the context.

use std::collections::BTreeSet;

use crate::authorize::{is_preapproved, is_recognized};
use crate::model::authorization::OnBehalf;
use crate::model::binding::Binding;
use crate::model::client::Client;
use crate::model::consent::{Consent, Wish};
use crate::model::delegation::{OFFLINE_ACCESS, ONLINE_ACCESS, Voucher};
use crate::moment::Timestamp;
use crate::policy::Trace;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::error::Fault;
use crate::protocol::launch_context::needs_patient;
use crate::protocol::redirect_uri;
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::scope::narrow::{covers_all, holds};
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;
use crate::smart::patients::is_close;
use crate::store;

use super::Administration;
use super::supposition::{Meant, SOMEBODY};

/// Whether the person would be asked.
#[derive(Clone, Debug)]
pub struct ConsentForecast {
    /// Whether the consent page is shown.
    pub asked: bool,
    /// Why, in plain words.
    pub because: String,
    /// When the former decision was taken that is looked at.
    pub given_at: Option<Timestamp>,
    /// What the page shows that no former decision covers.
    pub new: Vec<ScopeToken>,
}

/// The access token and what comes with it.
#[derive(Clone, Copy, Debug)]
pub struct TokenForecast {
    /// How long it lives, in seconds.
    pub expires_in: i64,
    /// What it is bound to, if the client shows it: `key` or `certificate`.
    pub bound: Option<&'static str>,
    /// `jwt` or `opaque`.
    pub format: &'static str,
    /// How long the client may go on by refresh tokens: `session` or `offline`.
    pub refresh: Option<&'static str>,
    /// Whether an id token comes with it.
    pub id_token: bool,
}

/// Something that must be in place.
#[derive(Clone, Debug)]
pub struct Need {
    /// What: `patient`, `encounter`, `openid`, `one_kind_of_refresh`.
    pub needs: &'static str,
    /// Whether it is; nothing where that depends on who signs in.
    pub met: Option<bool>,
    /// What is to be known of it, in plain words.
    pub says: String,
}

impl TokenForecast {
    /// The token that the rules would let through.
    pub(super) fn of(
        trace: &Trace,
        resource: &ResourceMetadata,
        binding: Option<&Binding>,
        grant_type: &str,
    ) -> Self {
        let is_of_person = grant_type != "client_credentials";
        let refresh = match (holds(&trace.scope, ONLINE_ACCESS), holds(&trace.scope, OFFLINE_ACCESS)) {
            (true, _) => Some("session"),
            (false, true) => Some("offline"),
            (false, false) => None,
        };
        Self {
            expires_in: trace.seconds,
            bound: binding.map(|binding| if binding.key().is_some() { "key" } else { "certificate" }),
            format: resource.token_format.as_str(),
            refresh: refresh.filter(|_| is_of_person),
            id_token: is_of_person && holds(&trace.scope, "openid"),
        }
    }
}

/// What scopes need around them.
pub(super) fn needs(
    (asked, granted): (&ScopeSet, &ScopeSet),
    (is_known, meant): (bool, &Meant),
    grant_type: &str,
) -> Vec<Need> {
    if grant_type == "client_credentials" {
        return Vec::new();
    }
    let mut needs = Vec::new();
    let mut need = |needs_: &'static str, met, says: String| needs.push(Need { needs: needs_, met, says });
    // Of a request that is refused, what it asks for is told.
    let granted = if granted.is_empty() { asked } else { granted };
    let is_launched = holds(granted, "launch");
    if needs_patient(granted) {
        let (met, says) = match meant {
            Meant::Vouched(patient) => {
                let says = "is in context: the EHR that opens the app vouches for it, and no relationship is needed.";
                (Some(true), format!("Patient {patient} {says}"))
            }
            Meant::Patient(patient) => (Some(true), format!("Patient {patient} is in context.")),
            Meant::Chosen if is_launched => {
                (None, "The EHR has a patient open, or the person chooses one.".to_owned())
            }
            Meant::Chosen if is_known => (None, "The person chooses a patient.".to_owned()),
            Meant::Chosen => (None, "Whoever signs in must have a patient to act for.".to_owned()),
            Meant::Nobody | Meant::Foreign => {
                (Some(false), "There is no patient in whose record this person may act.".to_owned())
            }
        };
        need("patient", met, says);
    }
    if is_launched {
        let says = "The app must be opened by an EHR, whose launch it sends along; without it the request is refused.";
        need("launch", None, says.to_owned());
    }
    if holds(asked, "launch/encounter") {
        let met = holds(granted, "launch/encounter");
        let says = if met && is_launched {
            "The visit is the one that the EHR has open; without one, launch/encounter is not granted."
        } else if met {
            "The person chooses a visit of the patient, or none in particular: then launch/encounter is not granted."
        } else {
            "No visit is told to the app."
        };
        need("encounter", if met { None } else { Some(false) }, says.to_owned());
    }
    let tells = ["fhirUser", "profile", "email", "address", "phone"];
    if tells.iter().any(|scope| holds(asked, scope)) && !holds(granted, "openid") {
        let says = "What is told of the person goes with an id token, which openid asks for.";
        need("openid", Some(false), says.to_owned());
    }
    if holds(asked, OFFLINE_ACCESS) && holds(asked, ONLINE_ACCESS) {
        let says =
            "offline_access and online_access are both asked for; the narrower, online_access, counts.";
        need("one_kind_of_refresh", Some(false), says.to_owned());
    }
    needs
}

impl ConsentForecast {
    fn asked(because: &str, given_at: Option<Timestamp>, new: Vec<ScopeToken>) -> Self {
        Self { asked: true, because: because.to_owned(), given_at, new }
    }

    fn spared(because: &str, given_at: Option<Timestamp>) -> Self {
        Self { asked: false, because: because.to_owned(), given_at, new: Vec::new() }
    }

    /// What the former decisions of a person tell, the newest first.
    fn of_former(
        known: &[Consent],
        person: &OnBehalf,
        (scope, resource): (&ScopeSet, &ResourceMetadata),
    ) -> Self {
        let patient = person.context.patient.as_deref().filter(|_| needs_patient(scope));
        // Of a patient who is yet to be chosen, the decisions about any patient tell something.
        let is_open = patient == Some(SOMEBODY);
        let covering = |scope| {
            known.iter().filter(move |consent| {
                let patient = if is_open { consent.patient.as_deref() } else { patient };
                let wish = Wish {
                    audience: &resource.url,
                    patient,
                    scope,
                    claims: &[],
                    details: &AuthorizationDetails::default(),
                };
                (!is_open || patient.is_some()) && consent.covers(&wish, &person.standing)
            })
        };
        if let Some(consent) = covering(scope).next() {
            let given_at = Some(consent.given_at);
            if !is_open {
                let because =
                    "The person has agreed to all of it before, and is asked again only with prompt=consent.";
                return Self::spared(because, given_at);
            }
            let patients: BTreeSet<&str> =
                covering(scope).filter_map(|consent| consent.patient.as_deref()).collect();
            let patients = patients.into_iter().collect::<Vec<_>>().join(", ");
            let because = format!(
                "The person has agreed to all of it for {patients}, and would be asked for any other patient."
            );
            return Self::asked(&because, given_at, Vec::new());
        }
        let nothing = ScopeSet::default();
        let Some(former) = covering(&nothing).next() else {
            return Self::asked("The person has not agreed to this client here before.", None, all(scope));
        };
        let one =
            |token: &&ScopeToken| !covers_all(&former.scope, &ScopeSet::from_tokens([(*token).clone()]));
        let because = match former.patient.as_deref().filter(|_| is_open) {
            Some(patient) => format!("The person has agreed to less before, for {patient}."),
            None => "The person has agreed to less before.".to_owned(),
        };
        Self::asked(&because, Some(former.given_at), scope.iter().filter(one).cloned().collect())
    }
}

fn all(scope: &ScopeSet) -> Vec<ScopeToken> {
    scope.iter().cloned().collect()
}

impl Administration {
    /// Whether a person would be asked for these scopes, by the same decisions as a real request.
    pub(super) async fn consent_forecast(
        &self,
        client: &Client,
        person: Option<&OnBehalf>,
        scope: &ScopeSet,
        resource: &ResourceMetadata,
    ) -> Result<ConsentForecast, Fault> {
        let Some(person) = person else {
            let because = "Whoever signs in is asked, unless they have agreed to all of it before.";
            return Ok(ConsentForecast::asked(because, None, all(scope)));
        };
        let registered = &client.metadata.redirect_uris;
        let is_recognized = {
            let claimed =
                |uri: &str| redirect_uri::matched(registered, uri).is_some_and(|uri| uri.is_claimed());
            is_recognized(client, registered.iter().all(|uri| claimed(uri.as_str())))
        };
        let voucher = match &person.context.patient {
            None => None,
            Some(patient) if is_close(&self.db, &person.standing, (&resource.url, patient)).await? => {
                Some(Voucher::Relationship)
            }
            Some(_) => Some(Voucher::Launch),
        };
        if holds(scope, "launch") && is_recognized && is_preapproved(client, &person.standing, voucher) {
            let because = "The client is registered as approved for clinicians: they are asked only with prompt=consent.";
            return Ok(ConsentForecast::spared(because, None));
        }
        if !is_recognized {
            let because = "The person is asked each time: this client proves nothing of itself, and other apps can \
                           receive what is sent to one of its redirect_uris.";
            return Ok(ConsentForecast::asked(because, None, all(scope)));
        }
        let mut known = store::consent::find_newest(&self.db, person.standing.subject, &client.id).await?;
        known.retain(|consent| client.stands_since(consent.given_at));
        Ok(ConsentForecast::of_former(&known, person, (scope, resource)))
    }
}
