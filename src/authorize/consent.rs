//! The person decides what the client may do.

use std::collections::HashSet;

use uuid::Uuid;

use crate::ledger::{Attempt, Entry};
use crate::model::consent::Consent;
use crate::model::delegation::{Endurance, Voucher};
use crate::model::interaction::Progress;
use crate::model::person::{Person, Role};
use crate::moment::Timestamp;
use crate::policy::{self, Extent};
use crate::protocol::client_metadata::About;
use crate::protocol::error::{Failure, Fault, Refusal};
use crate::protocol::params::PageForm;
use crate::protocol::resource_metadata::ResourceKind;
use crate::scope::choices;
use crate::scope::lattice::shortest;
use crate::scope::narrow::holds;
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;

use super::browser::{self, Form, Visit};
use super::case::{Case, Present};
use super::details::DetailView;
use super::dispatcher::Next;
use super::offer::Offer;
use super::setting::{Look, choice};
use super::{AuthorizationFlow, GoOn, Place, Trouble, Turn};

/// The question what a client may do.
#[derive(Debug)]
pub struct ConsentView {
    /// The name of the app that asks.
    pub client_name: String,
    /// The organization that answers for it.
    pub organization: String,
    /// Whether an administrator has looked at the app.
    pub is_approved: bool,
    /// What the app tells people of itself.
    pub told: About,
    /// Where the answer goes.
    pub target: String,
    /// Who is asked, by the name to call them.
    pub person: String,
    /// Who is asked, by the name they sign in with.
    pub username: String,
    /// The FHIR server, by its title.
    pub resource: Option<String>,
    /// The patient in context.
    pub patient: Option<String>,
    /// What could be granted.
    pub scope: ScopeSet,
    /// The claims that could be told beside those of the scopes (OpenID Connect Core, 5.5).
    pub claims: Vec<String>,
    /// What could be granted beside it (RFC 9396).
    pub details: Vec<DetailView>,
    /// How finely it is chosen.
    pub grain: Grain,
    /// How long it would last.
    pub duration: Lasting,
    /// What is in context, as the form repeats it.
    pub about: String,
    /// The interaction.
    pub interaction: Uuid,
    /// The token of the form.
    pub csrf: String,
    /// The code on the device that waits for the answer, where one does.
    pub device: Option<String>,
}

/// How finely a person chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Scope by scope, as they were asked for.
    Scopes,
    /// Where a scope has choices, also one by one of those (45 CFR 170.315(g)(10)).
    Choices,
}

impl Grain {
    /// Patients choose of their own record; whoever treats patients is asked in the terms of the work.
    fn of(person: &Person) -> Self {
        let treats = person.roles.contains(&Role::Clinician) && !person.roles.contains(&Role::Patient);
        if treats { Self::Scopes } else { Self::Choices }
    }

    /// What of an offered scope was ticked: the scope itself, or else some of its choices.
    fn ticked(self, offered: &ScopeToken, ticked: &HashSet<String>) -> Vec<ScopeToken> {
        let is_ticked = |token: &ScopeToken| ticked.contains(token.as_str());
        match self {
            _ if is_ticked(offered) => vec![offered.clone()],
            Self::Scopes => Vec::new(),
            Self::Choices => choices::all(offered).into_iter().filter(is_ticked).collect(),
        }
    }
}

/// How long a client could go on, if all that is offered were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// As long as one access token lives.
    Token {
        /// That many seconds.
        seconds: i64,
    },
    /// Until the person signs out, or the session ends by itself.
    Session {
        /// How long one access token lives, which is all there is without this leave, in seconds.
        seconds: i64,
    },
    /// Until the person withdraws it, or it is not used.
    Offline {
        /// After that many days without use it ends.
        unused_days: i64,
        /// How long one access token lives, which is all there is without this leave, in seconds.
        seconds: i64,
    },
}

/// What the person ticked.
struct Ticked {
    /// The scopes.
    scopes: HashSet<String>,
    /// The claims.
    claims: HashSet<String>,
    /// The details, by the keys that the page gave them.
    details: HashSet<String>,
}

/// What the person answered.
enum Answer {
    /// These, as far as they are offered.
    Allow(Ticked),
    /// Nothing.
    Deny,
}

impl AuthorizationFlow {
    /// The question, where it comes next.
    pub async fn consent_view(&self, id: &str, visit: &Visit) -> Result<Turn<ConsentView>, Trouble> {
        let mut entry =
            self.entry("authorize.respond", &visit.origin).map_err(|fault| Trouble::Page(fault.into()))?;
        let case = match self.case(&mut entry, id, visit).await {
            Ok(case) => case,
            Err(failure) => return Err(Trouble::Page(self.refuse(entry, failure).await)),
        };
        // Whatever else comes next, a refusal included, is the dispatcher's to tell.
        match self.next(&mut entry, &case, Look::Up).await {
            Ok(Next::Consent(present, offer)) => {
                let label = self.label(&case, present, &offer, entry.now()).await;
                match self.told(&offer.details).await {
                    Ok(details) => {
                        let question = self.question(&case, present, (*offer, label, details));
                        question.map(Turn::Page).map_err(|fault| Trouble::Page(fault.into()))
                    }
                    Err(fault) => Err(case.trouble(fault.into())),
                }
            }
            Ok(Next::Login | Next::Choose(..) | Next::Respond(..) | Next::Over)
            | Err(Failure::Refusal(_)) => Ok(Turn::GoOn(GoOn::to(Place::Dispatcher, case.interaction.id))),
            Err(failure) => Err(case.trouble(failure)),
        }
    }

    /// Keeps what the person decided.
    pub async fn decide(&self, form: &PageForm, visit: &Visit) -> Result<GoOn, Failure> {
        let action = match form.optional("decision") {
            Some("allow") => "consent.give",
            _ => "consent.refuse",
        };
        let mut entry = self.entry(action, &visit.origin)?;
        let outcome = self.take(&mut entry, form, visit).await;
        self.ledger.settle(entry, outcome).await
    }

    /// Reads the form and decides what is kept of it.
    async fn take(&self, entry: &mut Entry, form: &PageForm, visit: &Visit) -> Result<GoOn, Failure> {
        let text = form.optional("interaction").unwrap_or_default();
        let id: Uuid = text.parse().map_err(|_| browser::forged("form_without_interaction"))?;
        let last = self.last_signed_in(visit).await?;
        let session = last.ok_or_else(|| browser::forged("form_without_session"))?.0.id;
        self.marks.check(visit, Form::Consent(id, session), form.optional("csrf"))?;
        let answer = answer(form)?;
        let case = self.case(entry, text, visit).await?;
        match case.interaction.progress {
            Progress::SignedIn { session: of } if of == session => {}
            // An answer counts once, and for the sign-in that the question was shown to.
            Progress::Begun
            | Progress::SignedIn { .. }
            | Progress::Allowed { .. }
            | Progress::Denied { .. }
            | Progress::Finished => return Err(browser::forged("decided_before").into()),
        }
        let go_on = GoOn::to(Place::Dispatcher, id);
        let Some(present) = &case.present else {
            // The session has ended while the question was read: nothing is decided, and sign-in comes next.
            entry.attempt(Attempt::RecordNothing);
            return Ok(go_on);
        };
        let consent = match answer {
            Answer::Allow(ticked) => {
                let about = form.optional("about").unwrap_or_default();
                self.agreed(entry, (&case, present), (&ticked, about)).await?
            }
            Answer::Deny => None,
        };
        if consent.is_none() {
            "consent.refuse".clone_into(&mut entry.event_mut().action);
        }
        let choice = case.interaction.choice.clone().map(Box::new);
        entry.attempt(Attempt::Decide { at: (id, session), consent: consent.map(Box::new), choice });
        Ok(go_on)
    }

    /// What was ticked of what is offered; what else the form may say has no meaning. Nothing ticked is a no.
    async fn agreed(
        &self,
        entry: &mut Entry,
        (case, present): (&Case, &Present),
        (ticked, about): (&Ticked, &str),
    ) -> Result<Option<Consent>, Failure> {
        // Whatever else would come next now, this is no answer to it.
        let offer = match self.next(entry, case, Look::Up).await? {
            Next::Consent(_, offer) | Next::Respond(_, offer, _) => offer,
            Next::Login | Next::Choose(..) | Next::Over => {
                return Err(browser::forged("consent_not_asked").into());
            }
        };
        if about != offer.about(&case.client) {
            // Another patient was chosen, in another tab, than the one that the page spoke of; or the client has
            // changed itself.
            return Err(browser::forged("consent_about_something_else").into());
        }
        let grain = Grain::of(&present.person);
        let scope = offer.scope.iter().flat_map(|offered| grain.ticked(offered, &ticked.scopes));
        let scope = ScopeSet::from_tokens(scope);
        let claims = offer.claims.iter().filter(|claim| ticked.claims.contains(*claim)).cloned().collect();
        let details = offer.details.kept(|detail| ticked.details.contains(&detail.key()));
        // Some scopes mean nothing without others that may now be missing.
        let ticked = Extent { scope, details };
        let granted = policy::offer(&case.client, Some(&offer.person), ticked, &offer.resource);
        let Ok(Extent { scope, details }) = granted else { return Ok(None) };
        let scope = shortest(&scope);
        let consent = Consent {
            id: self.id(entry.now())?,
            subject: present.person.subject,
            client: case.client.id.clone(),
            audience: offer.resource.url.clone(),
            patient: offer.patient_for(&scope, &details),
            claims: if holds(&scope, "openid") { claims } else { Vec::new() },
            scope,
            details,
            given_at: entry.now().max(present.person.not_before),
            by_policy: false,
            withdrawn_at: None,
        };
        let event = entry.event_mut();
        event.scopes_granted = Some(consent.scope.to_string());
        event.detail = (!consent.claims.is_empty()).then(|| format!("claims {}", consent.claims.join(" ")));
        event.patient.clone_from(&consent.patient);
        Ok(Some(consent))
    }

    /// The patient in context, as the person may know them: an EHR hands over no more than an id.
    async fn label(&self, case: &Case, present: &Present, offer: &Offer, now: Timestamp) -> Option<String> {
        let patient = offer.patient()?;
        if case.interaction.launch.is_none() || offer.voucher != Voucher::Launch {
            return offer.label.clone();
        }
        // Whoever cannot be looked up is named as the EHR did.
        let found = self.patients.find((&present.person, &offer.resource), &patient, now).await;
        found.ok().flatten().map_or(offer.label.clone(), |entry| Some(choice(&entry).label))
    }

    fn question(
        &self,
        case: &Case,
        present: &Present,
        (offer, patient, details): (Offer, Option<String>, Vec<DetailView>),
    ) -> Result<ConsentView, Fault> {
        let interaction = case.interaction.id;
        let about = offer.about(&case.client);
        let duration = self.lasting(&offer);
        let Offer { scope, claims, resource, .. } = offer;
        Ok(ConsentView {
            client_name: case.client.metadata.client_name.clone(),
            organization: case.client.metadata.organization.clone(),
            is_approved: case.client.provenance.is_approved(),
            told: case.client.metadata.about.clone(),
            target: case.interaction.destination.origin(),
            person: present.person.label().to_owned(),
            username: present.person.username.to_string(),
            resource: (resource.kind == ResourceKind::Fhir).then_some(resource.title),
            patient,
            scope,
            claims,
            details,
            grain: Grain::of(&present.person),
            duration,
            about,
            interaction,
            csrf: self.marks.csrf(Form::Consent(interaction, present.session.id), &case.browser),
            device: self.code_shown(&case.interaction)?,
        })
    }

    fn lasting(&self, offer: &Offer) -> Lasting {
        let most = self.lives.access.whole_seconds();
        let seconds = offer.resource.token_seconds.unwrap_or(most).min(most);
        match Endurance::of(&offer.scope) {
            Endurance::Token => Lasting::Token { seconds },
            Endurance::Session => Lasting::Session { seconds },
            Endurance::Offline => Lasting::Offline { unused_days: self.lives.refresh.whole_days(), seconds },
        }
    }
}

fn answer(form: &PageForm) -> Result<Answer, Refusal> {
    match form.optional("decision") {
        Some("allow") => {
            let all = |name| form.repeated(name).iter().cloned().collect();
            Ok(Answer::Allow(Ticked {
                scopes: all("scope"),
                claims: all("claim"),
                details: all("authorization_detail"),
            }))
        }
        Some("deny") => Ok(Answer::Deny),
        Some(_) | None => {
            Err(Refusal::invalid_request("Choose whether to allow access.", "decision_unknown"))
        }
    }
}
