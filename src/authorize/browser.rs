//! What a request shows of its browser: the meaning of its cookies, and of the tokens in its forms.

use aws_lc_rs::hmac;
use uuid::Uuid;

use crate::jose::base64url;
use crate::jose::thumbprint::sha256;
use crate::model::audit_event::Origin;
use crate::platform::entropy::{Entropy, EntropyFailed};
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::secret::Secret;
use crate::protocol::user_code::UserCode;

/// The cookies of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieKind {
    /// Ties an authorization request to the browser that began it.
    Browser,
    /// Keeps a person signed in.
    Session,
    /// Tells a device on which an account has signed in before.
    Device,
}

/// A cookie for the browser to keep, or, without a value, to forget.
#[derive(Debug)]
pub struct Cookie {
    /// Which.
    pub kind: CookieKind,
    /// Its value.
    pub value: Option<Secret>,
}

/// Whether a form was sent by a page of this server, as far as the browser tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Nothing speaks against it.
    Own,
    /// By a page of somebody else.
    Foreign,
}

/// What a request shows of its browser.
#[derive(Debug)]
pub struct Visit {
    /// The digest of the cookie that interactions are tied to.
    pub browser: Option<[u8; 32]>,
    /// The digest of the cookie of a session.
    pub session: Option<[u8; 32]>,
    /// The cookie of a device.
    pub device: Option<Secret>,
    /// Who sent the form.
    pub sender: Sender,
    /// From where the request came.
    pub origin: Origin,
}

/// The digest under which the value of a cookie is known; `None` for what was never given out.
#[must_use]
pub fn digest(cookie: &str) -> Option<[u8; 32]> {
    let known = base64url::decode(cookie).is_some_and(|bytes| bytes.len() == 32);
    known.then(|| sha256(cookie.as_bytes()))
}

/// A new cookie of 256 random bits, and the digest under which it is known.
pub fn fresh(kind: CookieKind, entropy: &Entropy) -> Result<(Cookie, [u8; 32]), EntropyFailed> {
    let value = entropy.token()?;
    let digest = sha256(value.as_bytes());
    Ok((Cookie { kind, value: Some(Secret::new(value)) }, digest))
}

/// What a form is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Signing in, for an interaction.
    Login(Uuid),
    /// Choosing a patient, for an interaction, in a session.
    Patient(Uuid, Uuid),
    /// Choosing an encounter, for an interaction, in a session.
    Encounter(Uuid, Uuid),
    /// Signing in, for the person's own page.
    LoginForAccount,
    /// Entering the code of a device.
    Device,
    /// Deciding, for an interaction, in a session.
    Consent(Uuid, Uuid),
    /// Ending what apps may do, in a session.
    Account(Uuid),
    /// Ending a session.
    Logout(Uuid),
}

/// What proves that forms and devices are known. The key stands outside the database.
pub struct BrowserKeys(hmac::Key);

impl BrowserKeys {
    /// With a key of 32 bytes.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The token that stands in a form: it is good for this form in this browser alone.
    #[must_use]
    pub fn csrf(&self, form: Form, browser: &[u8; 32]) -> String {
        base64url::encode(hmac::sign(&self.0, &statement(form, browser)).as_ref())
    }

    /// Refuses a form that was not sent from its own page, in its own browser.
    pub fn check(&self, visit: &Visit, form: Form, shown: Option<&str>) -> Result<[u8; 32], Refusal> {
        if visit.sender == Sender::Foreign {
            return Err(forged("form_from_another_site"));
        }
        let browser = visit.browser.ok_or_else(|| forged("form_without_its_browser"))?;
        let shown = shown.and_then(base64url::decode).ok_or_else(|| forged("form_without_its_token"))?;
        hmac::verify(&self.0, &statement(form, &browser), &shown).map_err(|_| forged("form_token_wrong"))?;
        Ok(browser)
    }

    /// A cookie by which a device on which a person has signed in is known again.
    pub fn device(&self, owner: &[u8; 32], entropy: &Entropy) -> Result<Cookie, EntropyFailed> {
        let nonce: [u8; 16] = entropy.bytes()?;
        let mac = hmac::sign(&self.0, &of_device(&nonce, owner));
        let value = base64url::encode(&[nonce.as_slice(), mac.as_ref()].concat());
        Ok(Cookie { kind: CookieKind::Device, value: Some(Secret::new(value)) })
    }

    /// What the code of a device is known by: too short for a digest that anybody could make.
    #[must_use]
    pub fn user_code(&self, code: &UserCode) -> [u8; 32] {
        let mac = hmac::sign(&self.0, &[b"user code\0", code.letters().as_bytes()].concat());
        sha256(mac.as_ref())
    }

    /// What tells the device of a cookie from all others, when its owner has signed in on it before.
    #[must_use]
    pub fn knows(&self, device: &str, owner: &[u8; 32]) -> Option<[u8; 16]> {
        let bytes = base64url::decode(device)?;
        let (nonce, mac) = bytes.split_first_chunk::<16>()?;
        hmac::verify(&self.0, &of_device(nonce, owner), mac).ok()?;
        Some(*nonce)
    }
}

/// The refusal of a form that was not sent from its own page.
#[must_use]
pub const fn forged(reason: &'static str) -> Refusal {
    let told = "This form was not sent from the page that it belongs to, or the page is too old. Go back to the app and \
                begin again.";
    Refusal::new(ErrorCode::Forged, told, Reason::new(reason))
}

/// What the token of a form says. Every part has a fixed length after the first, which names the form.
fn statement(form: Form, browser: &[u8; 32]) -> Vec<u8> {
    let (name, interaction, session) = match form {
        Form::Login(interaction) => ("form of login\0", interaction, Uuid::nil()),
        Form::Patient(interaction, session) => ("form of patient\0", interaction, session),
        Form::Encounter(interaction, session) => ("form of encounter\0", interaction, session),
        Form::LoginForAccount => ("form of login for the account\0", Uuid::nil(), Uuid::nil()),
        Form::Device => ("form of device\0", Uuid::nil(), Uuid::nil()),
        Form::Consent(interaction, session) => ("form of consent\0", interaction, session),
        Form::Account(session) => ("form of account\0", Uuid::nil(), session),
        Form::Logout(session) => ("form of logout\0", Uuid::nil(), session),
    };
    [name.as_bytes(), browser, interaction.as_bytes(), session.as_bytes()].concat()
}

fn of_device(nonce: &[u8; 16], owner: &[u8; 32]) -> Vec<u8> {
    [b"device\0".as_slice(), nonce, owner].concat()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const BROWSER: [u8; 32] = [1; 32];

    fn keys() -> BrowserKeys {
        BrowserKeys::new(&[7; 32])
    }

    fn visit(browser: Option<[u8; 32]>, sender: Sender) -> Visit {
        let origin =
            Origin { peer: None, certificate: None, request: Uuid::nil(), process: Arc::from("test") };
        Visit { browser, session: None, device: None, sender, origin }
    }

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn f02_the_token_of_a_form_is_good_for_that_form_in_that_browser_alone() {
        let forms = [
            Form::Login(id(1)),
            Form::Login(id(2)),
            Form::Consent(id(1), id(3)),
            Form::Consent(id(2), id(3)),
            Form::Consent(id(1), id(4)),
            Form::Consent(id(3), id(1)),
            Form::Patient(id(1), id(3)),
            Form::Patient(id(2), id(3)),
            Form::Encounter(id(1), id(3)),
            Form::LoginForAccount,
            Form::Device,
            Form::Account(id(1)),
            Form::Account(id(3)),
            Form::Logout(id(1)),
            Form::Logout(id(3)),
        ];
        let visit_of = |browser| visit(Some(browser), Sender::Own);
        for shown in forms {
            let token = keys().csrf(shown, &BROWSER);
            for asked in forms {
                let answer = keys().check(&visit_of(BROWSER), asked, Some(&token));
                assert_eq!(answer.is_ok(), shown == asked, "{shown:?} as {asked:?}");
            }
            let other = keys().check(&visit_of([2; 32]), shown, Some(&token));
            assert_eq!(other.unwrap_err().reason().code(), "form_token_wrong");
            assert!(BrowserKeys::new(&[8; 32]).check(&visit_of(BROWSER), shown, Some(&token)).is_err());
        }
    }

    #[test]
    fn f01_a_form_without_its_token_its_browser_or_from_elsewhere_is_forged() {
        let form = Form::Login(id(1));
        let token = keys().csrf(form, &BROWSER);
        let cases = [
            (visit(Some(BROWSER), Sender::Foreign), Some(token.as_str()), "form_from_another_site"),
            (visit(None, Sender::Own), Some(&token), "form_without_its_browser"),
            (visit(Some(BROWSER), Sender::Own), None, "form_without_its_token"),
            (visit(Some(BROWSER), Sender::Own), Some("not base64url!"), "form_without_its_token"),
            (visit(Some(BROWSER), Sender::Own), Some(&token[..42]), "form_without_its_token"),
            (visit(Some(BROWSER), Sender::Own), Some("AAAA"), "form_token_wrong"),
        ];
        for (visit, shown, reason) in cases {
            let refusal = keys().check(&visit, form, shown).unwrap_err();
            assert_eq!((refusal.code(), refusal.reason().code()), (ErrorCode::Forged, reason));
        }
    }

    #[test]
    fn l17_a_device_is_known_for_its_own_account_alone() {
        let entropy = Entropy::seeded(1);
        let (account, other) = ([3; 32], [4; 32]);
        let cookie = keys().device(&account, &entropy).unwrap();
        let text = cookie.value.as_ref().unwrap().expose();
        assert!(keys().knows(text, &account).is_some());
        assert!(keys().knows(text, &other).is_none());
        assert!(BrowserKeys::new(&[8; 32]).knows(text, &account).is_none());
        let again = keys().device(&account, &entropy).unwrap();
        assert_ne!(keys().knows(text, &account), keys().knows(again.value.unwrap().expose(), &account));
        for bad in ["", "AAAA", "x y", &text[..60]] {
            assert!(keys().knows(bad, &account).is_none(), "{bad}");
        }
    }

    #[test]
    fn f04_a_cookie_that_was_never_given_out_has_no_meaning() {
        let (cookie, found) = fresh(CookieKind::Session, &Entropy::seeded(1)).unwrap();
        assert_eq!(digest(cookie.value.unwrap().expose()), Some(found));
        for bad in ["", "1", "attacker", &"A".repeat(42), &"A".repeat(44), &format!("{}=", "A".repeat(42))] {
            assert_eq!(digest(bad), None, "{bad}");
        }
    }
}
