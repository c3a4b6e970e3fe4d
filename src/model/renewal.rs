//! When one certificate takes the place of another. What was bound to the one then goes on with the other: the client
//! has changed its key, not its identity.

use crate::moment::Timestamp;
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::ids::ClientId;

use super::authority::RevocationReason;
use super::certificate::{CertificateOrigin, KnownCertificate};

/// Longer lines of renewals are not followed: a certificate that is renewed daily for a year has come this far.
pub const LONGEST_LINE: i32 = 400;

/// Whether the first certificate of a line, which a client shows, takes the place of `bound`. A line holds a certificate,
/// the one that it renews, the one that this one renews, and so on. Each must be this server's own, of this client, and
/// in nobody else's hands: whoever had stolen one of them could have made those that follow.
#[must_use]
pub fn takes_the_place(
    line: &[KnownCertificate],
    bound: &Thumbprint,
    client: &ClientId,
    now: Timestamp,
) -> bool {
    let is_good = |first: &&KnownCertificate| {
        first.revocation.is_none() && first.not_before <= now && now <= first.not_after
    };
    let Some(shown) = line.first().filter(is_good) else { return false };
    let mut expected = Some(shown.thumbprint);
    for known in line {
        let is_next = expected == Some(known.thumbprint);
        let stands =
            known.origin == CertificateOrigin::Issued && known.client == *client && is_nobody_elses(known);
        if !is_next || !stands {
            return false;
        }
        if known.thumbprint == *bound {
            return true;
        }
        expected = known.renews;
    }
    false
}

/// Whether nobody else had its key, as far as is known: it was not revoked, or since another had taken its place.
fn is_nobody_elses(known: &KnownCertificate) -> bool {
    known.revocation.as_ref().is_none_or(|(_, reason)| is_but_replaced(reason))
}

/// Whether a certificate that was revoked for a reason, by its word, was in nobody else's hands: what its holder asked
/// for with it stands.
#[must_use]
pub fn is_but_replaced(reason: &str) -> bool {
    RevocationReason::parse(reason).is_some_and(|reason| !reason.reaches_renewals())
}

/// The kind of the alert that a certificate of this PKI should be renewed.
pub const ALERT: &str = "certificate_renewal_due";

/// Whether it is time to renew a certificate: a third of its life is left at most.
#[must_use]
pub fn is_due((not_before, not_after): (Timestamp, Timestamp), now: Timestamp) -> bool {
    not_after - now <= (not_after - not_before) / 3
}

/// What is told of a certificate of this PKI whose end is near: how it is renewed, and who looks after the client.
#[must_use]
pub fn reminder(says: &str, contacts: &[String]) -> String {
    let who = if contacts.is_empty() {
        "nobody is named in the registration".to_owned()
    } else {
        contacts.join(", ")
    };
    format!(
        "{says}; its holder renews it at /.well-known/est/simplereenroll of the mutual-TLS address; contacts: {who}"
    )
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: Timestamp = datetime!(2026-11-22 12:00 UTC);

    fn print(of: &str) -> Thumbprint {
        Thumbprint::of_der(of.as_bytes())
    }

    fn client(id: &str) -> ClientId {
        ClientId::parse(id).unwrap()
    }

    fn known(of: &str, renews: Option<&str>) -> KnownCertificate {
        KnownCertificate {
            thumbprint: print(of),
            client: client("app"),
            community: Some("hilum-pki".to_owned()),
            der: Vec::new(),
            subject: String::new(),
            issuer: String::new(),
            serial: "1".to_owned(),
            not_before: NOW - Duration::days(1),
            not_after: NOW + Duration::days(1),
            origin: CertificateOrigin::Issued,
            renews: renews.map(print),
            first_seen_at: NOW,
            revocation: None,
        }
    }

    #[test]
    fn it_is_time_to_renew_when_a_third_of_the_life_is_left() {
        let life = (NOW, NOW + Duration::days(90));
        for (after, expected) in [(59, false), (60, true), (83, true), (90, true), (91, true)] {
            assert_eq!(is_due(life, NOW + Duration::days(after)), expected, "{after}");
        }
        let told = reminder("ends in 7 days", &["a@b.example".to_owned()]);
        assert!(told.ends_with("contacts: a@b.example"), "{told}");
        assert!(reminder("ends", &[]).contains("nobody is named"));
    }

    #[test]
    fn m10_a_renewed_certificate_takes_the_place_of_those_before_it_and_no_other_does() {
        let line = || vec![known("c", Some("b")), known("b", Some("a")), known("a", None)];
        let takes =
            |line: &[KnownCertificate], bound, now| takes_the_place(line, &print(bound), &client("app"), now);
        for bound in ["a", "b", "c"] {
            assert!(takes(&line(), bound, NOW), "{bound}");
        }
        assert!(!takes(&line(), "d", NOW), "another");
        assert!(!takes(&[], "a", NOW), "nobody knows it");
        assert!(!takes_the_place(&line(), &print("a"), &client("other"), NOW));
        // The one that is shown has expired, or is not valid yet; those before it may well have.
        for (first, expected) in [(Duration::days(2), false), (-Duration::days(2), false)] {
            assert_eq!(takes(&line(), "a", NOW + first), expected);
        }
        let mut old = line();
        old[2].not_after = NOW - Duration::hours(1);
        assert!(takes(&old, "a", NOW));
        for (at, what) in [(0, "shown"), (1, "between"), (2, "bound")] {
            let mut revoked = line();
            revoked[at].revocation = Some((NOW, "keyCompromise".to_owned()));
            assert!(!takes(&revoked, "a", NOW), "revoked: {what}");
            revoked[at].revocation = Some((NOW, "superseded".to_owned()));
            assert_eq!(takes(&revoked, "a", NOW), at > 0, "replaced: {what}");
            let mut seen = line();
            seen[at].origin = CertificateOrigin::Seen;
            assert!(!takes(&seen, "a", NOW), "of another authority: {what}");
            let mut others = line();
            others[at].client = client("other");
            assert!(!takes(&others, "a", NOW), "of another client: {what}");
        }
        let mut torn = line();
        torn[1].renews = Some(print("x"));
        assert!(!takes(&torn, "a", NOW), "a line that is torn");
    }
}
