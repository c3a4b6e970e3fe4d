//! The authorities of the built-in client PKI, and the revocation lists that they publish.

use std::fmt;

use crate::jose::algorithm::Algorithm;
use crate::moment::Timestamp;

/// Which of the authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuthorityName {
    /// The one that people trust. It has vouched for the others, and for nobody else.
    Root,
    /// One that vouches for clients, or did.
    Issuing(Generation),
}

/// Which of the authorities that issue, one after the other: the last one issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u16);

impl Generation {
    /// The first.
    pub const FIRST: Self = Self(1);
    /// The last that there can be.
    const LAST: u16 = 9999;

    /// The one that follows.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::later(self.0.saturating_add(1))
    }

    fn later(number: u16) -> Option<Self> {
        (2..=Self::LAST).contains(&number).then_some(Self(number))
    }

    /// Its number, from 1.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl AuthorityName {
    /// Reads the word in rows and paths. There is one way to write each.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = match text {
            "root" => Self::Root,
            "issuing" => Self::Issuing(Generation::FIRST),
            _ => {
                let number = text.strip_prefix("issuing-")?.parse().ok()?;
                Self::Issuing(Generation::later(number)?)
            }
        };
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for AuthorityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root"),
            Self::Issuing(Generation::FIRST) => f.write_str("issuing"),
            Self::Issuing(generation) => write!(f, "issuing-{}", generation.number()),
        }
    }
}

/// An authority, without its private key.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Which of them.
    pub name: AuthorityName,
    /// Its certificate in DER.
    pub certificate: Vec<u8>,
    /// Its name in the text form of RFC 4514: the issuer of its certificates. No two have the same.
    pub subject: String,
    /// Until when its certificate is valid.
    pub not_after: Timestamp,
    /// What its key signs with.
    pub algorithm: Algorithm,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many of its certificates have been revoked.
    pub revocations: i64,
    /// When and why it was revoked itself.
    pub revocation: Option<(Timestamp, String)>,
}

impl Authority {
    /// Whether clients may still need its certificate.
    #[must_use]
    pub fn stands(&self, now: Timestamp) -> bool {
        self.revocation.is_none() && now <= self.not_after
    }
}

/// What an authority that issues, or did, is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It issues.
    Issuing,
    /// Another issues. Until this time there are certificates of it.
    Retired(Timestamp),
    /// Another issues, and its last certificate has expired.
    Ended,
    /// It vouches for nobody.
    Revoked,
}

impl Standing {
    /// How an authority stands: the newest issues, until a time there are certificates of it.
    #[must_use]
    pub fn of(authority: &Authority, newest: AuthorityName, last: Option<Timestamp>, now: Timestamp) -> Self {
        match last.filter(|last| *last >= now) {
            _ if authority.revocation.is_some() => Self::Revoked,
            _ if authority.name == newest => Self::Issuing,
            Some(last) => Self::Retired(last),
            None => Self::Ended,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issuing => "issuing",
            Self::Retired(_) => "retired",
            Self::Ended => "ended",
            Self::Revoked => "revoked",
        }
    }
}

/// A revocation list as it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// Its number, which only grows (RFC 5280, 5.2.3).
    pub number: i64,
    /// How many revocations its authority had made when it was written.
    pub covers: i64,
    /// The list in DER.
    pub der: Vec<u8>,
    /// From when it is.
    pub this_update: Timestamp,
    /// When it is worth nothing any more.
    pub next_update: Timestamp,
}

impl RevocationList {
    /// Whether it may be shown: nothing was revoked since, and whoever keeps it has half of its life before them.
    #[must_use]
    pub fn is_fresh(&self, revocations: i64, now: Timestamp) -> bool {
        let half = (self.next_update - self.this_update) / 2;
        self.covers >= revocations && now < self.this_update + half
    }
}

/// Why a certificate was revoked (RFC 5280, 5.3.1), as far as that can be said of a client's. What is revoked stays
/// so: there is no hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationReason {
    /// Nobody said.
    Unspecified,
    /// Somebody else may have its key.
    KeyCompromise,
    /// What stands in it is no longer so.
    AffiliationChanged,
    /// Another took its place.
    Superseded,
    /// It is not needed any more.
    CessationOfOperation,
    /// The client may no longer do what it could.
    PrivilegeWithdrawn,
}

impl RevocationReason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
    ];

    /// Whether what renewed a certificate is revoked with it. One that was superseded was in nobody else's hands.
    #[must_use]
    pub const fn reaches_renewals(self) -> bool {
        !matches!(self, Self::Superseded)
    }

    /// Whether a certificate that was revoked for a reason, by its word, may be revoked for this one after all: that a
    /// key is in other hands is often learnt late (RFC 5280, 5.3.1), also where it was the key of its authority that was
    /// known before. Nothing else is said anew.
    #[must_use]
    pub fn replaces(self, before: &str) -> bool {
        self == Self::KeyCompromise && before != Self::KeyCompromise.as_str()
    }

    /// The word of RFC 5280, in rows and requests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_list_is_shown_until_something_is_revoked_or_half_of_its_life_is_over() {
        let start = datetime!(2026-11-22 12:00 UTC);
        let list = RevocationList {
            number: 3,
            covers: 2,
            der: Vec::new(),
            this_update: start,
            next_update: start + Duration::hours(24),
        };
        assert!(list.is_fresh(2, start) && list.is_fresh(2, start + Duration::hours(11)));
        assert!(!list.is_fresh(2, start + Duration::hours(12)));
        assert!(!list.is_fresh(3, start));
    }

    #[test]
    fn each_authority_has_one_name() {
        let second = Generation::FIRST.next().unwrap();
        for (name, text) in [
            (AuthorityName::Root, "root"),
            (AuthorityName::Issuing(Generation::FIRST), "issuing"),
            (AuthorityName::Issuing(second), "issuing-2"),
            (AuthorityName::Issuing(Generation(9999)), "issuing-9999"),
        ] {
            assert_eq!((AuthorityName::parse(text), name.to_string().as_str()), (Some(name), text));
        }
        for text in
            ["", "issuing-", "issuing-1", "issuing-0", "issuing-02", "issuing-+2", "issuing-10000", "Root"]
        {
            assert_eq!(AuthorityName::parse(text), None, "{text}");
        }
        assert_eq!(Generation(9999).next(), None);
    }

    #[test]
    fn an_authority_issues_then_is_retired_and_ends_with_its_last_certificate() {
        let now = datetime!(2026-11-22 12:00 UTC);
        let (first, second) = (Generation::FIRST, Generation(2));
        let mut one = Authority {
            name: AuthorityName::Issuing(first),
            certificate: Vec::new(),
            subject: "CN=first".to_owned(),
            not_after: now + Duration::days(9),
            algorithm: Algorithm::Es256,
            created_at: now,
            revocations: 0,
            revocation: None,
        };
        let last = now + Duration::days(3);
        let stands =
            |one: &Authority, newest, last| Standing::of(one, AuthorityName::Issuing(newest), last, now);
        assert_eq!(stands(&one, first, None), Standing::Issuing);
        assert_eq!(stands(&one, second, Some(last)), Standing::Retired(last));
        assert_eq!(stands(&one, second, Some(now - Duration::SECOND)), Standing::Ended);
        assert_eq!(stands(&one, second, None), Standing::Ended);
        assert!(one.stands(now) && !one.stands(now + Duration::days(10)));
        one.revocation = Some((now, "keyCompromise".to_owned()));
        assert_eq!(stands(&one, second, Some(last)), Standing::Revoked);
        assert!(!one.stands(now));
    }

    #[test]
    fn m06_only_a_stolen_key_is_told_after_another_reason() {
        let rows = [
            ("superseded", true),
            ("unspecified", true),
            ("cessationOfOperation", true),
            ("affiliationChanged", true),
            ("privilegeWithdrawn", true),
            ("certificateHold", true),
            ("cACompromise", true),
            ("keyCompromise", false),
        ];
        for (before, replaces) in rows {
            for reason in RevocationReason::ALL {
                let expected = replaces && reason == RevocationReason::KeyCompromise;
                assert_eq!(reason.replaces(before), expected, "{before} {reason:?}");
            }
        }
    }

    #[test]
    fn every_word_reads_back() {
        for reason in RevocationReason::ALL {
            assert_eq!(RevocationReason::parse(reason.as_str()), Some(reason));
            assert_eq!(reason.reaches_renewals(), reason.as_str() != "superseded");
        }
        for word in ["certificateHold", "removeFromCRL", "keycompromise", ""] {
            assert_eq!(RevocationReason::parse(word), None, "{word}");
        }
    }
}
