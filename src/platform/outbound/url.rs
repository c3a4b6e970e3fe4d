//! URLs that may be fetched.

use std::net::IpAddr;

use url::{Host, Url};

use super::address::is_public;
use crate::config::outbound::Outbound as Rules;

/// Longer URLs than this have no business in a registration.
const LONGEST: usize = 2048;

/// Names that never lead to the public Internet (RFC 6761, RFC 6762, RFC 8375).
const PRIVATE_NAMES: [&str; 6] = ["localhost", "local", "localdomain", "internal", "home.arpa", "invalid"];

/// A URL that may be fetched, as far as the URL itself can tell; where its name leads is seen when
/// it is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundUrl {
    text: String,
    pub(super) url: Url,
    pub(super) reach: Reach,
}

/// Where a fetch may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// To public addresses alone, by https.
    Public,
    /// To public addresses alone, by http too: what is fetched bears a signature of its own.
    PublicSigned,
    /// Anywhere, as the operator said of this host.
    Allowed,
}

impl OutboundUrl {
    /// Parses a URL that a client or an administrator gave; the error is the reason for refusing it.
    pub fn parse(text: &str, rules: &Rules) -> Result<Self, &'static str> {
        Self::parse_for(text, rules, Reach::Public)
    }

    /// Parses a URL at which an authority publishes what it has signed, often by http: TLS would be judged by what
    /// is fetched (RFC 5280, 8). The error is the reason for refusing it.
    pub fn parse_signed(text: &str, rules: &Rules) -> Result<Self, &'static str> {
        Self::parse_for(text, rules, Reach::PublicSigned)
    }

    fn parse_for(text: &str, rules: &Rules, public: Reach) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("the URL is too long");
        }
        // A parser of URLs drops tabs and newlines and turns backslashes: what is read is then not
        // what was written.
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err("the URL holds characters that no URL may hold");
        }
        let url = Url::parse(text).map_err(|_| "the URL cannot be read")?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err("the URL must be an https URL");
        }
        let host = url.host().ok_or("the URL names no host")?;
        let port = url.port_or_known_default().ok_or("the URL names no port")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the URL must not hold a user or a password");
        }
        if url.fragment().is_some() {
            return Err("the URL must not hold a fragment");
        }
        let reach = if rules.allows(&host, port) {
            Reach::Allowed
        } else {
            judge(&url, &host, port, public)?;
            public
        };
        Ok(Self { text: text.to_owned(), url, reach })
    }

    /// The URL as it was given, byte for byte.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host and port that are asked.
    pub(super) fn authority(&self) -> String {
        format!(
            "{}:{}",
            self.url.host_str().unwrap_or_default(),
            self.url.port_or_known_default().unwrap_or_default()
        )
    }
}

fn judge(url: &Url, host: &Host<&str>, port: u16, reach: Reach) -> Result<(), &'static str> {
    const NOT_PUBLIC: &str = "the URL's host is not public";
    let by_http = reach == Reach::PublicSigned && url.scheme() == "http";
    if url.scheme() != "https" && !by_http {
        return Err("the URL must be an https URL");
    }
    // Below 1024 live mail, shells, databases and the like; a TLS greeting may be nonsense to them,
    // but is still a packet that a stranger made us send.
    if port != 443 && port < 1024 && !(by_http && port == 80) {
        return Err("the URL's port must be 443, or 1024 or above");
    }
    match host {
        Host::Ipv4(address) if is_public(IpAddr::V4(*address)) => Ok(()),
        Host::Ipv6(address) if is_public(IpAddr::V6(*address)) => Ok(()),
        Host::Ipv4(_) | Host::Ipv6(_) => Err(NOT_PUBLIC),
        Host::Domain(name) if name.ends_with('.') => Err("the URL's host must not end in a dot"),
        Host::Domain(name) if PRIVATE_NAMES.iter().any(|private| is_under(name, private)) => Err(NOT_PUBLIC),
        // A bare name is completed by the resolver from this network's own domains.
        Host::Domain(name) if !name.contains('.') => Err(NOT_PUBLIC),
        Host::Domain(_) => Ok(()),
    }
}

fn is_under(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
