//! Requested against allowed (SM-S-08, SM-B-02, E04, E06, INV-16).

use proptest::prelude::*;
use proptest::sample::select;

use super::laws::permission;
use super::{meaning, set, token};
use crate::scope::narrow::MOST_PARTS;
use crate::scope::{
    DIALECTS, Level, Permission, ResourceType, ScopeSet, covers_all, levels, narrow, permissions,
};

/// Requested, allowed, granted, dropped.
const CASES: &[(&str, &str, &str, &str)] = &[
    ("", "patient/*.rs", "", ""),
    ("openid", "", "", "openid"),
    ("openid fhirUser launch/patient", "openid fhirUser", "openid fhirUser", "launch/patient"),
    // Wholly allowed scopes stay as they were asked, in their order and notation.
    ("patient/Observation.read openid", "openid patient/*.rs", "patient/Observation.read openid", ""),
    (
        "patient/Observation.r patient/Observation.s",
        "patient/*.rs",
        "patient/Observation.r patient/Observation.s",
        "",
    ),
    ("patient/Observation.rs", "patient/Observation.read", "patient/Observation.rs", ""),
    (
        "patient/Observation.rs?category=%61",
        "patient/Observation.rs",
        "patient/Observation.rs?category=%61",
        "",
    ),
    // `r` and `s` are `rs`, from whichever scopes they come.
    ("patient/Observation.rs", "patient/Observation.r patient/Observation.s", "patient/Observation.rs", ""),
    ("patient/Observation.rs", "patient/*.r patient/Observation.s", "patient/Observation.rs", ""),
    ("patient/*.rs", "patient/Observation.r patient/Observation.s", "patient/Observation.rs", ""),
    ("patient/*.r patient/*.s", "patient/Observation.rs", "patient/Observation.rs", ""),
    // What is allowed in part is granted in that part.
    ("system/*.rs", "system/Observation.rs", "system/Observation.rs", ""),
    ("system/*.cruds", "system/Claim.cruds system/Coverage.rs", "system/Claim.cruds system/Coverage.rs", ""),
    ("system/Claim.cruds", "system/*.rs", "system/Claim.rs", ""),
    ("patient/*.rs", "patient/*.r patient/Observation.rs", "patient/*.r patient/Observation.rs", ""),
    ("patient/*.rs", "patient/*.rus?_tag=a patient/*.u", "patient/*.rs?_tag=a", ""),
    ("patient/Observation.rs", "patient/Observation.rs?category=a", "patient/Observation.rs?category=a", ""),
    ("patient/*.rs?_tag=a", "patient/Goal.cr?status=b", "patient/Goal.r?_tag=a&status=b", ""),
    ("patient/Goal.rs?status=a", "patient/Goal.rs?status=b", "", "patient/Goal.rs?status=a"),
    // A part that another granted scope covers is left out.
    ("patient/Observation.rs patient/*.rs", "patient/Observation.rs", "patient/Observation.rs", ""),
    ("patient/*.rs patient/*.read", "patient/Observation.rs", "patient/Observation.rs", ""),
    ("patient/*.rs", "patient/Goal.rs patient/Goal.rs?status=a", "patient/Goal.rs", ""),
    ("patient/*.rs", "patient/Goal.rs?status=a patient/Goal.r patient/Goal.s", "patient/Goal.rs", ""),
    // The notation asked for, or version 2 where it cannot say it.
    ("patient/*.read", "patient/Observation.rs", "patient/Observation.read", ""),
    ("patient/*.*", "patient/Observation.rs", "patient/Observation.read", ""),
    ("patient/*.*", "patient/Observation.rus", "patient/Observation.rus", ""),
    ("patient/*.read", "patient/Observation.r", "patient/Observation.r", ""),
    ("patient/Goal.write", "patient/Goal.c?status=a", "patient/Goal.c?status=a", ""),
    (
        "http://smarthealthit.org/fhir/scopes/patient/*.read",
        "patient/Observation.rs",
        "http://smarthealthit.org/fhir/scopes/patient/Observation.read",
        "",
    ),
    ("patient/*.write", "patient/*.cruds", "patient/*.write", ""),
    // Levels never imply each other; a list of types is never `*`.
    ("patient/Goal.rs", "user/*.cruds system/*.cruds", "", "patient/Goal.rs"),
    ("user/Goal.rs system/Goal.rs", "patient/*.cruds", "", "user/Goal.rs system/Goal.rs"),
    // What is not understood is dropped, even if the same text is in the list of the client.
    ("patient/Observation.sr openid", "patient/Observation.sr openid", "openid", "patient/Observation.sr"),
    ("patient/Unicorn.rs", "patient/*.cruds", "", "patient/Unicorn.rs"),
    (
        "patient/Observation.rs?category=a&category=b",
        "patient/*.cruds",
        "",
        "patient/Observation.rs?category=a&category=b",
    ),
    // Other people's scopes (E04, E06).
    ("admin", "openid patient/*.rs", "", "admin"),
    ("openid admin/clients.read", "openid", "openid", "admin/clients.read"),
    ("admin/clients.write", "admin/clients.read", "", "admin/clients.write"),
    ("launch.write", "launch", "", "launch.write"),
    ("OPENID", "openid", "", "OPENID"),
];

#[test]
fn what_is_requested_and_allowed_is_granted() {
    for (requested, allowed, granted, dropped) in CASES {
        let narrowed = narrow(&set(requested), &set(allowed));
        assert_eq!(narrowed.granted.to_string(), *granted, "{requested} of {allowed}");
        assert_eq!(ScopeSet::from_tokens(narrowed.dropped).to_string(), *dropped, "{requested} of {allowed}");
    }
}

#[test]
fn all_of_the_wanted_must_be_understood_and_allowed() {
    for (allowed, wanted, covered) in [
        ("patient/*.rs openid", "openid patient/Goal.r patient/Goal.read", true),
        ("patient/Goal.r patient/Goal.s", "patient/Goal.rs", true),
        ("patient/Goal.rs?status=a", "patient/Goal.rs", false),
        ("patient/Goal.rs patient/Observation.rs", "patient/*.rs", false),
        ("patient/Goal.sr", "patient/Goal.sr", false),
        ("", "", true),
        ("", "openid", false),
        ("http://openid.net/specs/openid-connect-core-1_0#openid", "openid", true),
    ] {
        assert_eq!(covers_all(&set(allowed), &set(wanted)), covered, "{wanted} of {allowed}");
    }
}

#[test]
fn the_levels_of_a_set_are_told() {
    let found = levels(&set("openid launch/patient patient/*.sr user/Goal.read system/*.rs"));
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [Level::User, Level::System]);
    assert!(levels(&set("openid launch/patient launch.write")).is_empty());
}

#[test]
fn long_lists_against_long_lists_do_not_multiply() {
    let list =
        |name: &str| (0..1000).map(|n| token(&format!("patient/*.rs?{name}=v{n}"))).collect::<Vec<_>>();
    let narrowed = narrow(&ScopeSet::from_tokens(list("a")), &ScopeSet::from_tokens(list("b")));
    assert_eq!(narrowed.granted.len(), MOST_PARTS);
    assert_eq!(narrowed.dropped.len(), 998);
}

/// One thing that can be done to one kind of resource: each parameter has one value there, or none.
fn allows(permission: &Permission, atom: &(Level, &str, char, [&str; 3])) -> bool {
    let (level, resource, letter, values) = atom;
    match permission {
        Permission::Named(_) => false,
        Permission::Resource { level: of, resource: kind, interactions, filter } => {
            let named = ResourceType::Named((*resource).to_owned());
            let facts = [("category", values[0]), ("status", values[1]), ("_tag", values[2])];
            of == level
                && kind.covers(&named)
                && interactions.letters().contains(*letter)
                && filter.iter().all(|(name, value)| facts.contains(&(name, value)))
        }
    }
}

fn any_allows(set: &ScopeSet, atom: &(Level, &str, char, [&str; 3])) -> bool {
    permissions(set).iter().any(|permission| allows(permission, atom))
}

fn scopes() -> impl Strategy<Value = ScopeSet> {
    let written = permission().prop_flat_map(|permission| {
        select(DIALECTS.iter().filter_map(|dialect| dialect.write(&permission)).collect::<Vec<_>>())
    });
    proptest::collection::vec(written, 0..6).prop_map(ScopeSet::from_tokens)
}

fn atom() -> impl Strategy<Value = (Level, &'static str, char, [&'static str; 3])> {
    let value = || select(vec!["", "a", "b"]);
    (
        select(vec![Level::Patient, Level::User, Level::System, Level::Patient]),
        // A type that no random permission names stands for those of the future.
        select(vec!["Observation", "Condition", "Patient", "Transport"]),
        select(vec!['c', 'r', 'u', 'd', 's']),
        [value(), value(), value()],
    )
}

proptest! {
    #[test]
    fn granted_lies_within_both(requested in scopes(), client in scopes(), consent in scopes()) {
        let first = narrow(&requested, &client).granted;
        let second = narrow(&first, &consent).granted;
        prop_assert!(covers_all(&requested, &first) && covers_all(&client, &first));
        prop_assert!([&requested, &client, &consent].iter().all(|outer| covers_all(outer, &second)));
        prop_assert_eq!(&narrow(&first, &client).granted, &first);
    }

    #[test]
    fn granted_is_all_that_both_allow(requested in scopes(), allowed in scopes(), atoms in proptest::collection::vec(atom(), 64)) {
        let granted = narrow(&requested, &allowed).granted;
        for atom in &atoms {
            let both = any_allows(&requested, atom) && any_allows(&allowed, atom);
            prop_assert_eq!(any_allows(&granted, atom), both, "{:?}: {} of {}: {}", atom, requested, allowed, granted);
        }
    }

    #[test]
    fn more_allowed_is_never_less_granted(requested in scopes(), allowed in scopes(), more in scopes()) {
        let wider = ScopeSet::from_tokens(allowed.iter().chain(more.iter()).cloned());
        let granted = narrow(&requested, &allowed).granted;
        prop_assert!(covers_all(&narrow(&requested, &wider).granted, &granted));
        let asked_more = ScopeSet::from_tokens(requested.iter().chain(more.iter()).cloned());
        prop_assert!(covers_all(&narrow(&asked_more, &allowed).granted, &granted));
    }

    #[test]
    fn what_narrowing_made_is_not_covered_by_the_rest(requested in scopes(), allowed in scopes()) {
        let granted = narrow(&requested, &allowed).granted;
        for made in granted.iter().filter(|token| !requested.contains(token)) {
            let rest = ScopeSet::from_tokens(granted.iter().filter(|token| *token != made).cloned());
            prop_assert!(!covers_all(&rest, &ScopeSet::from_tokens([made.clone()])), "{made} in {granted}");
        }
    }

    #[test]
    fn each_request_is_granted_or_dropped(requested in scopes(), allowed in scopes()) {
        let narrowed = narrow(&requested, &allowed);
        for token in &requested {
            let asked = meaning(token.as_str());
            let shares = permissions(&allowed).iter().any(|permission| permission.meet(&asked).is_some());
            prop_assert_eq!(narrowed.dropped.contains(token), !shares);
            prop_assert!(!(narrowed.dropped.contains(token) && narrowed.granted.contains(token)));
        }
    }
}
