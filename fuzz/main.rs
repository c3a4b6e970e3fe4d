//! Feeds the parsers with bytes that a coverage-guided fuzzer chooses: `scripts/fuzz` builds and runs it. The target
//! is named by the variable `FUZZ_TARGET`; each states a law besides "never panic".
#![no_main]
#![expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the parsers are used, and not all that stands beside them"
)]

// The words of the server, which need nothing else of it: they alone are watched.
#[path = "../src/jose/mod.rs"]
mod jose;
#[path = "../src/moment.rs"]
mod moment;
#[path = "../src/pki/mod.rs"]
mod pki;
#[path = "../src/protocol/mod.rs"]
mod protocol;
#[path = "../src/scope/mod.rs"]
mod scope;
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let named = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = targets::ALL.iter().find(|(name, _)| *name == named);
    found.map(|(_, target)| *target).unwrap_or_else(|| {
        let names: Vec<&str> = targets::ALL.iter().map(|(name, _)| *name).collect();
        panic!("set FUZZ_TARGET to one of {}", names.join(" "))
    })
});

fuzz_target!(|bytes: &[u8]| TARGET(bytes));
