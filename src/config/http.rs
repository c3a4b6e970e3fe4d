//! `[http]`: the three listeners and what they accept.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use toml::{Table, Value};
use url::Host;

use super::issuer::{BaseUrl, Issuer};
use super::source::Section;

/// The section `[http]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Where browsers and apps connect: `http.public`.
    pub public: Vec<SocketAddr>,
    /// Where clients with certificates connect: `http.mtls`.
    pub mtls: Vec<SocketAddr>,
    /// How clients name the mutual-TLS listener (RFC 8705, 5): `http.mtls_url`.
    pub mtls_url: BaseUrl,
    /// Where health and metrics are read, on loopback alone: `http.ops`.
    pub ops: Vec<SocketAddr>,
    /// Host names that are accepted besides the issuer's, in lower case: `http.hosts`.
    pub hosts: Vec<String>,
    /// How long a request may take: `http.request_timeout_seconds`.
    pub request_timeout: Duration,
    /// How long the end waits for requests under way: `http.drain_seconds`.
    pub drain: Duration,
    /// Threads that serve, if not one for each core: `http.workers`.
    pub workers: Option<NonZeroUsize>,
}

impl Http {
    pub(super) fn parse(section: &mut Section<'_>, issuer: Option<&Issuer>) -> Option<Self> {
        let public = listeners(section, "public", ([127, 0, 0, 1], 8443));
        let mtls = listeners(section, "mtls", ([127, 0, 0, 1], 8444));
        let mtls_url = section.parsed("mtls_url", BaseUrl::parse);
        let ops = operations(section);
        let hosts = section.list("hosts", host).unwrap_or_default();
        let request_timeout = section.number("request_timeout_seconds", 1..=300, 10);
        let drain = section.number("drain_seconds", 0..=600, 10);
        // Asked for with a default only to have it checked: 0 stands for absent.
        let workers = section.number("workers", 1..=1024, 0_usize);
        let mtls_url = mtls_url.or_else(|| {
            let port = mtls.first().map(SocketAddr::port)?;
            issuer.map(|issuer| issuer.url.at_port(port))
        })?;
        Some(Self {
            public,
            mtls,
            mtls_url,
            ops,
            hosts,
            request_timeout: Duration::from_secs(request_timeout),
            drain: Duration::from_secs(drain),
            workers: NonZeroUsize::new(workers),
        })
    }

    pub(super) fn to_table(&self) -> Table {
        let texts = |addresses: &[SocketAddr]| -> Value {
            addresses.iter().map(|address| Value::from(address.to_string())).collect::<Vec<_>>().into()
        };
        let mut table = Table::from_iter([
            ("public".to_owned(), texts(&self.public)),
            ("mtls".to_owned(), texts(&self.mtls)),
            ("mtls_url".to_owned(), Value::from(self.mtls_url.as_str())),
            ("ops".to_owned(), texts(&self.ops)),
            ("hosts".to_owned(), Value::from(self.hosts.clone())),
            ("request_timeout_seconds".to_owned(), super::whole(self.request_timeout.as_secs())),
            ("drain_seconds".to_owned(), super::whole(self.drain.as_secs())),
        ]);
        if let Some(workers) = self.workers {
            table.insert("workers".to_owned(), super::whole(workers.get()));
        }
        table
    }
}

/// `http.ops`.
pub(super) fn operations(section: &mut Section<'_>) -> Vec<SocketAddr> {
    let ops = listeners(section, "ops", ([127, 0, 0, 1], 9464));
    if ops.iter().any(|address| !address.ip().is_loopback()) {
        section.refuse("ops", "give a loopback address (127.0.0.1:9464): health and metrics are not public");
    }
    ops
}

fn listeners(section: &mut Section<'_>, key: &'static str, default: ([u8; 4], u16)) -> Vec<SocketAddr> {
    let addresses = section.list(key, |text| {
        text.parse::<SocketAddr>().map_err(|_| "give address and port, such as 127.0.0.1:8443 or [::]:8443")
    });
    match addresses {
        Some(addresses) if addresses.is_empty() => {
            section.refuse(key, "is empty; give at least one address, or leave the key out");
            addresses
        }
        Some(addresses) => addresses,
        None => vec![SocketAddr::from(default)],
    }
}

fn host(text: &str) -> Result<String, &'static str> {
    match Host::parse(text) {
        Ok(host) if !text.ends_with('.') => Ok(host.to_string()),
        Ok(_) | Err(_) => Err("give host names without scheme, port or path, such as auth.example.org"),
    }
}
