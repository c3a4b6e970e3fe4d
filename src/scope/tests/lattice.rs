//! The laws of sets of scopes, held against a small world in which all that a scope reaches can be counted.
//!
//! With those of `laws` they are a million random triples, from fixed seeds. What a law says of `=` is said of meaning: see `lattice`.

use std::collections::HashMap;

use super::{set, token};
use crate::scope::{
    Interactions, Level, Permission, ScopeSet, ScopeToken, covers_all, narrow, read, shortest, union,
};

/// How many triples there are for the order, and for each law of `∩` and `∪`; all in all a million.
const ORDERED: usize = 64_000;
const COMBINED: usize = 10_000;

/// What can be done in the small world: one bit for each act on each kind of resource at each level, and
/// one for each name.
type Reach = u128;

/// The kinds that resources of one type come in, by the categories and the status they have. One has both
/// categories: no scope can ask for that, though each of two scopes reaches it.
const KINDS: [&[(&str, &str)]; 6] = [
    &[],
    &[("category", "a")],
    &[("category", "b")],
    &[("category", "a"), ("status", "a")],
    &[("status", "a")],
    &[("category", "a"), ("category", "b")],
];
const BOTH: usize = 5;
/// The last stands for the types of later versions: no scope of the small world names it.
const TYPES: [&str; 3] = ["Observation", "Condition", "Transport"];
const LETTERS: [&str; 3] = ["c", "r", "s"];
const NAMES: [&str; 2] = ["openid", "launch/patient"];

fn place(level: usize, kind: usize, letter: usize, resource: usize) -> usize {
    ((level * TYPES.len() + resource) * LETTERS.len() + letter) * KINDS.len() + kind
}

/// Every act for which `holds` of level, kind, letter and type.
fn acts(holds: impl Fn(usize, usize, usize, usize) -> bool) -> Reach {
    let mut reach = 0;
    for level in 0..2 {
        for resource in 0..TYPES.len() {
            for letter in 0..LETTERS.len() {
                for kind in (0..KINDS.len()).filter(|kind| holds(level, *kind, letter, resource)) {
                    reach |= 1 << place(level, kind, letter, resource);
                }
            }
        }
    }
    reach
}

/// What a permission reaches, told from its parts and not by the code under test.
fn reach(permission: &Permission) -> Reach {
    match permission {
        Permission::Named(name) => {
            let known = NAMES.iter().position(|known| known == name).unwrap();
            1 << (place(1, KINDS.len() - 1, LETTERS.len() - 1, TYPES.len() - 1) + 1 + known)
        }
        Permission::Resource { level, resource, interactions, filter } => {
            let letters = interactions.letters();
            acts(|of, kind, letter, kind_of| {
                [Level::Patient, Level::User][of] == *level
                    && [TYPES[kind_of], "*"].contains(&resource.as_str())
                    && letters.contains(LETTERS[letter])
                    && filter.iter().all(|(name, value)| KINDS[kind].contains(&(name, value)))
            })
        }
    }
}

/// The scopes of the small world, in several notations.
fn alphabet() -> Vec<ScopeToken> {
    let mut texts: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    texts.push("http://openid.net/specs/openid-connect-core-1_0#openid".to_owned());
    for place in ["patient/*", "patient/Observation", "patient/Condition", "user/*", "user/Observation"] {
        for letters in ["c", "r", "s", "cr", "rs", "crs"] {
            for filter in ["", "?category=a", "?category=%62", "?status=a", "?status=a&category=a"] {
                texts.push(format!("{place}.{letters}{filter}"));
            }
        }
        texts.push(format!("{place}.read"));
        texts.push(format!("http://smarthealthit.org/fhir/scopes/{place}.rs"));
    }
    texts.iter().map(|text| token(text)).collect()
}

/// Numbers that look random and are the same each time (splitmix64).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % most
    }
}

/// Remembers what scopes reach.
#[derive(Default)]
struct World {
    known: HashMap<ScopeToken, Reach>,
}

impl World {
    fn of(&mut self, set: &ScopeSet) -> Reach {
        let one = |token: &ScopeToken| {
            if let Some(known) = self.known.get(token) {
                return *known;
            }
            let found = reach(&read(token).unwrap().0);
            self.known.insert(token.clone(), found);
            found
        };
        set.iter().map(one).fold(0, |all, one| all | one)
    }
}

fn meet(a: &ScopeSet, b: &ScopeSet) -> ScopeSet {
    narrow(a, b).granted
}

/// The same, where only what has one value for each parameter counts.
fn of_one_value(reach: Reach) -> Reach {
    reach & !acts(|_, kind, _, _| kind == BOTH)
}

/// Calls `law` with triples of sets, drawn anew for each law.
fn triples(seed: u64, count: usize, mut law: impl FnMut(&mut World, [&ScopeSet; 3])) {
    let (alphabet, mut numbers, mut world) = (alphabet(), Numbers(seed), World::default());
    let mut draw = || {
        let size = numbers.below(4);
        ScopeSet::from_tokens((0..size).map(|_| alphabet[numbers.below(alphabet.len())].clone()))
    };
    for _ in 0..count {
        let [a, b, c] = [draw(), draw(), draw()];
        law(&mut world, [&a, &b, &c]);
    }
}

#[test]
fn subset_is_an_order_and_is_what_is_reached() {
    triples(1, ORDERED, |world, [a, b, c]| {
        let [within, beyond, far] = [covers_all(b, a), covers_all(c, b), covers_all(c, a)];
        assert!(!(within && beyond) || far, "transitive: {a} / {b} / {c}");
        let [of_a, of_b, of_c] = [a, b, c].map(|set| world.of(set));
        // With this it is reflexive, and antisymmetric up to meaning.
        let is_within = |inner: Reach, outer: Reach| inner & !outer == 0;
        assert_eq!(within, is_within(of_a, of_b), "{a} / {b}");
        assert_eq!(beyond, is_within(of_b, of_c), "{b} / {c}");
        assert_eq!(far, is_within(of_a, of_c), "{a} / {c}");
    });
}

#[test]
fn the_order_is_reflexive_and_antisymmetric_up_to_meaning() {
    triples(2, ORDERED / 4, |world, [a, b, _]| {
        assert!(covers_all(a, a));
        let as_short = shortest(a);
        assert!(covers_all(a, &as_short) && covers_all(&as_short, a), "{a}: {as_short}");
        if world.of(a) == world.of(b) {
            assert!(covers_all(a, b) && covers_all(b, a), "{a} / {b}");
        }
    });
}

#[test]
fn intersection_lies_within_both_and_is_the_most_that_can_be_written() {
    triples(3, COMBINED, |world, [a, b, c]| {
        let met = meet(a, b);
        assert!(covers_all(a, &met) && covers_all(b, &met), "{a} ∩ {b}: {met}");
        assert!(covers_all(&met, c) || !(covers_all(a, c) && covers_all(b, c)), "{c} in {a} ∩ {b}");
        let [both, found] = [world.of(a) & world.of(b), world.of(&met)];
        assert_eq!(of_one_value(found), of_one_value(both), "{a} ∩ {b}: {met}");
        // What has two values of one parameter can be in both and not in `∩`, but not the other way.
        assert_eq!(found & !both, 0, "{a} ∩ {b}: {met}");
    });
}

#[test]
fn intersection_is_commutative_associative_and_idempotent() {
    triples(4, COMBINED, |world, [a, b, c]| {
        let met = meet(a, b);
        assert_eq!(world.of(&met), world.of(&meet(b, a)), "{a} ∩ {b}");
        assert_eq!(world.of(&meet(&met, c)), world.of(&meet(a, &meet(b, c))), "{a} ∩ {b} ∩ {c}");
        assert_eq!(meet(a, a), *a);
    });
}

#[test]
fn union_is_commutative_associative_idempotent_and_all_that_either_gives() {
    triples(5, COMBINED, |world, [a, b, c]| {
        let joined = union(a, b);
        assert_eq!(world.of(&joined), world.of(a) | world.of(b), "{a} ∪ {b}: {joined}");
        assert!(covers_all(&joined, a) && covers_all(&joined, b), "{a} ∪ {b}: {joined}");
        assert_eq!(world.of(&joined), world.of(&union(b, a)), "{a} ∪ {b}");
        assert_eq!(world.of(&union(&joined, c)), world.of(&union(a, &union(b, c))), "{a} ∪ {b} ∪ {c}");
        assert_eq!(world.of(&union(a, a)), world.of(a));
    });
}

#[test]
fn intersection_and_union_absorb_and_distribute() {
    triples(6, COMBINED, |world, [a, b, c]| {
        let (met, joined) = (meet(a, b), union(b, c));
        assert_eq!(world.of(&union(a, &met)), world.of(a), "{a} ∪ ({a} ∩ {b})");
        assert_eq!(world.of(&meet(b, &joined)), world.of(b), "{b} ∩ ({b} ∪ {c})");
        let apart = union(&met, &meet(a, c));
        assert_eq!(world.of(&meet(a, &joined)), world.of(&apart), "{a} ∩ ({b} ∪ {c})");
    });
}

#[test]
fn more_on_either_side_is_never_less() {
    triples(7, COMBINED, |world, [a, b, more]| {
        let wider = union(b, more);
        assert_eq!(world.of(&meet(a, b)) & !world.of(&meet(a, &wider)), 0, "{a} ∩ {b} and {more}");
        assert_eq!(world.of(&meet(b, a)) & !world.of(&meet(&wider, a)), 0, "{a} ∩ {b} and {more}");
        assert_eq!(world.of(&union(a, b)) & !world.of(&union(a, &wider)), 0, "{a} ∪ {b} and {more}");
    });
}

#[test]
fn the_shortest_form_cannot_be_made_shorter() {
    triples(8, COMBINED, |world, [a, b, c]| {
        let all = union(&union(a, b), c);
        assert_eq!(shortest(&all), all, "once is enough");
        assert!(all.len() <= a.len() + b.len() + c.len());
        let meaning = world.of(&all);
        for left_out in &all {
            let rest = ScopeSet::from_tokens(all.iter().filter(|token| *token != left_out).cloned());
            assert_ne!(world.of(&rest), meaning, "{left_out} in {all}");
        }
        let mut extents: Vec<Permission> = all.iter().map(|token| whole(read(token).unwrap().0)).collect();
        extents.sort();
        extents.dedup();
        assert_eq!(extents.len(), all.len(), "two that can be one: {all}");
    });
}

/// The same resources, whatever may be done.
fn whole(permission: Permission) -> Permission {
    match permission {
        Permission::Resource { level, resource, filter, .. } => {
            Permission::Resource { level, resource, interactions: Interactions::ALL, filter }
        }
        named @ Permission::Named(_) => named,
    }
}

#[test]
fn one_million_triples_are_drawn() {
    assert_eq!(ORDERED + ORDERED / 4 + 6 * COMBINED + super::laws::PERMISSIONS, 1_000_000);
}

/// First, second, union.
const UNIONS: &[(&str, &str, &str)] = &[
    ("", "", ""),
    ("openid", "", "openid"),
    ("openid", "http://openid.net/specs/openid-connect-core-1_0#openid launch", "openid launch"),
    ("patient/Goal.r", "patient/Goal.s", "patient/Goal.rs"),
    ("patient/Goal.c launch patient/Goal.rs", "patient/Goal.ud", "patient/Goal.cruds launch"),
    // A scope stays as it was first said, and in the notation that can say the whole.
    ("patient/Goal.read", "patient/Goal.rs", "patient/Goal.read"),
    ("patient/Goal.rs", "patient/Goal.read", "patient/Goal.rs"),
    ("patient/Goal.r", "patient/Goal.read", "patient/Goal.read"),
    ("patient/Goal.read", "patient/Goal.write", "patient/Goal.*"),
    ("patient/Goal.read", "patient/Goal.c", "patient/Goal.crs"),
    (
        "http://smarthealthit.org/fhir/scopes/patient/Goal.r",
        "patient/Goal.s",
        "http://smarthealthit.org/fhir/scopes/patient/Goal.rs",
    ),
    ("patient/Goal.rs?status=%61", "", "patient/Goal.rs?status=%61"),
    ("patient/Goal.r?status=%61", "patient/Goal.s?status=a", "patient/Goal.rs?status=a"),
    // What another covers is left out, whichever comes first.
    ("patient/*.rs", "patient/Goal.r openid", "patient/*.rs openid"),
    ("patient/Goal.r openid", "patient/*.rs", "openid patient/*.rs"),
    ("patient/Goal.rs?status=a", "patient/Goal.rs", "patient/Goal.rs"),
    ("patient/Goal.rs", "patient/*.r patient/*.s", "patient/*.rs"),
    ("patient/Goal.rs", "patient/*.r patient/Goal.s?status=a", "patient/Goal.rs patient/*.r"),
    // Filters, types and levels that differ stay apart.
    (
        "patient/Goal.r?status=a",
        "patient/Goal.s?status=b patient/Goal.r?status=b",
        "patient/Goal.r?status=a patient/Goal.rs?status=b",
    ),
    ("patient/Goal.rs", "user/Goal.rs system/Goal.rs", "patient/Goal.rs user/Goal.rs system/Goal.rs"),
    ("patient/Goal.r", "patient/CarePlan.s", "patient/Goal.r patient/CarePlan.s"),
    // What is not understood gives no leave.
    ("patient/Goal.sr", "openid OPENID..", "openid"),
];

#[test]
fn a_union_is_written_in_the_shortest_form() {
    for (first, second, expected) in UNIONS {
        assert_eq!(union(&set(first), &set(second)).to_string(), *expected, "{first} ∪ {second}");
        let together = set(&format!("{first} {second}"));
        assert_eq!(shortest(&together).to_string(), *expected, "{together}");
    }
}

#[test]
fn what_cannot_be_written_as_one_scope_stays_two() {
    let long = |letter| format!("patient/*.{letter}?_tag={}", "a".repeat(1024 - "patient/*.r?_tag=".len()));
    let (read, search) = (set(&long('r')), set(&long('s')));
    let both = union(&read, &search);
    assert_eq!(both.len(), 2);
    assert!(covers_all(&both, &read) && covers_all(&both, &search));
}

#[test]
fn a_list_of_64_kilobytes_is_shortened() {
    let one = |n: usize| token(&format!("patient/Observation.{}?code={}", ["r", "s"][n % 2], n / 2));
    let all = ScopeSet::from_tokens((0..2_000).map(one));
    assert_eq!(shortest(&all).len(), 1_000);
}
