//! `[outbound]`: what may be fetched from elsewhere.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use toml::{Table, Value};
use url::Host;

use super::source::Section;

/// The section `[outbound]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// What may be fetched from although it is not public, or by http: `outbound.allow`.
    /// For development; `hilum serve` refuses it.
    pub allow: Vec<AllowedHost>,
    /// A PEM file of roots that are trusted besides the system's: `outbound.ca_file`.
    pub ca_file: Option<PathBuf>,
    /// How long one fetch may take in all: `outbound.timeout_milliseconds`.
    pub timeout: Duration,
    /// How many bytes an answer may have, unpacked: `outbound.max_bytes`.
    pub max_bytes: usize,
}

impl Outbound {
    pub(super) fn parse(section: &mut Section<'_>) -> Self {
        Self {
            allow: section.list("allow", AllowedHost::parse).unwrap_or_default(),
            ca_file: section.file("ca_file"),
            timeout: Duration::from_millis(section.number("timeout_milliseconds", 50..=2500, 2500)),
            max_bytes: section.number("max_bytes", 1024..=65_536, 65_536),
        }
    }

    /// Whether the operator allowed this host and port by name.
    pub fn allows(&self, host: &Host<&str>, port: u16) -> bool {
        let host = host.to_owned();
        self.allow.iter().any(|allowed| allowed.host == host && allowed.port.is_none_or(|only| only == port))
    }

    pub(super) fn to_table(&self) -> Table {
        let allow: Vec<Value> = self.allow.iter().map(|host| Value::from(host.to_string())).collect();
        let mut table = Table::from_iter([
            ("allow".to_owned(), allow.into()),
            ("timeout_milliseconds".to_owned(), super::whole(self.timeout.as_millis())),
            ("max_bytes".to_owned(), super::whole(self.max_bytes)),
        ]);
        if let Some(file) = &self.ca_file {
            table.insert("ca_file".to_owned(), super::tls::path(file));
        }
        table
    }
}

/// A host, and perhaps the only port, that may be fetched from although it is not public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    /// The name or address, compared as a whole.
    pub host: Host<String>,
    /// The port; without one, every port.
    pub port: Option<u16>,
}

impl AllowedHost {
    /// Parses `host`, `host:port`, `address`, `address:port` or `[address]:port`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WANTED: &str = "give host or host:port, such as localhost:8443";
        if let Ok(address) = text.parse::<std::net::Ipv6Addr>() {
            return Ok(Self { host: Host::Ipv6(address), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, Some(port.parse::<u16>().map_err(|_| WANTED)?))
            }
            Some(_) | None => (text, None),
        };
        Ok(Self { host: Host::parse(host).map_err(|_| WANTED)?, port })
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => write!(f, "{}", self.host),
        }
    }
}
