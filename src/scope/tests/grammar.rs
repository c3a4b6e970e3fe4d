//! Which texts are scopes, and what they mean.

use super::{meaning, reader, set, token};
use crate::scope::resource_types::RESOURCE_TYPES;
use crate::scope::{DIALECTS, Permission, ScopeError, ScopeSet, ScopeToken};

/// Tokens of each dialect, canonical and not.
const SAMPLES: &[(&str, &[&str])] = &[
    (
        "openid",
        &[
            "openid",
            "profile",
            "email",
            "address",
            "phone",
            "fhirUser",
            "launch",
            "offline_access",
            "online_access",
            "launch/patient",
            "launch/encounter",
            "launch/imagingstudy",
            "launch/questionnaire?role=http://example.org/role|form",
            "launch/list?role=to-do%20list",
        ],
    ),
    (
        "smart_v2",
        &[
            "patient/Observation.rs",
            "patient/*.rs",
            "user/*.cruds",
            "system/Claim.cruds",
            "system/Coverage.c",
            "user/Patient.r",
            "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
            "patient/Observation.rs?category=http%3A%2F%2Fterminology.hl7.org%2FCodeSystem%2Fobservation-category%7Claboratory",
            "patient/Observation.rs?status=final&category=laboratory",
            "patient/*.cruds?_security=http://example.org/labels|N",
            "system/SubscriptionTopic.s?_tag=a,b",
        ],
    ),
    (
        "smart_v1",
        &[
            "patient/Observation.read",
            "patient/*.write",
            "user/*.*",
            "system/Patient.*",
            "system/Claim.write",
            "user/Group.read",
        ],
    ),
    (
        "plain",
        &[
            "launch.write",
            "admin/clients.read",
            "admin/policies.write",
            "udap",
            "reports.monthly.read",
            "https://example.org/scopes/reports",
            "http://example.org:8080/scopes#all",
            "openid.extra",
        ],
    ),
    (
        "openid_uri",
        &[
            "http://openid.net/specs/openid-connect-core-1_0#openid",
            "http://openid.net/specs/openid-connect-core-1_0#offline_access",
        ],
    ),
    (
        "smart_context_uri",
        &[
            "http://smarthealthit.org/fhir/scopes/fhirUser",
            "http://smarthealthit.org/fhir/scopes/launch/patient",
        ],
    ),
    (
        "smart_v2_uri",
        &[
            "http://smarthealthit.org/fhir/scopes/patient/Observation.rs",
            "http://smarthealthit.org/fhir/scopes/system/*.cruds?_tag=a",
        ],
    ),
    (
        "smart_v1_uri",
        &[
            "http://smarthealthit.org/fhir/scopes/patient/*.read",
            "http://smarthealthit.org/fhir/scopes/user/Goal.*",
        ],
    ),
];

/// SM-S-01, SM-S-02, SM-S-06, S10: none of these is read by anyone.
const UNREAD: &[&str] = &[
    "patient/Observation.",
    "patient/Observation.sr",
    "patient/Observation.dus",
    "patient/Observation.rr",
    "patient/Observation.rrs",
    "patient/Observation.RS",
    "patient/Observation.Rs",
    "patient/Obs.sr",
    "Patient/..",
    "patient/..",
    "patient/.rs",
    "patient/observation.rs",
    "patient/OBSERVATION.rs",
    "patient/Unicorn.rs",
    "patient/Resource.rs",
    "patient/DomainResource.rs",
    "Patient/Observation.rs",
    "PATIENT/Observation.rs",
    "patient//Observation.rs",
    "patient/Observation.rs/",
    "patient/Observation/1.rs",
    "patient/Observation",
    "patient/Observation.rs.s",
    "patient/**.rs",
    "patient/*.rs*",
    // A prefix of a word of version 1 is not version 2, nor the other way about.
    "patient/Observation.rea",
    "patient/Observation.reads",
    "patient/Observation.readwrite",
    "patient/Observation.read.write",
    "patient/Observation.writ",
    "patient/Observation.crudsx",
    "patient/Observation.xrs",
    "patient/Observation.r,s",
    "patient/Observation.READ",
    "patient/Observation.**",
    "patient/Observation.read?category=laboratory",
    // Search parameters.
    "patient/Observation.rs?",
    "patient/Observation.rs?category",
    "patient/Observation.rs?category=",
    "patient/Observation.rs?=laboratory",
    "patient/Observation.rs?category=a&",
    "patient/Observation.rs?&category=a",
    "patient/Observation.rs?category=a&&status=final",
    "patient/Observation.rs?category=a&category=b",
    "patient/Observation.rs?category=a&category=a",
    "patient/Observation.rs?cate%67ory=a",
    "patient/Observation.rs?category=%",
    "patient/Observation.rs?category=%4",
    "patient/Observation.rs?category=%zz",
    "patient/Observation.rs?category=%ff",
    "patient/Observation.rs?category=%C0%AF",
    "patient/Observation.rs?category=a%00",
    "patient/Observation.rs?category=a%0Ab",
    "patient/Observation.rs?category=a+b",
    "patient/Observation.rs?category=a#b",
    "patient/Observation.rs?category=a;status=b",
    "patient/Observation.rs?code:in=http://valueset.example.org",
    "patient/Observation.rs?subject.name=peter",
    "patient/Observation.rs?_filter=status%20eq%20final",
    "patient/Observation.rs?_FILTER=x",
    "patient/Observation.rs?_include=Observation%3Asubject",
    "patient/Observation.rs?_revinclude=Provenance%3Atarget",
    "patient/Observation.rs?_has%3AGroup=1",
    "patient/Observation.rs?_count=1",
    // Context.
    "launch/",
    "launch/Patient",
    "launch/unicorn",
    "launch/patient?",
    "launch/patient?role=",
    "launch/patient?role=a&role=b",
    "launch/patient?note=a",
    "launch/patient.read",
    "LAUNCH/patient.read",
    // Names.
    "a..b",
    ".a",
    "a.",
    "/a.b",
    "a/b",
    "a/b.c.d",
    "a/b/c.d",
    "*",
    "*.*",
    "a:b",
    "urn:example:scope",
    "ftp://example.org/a",
    "https://",
    "https:///a",
    "https://user@example.org/a",
    "https://user:secret@example.org/a",
    "javascript://example.org/a",
    "http://smarthealthit.org/fhir/scopes/",
    "http://smarthealthit.org/fhir/scopes/patient/Observation.sr",
    "http://smarthealthit.org/fhir/scopes/admin/clients.read",
    "http://smarthealthit.org/fhir/scopes/http://smarthealthit.org/fhir/scopes/openid",
    "http://openid.net/specs/openid-connect-core-1_0#",
    "http://openid.net/specs/openid-connect-core-1_0#admin",
];

#[test]
fn every_sample_has_its_one_reader() {
    assert_eq!(SAMPLES.len(), DIALECTS.len());
    for (name, samples) in SAMPLES {
        for sample in *samples {
            let readers: Vec<_> =
                DIALECTS.iter().filter(|d| d.read(&token(sample)).is_some()).map(|d| d.name()).collect();
            assert_eq!(readers, [*name], "{sample}");
        }
    }
}

#[test]
fn what_is_out_of_order_or_unknown_has_no_reader() {
    for text in UNREAD {
        assert_eq!(reader(text), None, "{text}");
    }
}

#[test]
fn what_is_written_is_read_back_as_the_same() {
    for (name, samples) in SAMPLES {
        let dialect = DIALECTS.iter().find(|dialect| dialect.name() == *name).unwrap();
        for sample in *samples {
            let permission = meaning(sample);
            let written = dialect.write(&permission).unwrap_or_else(|| panic!("{sample} is not written"));
            assert_eq!(meaning(written.as_str()), permission, "{sample}");
            assert_eq!(reader(written.as_str()), Some(*name), "{sample}");
        }
    }
}

#[test]
fn no_dialect_writes_what_it_would_not_read() {
    for permission in SAMPLES.iter().flat_map(|(_, samples)| *samples).map(|sample| meaning(sample)) {
        for dialect in DIALECTS {
            if let Some(written) = dialect.write(&permission) {
                assert_eq!(
                    dialect.read(&written),
                    Some(permission.clone()),
                    "{written} of {}",
                    dialect.name()
                );
            }
        }
    }
}

#[test]
fn every_order_of_letters_but_one_is_refused() {
    let letters = ["", "c", "r", "u", "d", "s"];
    let mut read = 0;
    for text in letters.iter().flat_map(|a| letters.iter().map(move |b| format!("{a}{b}"))) {
        let places: Vec<_> = text.chars().map(|letter| "cruds".find(letter).unwrap()).collect();
        let in_order = !places.is_empty() && places.windows(2).all(|pair| pair[0] < pair[1]);
        assert_eq!(reader(&format!("patient/Goal.{text}")).is_some(), in_order, "{text}");
        read += usize::from(in_order);
    }
    assert_eq!(read, 5 * 2 + 10);
}

#[test]
fn version_1_means_what_version_2_says_longer() {
    for (old, new) in [
        ("patient/Observation.read", "patient/Observation.rs"),
        ("patient/*.write", "patient/*.cud"),
        ("user/*.*", "user/*.cruds"),
        ("http://smarthealthit.org/fhir/scopes/system/*.read", "system/*.rs"),
        ("http://openid.net/specs/openid-connect-core-1_0#openid", "openid"),
    ] {
        assert_eq!(meaning(old), meaning(new), "{old}");
    }
}

#[test]
fn encoding_and_order_of_parameters_do_not_change_the_meaning() {
    let raw = "patient/Observation.rs?category=http://terminology.hl7.org/x|laboratory&status=final";
    let encoded =
        "patient/Observation.rs?status=%66inal&category=http%3a%2F%2Fterminology.hl7.org%2Fx%7claboratory";
    assert_eq!(meaning(raw), meaning(encoded));
    assert_eq!(DIALECTS[1].write(&meaning(encoded)), Some(token(raw)));
    let lower = "patient/Observation.rs?category=http://terminology.hl7.org/x|Laboratory&status=final";
    assert_ne!(meaning(raw), meaning(lower), "codes are case-sensitive");
}

#[test]
fn the_table_of_resource_types_is_sorted() {
    assert!(RESOURCE_TYPES.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(RESOURCE_TYPES.len() >= 146);
}

#[test]
fn a_token_keeps_to_its_characters_and_length() {
    for text in ["a", "!", "~", "[", "]", "#", &"a".repeat(1024)] {
        assert_eq!(ScopeToken::parse(text).map(|token| token.to_string()), Ok(text.to_owned()));
    }
    assert_eq!(ScopeToken::parse(""), Err(ScopeError::Empty));
    assert_eq!(ScopeToken::parse(&"a".repeat(1025)), Err(ScopeError::TokenTooLong));
    for text in [" ", "a b", "\"", "\\", "a\t", "\n", "\u{7f}", "é", "\0"] {
        assert_eq!(ScopeToken::parse(text), Err(ScopeError::InvalidCharacter), "{text:?}");
    }
}

#[test]
fn a_set_keeps_the_first_of_each_in_order() {
    let read = set("  openid patient/*.rs  openid launch ");
    assert_eq!(read.to_string(), "openid patient/*.rs launch");
    assert_eq!((read.len(), read.is_empty()), (3, false));
    assert!(read.contains(&token("launch")) && !read.contains(&token("profile")));
    assert_eq!(set("").to_string(), "");
    assert!(set("   ").is_empty());
    assert_eq!(ScopeSet::parse("openid\tprofile"), Err(ScopeError::InvalidCharacter));
    assert_eq!(ScopeSet::parse("openid \"x\""), Err(ScopeError::InvalidCharacter));
}

#[test]
fn a_set_of_64_kilobytes_is_read_and_one_byte_more_is_not() {
    let mut text: String = (0..).map(|n| format!("scope-{n:09} ")).take(4096).collect();
    text.pop();
    assert_eq!(set(&text).len(), 4096);
    text.push_str(&" ".repeat(65_536 - text.len()));
    assert_eq!(set(&text).len(), 4096);
    text.push(' ');
    assert_eq!(ScopeSet::parse(&text), Err(ScopeError::SetTooLong));
}

#[test]
fn names_are_not_written_as_what_they_are_not() {
    for name in ["patient/*.rs", "", "a b", "launch/unicorn"] {
        let permission = Permission::Named(name.to_owned());
        assert!(DIALECTS.iter().all(|dialect| dialect.write(&permission).is_none()), "{name}");
    }
}
