//! Where an authorization response may go: a redirect URI that was asked for and found registered.

use url::{Url, form_urlencoded};

use super::{RedirectUri, is_loopback};

/// The two addresses whose port a native app chooses when it starts (RFC 8252, 7.3). A name such as
/// `localhost` is not among them: what it leads to is not certain (RFC 8252, 8.3).
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// Where an authorization response may go. Only [`matched`] makes one, so nothing else is redirected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback(String);

/// Finds what was asked for among what is registered: equal character by character (RFC 9700, 2.1), or
/// on a loopback address equal in all but the port (RFC 8252, 7.3).
#[must_use]
pub fn matched(registered: &[RedirectUri], asked: &str) -> Option<Callback> {
    let exact = |known: &RedirectUri| known.as_str() == asked;
    let on_loopback = || {
        let asked = without_port(asked)?;
        registered.iter().find(|known| without_port(known.as_str()) == Some(asked))
    };
    let found = registered.iter().any(exact) || on_loopback().is_some();
    found.then(|| Callback(asked.to_owned()))
}

/// A loopback address and all that follows its port; `None` for every other URI.
fn without_port(uri: &str) -> Option<(&'static str, &str)> {
    LOOPBACK.into_iter().find_map(|address| {
        let rest = uri.strip_prefix(address)?;
        let tail = match rest.strip_prefix(':') {
            Some(rest) => after_port(rest)?,
            None => rest,
        };
        // Whatever else follows belongs to a host or a user name that only begins like the address.
        (tail.is_empty() || tail.starts_with(['/', '?'])).then_some((address, tail))
    })
}

/// What follows a port of 1 to 65535, written without leading zeros.
fn after_port(text: &str) -> Option<&str> {
    let tail = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.strip_suffix(tail)?;
    let port = !digits.starts_with('0') && digits.parse::<u16>().is_ok();
    port.then_some(tail)
}

impl Callback {
    /// Reads back what this server stored from a match. There is no other use.
    #[must_use]
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The redirect URI as it was asked for.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether only its owner can receive what is sent there: an https address that is not of this machine.
    /// Any app may listen on a loopback address or claim a private-use scheme (RFC 8252, 8.6).
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| url.scheme() == "https" && !is_loopback(&url))
    }

    /// Whether a browser can post a form there. A private-use scheme opens an app with an address and nothing else.
    #[must_use]
    pub fn takes_forms(&self) -> bool {
        self.0.starts_with("https://") || self.0.starts_with("http://")
    }

    /// The URI with these parameters added to its query, which is kept as it stands (RFC 6749, 4.1.2).
    #[must_use]
    pub fn with(&self, params: &[(&str, &str)]) -> String {
        let added = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        let between = match self.0.split_once('?') {
            _ if added.is_empty() => "",
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{}{between}{added}", self.0)
    }

    /// What the `form-action` of a page must name so that its form may end here (CSP 3, 2.3.1): scheme
    /// and host, or the scheme where there is no host, or one that a policy cannot write, such as `[::1]`.
    #[must_use]
    pub fn origin(&self) -> String {
        let (scheme, rest) = self.0.split_once(':').unwrap_or_default();
        let host = rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
        let writable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
        let web = matches!(scheme, "https" | "http") && !host.is_empty();
        if web && host.chars().all(writable) { format!("{scheme}://{host}") } else { format!("{scheme}:") }
    }
}

#[cfg(test)]
mod tests;
