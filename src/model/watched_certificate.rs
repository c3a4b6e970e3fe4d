//! Certificates whose end is watched, whoever they are for.

use time::Duration;

use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::pki::thumbprint::Thumbprint;

use super::certificate::KnownCertificate;
use super::community::OWN;
use super::renewal;

/// How many days before its end a certificate is spoken of, the earliest first.
pub const THRESHOLDS: [i16; 4] = [60, 30, 7, 1];

/// What no threshold was reached by yet.
pub const UNWARNED: i16 = 366;

/// A client's certificate that lives no longer is renewed by a machine, which nobody needs to be told of.
const SHORT_LIVED: Duration = Duration::days(2);

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// This server's own, and the chain it shows.
    Server,
    /// Whom the server believes to issue certificates of clients.
    Anchor,
    /// Whom it believes to issue certificates of proxies.
    ProxyAnchor,
    /// An authority of the built-in PKI.
    Authority,
    /// A client's.
    Client,
    /// One that stands in the token of the hardware security module, beside a key.
    Hsm,
}

/// A certificate whose end is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedCertificate {
    /// What it is for.
    pub kind: Kind,
    /// Its subject in the text form of RFC 4514.
    pub subject: String,
    /// Its issuer in the text form of RFC 4514.
    pub issuer: String,
    /// Its thumbprint in base64url.
    pub thumbprint: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// The client that it is for.
    pub client: Option<String>,
    /// The trust community that it belongs to.
    pub community: Option<String>,
    /// The thumbprint of the certificate that it renews.
    pub renews: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// What it is called in the token that it stands in.
    pub label: Option<String>,
    /// How long before its end another should have taken its place.
    pub ahead: Duration,
}

/// A place in the list of watched certificates, which is in the order of their ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The end, in seconds: certificates know no fractions.
    pub not_after: i64,
    /// The thumbprint.
    pub thumbprint: String,
    /// One certificate can be watched for several purposes.
    pub purpose: String,
}

/// Which of them are asked for; what is absent is not asked.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// That end before this time.
    pub before: Option<Timestamp>,
    /// Of this client.
    pub client: Option<String>,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Anchor => "anchor",
            Self::ProxyAnchor => "proxy_anchor",
            Self::Authority => "authority",
            Self::Client => "client",
            Self::Hsm => "hsm",
        }
    }
}

impl WatchedCertificate {
    /// A certificate of this server's own, or of whom it trusts.
    #[must_use]
    pub fn of(kind: Kind, certificate: &Certificate) -> Self {
        Self {
            kind,
            subject: certificate.subject_text(),
            issuer: certificate.issuer_text(),
            thumbprint: certificate.thumbprint().as_base64url(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            client: None,
            community: None,
            renews: None,
            revoked_at: None,
            label: None,
            ahead: Duration::ZERO,
        }
    }

    /// The same, as one that has a name in the token that it stands in.
    #[must_use]
    pub fn labelled(self, label: String) -> Self {
        Self { label: Some(label), ..self }
    }

    /// The same, as a trust community's.
    #[must_use]
    pub fn in_community(self, community: &str) -> Self {
        Self { community: Some(community.to_owned()), ..self }
    }

    /// The same, as an authority whose certificates are valid for so long: from that time before its end on, they would
    /// outlast it.
    #[must_use]
    pub fn needed_before(self, ahead: Duration) -> Self {
        Self { ahead, ..self }
    }

    /// How many whole days are left; below zero once it has ended.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> i64 {
        (self.not_after - now).whole_seconds().div_euclid(86_400)
    }

    /// The nearest threshold that was reached.
    #[must_use]
    pub fn threshold(&self, now: Timestamp) -> Option<i16> {
        let left = self.not_after - now;
        let ahead = i16::try_from(self.ahead.whole_days()).unwrap_or_default();
        let sooner = THRESHOLDS.into_iter().map(|days| days.saturating_add(ahead));
        let reached = |days: &i16| left <= Duration::days(i64::from(*days));
        THRESHOLDS.into_iter().chain(sooner).filter(reached).min()
    }

    /// Whether it is renewed so often that its end is nothing to tell.
    #[must_use]
    pub fn is_short_lived(&self) -> bool {
        self.kind == Kind::Client && self.not_after - self.not_before <= SHORT_LIVED
    }

    /// Whether this server issued it to a client.
    #[must_use]
    pub fn is_of_own_pki(&self) -> bool {
        self.kind == Kind::Client && self.community.as_deref() == Some(OWN)
    }

    /// Whether its end is worth a word: not where a machine renews it, nor before it can be renewed.
    #[must_use]
    pub fn is_to_be_told(&self, now: Timestamp) -> bool {
        let early = self.is_of_own_pki() && !renewal::is_due((self.not_before, self.not_after), now);
        !self.is_short_lived() && !early
    }

    /// What is told of its end.
    #[must_use]
    pub fn says(&self, now: Timestamp) -> String {
        let whose = match (&self.client, &self.community, &self.label) {
            (Some(client), _, _) => format!(" of {client}"),
            (None, Some(community), _) => format!(" of {community}"),
            (None, None, Some(label)) => format!(" \"{label}\""),
            (None, None, None) => String::new(),
        };
        let when = match self.days_left(now) {
            left if left < 0 => "has expired".to_owned(),
            0 => "expires within a day".to_owned(),
            1 => "expires in 1 day".to_owned(),
            left => format!("expires in {left} days"),
        };
        let subject: String = self.subject.chars().take(200).collect();
        let what = match self.kind {
            Kind::Authority => {
                let cut = (self.not_after - self.ahead).date();
                format!(
                    "; run `hilum pki rollover`: from {cut} on it issues no certificate for the whole of its time"
                )
            }
            Kind::Server | Kind::Anchor | Kind::ProxyAnchor | Kind::Client | Kind::Hsm => String::new(),
        };
        format!("the {} certificate{whose} {when}: {subject}{what}", self.kind.as_str())
    }

    /// Its place in the list.
    #[must_use]
    pub fn place(&self) -> Place {
        let purpose = match &self.community {
            Some(community) if self.kind != Kind::Client => format!("{}:{community}", self.kind.as_str()),
            Some(_) | None => self.kind.as_str().to_owned(),
        };
        Place { not_after: self.not_after.unix_timestamp(), thumbprint: self.thumbprint.clone(), purpose }
    }

    /// Whether it is asked for.
    #[must_use]
    pub fn is(&self, wanted: &Wanted) -> bool {
        wanted.before.is_none_or(|before| self.not_after < before)
            && wanted.client.as_ref().is_none_or(|client| self.client.as_ref() == Some(client))
    }
}

impl From<KnownCertificate> for WatchedCertificate {
    fn from(known: KnownCertificate) -> Self {
        Self {
            kind: Kind::Client,
            thumbprint: known.thumbprint.as_base64url(),
            subject: known.subject,
            issuer: known.issuer,
            not_before: known.not_before,
            not_after: known.not_after,
            client: Some(known.client.to_string()),
            community: known.community,
            renews: known.renews.map(|renewed| renewed.as_base64url()),
            revoked_at: known.revocation.map(|(at, _)| at),
            label: None,
            ahead: Duration::ZERO,
        }
    }
}

impl Place {
    /// The text of a cursor.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {} {}", self.not_after, self.thumbprint, self.purpose)
    }

    /// Reads the text of a cursor.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        let (not_after, thumbprint, purpose) = (parts.next()?, parts.next()?, parts.next()?);
        let not_after = not_after.parse().ok()?;
        // A cursor leads to a time that the database can hold.
        Timestamp::from_unix_timestamp(not_after).ok()?;
        Thumbprint::parse(thumbprint)?;
        Some(Self { not_after, thumbprint: thumbprint.to_owned(), purpose: purpose.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: Timestamp = datetime!(2026-03-01 12:00 UTC);

    fn watched(left: Duration) -> WatchedCertificate {
        WatchedCertificate {
            kind: Kind::Client,
            subject: "CN=payer".to_owned(),
            issuer: "CN=root".to_owned(),
            thumbprint: "A".repeat(43),
            not_before: datetime!(2025-03-01 12:00 UTC),
            not_after: NOW + left,
            client: Some("c1".to_owned()),
            community: Some("default".to_owned()),
            renews: None,
            revoked_at: None,
            label: None,
            ahead: Duration::ZERO,
        }
    }

    #[test]
    fn the_nearest_threshold_that_was_reached_is_told() {
        let rows = [
            (Duration::days(61), 61, None, "expires in 61 days"),
            (Duration::days(60), 60, Some(60), "expires in 60 days"),
            (Duration::days(30) + Duration::seconds(1), 30, Some(60), "expires in 30 days"),
            (Duration::days(30), 30, Some(30), "expires in 30 days"),
            (Duration::days(7), 7, Some(7), "expires in 7 days"),
            (Duration::hours(47), 1, Some(7), "expires in 1 day:"),
            (Duration::days(1), 1, Some(1), "expires in 1 day:"),
            (Duration::hours(1), 0, Some(1), "expires within a day"),
            (Duration::seconds(-1), -1, Some(1), "has expired"),
        ];
        for (left, days, threshold, says) in rows {
            let one = watched(left);
            assert_eq!((one.days_left(NOW), one.threshold(NOW)), (days, threshold), "{left}");
            assert!(one.says(NOW).contains(says), "{}", one.says(NOW));
        }
    }

    #[test]
    fn of_an_authority_is_told_before_its_certificates_are_cut_short_and_again_before_it_ends() {
        let rows =
            [(151, None), (150, Some(150)), (121, Some(150)), (97, Some(97)), (90, Some(91)), (61, Some(91))];
        let near = [(60, Some(60)), (2, Some(7)), (0, Some(1)), (-1, Some(1))];
        for (left, expected) in rows.into_iter().chain(near) {
            let mut one = watched(Duration::days(left)).needed_before(Duration::days(90));
            one.kind = Kind::Authority;
            assert_eq!(one.threshold(NOW), expected, "{left}");
            assert!(one.says(NOW).contains("run `hilum pki rollover`: from 20"), "{}", one.says(NOW));
        }
    }

    #[test]
    fn what_is_renewed_by_a_machine_is_not_spoken_of() {
        let mut one = watched(Duration::days(1));
        one.not_before = one.not_after - Duration::days(2);
        assert!(one.is_short_lived());
        one.not_before -= Duration::seconds(1);
        assert!(!one.is_short_lived());
        (one.kind, one.not_before) = (Kind::Server, NOW);
        assert!(!one.is_short_lived());
    }

    #[test]
    fn what_this_server_issued_is_spoken_of_once_it_is_to_be_renewed() {
        let mut one = WatchedCertificate {
            not_before: NOW - Duration::days(30),
            community: Some(OWN.to_owned()),
            ..watched(Duration::days(60))
        };
        assert!(!one.is_to_be_told(NOW));
        assert!(one.is_to_be_told(NOW + Duration::days(30)));
        one.community = Some("payers".to_owned());
        assert!(one.is_to_be_told(NOW));
    }

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let place = watched(Duration::days(3)).place();
        assert_eq!(Place::parse(&place.text()), Some(place));
        for text in ["", "1", "1 a", "x a client", "99999999999999999 a client"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
