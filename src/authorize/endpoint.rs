//! The authorization endpoint (RFC 6749, 3.1): a request is read, its callback proved, and its way begins.

use crate::jose::thumbprint::sha256;
use crate::ledger::{Attempt, Entry};
use crate::model::client::Client;
use crate::model::interaction::{Destination, Interaction, LIFE, Progress};
use crate::model::launch::{self, Handover};
use crate::moment::Timestamp;
use crate::policy;
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::client_metadata::Profile;
use crate::protocol::error::{Doing, ErrorCode, Failure, Reason, Refusal};
use crate::protocol::params::Tolerant;
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::scope::narrow::holds;
use crate::store;

use super::answer::may_be_answered;
use super::asked::{Asked, Astray, Way};
use super::browser::{self, Cookie, CookieKind, Visit};
use super::case::Present;
use super::claims;
use super::offer::{extent_of, offered};
use super::response::launched_by;
use super::{AuthorizationFlow, GoOn, Place, Trouble};

/// The grant that begins here.
const GRANT: &str = "authorization_code";

/// What a request asks for, judged as far as that can be without a person.
pub(super) struct Judged {
    /// What is asked.
    request: AuthorizationRequest,
    /// What an EHR has handed over.
    launch: Option<Handover>,
}

impl AuthorizationFlow {
    /// Begins the way of an authorization request.
    pub async fn begin(&self, request: Result<Tolerant, Refusal>, visit: &Visit) -> Result<GoOn, Trouble> {
        let mut entry =
            self.entry("authorize.begin", &visit.origin).map_err(|fault| Trouble::Page(fault.into()))?;
        let asked = match request {
            Ok(said) => self.proved(&mut entry, said).await,
            Err(refusal) => Err(refusal.into()),
        };
        let asked = match asked {
            Ok(asked) => asked,
            Err(Astray { address, failure }) => {
                let failure = self.refuse(entry, failure).await;
                return Err(match address {
                    Some(address) => Trouble::Client(address, failure),
                    None => Trouble::Page(failure),
                });
            }
        };
        let to = (&asked.client, &asked.callback);
        let address = self.return_address(to, &asked.request, entry.now());
        let provenance = asked.client.provenance;
        let outcome = self.admit(&mut entry, asked, visit).await;
        let settled = self.ledger.settle(entry, outcome).await;
        settled.map_err(|failure| Trouble::unasked(&provenance, address, failure))
    }

    /// Judges what is asked, and stores it on its way. Whatever is wrong from here on, the client is told.
    async fn admit(&self, entry: &mut Entry, asked: Asked, visit: &Visit) -> Result<GoOn, Failure> {
        let (pushed, is_required) = (asked.way.pushed(), self.must_be_pushed(&asked.client));
        if pushed.is_none() && is_required {
            // RFC 9126, 5; FAPI 2.0 Security Profile, 5.3.2.2.
            let told = "pushed authorization requests are required";
            return Err(Refusal::invalid_request(told, "pushed_request_missing").into());
        }
        let Judged { mut request, launch } = self.judged(entry, &asked).await?;
        request.pushed = pushed;
        let Asked { client, callback, .. } = asked;
        let now = entry.now();
        let present = self.adoptable(entry, (&client, &request), visit).await?;
        // Whoever else is signed in here, the person whom the EHR named may sign in.
        let present = present
            .filter(|present| launch.as_ref().is_none_or(|launch| launch.subject == present.person.subject));
        let progress = match present {
            Some(present) => Progress::SignedIn { session: present.session.id },
            None if request.prompts.is_none() => return Err(login_required("not_signed_in").into()),
            None => Progress::Begun,
        };
        let (browser, cookies) = self.browser_of(visit)?;
        let interaction = Interaction {
            id: self.id(now)?,
            browser,
            client: client.id,
            destination: Destination::Callback(callback),
            request,
            launch,
            choice: None,
            progress,
            created_at: now,
            expires_at: now + LIFE,
        };
        let go_on = GoOn { place: Place::Dispatcher, interaction: Some(interaction.id), cookies };
        entry.attempt(Attempt::BeginInteraction(Box::new(interaction)));
        Ok(go_on)
    }

    /// Whether a client must push its requests.
    fn must_be_pushed(&self, client: &Client) -> bool {
        let metadata = &client.metadata;
        metadata.profile == Profile::Fapi2 || metadata.require_pushed || self.features.require_pushed
    }

    /// Judges what is asked, as far as that can be without a person.
    pub(super) async fn judged(&self, entry: &mut Entry, asked: &Asked) -> Result<Judged, Failure> {
        let Asked { client, request: said, way, .. } = asked;
        may_ask(client)?;
        if client.metadata.require_signed_request_object && *way == Way::Plain {
            // RFC 9101, 10.5.
            let told = "signed request objects are required";
            return Err(Refusal::invalid_request(told, "request_object_missing").into());
        }
        let request = AuthorizationRequest::parse(said, client.metadata.profile)?;
        may_be_answered((client, &asked.callback), &request)?;
        let request = claims::completed(request, client)?;
        entry.event_mut().scopes_asked = Some(request.scope.to_string());
        // The error for a wrong resource server depends on the name under which it was given (RFC 8707, 2).
        let blame = match said.params.optional("aud") {
            Some(_) => ErrorCode::InvalidRequest,
            None => ErrorCode::InvalidTarget,
        };
        let resource = self.resource(entry, (client, &request), blame).await?;
        self.judge_details(entry, (client, &request), &resource).await?;
        offered(entry, policy::offer(client, None, extent_of(&request), &resource))?;
        let launch = self.handed_over(entry, (client, &resource), (said, &request)).await?;
        // A hint that is none is refused before anybody is asked for a password.
        self.expected((client, &request), entry.now()).await?;
        Ok(Judged { request, launch })
    }

    /// What an EHR has handed over. Without the scope `launch` a handle is not looked at (SMART App Launch 2.2).
    async fn handed_over(
        &self,
        entry: &mut Entry,
        (client, resource): (&Client, &ResourceMetadata),
        (tolerant, request): (&Tolerant, &AuthorizationRequest),
    ) -> Result<Option<Handover>, Failure> {
        if !holds(&request.scope, "launch") {
            return Ok(None);
        }
        let Some(handle) = tolerant.params.optional("launch") else {
            return Err(launch_missing().into());
        };
        let found = store::launch::find(&self.db, &sha256(handle.as_bytes())).await?;
        let launch = found.ok_or_else(|| launch::not_valid("launch_unknown"))?;
        launch.take(&client.id, &resource.url, entry.now())?;
        let event = entry.event_mut();
        event.person = Some(launch.handover.subject.to_string());
        event.detail = Some(launched_by(&launch.handover));
        event.patient.clone_from(&launch.handover.context.patient);
        Ok(Some(launch.handover))
    }

    /// Who is signed in already, if that will do: recently enough, and the one who is expected.
    async fn adoptable(
        &self,
        entry: &mut Entry,
        (client, request): (&Client, &AuthorizationRequest),
        visit: &Visit,
    ) -> Result<Option<Present>, Failure> {
        let now = entry.now();
        let Some(present) = self.present(visit, now).await? else { return Ok(None) };
        present.name(entry.event_mut());
        let is_expected = self.is_expected((client, request), &present, now).await?;
        let is_wanted = !request.prompts.wants_login()
            && is_recent(&present, request, now)
            && claims::attains(&present, request).is_ok();
        Ok(Some(present).filter(|_| is_expected && is_wanted))
    }

    /// The browser, known again by its cookie, or by a new one.
    pub(super) fn browser_of(&self, visit: &Visit) -> Result<([u8; 32], Vec<Cookie>), Failure> {
        if let Some(known) = visit.browser {
            return Ok((known, Vec::new()));
        }
        let (cookie, digest) =
            browser::fresh(CookieKind::Browser, &self.entropy).doing("naming a browser")?;
        Ok((digest, vec![cookie]))
    }
}

/// Whether the person signed in recently enough (OpenID Connect Core, 3.1.2.1, `max_age`).
fn is_recent(present: &Present, request: &AuthorizationRequest, now: Timestamp) -> bool {
    request.max_age.is_none_or(|most| now < present.session.authenticated_at + time::Duration::seconds(most))
}

/// Whether a client may send people here at all.
pub fn may_ask(client: &Client) -> Result<(), Refusal> {
    if client.metadata.grant_types.iter().any(|grant| grant == GRANT) {
        return Ok(());
    }
    let told = "this client is not registered for authorization codes";
    Err(Refusal::new(ErrorCode::UnauthorizedClient, told, Reason::new("grant_not_registered")))
}

/// The refusal of a request for the scope `launch` without the handle of one.
#[must_use]
pub const fn launch_missing() -> Refusal {
    let told = "the scope launch is for apps that an EHR has opened: launch is missing";
    Refusal::invalid_request(told, "launch_missing")
}

/// The refusal of a request without a page, where one would be needed.
pub(super) const fn login_required(reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::LoginRequired, "the person has to sign in", Reason::new(reason))
}
