//! `[issuer]`: the name of this server, from which every other address follows.

use std::fmt;
use std::net::IpAddr;

use toml::{Table, Value};
use url::{Host, Url};

use super::source::Section;

/// The section `[issuer]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The issuer identifier (RFC 8414, 2): `issuer.url`.
    pub url: BaseUrl,
}

impl Issuer {
    pub(super) fn parse(section: &mut Section<'_>) -> Option<Self> {
        let missing = "the https URL by which clients know this server, such as https://auth.example.org";
        section.needed("url", missing, at_the_root).map(|url| Self { url })
    }

    pub(super) fn to_table(&self) -> Table {
        Table::from_iter([("url".to_owned(), Value::from(self.url.as_str()))])
    }
}

/// An issuer has no path: Hilum answers at the root of its host.
pub fn at_the_root(text: &str) -> Result<BaseUrl, &'static str> {
    let url = BaseUrl::parse(text)?;
    if url.path().trim_matches('/').is_empty() {
        Ok(url)
    } else {
        Err("leave the path out: an issuer is a host of its own")
    }
}

/// An http or https URL without user, query, fragment or slash at its end.
///
/// http is for a proxy on the same machine; `Config::unsafe_for_production` refuses it elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    url: Url,
    text: String,
}

impl BaseUrl {
    /// Parses a URL. A slash at its end is dropped: `https://a.example/` and `https://a.example`
    /// would be two issuers to a client that compares byte for byte.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains(|c: char| !c.is_ascii_graphic() || c == '\\') {
            return Err("give a URL of plain ASCII without spaces");
        }
        let mut url = Url::parse(text).map_err(|_| "give a URL, such as https://auth.example.org")?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err("give a URL that begins with https://");
        }
        if url.host_str().is_none_or(|host| host.is_empty() || host.ends_with('.')) {
            return Err("give a URL with a host name that does not end in a dot");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("leave user and password out of the URL");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("leave query (?) and fragment (#) out of the URL (RFC 8414, 2)");
        }
        if url.path().contains("//") {
            return Err("leave empty parts (//) out of the URL's path");
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        let text = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { url, text })
    }

    /// The URL as clients compare it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// This URL followed by a path, which begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// Scheme, host and port, as browsers write an origin.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The path: empty, or beginning with a slash and not ending in one.
    pub fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    /// The host's name or address; an IPv6 address stands in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The port, also when it is not written because the scheme implies it.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(443)
    }

    /// Whether the scheme is https.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether the host is this machine, by name or by address.
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
            None => false,
        }
    }

    /// The same URL at another port.
    #[must_use]
    pub fn at_port(&self, port: u16) -> Self {
        let mut url = self.url.clone();
        // Only a URL without a host can refuse a port, and `parse` lets none through.
        let _ = url.set_port(Some(port));
        let text = url.as_str().trim_end_matches('/').to_owned();
        Self { url, text }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
