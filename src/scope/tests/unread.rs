//! What is said of scopes that no notation reads.

use proptest::prelude::*;

use super::token;
use crate::scope::unread::{diagnose, resembles};
use crate::scope::{ScopeToken, read};

#[test]
fn each_mistake_is_told_and_what_was_meant_where_that_is_plain() {
    let rows = [
        ("patient/Observation.sr", "order cruds", Some("patient/Observation.rs")),
        ("patient/Observation.rr", "each once", Some("patient/Observation.r")),
        ("patient/Observation.RS", "small", Some("patient/Observation.rs")),
        ("patient/observation.rs", "capital letter: Observation", Some("patient/Observation.rs")),
        ("Patient/observation.sr", "small letters: patient", Some("patient/Observation.rs")),
        ("patient/Observatoin.rs", "not a FHIR resource type", None),
        ("patient/Observation", "a dot and what may be done", None),
        ("patient/Observation.", "a dot and what may be done", None),
        ("patient/Observation.x", "c, r, u, d, s", None),
        ("patient/Observation.Read", "small letters: .read", Some("patient/Observation.read")),
        ("patient/Observation.read?code=a", "version 2 alone: .rs", Some("patient/Observation.rs?code=a")),
        ("patient/Observation.rs?code:in=a", "modifiers", None),
        ("patient/Observation.rs?subject.name=a", "chains", None),
        ("patient/Observation.rs?code=a&code=b", "stands once", None),
        ("patient/Observation.rs?code", "a name, = and a value", None),
        ("patient/Observation.rs?_include=a", "no search parameter that may narrow", None),
        ("patient/Observation.rs?code=a+b", "percent-encoded", None),
        ("patient/Observation.sr?code=a", "order cruds", Some("patient/Observation.rs?code=a")),
        ("launch/Patient", "small letters", Some("launch/patient")),
        ("launch/nothing", "a FHIR resource type in small letters", None),
        ("practitioner/Observation", "patient, user or system", None),
        ("urn:x", "letters, digits", None),
        ("ftp://host/x", "https://", None),
        (
            "http://smarthealthit.org/fhir/scopes/patient/Observation.sr",
            "order cruds",
            Some("http://smarthealthit.org/fhir/scopes/patient/Observation.rs"),
        ),
    ];
    for (text, says, meant) in rows {
        let unread = diagnose(&token(text)).unwrap_or_else(|| panic!("{text} is read"));
        assert!(unread.because.contains(says), "{text}: {}", unread.because);
        assert_eq!(unread.meant.as_ref().map(ScopeToken::as_str), meant, "{text}");
    }
    for good in ["patient/Observation.rs", "openid", "capacity.read", "https://example.org/x"] {
        assert_eq!(diagnose(&token(good)), None, "{good}");
    }
}

#[test]
fn names_that_differ_in_letter_case_alone_are_known_again() {
    assert_eq!(resembles(&token("fhiruser")), Some(token("fhirUser")));
    assert_eq!(resembles(&token("OpenID")), Some(token("openid")));
    assert_eq!(resembles(&token("openid")), None);
    assert_eq!(resembles(&token("capacity.read")), None);
}

proptest! {
    #[test]
    fn whatever_is_not_read_is_told_and_what_is_proposed_can_be_read(text in "(patient|User|launch)?/?[a-zA-Z*]{0,6}[.?=&:/a-z]{0,12}") {
        if let Ok(token) = ScopeToken::parse(&text) {
            let unread = diagnose(&token);
            prop_assert_eq!(unread.is_none(), read(&token).is_some());
            if let Some(unread) = unread {
                prop_assert!(!unread.because.is_empty());
                prop_assert!(unread.meant.is_none_or(|meant| read(&meant).is_some() && meant != token));
            }
        }
    }
}
