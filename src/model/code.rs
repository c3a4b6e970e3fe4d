//! An authorization code (RFC 6749, 4.1.2): single use, short, bound to client, callback and verifier.

use time::Duration;
use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::error::{Consequence, ErrorCode, Reason, Refusal};
use crate::protocol::ids::ClientId;
use crate::protocol::pkce::{Challenge, Verifier};
use crate::protocol::redirect_uri::Callback;

use super::binding::Binding;
use super::delegation::Delegation;
use super::standing::Standing;

/// How many wrong verifiers revoke a code.
pub const MOST_WRONG_VERIFIERS: i32 = 5;
/// How long a spent or expired code is remembered, so that its replay is known for one.
pub const MEMORY: Duration = Duration::hours(24);

/// An authorization code, as it stands in the database.
#[derive(Clone, Debug)]
pub struct Code {
    /// SHA-256 of the code itself.
    pub digest: [u8; 32],
    /// What it stands for.
    pub delegation: Delegation,
    /// Where it was sent.
    pub callback: Callback,
    /// What its redemption must meet (RFC 7636).
    pub challenge: Challenge,
    /// What the id token repeats (OpenID Connect Core, 3.1.2.1).
    pub nonce: Option<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// From when it is no good.
    pub expires_at: Timestamp,
    /// When the session in which it was issued was ended.
    pub session_ended_at: Option<Timestamp>,
    /// What has become of it.
    pub state: CodeState,
}

/// What has become of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeState {
    /// It can be redeemed.
    Fresh,
    /// It has been.
    Redeemed {
        /// The tokens that came of it.
        family: Uuid,
    },
    /// Too many verifiers were wrong.
    Revoked,
}

/// What a token request shows with a code.
#[derive(Debug)]
pub struct Redemption {
    /// The client, authenticated.
    pub client: ClientId,
    /// `redirect_uri`.
    pub callback: Option<String>,
    /// `code_verifier`, when it is one.
    pub verifier: Option<Verifier>,
    /// The key that the request proves.
    pub binding: Option<Binding>,
}

impl Code {
    /// Decides whether a code may be redeemed. Nothing is left behind before it is sure that whoever shows
    /// it may: another client, or a thief without the verifier, changes nothing (RFC 6749, 4.1.3).
    pub fn redeem(&self, shown: &Redemption, person: &Standing, now: Timestamp) -> Result<(), Refusal> {
        if shown.client != self.delegation.client {
            return Err(not_valid("code_of_another_client").detail(format!("of {}", self.delegation.client)));
        }
        if shown.callback.as_deref() != Some(self.callback.as_str()) {
            return Err(not_valid("redirect_uri_differs"));
        }
        let shows_key = |key: &String| shown.binding.as_ref().and_then(Binding::key) == Some(key);
        if !self.delegation.particulars.dpop_jkt.as_ref().is_none_or(shows_key) {
            return Err(not_valid("code_of_another_key"));
        }
        let is_met = shown.verifier.as_ref().is_some_and(|verifier| self.challenge.is_met_by(verifier));
        match self.state {
            CodeState::Fresh if now >= self.expires_at => Err(not_valid("code_expired")),
            CodeState::Fresh if !is_met => {
                Err(not_valid("verifier_wrong").leaving(Consequence::CountWrongVerifier(self.digest)))
            }
            CodeState::Redeemed { family } if is_met => {
                // The verifier proves whose code it is, whatever key the tokens were bound to, and by whom.
                Err(not_valid("code_replayed").leaving(Consequence::RevokeFamily(family)))
            }
            CodeState::Redeemed { .. } => Err(not_valid("code_replayed_without_verifier")),
            CodeState::Revoked => Err(not_valid("code_revoked")),
            CodeState::Fresh if self.session_ended_at.is_some() => Err(not_valid("session_ended")),
            CodeState::Fresh => person.objection(&self.delegation).map_or(Ok(()), |why| Err(not_valid(why))),
        }
    }
}

/// The refusal of a code, whatever is wrong with it: the same words for all.
#[must_use]
pub const fn not_valid(reason: &'static str) -> Refusal {
    Refusal::new(
        ErrorCode::InvalidGrant,
        "the code, its redirect_uri or its code_verifier is not valid",
        Reason::new(reason),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delegation::{Particulars, SignIn, Voucher};
    use crate::model::person::{PersonStatus, Role};
    use crate::protocol::launch_context::LaunchContext;
    use crate::scope::set::ScopeSet;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const OTHER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX";
    const CALLBACK: &str = "https://app.example/cb";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_timestamp(1_800_000_000 + seconds).unwrap()
    }

    fn person(not_before: Timestamp) -> Standing {
        Standing {
            subject: Uuid::nil(),
            organization: "o".to_owned(),
            roles: vec![Role::Patient],
            fhir_user: None,
            status: PersonStatus::Active,
            not_before,
            version: 1,
            acts_for: None,
        }
    }

    fn code(state: CodeState) -> Code {
        let challenge = Challenge::parse(Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), Some("S256"));
        Code {
            digest: [1; 32],
            delegation: Delegation {
                client: ClientId::parse("app").unwrap(),
                subject: Uuid::nil(),
                consent: Uuid::nil(),
                scope: ScopeSet::parse("openid").unwrap(),
                audience: "https://fhir.example".to_owned(),
                context: LaunchContext::default(),
                voucher: Voucher::Relationship,
                sign_in: SignIn { session: Uuid::nil(), methods: vec!["pwd".to_owned()], at: at(0) },
                particulars: Particulars::default(),
            },
            callback: Callback::stored(CALLBACK.to_owned()),
            challenge: challenge.unwrap(),
            nonce: None,
            issued_at: at(0),
            expires_at: at(60),
            session_ended_at: None,
            state,
        }
    }

    fn shown(client: &str, callback: &str, verifier: &str) -> Redemption {
        Redemption {
            client: ClientId::parse(client).unwrap(),
            callback: Some(callback.to_owned()),
            verifier: Verifier::parse(verifier),
            binding: None,
        }
    }

    fn refused(code: &Code, shown: &Redemption, now: i64) -> (&'static str, Option<Consequence>) {
        let refusal = code.redeem(shown, &person(at(0)), at(now)).unwrap_err();
        (refusal.reason().code(), refusal.consequence())
    }

    #[test]
    fn sm_t_04_a_code_is_for_its_client_its_callback_and_its_verifier() {
        let fresh = code(CodeState::Fresh);
        assert!(fresh.redeem(&shown("app", CALLBACK, VERIFIER), &person(at(0)), at(59)).is_ok());
        assert_eq!(refused(&fresh, &shown("other", CALLBACK, VERIFIER), 1), ("code_of_another_client", None));
        let elsewhere = shown("app", "https://app.example/other", VERIFIER);
        assert_eq!(refused(&fresh, &elsewhere, 1), ("redirect_uri_differs", None));
        assert_eq!(refused(&fresh, &shown("app", CALLBACK, VERIFIER), 60), ("code_expired", None));
        let counted = Some(Consequence::CountWrongVerifier([1; 32]));
        assert_eq!(refused(&fresh, &shown("app", CALLBACK, OTHER), 1), ("verifier_wrong", counted));
        assert_eq!(refused(&fresh, &shown("app", CALLBACK, ""), 1), ("verifier_wrong", counted));
    }

    #[test]
    fn dp_05_a_code_is_for_its_key_whose_absence_leaves_nothing_behind() {
        let jkt = Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned());
        let holder = Binding::to_key(jkt.as_deref().unwrap());
        let stranger = Binding::to_key("2ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        for state in [CodeState::Fresh, CodeState::Redeemed { family: Uuid::nil() }] {
            let mut bound = code(state);
            bound.delegation.particulars.dpop_jkt.clone_from(&jkt);
            for (binding, verifier) in [(None, VERIFIER), (Some(stranger.clone()), VERIFIER), (None, OTHER)] {
                let shown = Redemption { binding, ..shown("app", CALLBACK, verifier) };
                assert_eq!(refused(&bound, &shown, 1), ("code_of_another_key", None));
            }
            let shown = Redemption { binding: Some(holder.clone()), ..shown("app", CALLBACK, VERIFIER) };
            assert_eq!(bound.redeem(&shown, &person(at(0)), at(1)).is_ok(), state == CodeState::Fresh);
        }
    }

    #[test]
    fn c01_a_replay_revokes_only_when_it_comes_from_whoever_may_redeem() {
        let family = Uuid::from_bytes([9; 16]);
        let spent = code(CodeState::Redeemed { family });
        let revoked = Some(Consequence::RevokeFamily(family));
        for now in [1, 3600] {
            let expected = ("code_replayed", revoked);
            assert_eq!(refused(&spent, &shown("app", CALLBACK, VERIFIER), now), expected);
        }
        assert_eq!(refused(&spent, &shown("app", CALLBACK, OTHER), 1).1, None);
        assert_eq!(refused(&spent, &shown("other", CALLBACK, VERIFIER), 1).1, None);
        assert_eq!(
            refused(&code(CodeState::Revoked), &shown("app", CALLBACK, VERIFIER), 1),
            ("code_revoked", None)
        );
    }

    #[test]
    fn c07_a_code_dies_with_whoever_agreed() {
        let shown = shown("app", CALLBACK, VERIFIER);
        let refusal = code(CodeState::Fresh).redeem(&shown, &person(at(1)), at(2)).unwrap_err();
        assert_eq!(refusal.reason().code(), "person_disabled");
        let signed_out = Code { session_ended_at: Some(at(1)), ..code(CodeState::Fresh) };
        assert_eq!(refused(&signed_out, &shown, 2), ("session_ended", None));
        let mut of_another = code(CodeState::Fresh);
        of_another.delegation.context = LaunchContext::of_patient(Some("someone".to_owned()));
        assert_eq!(refused(&of_another, &shown, 2), ("patient_beyond_person", None));
        let stopped = Standing { status: PersonStatus::Disabled, ..person(at(0)) };
        assert!(code(CodeState::Fresh).redeem(&shown, &stopped, at(2)).is_err());
    }
}
