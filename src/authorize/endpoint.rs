//! The authorization endpoint (RFC 6749, 3.1): a request is read, its callback proved, and its way begins.

use crate::jose::thumbprint::sha256;
use crate::ledger::{Attempt, Entry};
use crate::model::client::Client;
use crate::model::interaction::{Interaction, LIFE, Progress};
use crate::model::launch::{self, Handover};
use crate::moment::Timestamp;
use crate::policy;
use crate::protocol::authorization_request::{self, AuthorizationRequest};
use crate::protocol::client_metadata::Profile;
use crate::protocol::error::{Doing, ErrorCode, Failure, Reason, Refusal};
use crate::protocol::ids::ClientId;
use crate::protocol::params::Tolerant;
use crate::protocol::redirect_uri::{self, Callback};
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::scope::narrow::holds;
use crate::store;

use super::browser::{self, Cookie, CookieKind, Visit};
use super::case::Present;
use super::offer::offered;
use super::response::{ReturnAddress, launched_by};
use super::{AuthorizationFlow, GoOn, Place, Trouble};

/// The grant that begins here.
const GRANT: &str = "authorization_code";

impl AuthorizationFlow {
    /// Begins the way of an authorization request.
    pub async fn begin(&self, request: Result<Tolerant, Refusal>, visit: &Visit) -> Result<GoOn, Trouble> {
        let mut entry =
            self.entry("authorize.begin", &visit.origin).map_err(|fault| Trouble::Page(fault.into()))?;
        let proved = match request {
            Ok(tolerant) => self.prove(&mut entry, &tolerant).await.map(|proved| (proved, tolerant)),
            Err(refusal) => Err(refusal.into()),
        };
        let ((client, callback), tolerant) = match proved {
            Ok(proved) => proved,
            Err(failure) => return Err(Trouble::Page(self.refuse(entry, failure).await)),
        };
        let state = authorization_request::state_of(&tolerant).map(str::to_owned);
        let address = ReturnAddress::new(callback.clone(), state, self.issuer.clone());
        let outcome = self.admit(&mut entry, (client, callback), &tolerant, visit).await;
        let settled = self.ledger.settle(entry, outcome).await;
        settled.map_err(|failure| Trouble::Client(Box::new(address), failure))
    }

    /// Proves who asks and where the answer may go. Until then nothing is sent anywhere (RFC 6749, 4.1.2.1).
    async fn prove(&self, entry: &mut Entry, request: &Tolerant) -> Result<(Client, Callback), Failure> {
        if ["client_id", "redirect_uri"].iter().any(|name| request.repeated.contains(*name)) {
            let told = "The app that sent you here named itself, or its address, twice.";
            return Err(Refusal::invalid_request(told, "repeated_parameter").into());
        }
        let named = request.params.optional("client_id").ok_or_else(|| unknown("client_id_missing"))?;
        let id = ClientId::parse(named).ok_or_else(|| unknown("unknown_client"))?;
        entry.event_mut().client = Some(id.to_string());
        let client = store::client::find(&self.db, &id).await?.ok_or_else(|| unknown("unknown_client"))?;
        entry.event_mut().name_client(&client);
        if !client.is_active() {
            return Err(unknown("client_disabled").into());
        }
        let asked = request.params.optional("redirect_uri").ok_or_else(|| astray("redirect_uri_missing"))?;
        let callback = redirect_uri::matched(&client.metadata.redirect_uris, asked)
            .ok_or_else(|| astray("redirect_uri_not_registered").detail(asked.chars().take(200).collect()))?;
        Ok((client, callback))
    }

    /// Judges what is asked, and stores it on its way. Whatever is wrong from here on, the client is told.
    async fn admit(
        &self,
        entry: &mut Entry,
        (client, callback): (Client, Callback),
        tolerant: &Tolerant,
        visit: &Visit,
    ) -> Result<GoOn, Failure> {
        may_ask(&client)?;
        let request = AuthorizationRequest::parse(tolerant)?;
        entry.event_mut().scopes_asked = Some(request.scope.to_string());
        // The error for a wrong resource server depends on the name under which it was given (RFC 8707, 2).
        let blame = match tolerant.params.optional("aud") {
            Some(_) => ErrorCode::InvalidRequest,
            None => ErrorCode::InvalidTarget,
        };
        let resource = self.resource(entry, (&client, &request), blame).await?;
        offered(entry, policy::offer(&client, None, &request.scope, &resource))?;

        let now = entry.now();
        let launch = self.handed_over(entry, (&client, &resource), (tolerant, &request)).await?;
        // A hint that is none is refused before anybody is asked for a password.
        self.expected((&client, &request), now).await?;
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
            callback,
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
        let is_wanted = !request.prompts.wants_login() && is_recent(&present, request, now);
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
    if !client.metadata.grant_types.iter().any(|grant| grant == GRANT) {
        let told = "this client is not registered for authorization codes";
        return Err(Refusal::new(ErrorCode::UnauthorizedClient, told, Reason::new("grant_not_registered")));
    }
    match client.metadata.profile {
        Profile::Smart | Profile::Udap => Ok(()),
        // FAPI 2.0 Security Profile, 5.3.2.2.
        Profile::Fapi2 => Err(Refusal::invalid_request(
            "pushed authorization requests are required",
            "pushed_request_missing",
        )),
    }
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

/// The client is not known, or stopped; which of them is not told.
const fn unknown(reason: &'static str) -> Refusal {
    let told = "The app that sent you here is not known to this server.";
    Refusal::invalid_request(told, reason)
}

const fn astray(reason: &'static str) -> Refusal {
    let told = "The app that sent you here did not name an address that is registered for it. You are not sent there.";
    Refusal::invalid_request(told, reason)
}
