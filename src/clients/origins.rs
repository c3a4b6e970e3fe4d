//! From which origins browser apps may call (SMART App Launch 2.2, CORS).

use url::Url;

use crate::protocol::error::Fault;
use crate::store::{self, Db};

/// The origins of the registered redirect URIs.
#[derive(Clone)]
pub struct Origins {
    db: Db,
}

impl Origins {
    /// The origins that stand in a database.
    #[must_use]
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// Whether an active client, or the one that is named, has its answers sent to this origin.
    pub async fn knows(&self, origin: &str, client: Option<&str>) -> Result<bool, Fault> {
        match registered_as(origin) {
            Some(registered) => store::client::has_origin(&self.db, &registered, client).await,
            None => Ok(false),
        }
    }
}

/// The origin as registrations hold it: on the loopback the port does not count (RFC 8252, 7.3). `None` for
/// what is no origin, such as `null`.
fn registered_as(origin: &str) -> Option<String> {
    let url = Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    if url.origin().ascii_serialization() != origin {
        return None;
    }
    // The two addresses whose port does not count where redirect URIs are matched either.
    let is_loopback = url.scheme() == "http" && matches!(url.host_str()?, "127.0.0.1" | "[::1]");
    Some(if is_loopback { format!("http://{}", url.host_str()?) } else { origin.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h13_only_what_is_an_origin_is_looked_for() {
        let rows = [
            ("https://app.example", Some("https://app.example")),
            ("https://app.example:8443", Some("https://app.example:8443")),
            ("http://127.0.0.1:51234", Some("http://127.0.0.1")),
            ("http://[::1]:9", Some("http://[::1]")),
            ("https://127.0.0.1:8443", Some("https://127.0.0.1:8443")),
            ("http://127.0.0.2:9", Some("http://127.0.0.2:9")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("null", None),
            ("https://app.example/", None),
            ("https://APP.example", None),
            ("file:///x", None),
            ("", None),
        ];
        for (origin, expected) in rows {
            assert_eq!(registered_as(origin).as_deref(), expected, "{origin}");
        }
    }
}
