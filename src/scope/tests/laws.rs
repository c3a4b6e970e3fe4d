//! The order of permissions, and the promise that no text makes the parsers panic.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;

use super::lattice::Numbers;
use crate::scope::dialects::query;
use crate::scope::{
    DIALECTS, Interactions, Level, Permission, ResourceType, ScopeSet, ScopeToken, narrow, read,
};

/// Letters, so few that random permissions often meet.
fn interactions() -> impl Strategy<Value = Interactions> {
    subsequence(vec!['c', 'r', 'u', 'd', 's'], 1..=5)
        .prop_map(|letters| Interactions::from_letters(&letters.into_iter().collect::<String>()).unwrap())
}

/// Filters in which each parameter has at most one value.
fn filter(
    values: impl Strategy<Value = String> + Clone,
) -> impl Strategy<Value = BTreeSet<(String, String)>> {
    let parameter = |name: &str| {
        let name = name.to_owned();
        proptest::option::weighted(0.3, values.clone())
            .prop_map(move |value| value.map(|value| (name.clone(), value)))
    };
    (parameter("category"), parameter("status"), parameter("_tag"))
        .prop_map(|(a, b, c)| [a, b, c].into_iter().flatten().collect())
}

fn with_values(values: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = Permission> {
    let named = select(vec!["openid", "launch", "fhirUser", "launch.write", "admin/clients.read"]);
    let resource = select(vec!["*", "Observation", "Condition", "Patient"]).prop_map(|name| match name {
        "*" => ResourceType::Any,
        name => ResourceType::Named(name.to_owned()),
    });
    let level = select(vec![Level::Patient, Level::User, Level::System, Level::Patient]);
    prop_oneof![
        1 => named.prop_map(|name| Permission::Named(name.to_owned())),
        9 => (level, resource, interactions(), filter(values)).prop_map(|(level, resource, interactions, filter)| {
            Permission::Resource { level, resource, interactions, filter }
        }),
    ]
}

/// Permissions from a small world.
pub(super) fn permission() -> impl Strategy<Value = Permission> {
    with_values(select(vec!["a", "b"]).prop_map(str::to_owned))
}

/// How many triples of permissions are drawn for the laws of one permission.
pub(super) const PERMISSIONS: usize = 860_000;

#[test]
fn permissions_are_an_order_with_the_greatest_lower_bound() {
    let mut numbers = Numbers(9);
    let known: Vec<Permission> = {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let draw = |_| permission().new_tree(&mut runner).unwrap().current();
        (0..2_000).map(draw).collect()
    };
    for _ in 0..PERMISSIONS {
        let [a, b, c] = [(); 3].map(|()| &known[numbers.below(known.len())]);
        let (within, beyond) = (a.covers(b), b.covers(c));
        assert!(a.covers(a));
        assert!(!(within && beyond) || a.covers(c), "transitive: {a:?} {b:?} {c:?}");
        assert!(!(within && b.covers(a)) || a == b, "antisymmetric: {a:?} {b:?}");
        let met = a.meet(b);
        assert_eq!(met, b.meet(a), "commutative");
        if let Some(met) = &met {
            assert!(a.covers(met) && b.covers(met), "{a:?} {b:?}");
        }
        assert_eq!(within, met.as_ref() == Some(b), "{a:?} {b:?}");
        let below_both = a.covers(c) && b.covers(c);
        assert_eq!(below_both, met.as_ref().is_some_and(|met| met.covers(c)), "{a:?} {b:?} {c:?}");
        assert_eq!(met.and_then(|met| met.meet(c)), b.meet(c).and_then(|met| a.meet(&met)), "associative");
        if let Some(joined) = a.join(b) {
            assert!(joined.covers(a) && joined.covers(b));
            assert!(!(c.covers(a) && c.covers(b)) || c.covers(&joined), "{a:?} {b:?} {c:?}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(permission in with_values("[ -~éß]{1,12}".boxed())) {
        let mut written = 0;
        for dialect in DIALECTS {
            if let Some(token) = dialect.write(&permission) {
                written += 1;
                let (back, reader) = read(&token).unwrap();
                prop_assert_eq!(&back, &permission);
                prop_assert_eq!(reader.name(), dialect.name());
            }
        }
        prop_assert!(written > 0);
    }

    #[test]
    fn a_filter_is_read_back(filter in filter("\\PC{1,20}".boxed())) {
        let text = query::write(&filter);
        prop_assert_eq!(query::parse(&text), if filter.is_empty() { None } else { Some(filter) });
    }

    #[test]
    fn no_text_panics(text in any::<String>(), other in "(patient|user|launch|http://|)[ -~]{0,40}") {
        for text in [text, other] {
            let _ = query::parse(&text);
            let _ = ScopeSet::parse(&text).map(|set| narrow(&set, &set));
            if let Ok(token) = ScopeToken::parse(&text) {
                let readers = DIALECTS.iter().filter(|dialect| dialect.read(&token).is_some()).count();
                prop_assert!(readers <= 1);
            }
        }
    }

    #[test]
    fn a_near_miss_has_one_reader_or_none(
        text in "(http://smarthealthit.org/fhir/scopes/|)(patient|launch|admin)(/|\\.|)(Observation|\\*|patient|clients|)(\\.|\\?|)(c?r?u?d?s?|read|write|\\*)(\\?[a-c_:]{1,2}=[ab%25&=]{0,4}|)"
    ) {
        if let Ok(token) = ScopeToken::parse(&text) {
            let readers = DIALECTS.iter().filter(|dialect| dialect.read(&token).is_some()).count();
            prop_assert!(readers <= 1, "{text}");
        }
    }
}
