//! The certificates that stand in the token of the HSM. The token is asked once a minute at most; while it does not
//! answer, those that it showed last are watched on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::Duration;

use crate::model::watched_certificate::{Kind, WatchedCertificate};
use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::platform::hsm::{self, Hsm, HsmError, TokenCertificate};

/// How long what it showed is good: a token may be far away, and have many.
const GOOD: Duration = Duration::MINUTE;

/// What the token showed. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct InToken(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    certificates: Vec<WatchedCertificate>,
    asked_at: Option<Timestamp>,
    /// Why it showed nothing when it was asked last.
    trouble: Option<String>,
    /// What it showed and cannot be read, which is told once.
    unreadable: BTreeSet<TokenCertificate>,
    has_more: bool,
}

impl InToken {
    /// Lists them. Of those who come at once, one asks the token, and the others take what it showed before.
    pub async fn list(&self, hsm: &Hsm, now: Timestamp) -> Vec<WatchedCertificate> {
        if self.seen().is_to_be_asked(now) {
            let shown = hsm.certificates().await;
            self.seen().note(shown);
        }
        self.seen().certificates.clone()
    }

    /// Why the token showed nothing when it was asked last.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.seen().trouble.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Whether it is time to ask; whoever is told so asks.
    fn is_to_be_asked(&mut self, now: Timestamp) -> bool {
        let is_due = self.asked_at.is_none_or(|at| now - at >= GOOD);
        if is_due {
            self.asked_at = Some(now);
        }
        is_due
    }

    fn note(&mut self, shown: Result<hsm::Shown, HsmError>) {
        let shown = match shown {
            Ok(shown) => shown,
            Err(error) => {
                if self.trouble.is_none() {
                    tracing::warn!(%error, "the HSM did not show its certificates: those it showed before are watched");
                }
                self.trouble = Some(error.to_string());
                return;
            }
        };
        self.trouble = None;
        if shown.has_more && !self.has_more {
            let watched = shown.certificates.len();
            tracing::warn!(watched, "the HSM has more certificates than are watched");
        }
        self.has_more = shown.has_more;
        let mut unreadable = BTreeSet::new();
        self.certificates.clear();
        for one in shown.certificates {
            match Certificate::parse(&one.der) {
                Ok(certificate) => {
                    self.certificates
                        .push(WatchedCertificate::of(Kind::Hsm, &certificate).labelled(one.label));
                }
                Err(error) => {
                    if !self.unreadable.contains(&one) {
                        tracing::warn!(label = one.label, %error, "a certificate in the HSM cannot be read, and is not watched");
                    }
                    unreadable.insert(one);
                }
            }
        }
        self.unreadable = unreadable;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: Timestamp = datetime!(2026-03-01 12:00 UTC);

    fn shown(label: &str, der: &[u8]) -> TokenCertificate {
        TokenCertificate { label: label.to_owned(), der: der.to_vec() }
    }

    #[test]
    fn f_21_a_token_that_is_away_takes_no_certificate_from_the_watch() {
        let key = rcgen::KeyPair::generate().unwrap();
        let made = rcgen::CertificateParams::new(vec!["hsm.example".to_owned()]).unwrap();
        let made = made.self_signed(&key).unwrap();
        let mut seen = Seen::default();
        let rows = [(0, true), (0, false), (59, false), (60, true), (61, false), (120, true)];
        for (second, is_asked) in rows {
            assert_eq!(seen.is_to_be_asked(NOW + Duration::seconds(second)), is_asked, "{second}");
        }
        let labels = |seen: &Seen| -> Vec<String> {
            seen.certificates.iter().map(|one| one.label.clone().unwrap()).collect()
        };
        let certificates =
            vec![shown("of a key", made.der()), shown("not one", b"hello"), shown("too large", b"")];
        seen.note(Ok(hsm::Shown { certificates, has_more: false }));
        assert_eq!((labels(&seen), seen.unreadable.len()), (vec!["of a key".to_owned()], 2));
        assert_eq!(seen.certificates[0].kind, Kind::Hsm);
        seen.note(Err(HsmError::Silent));
        assert_eq!(labels(&seen), ["of a key"]);
        assert!(seen.trouble.as_ref().unwrap().contains("did not answer"));
        seen.note(Ok(hsm::Shown::default()));
        assert_eq!((seen.certificates.len(), seen.unreadable.len(), seen.trouble), (0, 0, None));
    }
}
