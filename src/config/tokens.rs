//! `[tokens]`: how long things live.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::{Table, Value};

use crate::model::signing_key::LEARNING;
use crate::protocol::resource_metadata::LONGEST_TOKEN;

use super::source::Section;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// The section `[tokens]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// An access token that speaks for a system: `tokens.system_seconds`
    /// (at most 300, SMART Backend Services).
    pub system: Duration,
    /// An access token that speaks for a person: `tokens.person_seconds` (5 to 15 minutes are usual).
    pub person: Duration,
    /// An access token that another one was exchanged for, at most: `tokens.exchange_seconds`. It never outlives that
    /// one.
    pub exchange: Duration,
    /// An id token: `tokens.id_token_seconds`.
    pub id_token: Duration,
    /// An authorization code: `tokens.code_seconds` (at most 60, SMART App Launch 2.2).
    pub code: Duration,
    /// A pushed authorization request: `tokens.pushed_request_seconds` (less than 600, FAPI 2.0).
    pub pushed_request: Duration,
    /// What an EHR hands over to an app: `tokens.launch_seconds`.
    pub launch: Duration,
    /// A refresh token that is not used: `tokens.refresh_days`.
    pub refresh: Duration,
    /// How long a lost answer to a refresh may be asked for again, by clients that authenticate or prove a
    /// key: `tokens.refresh_retry_seconds`.
    pub refresh_retry: Duration,
    /// A signing key: `tokens.signing_key_days`, or `tokens.signing_key_seconds` to try things out.
    pub signing_key: Duration,
    /// How long before its use a signing key is published: `tokens.signing_key_notice_hours`, or
    /// `tokens.signing_key_notice_seconds`.
    pub signing_key_notice: Duration,
    /// How long the public keys may be cached: `tokens.jwks_seconds`.
    pub jwks: Duration,
    /// How far ahead a client's assertion may expire: `tokens.assertion_max_seconds`.
    pub assertion_max: Duration,
    /// How far the clock of a client may be off: `tokens.assertion_skew_seconds`.
    pub assertion_skew: Duration,
    /// Whether DPoP proofs need a nonce of this server: `tokens.dpop_nonce`.
    pub dpop_nonce: NonceDemand,
}

/// Whether DPoP proofs need a nonce of this server (RFC 9449, 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonceDemand {
    /// `required`: nobody who once held a client's key can have made proofs ahead.
    Required,
    /// `optional`: a proof with a nonce must have one of the last minutes; one without will do.
    Optional,
}

impl NonceDemand {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "required" => Ok(Self::Required),
            "optional" => Ok(Self::Optional),
            _ => Err("give required or optional"),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
        }
    }
}

impl Tokens {
    pub(super) fn parse(section: &mut Section<'_>) -> Self {
        let longest = LONGEST_TOKEN.unsigned_abs().as_secs();
        let tokens = Self {
            system: Duration::from_secs(section.number("system_seconds", 30..=300, 300)),
            person: Duration::from_secs(section.number("person_seconds", 30..=longest, 900)),
            exchange: Duration::from_secs(section.number("exchange_seconds", 10..=300, 60)),
            id_token: Duration::from_secs(section.number("id_token_seconds", 30..=longest, 300)),
            code: Duration::from_secs(section.number("code_seconds", 10..=60, 60)),
            pushed_request: Duration::from_secs(section.number("pushed_request_seconds", 10..=599, 60)),
            launch: Duration::from_secs(section.number("launch_seconds", 30..=300, 300)),
            refresh: Duration::from_secs(section.number("refresh_days", 1..=365, 100) * DAY),
            refresh_retry: Duration::from_secs(section.number("refresh_retry_seconds", 0..=60, 10)),
            signing_key: span(section, KEY, (1..=730, 90), 30..=DAY),
            signing_key_notice: span(section, NOTICE, (1..=720, 24), 1..=HOUR),
            jwks: Duration::from_secs(section.number("jwks_seconds", 5..=3600, 300)),
            assertion_max: Duration::from_secs(section.number("assertion_max_seconds", 30..=300, 300)),
            assertion_skew: Duration::from_secs(section.number("assertion_skew_seconds", 0..=60, 30)),
            dpop_nonce: section.parsed("dpop_nonce", NonceDemand::parse).unwrap_or(NonceDemand::Required),
        };
        if tokens.signing_key_notice >= tokens.signing_key {
            section.refuse("signing_key_notice_hours", "give less than the life of a key (signing_key_days)");
        } else if tokens.signing_key_notice < tokens.jwks + LEARNING.unsigned_abs() {
            section.refuse(
                "jwks_seconds",
                "give less, or more of signing_key_notice_hours: a key must be published 10 seconds longer than \
                 public keys may be cached before it signs",
            );
        }
        tokens
    }

    pub(super) fn to_table(&self) -> Table {
        Table::from_iter([
            ("system_seconds".to_owned(), super::whole(self.system.as_secs())),
            ("person_seconds".to_owned(), super::whole(self.person.as_secs())),
            ("exchange_seconds".to_owned(), super::whole(self.exchange.as_secs())),
            ("id_token_seconds".to_owned(), super::whole(self.id_token.as_secs())),
            ("code_seconds".to_owned(), super::whole(self.code.as_secs())),
            ("pushed_request_seconds".to_owned(), super::whole(self.pushed_request.as_secs())),
            ("launch_seconds".to_owned(), super::whole(self.launch.as_secs())),
            ("refresh_days".to_owned(), super::whole(self.refresh.as_secs() / DAY)),
            ("refresh_retry_seconds".to_owned(), super::whole(self.refresh_retry.as_secs())),
            written(self.signing_key, KEY),
            written(self.signing_key_notice, NOTICE),
            ("jwks_seconds".to_owned(), super::whole(self.jwks.as_secs())),
            ("assertion_max_seconds".to_owned(), super::whole(self.assertion_max.as_secs())),
            ("assertion_skew_seconds".to_owned(), super::whole(self.assertion_skew.as_secs())),
            ("dpop_nonce".to_owned(), Value::from(self.dpop_nonce.as_str())),
        ])
    }
}

/// A length of time with two keys: in its usual unit, and in seconds.
type Keys = (&'static str, u64, &'static str);

const KEY: Keys = ("signing_key_days", DAY, "signing_key_seconds");
const NOTICE: Keys = ("signing_key_notice_hours", HOUR, "signing_key_notice_seconds");

/// Reads a length of time by whichever of its keys is there, and not by both.
fn span(
    section: &mut Section<'_>,
    (name, unit, in_seconds): Keys,
    (bounds, default): (RangeInclusive<u64>, u64),
    short: RangeInclusive<u64>,
) -> Duration {
    // No number within the bounds is 0: it stands for a key that is not there.
    let (usual, seconds) = (section.number(name, bounds, 0), section.number(in_seconds, short, 0));
    match (usual, seconds) {
        (0, 0) => Duration::from_secs(default * unit),
        (usual, 0) => Duration::from_secs(usual * unit),
        (0, seconds) => Duration::from_secs(seconds),
        (_, _) => {
            section.refuse(in_seconds, &format!("give this or {name}, not both"));
            Duration::from_secs(default * unit)
        }
    }
}

/// A length of time by the key that can tell it.
fn written(span: Duration, (name, unit, in_seconds): Keys) -> (String, Value) {
    let seconds = span.as_secs();
    if seconds.is_multiple_of(unit) {
        (name.to_owned(), super::whole(seconds / unit))
    } else {
        (in_seconds.to_owned(), super::whole(seconds))
    }
}
