//! The two authorities of the built-in client PKI, and the revocation lists that they publish.

use crate::jose::algorithm::Algorithm;
use crate::moment::Timestamp;

/// Which of the two authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorityName {
    /// The one that people trust. It has vouched for the other, and for nobody else.
    Root,
    /// The one that vouches for clients.
    Issuing,
}

impl AuthorityName {
    /// The word in rows and paths.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Issuing => "issuing",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "root" => Some(Self::Root),
            "issuing" => Some(Self::Issuing),
            _ => None,
        }
    }
}

/// An authority, without its private key.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Which of the two.
    pub name: AuthorityName,
    /// Its certificate in DER.
    pub certificate: Vec<u8>,
    /// What its key signs with.
    pub algorithm: Algorithm,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many of its certificates have been revoked.
    pub revocations: i64,
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
    /// key is in other hands is often learnt late (RFC 5280, 5.3.1). Nothing else is said anew.
    #[must_use]
    pub fn replaces(self, before: &str) -> bool {
        self == Self::KeyCompromise && !["keyCompromise", "cACompromise"].contains(&before)
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
    fn m06_only_a_stolen_key_is_told_after_another_reason() {
        let rows = [
            ("superseded", true),
            ("unspecified", true),
            ("cessationOfOperation", true),
            ("affiliationChanged", true),
            ("privilegeWithdrawn", true),
            ("certificateHold", true),
            ("keyCompromise", false),
            ("cACompromise", false),
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
