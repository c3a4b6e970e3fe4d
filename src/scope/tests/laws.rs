//! The order of permissions, and the promise that no text makes the parsers panic.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

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

fn meet_all(first: Option<Permission>, second: Option<Permission>) -> Option<Permission> {
    first?.meet(&second?)
}

proptest! {
    #[test]
    fn covers_is_an_order(a in permission(), b in permission(), c in permission()) {
        prop_assert!(a.covers(&a));
        prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
        prop_assert!(!(a.covers(&b) && b.covers(&a)) || a == b);
    }

    #[test]
    fn meet_is_the_greatest_lower_bound(a in permission(), b in permission(), x in permission()) {
        let met = a.meet(&b);
        if let Some(met) = &met {
            prop_assert!(a.covers(met) && b.covers(met));
        }
        let below_both = a.covers(&x) && b.covers(&x);
        prop_assert_eq!(below_both, met.is_some_and(|met| met.covers(&x)));
        prop_assert_eq!(a.covers(&b), a.meet(&b) == Some(b));
    }

    #[test]
    fn meet_is_commutative_associative_and_idempotent(a in permission(), b in permission(), c in permission()) {
        prop_assert_eq!(a.meet(&b), b.meet(&a));
        prop_assert_eq!(a.meet(&a), Some(a.clone()));
        prop_assert_eq!(meet_all(a.meet(&b), Some(c.clone())), meet_all(Some(a), b.meet(&c)));
    }

    #[test]
    fn join_is_the_least_upper_bound_of_what_it_joins(a in permission(), b in permission(), x in permission()) {
        if let Some(joined) = a.join(&b) {
            prop_assert!(joined.covers(&a) && joined.covers(&b));
            prop_assert!(!(x.covers(&a) && x.covers(&b)) || x.covers(&joined));
        }
    }

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
