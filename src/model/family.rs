//! All tokens that descend from one authorization. They are rotated, and revoked, as one (RFC 9700, 4.14.2).

use time::Duration;
use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::error::{Consequence, ErrorCode, Reason, Refusal};
use crate::protocol::ids::ClientId;

use super::binding::Binding;
use super::delegation::{Delegation, Endurance};
use super::standing::Standing;

/// A family, as it stands in the database.
#[derive(Clone, Debug)]
pub struct Family {
    /// Its identifier, known to refresh tokens alone.
    pub id: Uuid,
    /// How often the database had been restored when it began.
    pub epoch: i64,
    /// The identifier that access tokens carry.
    pub grant: Uuid,
    /// What it stands for.
    pub delegation: Delegation,
    /// The key without which a public client's refresh token is nothing (RFC 8705, 4).
    pub binding: Option<Binding>,
    /// The number of the newest refresh token.
    pub generation: i64,
    /// When that one was first given out in place of the one before.
    pub rotated_at: Option<Timestamp>,
    /// When it began.
    pub created_at: Timestamp,
    /// From when it is no good unless it is used before.
    pub expires_at: Timestamp,
    /// From when it is no good whatever happens.
    pub ends_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What a token request shows with a refresh token.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The client, authenticated.
    pub client: ClientId,
    /// The key that the request proves.
    pub binding: Option<Binding>,
    /// The key whose place that one has taken: the certificate that it renews.
    pub renews: Option<Binding>,
    /// The epoch of the token.
    pub epoch: i64,
    /// The number of the token.
    pub generation: i64,
    /// How long after the rotation its lost answer may be asked for again.
    pub retry: Duration,
    /// Whether its use spends it.
    pub rotation: Rotation,
}

/// Whether a refresh token is spent by its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It is, and the next one takes its place (RFC 9700, 4.14.2).
    AtEachUse,
    /// It is not: who uses it proves a key each time (FAPI 2.0 Security Profile, 5.3.2.1).
    Never,
}

/// What a family is judged by besides itself.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The person.
    pub person: Standing,
    /// Whether the session in which it began is still open.
    pub is_session_open: bool,
    /// How often the database was restored.
    pub epoch: i64,
}

/// What a good refresh token leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The next one is given out.
    Rotate,
    /// The answer was lost: the same next one is given out again.
    Repeat,
    /// It stays good.
    Keep,
}

impl Presented {
    /// Whether the request proves a key, or the one that has taken its place.
    fn holds(&self, bound: &Binding) -> bool {
        [&self.binding, &self.renews].into_iter().flatten().any(|held| held.is(bound))
    }
}

impl Family {
    /// What the family is bound to once this was accepted: what took the place of its key is its key from then on.
    #[must_use]
    pub fn bound_by(&self, shown: &Presented) -> Option<Binding> {
        self.binding.as_ref().and(shown.binding.clone())
    }

    /// Decides on a refresh token. Reuse revokes the family, but only once whoever shows it has proved to
    /// be its client and to hold its key.
    pub fn turn(&self, shown: &Presented, around: &Surroundings, now: Timestamp) -> Result<Turn, Refusal> {
        if shown.client != self.delegation.client {
            let of = format!("of {}", self.delegation.client);
            return Err(not_valid("refresh_token_of_another_client").detail(of));
        }
        if self.binding.as_ref().is_some_and(|binding| !shown.holds(binding)) {
            return Err(not_valid("refresh_token_of_another_sender"));
        }
        self.stands(around, now)?;
        if shown.epoch != self.epoch {
            return Err(not_valid("refresh_token_of_before_a_restore"));
        }
        // A request that began before the one that won has an earlier time: without a window, that is reuse too.
        let again = shown.retry > Duration::ZERO && self.rotated_at.is_some_and(|at| now < at + shown.retry);
        match self.generation - shown.generation {
            0 if shown.rotation == Rotation::Never => Ok(Turn::Keep),
            0 => Ok(Turn::Rotate),
            1 if again => Ok(Turn::Repeat),
            _ => Err(not_valid("refresh_token_reused").leaving(Consequence::RevokeFamily(self.id))),
        }
    }

    /// Whether anything of this family may still be used.
    pub fn stands(&self, around: &Surroundings, now: Timestamp) -> Result<(), Refusal> {
        if self.epoch != around.epoch {
            return Err(not_valid("refresh_token_of_before_a_restore"));
        }
        if self.revoked_at.is_some() {
            return Err(not_valid("family_revoked"));
        }
        if now >= self.expires_at || self.ends_at.is_some_and(|end| now >= end) {
            return Err(not_valid("refresh_token_expired"));
        }
        if let Some(why) = around.person.objection(&self.delegation) {
            return Err(not_valid(why));
        }
        if self.delegation.endurance() == Endurance::Session && !around.is_session_open {
            return Err(not_valid("session_ended"));
        }
        Ok(())
    }
}

/// The refusal of a refresh token, whatever is wrong with it: the same words for all.
#[must_use]
pub const fn not_valid(reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidGrant, "the refresh token is not valid", Reason::new(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delegation::{Particulars, SignIn, Voucher};
    use crate::model::person::{PersonStatus, Role};
    use crate::pki::thumbprint::Thumbprint;
    use crate::protocol::launch_context::LaunchContext;
    use crate::scope::set::ScopeSet;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_timestamp(1_800_000_000 + seconds).unwrap()
    }

    /// A family whose third token was given out at second 100.
    fn family(scope: &str) -> Family {
        Family {
            id: Uuid::from_bytes([5; 16]),
            epoch: 1,
            grant: Uuid::nil(),
            delegation: Delegation {
                client: ClientId::parse("app").unwrap(),
                subject: Uuid::nil(),
                consent: Uuid::nil(),
                scope: ScopeSet::parse(scope).unwrap(),
                audience: "https://fhir.example".to_owned(),
                context: LaunchContext::default(),
                voucher: Voucher::Relationship,
                sign_in: SignIn { session: Uuid::nil(), methods: vec!["pwd".to_owned()], at: at(0) },
                particulars: Particulars::default(),
            },
            binding: None,
            generation: 3,
            rotated_at: Some(at(100)),
            created_at: at(0),
            expires_at: at(10_000),
            ends_at: None,
            revoked_at: None,
        }
    }

    fn around() -> Surroundings {
        let person = Standing {
            subject: Uuid::nil(),
            organization: "o".to_owned(),
            roles: vec![Role::Patient],
            fhir_user: None,
            status: PersonStatus::Active,
            not_before: at(0),
            version: 1,
            acts_for: None,
        };
        Surroundings { person, is_session_open: false, epoch: 1 }
    }

    fn presented(generation: i64, retry: i64) -> Presented {
        let client = ClientId::parse("app").unwrap();
        let (rotation, retry) = (Rotation::AtEachUse, Duration::seconds(retry));
        Presented { client, binding: None, renews: None, epoch: 1, generation, retry, rotation }
    }

    fn reason(family: &Family, shown: &Presented, around: &Surroundings) -> (&'static str, bool) {
        let refusal = family.turn(shown, around, at(105)).unwrap_err();
        (refusal.reason().code(), refusal.consequence().is_some())
    }

    #[test]
    fn sm_r_04_a_spent_token_revokes_the_family_but_for_a_lost_answer() {
        let family = family("offline_access");
        assert_eq!(family.turn(&presented(3, 0), &around(), at(105)).unwrap(), Turn::Rotate);
        assert_eq!(family.turn(&presented(2, 10), &around(), at(105)).unwrap(), Turn::Repeat);
        for (generation, retry) in [(2, 0), (2, 5), (1, 10), (4, 10)] {
            let shown = presented(generation, retry);
            assert_eq!(reason(&family, &shown, &around()), ("refresh_token_reused", true), "{shown:?}");
        }
        let refusal = family.turn(&presented(2, 0), &around(), at(99)).unwrap_err();
        assert_eq!(refusal.reason().code(), "refresh_token_reused", "one that began before, and lost");
        assert_eq!(family.turn(&presented(2, 1), &around(), at(99)).unwrap(), Turn::Repeat);
    }

    #[test]
    fn x6_fp_05_a_token_that_is_not_rotated_stays_good_and_those_before_it_do_not() {
        let family = family("openid offline_access");
        let shown = |generation| Presented { rotation: Rotation::Never, ..presented(generation, 10) };
        for _ in 0..2 {
            assert_eq!(family.turn(&shown(3), &around(), at(105)), Ok(Turn::Keep));
        }
        assert_eq!(reason(&family, &shown(1), &around()), ("refresh_token_reused", true));
    }

    #[test]
    fn sm_r_01_mt_07_nobody_else_changes_anything() {
        let binding = |of: &[u8]| Some(Binding::to_certificate(&Thumbprint::of_der(of)));
        let other = Presented { client: ClientId::parse("other").unwrap(), ..presented(1, 0) };
        assert_eq!(
            reason(&family("offline_access"), &other, &around()),
            ("refresh_token_of_another_client", false)
        );
        let bound = Family { binding: binding(b"one"), ..family("offline_access") };
        for shown in [presented(1, 0), Presented { binding: binding(b"two"), ..presented(1, 0) }] {
            assert_eq!(reason(&bound, &shown, &around()), ("refresh_token_of_another_sender", false));
        }
        let shown = Presented { binding: binding(b"one"), ..presented(3, 0) };
        assert_eq!(bound.turn(&shown, &around(), at(105)).unwrap(), Turn::Rotate);
    }

    #[test]
    fn t08_t09_t10_a_family_ends_with_what_it_descends_from() {
        let good = family("offline_access");
        let rows = [
            (Family { revoked_at: Some(at(1)), ..good.clone() }, around(), "family_revoked"),
            (Family { expires_at: at(105), ..good.clone() }, around(), "refresh_token_expired"),
            (Family { ends_at: Some(at(105)), ..good.clone() }, around(), "refresh_token_expired"),
            (
                good.clone(),
                Surroundings { person: Standing { not_before: at(1), ..around().person }, ..around() },
                "person_disabled",
            ),
            (family("online_access"), around(), "session_ended"),
            (family("online_access offline_access"), around(), "session_ended"),
            (good.clone(), Surroundings { epoch: 2, ..around() }, "refresh_token_of_before_a_restore"),
        ];
        for (family, around, expected) in rows {
            assert_eq!(reason(&family, &presented(3, 0), &around), (expected, false));
        }
        let open = Surroundings { is_session_open: true, ..around() };
        assert!(family("online_access").turn(&presented(3, 0), &open, at(105)).is_ok());
    }
}
