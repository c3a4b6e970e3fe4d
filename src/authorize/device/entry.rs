//! A person enters the code that a device shows. What follows is what follows an authorization request.

use crate::authorize::browser::{Cookie, Form, Visit};
use crate::authorize::login::whole_seconds;
use crate::authorize::{AuthorizationFlow, GoOn, Place, throttle};
use crate::ledger::{Attempt, Entry};
use crate::model::attempts::{self, Attempts};
use crate::model::client::Client;
use crate::model::device_code::Wanted;
use crate::model::interaction::{Destination, Interaction, LIFE, Progress, Waiting};
use crate::moment::Timestamp;
use crate::platform::seal;
use crate::protocol::error::{ErrorCode, Failure, Fault, Refusal};
use crate::protocol::params::PageForm;
use crate::protocol::user_code::UserCode;
use crate::store;

/// The most signs of what was typed that are shown once more.
const LONGEST: usize = 32;

/// The form for the code of a device.
#[derive(Debug)]
pub struct DeviceView {
    /// The code to begin with: nothing of it counts before the person sends it.
    pub code: String,
    /// The token of the form.
    pub csrf: String,
    /// Why it is shown once more.
    pub notice: Option<DeviceNotice>,
    /// The cookies that the browser gets.
    pub cookies: Vec<Cookie>,
}

/// Why the form is shown once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceNotice {
    /// No device waits that shows this code.
    Unknown,
    /// There were too many that are not known.
    Wait {
        /// How long until the next one is taken.
        seconds: i64,
    },
}

/// Why a code leads nowhere.
#[derive(Debug)]
pub enum NotEntered {
    /// The form is shown once more.
    Again(Box<DeviceView>, Refusal),
    /// It is told on a page.
    Page(Failure),
}

impl From<Failure> for NotEntered {
    fn from(failure: Failure) -> Self {
        Self::Page(failure)
    }
}

impl From<Fault> for NotEntered {
    fn from(fault: Fault) -> Self {
        Self::Page(fault.into())
    }
}

/// A form that was sent from its own page.
struct Sent {
    typed: String,
    browser: [u8; 32],
    counts: Vec<Attempts>,
}

impl AuthorizationFlow {
    /// The form for the code of a device. A link may bring the code along (RFC 8628, 3.3.1), but only the person
    /// sends it, who has seen that it is the one on the device.
    pub fn device_view(&self, code: Option<&str>, visit: &Visit) -> Result<DeviceView, Failure> {
        let (browser, cookies) = self.browser_of(visit)?;
        let code = code.and_then(UserCode::parse).map(|code| code.to_string()).unwrap_or_default();
        Ok(DeviceView { code, csrf: self.marks.csrf(Form::Device, &browser), notice: None, cookies })
    }

    /// Looks for the device that shows a code. An attempt is counted before it is looked up, so that many at once
    /// count too (RFC 8628, 5.1).
    pub async fn enter_user_code(&self, form: &PageForm, visit: &Visit) -> Result<GoOn, NotEntered> {
        let mut entry = self.entry("device.enter", &visit.origin)?;
        let browser = match self.marks.check(visit, Form::Device, form.optional("csrf")) {
            Ok(browser) => browser,
            Err(refusal) => return Err(self.refuse(entry, refusal.into()).await.into()),
        };
        let typed = form.optional("user_code").unwrap_or_default().to_owned();
        let counts = throttle::counts_of_codes(&browser, visit.origin.network());
        let sent = Sent { typed, browser, counts };
        let Some(code) = UserCode::parse(&sent.typed) else {
            let failure = self.refuse(entry, unknown("user_code_malformed").into()).await;
            return Err(self.enter_again(&sent, failure).await);
        };
        let reserved = match self.codes_held_until(&sent, entry.now()).await {
            Ok(Some(until)) => Err(attempts::too_many_codes(until).into()),
            Ok(None) => Ok(()),
            Err(fault) => Err(fault.into()),
        };
        if reserved.is_ok() {
            entry.attempt(Attempt::ReserveUserCode(sent.counts.clone()));
        }
        if let Err(failure) = self.ledger.settle(entry, reserved).await {
            return Err(self.enter_again(&sent, failure).await);
        }
        entry = self.entry("device.enter", &visit.origin)?;
        let outcome = self.found(&mut entry, (&sent, &code), visit).await;
        match self.ledger.settle(entry, outcome).await {
            Ok(go_on) => Ok(go_on),
            Err(failure) => Err(self.enter_again(&sent, failure).await),
        }
    }

    /// Begins what the code leads to.
    async fn found(
        &self,
        entry: &mut Entry,
        (sent, code): (&Sent, &UserCode),
        visit: &Visit,
    ) -> Result<GoOn, Failure> {
        let now = entry.now();
        let wanted = store::device_code::find_pending(&self.db, &self.marks.user_code(code), now).await?;
        let wanted = wanted.ok_or_else(|| unknown("user_code_unknown"))?;
        entry.event_mut().detail = Some(wanted.asked());
        let Wanted { digest, client, request, expires_at, .. } = wanted;
        entry.event_mut().client = Some(client.to_string());
        let client = store::client::find(&self.db, &client).await?;
        let client = client.filter(Client::is_active).ok_or_else(|| unknown("client_disabled"))?;
        entry.event_mut().name_client(&client);
        entry.event_mut().scopes_asked = Some(request.scope.to_string());
        let present = self.present(visit, now).await?;
        if let Some(present) = &present {
            present.name(entry.event_mut());
        }
        let progress = match present {
            Some(present) => Progress::SignedIn { session: present.session.id },
            None => Progress::Begun,
        };
        let id = self.id(now)?;
        let shown = code.to_string();
        let sealed_user_code = self.sealer.seal(place(&id.to_string()), shown.as_bytes())?;
        let interaction = Interaction {
            id,
            browser: sent.browser,
            client: client.id,
            destination: Destination::Device(Waiting { digest, sealed_user_code }),
            request,
            launch: None,
            choice: None,
            progress,
            created_at: now,
            expires_at: expires_at.min(now + LIFE),
        };
        entry.attempt(Attempt::EnterUserCode {
            interaction: Box::new(interaction),
            counts: sent.counts.clone(),
        });
        Ok(GoOn::to(Place::Dispatcher, id))
    }

    /// The code that a device shows, as it was entered, so that the person compares it once more.
    pub(in crate::authorize) fn code_shown(
        &self,
        interaction: &Interaction,
    ) -> Result<Option<String>, Fault> {
        let Some(waiting) = interaction.destination.device() else { return Ok(None) };
        let opened = self.sealer.open(place(&interaction.id.to_string()), &waiting.sealed_user_code)?;
        Ok(Some(String::from_utf8_lossy(&opened).into_owned()))
    }

    async fn codes_held_until(&self, sent: &Sent, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
        let mut counts = sent.counts.clone();
        store::attempts::find(&self.db, &mut counts).await?;
        Ok(throttle::held_until(&counts, now))
    }

    /// The form once more, where the person can do better; else a page.
    async fn enter_again(&self, sent: &Sent, failure: Failure) -> NotEntered {
        let refusal = match failure {
            Failure::Refusal(refusal) => refusal,
            Failure::Fault(fault) => return fault.into(),
        };
        let notice = if refusal.code() == ErrorCode::TooManyAttempts {
            let now = self.clock.now();
            match self.codes_held_until(sent, now).await {
                Ok(until) => {
                    DeviceNotice::Wait { seconds: until.map_or(1, |until| whole_seconds(until - now)) }
                }
                Err(fault) => return fault.into(),
            }
        } else {
            DeviceNotice::Unknown
        };
        let view = DeviceView {
            code: sent.typed.chars().take(LONGEST).collect(),
            csrf: self.marks.csrf(Form::Device, &sent.browser),
            notice: Some(notice),
            cookies: Vec::new(),
        };
        NotEntered::Again(Box::new(view), refusal)
    }
}

/// Where the code stands that was entered.
const fn place(interaction: &str) -> seal::Place<'_> {
    seal::Place { table: "interaction", column: "sealed_user_code", row: interaction }
}

/// The refusal of a code, whatever is wrong with it: the same words for all.
const fn unknown(reason: &'static str) -> Refusal {
    Refusal::invalid_request("no device waits that shows this code", reason)
}
