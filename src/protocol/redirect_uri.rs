//! Redirect URIs as they may be registered (RFC 9700, 2.1; RFC 8252, 7): fixed, whole, https or loopback.

use std::net::IpAddr;

use url::{Host, Url};

mod callback;

pub use callback::{Callback, matched};

/// A registered redirect URI, compared character by character.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Reads a redirect URI for registration. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > 2048 {
            return Err("must have at most 2048 characters");
        }
        if text.contains(['*', '#', '\\', '\0']) || text.contains("/../") || text.contains("/./") {
            return Err("must be one fixed URI without wildcard, fragment or relative segment");
        }
        let url = Url::parse(text).map_err(|_| "must be an absolute URI")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not carry a user name or password");
        }
        match url.scheme() {
            "https" if url.host().is_some() => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err("must be https; http is for loopback addresses alone (RFC 8252, 7.3)"),
            // RFC 8252, 7.1: a private-use scheme is a domain name in reverse order.
            scheme if scheme.contains('.') && !url.path().is_empty() => {}
            _ => {
                return Err("must be https, http on a loopback address, or a scheme such as com.example.app");
            }
        }
        // The parser mends what it can; what it mended would not be equal to what the client sends.
        if url.as_str() != text && url.as_str() != format!("{text}/") {
            return Err(
                "must be written in its normal form: lower-case host, no default port, encoded characters",
            );
        }
        Ok(Self(text.to_owned()))
    }

    /// The URI as it was registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a URL is of this very machine.
pub(in crate::protocol) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_uris_can_be_registered() {
        for good in [
            "https://app.example/cb",
            "https://app.example/cb?tenant=1",
            "https://app.example",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:8000/callback",
            "http://[::1]/callback",
            "http://localhost/callback",
            "com.example.app:/callback",
        ] {
            assert!(RedirectUri::parse(good).is_ok(), "{good}: {:?}", RedirectUri::parse(good));
        }
    }

    #[test]
    fn sm_l_01_r02_r04_r08_r10_r12_others_cannot() {
        for bad in [
            "https://app.example/cb#x",
            "https://app.example/cb#",
            "https://app.example/*",
            "https://*.example/cb",
            "https://app.example*",
            ".*",
            "/cb",
            "cb",
            "",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "http://app.example/cb",
            "http://127.0.0.1.evil.test/cb",
            "https://app.example@evil.test/cb",
            "https://app.example%40evil.test/cb",
            "HTTPS://app.example/cb",
            "https://APP.example/cb",
            "https://app.example:443/cb",
            "https://app.example/cb/../evil",
            "https://app.example/cb\\evil",
            "http://2130706433/cb",
        ] {
            assert!(RedirectUri::parse(bad).is_err(), "{bad}");
        }
    }
}
