//! How long an answer may be kept (RFC 9111).

use std::time::Duration;

use reqwest::header::{AGE, CACHE_CONTROL, HeaderMap};

/// What an answer says of its being kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Freshness {
    /// How much longer it is fresh; `None` when it does not say.
    pub(super) max_age: Option<Duration>,
    /// Whether it may not be kept at all.
    pub(super) no_store: bool,
}

impl Freshness {
    /// Reads `Cache-Control` and `Age`. `s-maxage` speaks to shared caches (RFC 9111, 5.2.2.10),
    /// which this is not.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for line in headers.get_all(CACHE_CONTROL) {
            // What cannot be read is best not kept (RFC 9111, 4.2.1).
            let line = line.to_str().unwrap_or("no-cache");
            for directive in line.split(',') {
                found.take(directive.trim());
            }
        }
        let age = headers.get(AGE).and_then(|age| age.to_str().ok()).and_then(seconds).unwrap_or_default();
        found.max_age = found.max_age.map(|max_age| max_age.saturating_sub(age));
        found
    }

    fn take(&mut self, directive: &str) {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(value.trim_start())),
            None => (directive, None),
        };
        if name.eq_ignore_ascii_case("no-store") {
            self.no_store = true;
        } else if name.eq_ignore_ascii_case("no-cache") {
            self.at_most(Duration::ZERO);
        } else if name.eq_ignore_ascii_case("max-age") {
            self.at_most(value.and_then(seconds).unwrap_or_default());
        }
    }

    /// Of several statements the shortest counts.
    fn at_most(&mut self, age: Duration) {
        self.max_age = Some(self.max_age.map_or(age, |known| known.min(age)));
    }
}

/// Delta-seconds (RFC 9111, 1.2.2), with the quotes that some send.
fn seconds(text: &str) -> Option<Duration> {
    /// What is too large to hold stands for a very long time, such as 2^31 seconds.
    const FOREVER: u64 = 1 << 31;
    let digits = text.trim().trim_matches('"');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(digits.parse().unwrap_or(FOREVER).min(FOREVER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read() {
        let rows: [(&str, &str, Option<u64>, bool); 17] = [
            ("", "", None, false),
            ("public", "", None, false),
            ("max-age=300", "", Some(300), false),
            ("Max-Age = 300", "", Some(300), false),
            ("max-age=\"300\"", "", Some(300), false),
            ("public, max-age=300, must-revalidate", "", Some(300), false),
            ("s-maxage=900, max-age=60", "", Some(60), false),
            ("s-maxage=900", "", None, false),
            ("max-age=300, max-age=60", "", Some(60), false),
            ("max-age=300", "100", Some(200), false),
            ("max-age=300", "301", Some(0), false),
            ("max-age=300", "soon", Some(300), false),
            ("max-age", "", Some(0), false),
            ("max-age=-1", "", Some(0), false),
            ("max-age=99999999999999999999999", "", Some(1 << 31), false),
            ("max-age=300, no-cache", "", Some(0), false),
            ("no-store, max-age=300", "", Some(300), true),
        ];
        for (control, age, max_age, no_store) in rows {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, control.parse().unwrap());
            headers.insert(AGE, age.parse().unwrap());
            let expected = Freshness { max_age: max_age.map(Duration::from_secs), no_store };
            assert_eq!(Freshness::of(&headers), expected, "{control} {age}");
        }
    }

    #[test]
    fn several_lines_are_one() {
        let mut headers = HeaderMap::new();
        headers.append(CACHE_CONTROL, "max-age=300".parse().unwrap());
        headers.append(CACHE_CONTROL, "no-store".parse().unwrap());
        let expected = Freshness { max_age: Some(Duration::from_mins(5)), no_store: true };
        assert_eq!(Freshness::of(&headers), expected);
    }
}
