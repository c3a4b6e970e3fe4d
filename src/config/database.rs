//! `[database]`: where PostgreSQL is.

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use toml::{Table, Value};
use url::Url;

use super::Withhold;
use super::source::Section;
use crate::protocol::secret::Secret;

/// The section `[database]`.
#[derive(Debug)]
pub struct Database {
    /// The URL of the role that serves: `database.url`, or `DATABASE_URL`.
    pub url: Option<DatabaseUrl>,
    /// The URL of the role that owns the schema, for `hilum migrate` alone: `database.owner_url`.
    pub owner_url: Option<DatabaseUrl>,
    /// Connections that read: `database.readers`.
    pub readers: u32,
    /// Connections that write: `database.writers`.
    pub writers: u32,
}

impl Database {
    pub(super) fn parse(section: &mut Section<'_>) -> Self {
        Self {
            url: section.parsed("url", DatabaseUrl::parse),
            owner_url: section.parsed("owner_url", DatabaseUrl::parse),
            readers: section.number("readers", 1..=256, 8),
            writers: section.number("writers", 1..=64, 4),
        }
    }

    pub(super) fn to_table(&self, withhold: Withhold) -> Table {
        let mut table = Table::from_iter([
            ("readers".to_owned(), super::whole(self.readers)),
            ("writers".to_owned(), super::whole(self.writers)),
        ]);
        for (key, url) in [("url", &self.url), ("owner_url", &self.owner_url)] {
            let Some(url) = url else { continue };
            let text = match withhold {
                Withhold::Secrets => url.withheld(),
                Withhold::Nothing => url.expose().to_owned(),
            };
            table.insert(key.to_owned(), Value::from(text));
        }
        table
    }
}

/// The URL of a PostgreSQL database. It may hold a password, and so is not printed.
#[derive(Debug)]
pub struct DatabaseUrl(Secret);

impl DatabaseUrl {
    /// Parses a URL such as `postgres://role:password@host/database`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WANTED: &str = "give a PostgreSQL URL, such as postgres://role:password@host/database";
        let url = Url::parse(text).map_err(|_| WANTED)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(WANTED);
        }
        text.parse::<PgConnectOptions>().map_err(|_| WANTED)?;
        Ok(Self(Secret::new(text.to_owned())))
    }

    /// The URL with its password, to connect.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Whether nobody between here and the database can read or change what is said: a socket, this
    /// machine, or TLS with the server's name verified. Judged on what the driver makes of the URL.
    pub fn is_protected(&self) -> bool {
        let Ok(options) = self.expose().parse::<PgConnectOptions>() else { return false };
        let verified = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull);
        let host = options.get_host().trim_matches(['[', ']']);
        let address = host.parse::<std::net::IpAddr>();
        let here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        verified || options.get_socket().is_some() || host.starts_with('/') || here
    }

    /// The URL without its password, to be shown.
    pub fn withheld(&self) -> String {
        let Ok(mut url) = Url::parse(self.expose()) else { return "withheld".to_owned() };
        if url.password().is_some() && url.set_password(Some("withheld")).is_err() {
            return "withheld".to_owned();
        }
        if url.query().is_some() {
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            url.query_pairs_mut().clear().extend_pairs(pairs.iter().map(|(name, value)| {
                (name, if name.contains("password") { "withheld" } else { value.as_str() })
            }));
        }
        url.to_string()
    }
}
