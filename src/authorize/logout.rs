//! Signing out, here or everywhere. A link alone ends nothing, and the browser is sent nowhere.

use crate::ledger::{Attempt, Entry};
use crate::protocol::error::{Failure, Refusal};
use crate::protocol::params::PageForm;

use super::AuthorizationFlow;
use super::browser::{Cookie, CookieKind, Form, Visit};
use super::case::Present;

/// What is shown to whoever may want to sign out.
#[derive(Debug)]
pub enum LogoutView {
    /// The question whether to.
    Question {
        /// Who is signed in.
        person: String,
        /// The token of the form.
        csrf: String,
        /// The cookies that the browser gets.
        cookies: Vec<Cookie>,
    },
    /// Nobody is signed in.
    SignedOut,
}

impl AuthorizationFlow {
    /// The question whether to sign out, where somebody is signed in.
    pub async fn logout_view(&self, visit: &Visit) -> Result<LogoutView, Failure> {
        let Some(present) = self.present(visit, self.clock.now()).await? else {
            return Ok(LogoutView::SignedOut);
        };
        let (browser, cookies) = self.browser_of(visit)?;
        let csrf = self.marks.csrf(Form::Logout(present.session.id), &browser);
        Ok(LogoutView::Question { person: present.person.label().to_owned(), csrf, cookies })
    }

    /// Signs out. The answer is the cookie to forget.
    pub async fn sign_out(&self, form: &PageForm, visit: &Visit) -> Result<Cookie, Failure> {
        let mut entry = self.entry("sign_out", &visit.origin)?;
        let forget = || Cookie { kind: CookieKind::Session, value: None };
        let present = match self.present(visit, entry.now()).await {
            Ok(Some(present)) => present,
            Ok(None) => return Ok(forget()),
            Err(fault) => return Err(fault.into()),
        };
        let outcome = self.end(&mut entry, &present, (form, visit)).map(|()| forget()).map_err(Failure::from);
        self.ledger.settle(entry, outcome).await
    }

    fn end(
        &self,
        entry: &mut Entry,
        present: &Present,
        (form, visit): (&PageForm, &Visit),
    ) -> Result<(), Refusal> {
        present.name(entry.event_mut());
        let session = present.session.id;
        self.marks.check(visit, Form::Logout(session), form.optional("csrf"))?;
        let everywhere = match form.optional("scope_of") {
            Some("here") => None,
            Some("everywhere") => Some(present.person.subject),
            Some(_) | None => {
                let told = "Choose whether to sign out here or everywhere.";
                return Err(Refusal::invalid_request(told, "extent_unknown"));
            }
        };
        entry.event_mut().detail = everywhere.map(|_| "every session of the person".to_owned());
        entry.attempt(Attempt::EndSession { session, everywhere });
        Ok(())
    }
}
