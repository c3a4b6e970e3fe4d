//! `[revocation]`: how it is learnt that client certificates were revoked.

use std::time::Duration;

use toml::Table;

use super::source::Section;

const MEGABYTE: usize = 1024 * 1024;

/// The section `[revocation]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// How old what is known may become before it is asked for again, and so how long a certificate may still be
    /// taken that its authority has revoked: `revocation.refresh_seconds`.
    pub refresh: Duration,
    /// How large a revocation list may be: `revocation.largest_list_bytes`.
    pub largest_list: usize,
    /// How long the fetch of a list may take: `revocation.fetch_seconds`.
    pub fetch: Duration,
    /// How long a responder may take to answer: `revocation.ocsp_milliseconds`.
    pub ocsp: Duration,
}

impl Default for Revocation {
    fn default() -> Self {
        Self {
            refresh: Duration::from_mins(5),
            largest_list: 64 * MEGABYTE,
            fetch: Duration::from_secs(30),
            ocsp: Duration::from_secs(2),
        }
    }
}

impl Revocation {
    pub(super) fn parse(section: &mut Section<'_>) -> Self {
        let usual = Self::default();
        Self {
            refresh: Duration::from_secs(section.number(
                "refresh_seconds",
                1..=86_400,
                usual.refresh.as_secs(),
            )),
            largest_list: section.number("largest_list_bytes", 1024..=200 * MEGABYTE, usual.largest_list),
            fetch: Duration::from_secs(section.number("fetch_seconds", 1..=50, usual.fetch.as_secs())),
            ocsp: Duration::from_millis(section.number("ocsp_milliseconds", 50..=10_000, 2000)),
        }
    }

    pub(super) fn to_table(self) -> Table {
        Table::from_iter([
            ("refresh_seconds".to_owned(), super::whole(self.refresh.as_secs())),
            ("largest_list_bytes".to_owned(), super::whole(self.largest_list)),
            ("fetch_seconds".to_owned(), super::whole(self.fetch.as_secs())),
            ("ocsp_milliseconds".to_owned(), super::whole(self.ocsp.as_millis())),
        ])
    }
}
