//! Points in time, always given as arguments: words and records never read a clock.

/// A point in time in UTC. Every value that is stored or compared comes from the database's time.
pub type Timestamp = time::OffsetDateTime;

/// Whole seconds since 1970-01-01 (the `NumericDate` of RFC 7519, 2).
#[must_use]
pub const fn seconds(at: Timestamp) -> i64 {
    at.unix_timestamp()
}
