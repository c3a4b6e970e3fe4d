//! The one door out: what others publish is fetched here, and what they are told is sent here, and nowhere else.
//!
//! Nothing is fetched from an address that is not public, redirects are not followed, no proxy is
//! used, and time, size and the number of fetches from one host are bounded, so that neither a
//! URL nor what answers it can be turned against this server or its network.

mod address;
mod freshness;
mod resolver;
mod signed;
mod url;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::url::form_urlencoded;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Response, StatusCode, redirect, retry};
use tokio::sync::Semaphore;

pub use self::address::is_public;
pub use self::signed::Bounds;
pub use self::url::OutboundUrl;

use self::freshness::Freshness;
use self::resolver::{AnyAddress, NotPublic, PublicAddresses};
use self::url::Reach;
use crate::config::outbound::Outbound as Rules;
use crate::config::problem::because;
use crate::jose::object::has_nul;
use crate::protocol::secret::Secret;

/// Fetches from one host at a time. The rest wait, inside their own deadline.
const FETCHES_PER_HOST: usize = 4;

/// Hosts that are fetched from at a time.
const HOSTS: usize = 1024;

/// The most bytes of an answer to a request with a token: a server that an administrator has registered is asked,
/// and answers with more than a key set.
const MOST_WITH_TOKEN: usize = 524_288;

/// Fetches what others publish.
#[derive(Clone)]
pub struct Outbound {
    public: Client,
    public_signed: Client,
    allowed: Client,
    hosts: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
    timeout: Duration,
    max_bytes: usize,
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// The answer.
    pub body: serde_json::Value,
    /// How much longer the answer is fresh; `None` when its server does not say.
    pub max_age: Option<Duration>,
    /// Whether the answer may not be kept.
    pub no_store: bool,
}

/// Why nothing was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The name leads to an address that is not public. Nothing was sent there.
    #[error("the host is not public")]
    NotPublic,
    /// No connection, no valid certificate, or a broken answer.
    #[error("the host cannot be reached")]
    Unreachable,
    /// The time was over before the answer was complete.
    #[error("the answer took too long")]
    TooSlow,
    /// The answer points elsewhere, which is not followed.
    #[error("the answer is a redirect")]
    Redirect,
    /// The answer is not 200.
    #[error("the answer has status {0}")]
    Status(u16),
    /// The answer is larger than it may be.
    #[error("the answer is too large")]
    TooLarge,
    /// The answer is not JSON.
    #[error("the answer is not JSON")]
    NotJson,
    /// The token that was to be shown is none.
    #[error("the token cannot stand in a header")]
    Token,
    /// There was no place for it, and nothing was sent.
    #[error("too much is being fetched or sent")]
    Busy,
}

/// Why the door cannot be opened at all.
#[derive(Debug, thiserror::Error)]
pub enum OutboundUnready {
    /// The file of extra roots cannot be read.
    #[error("{0}: leave the key out to trust the roots of the system alone")]
    Roots(String),
    /// TLS cannot be set up: most often, the system has no roots.
    #[error("fetching cannot be set up; install ca-certificates or give outbound.ca_file: {0}")]
    Tls(#[source] reqwest::Error),
}

impl Outbound {
    /// Opens the door by the rules of the configuration.
    pub fn new(rules: &Rules) -> Result<Self, OutboundUnready> {
        let roots = match &rules.ca_file {
            Some(file) => {
                let shown = file.display();
                let unreadable = |error| format!("{shown} cannot be read: {}", because(&error));
                let pem = std::fs::read(file).map_err(|error| OutboundUnready::Roots(unreadable(error)))?;
                let roots = Certificate::from_pem_bundle(&pem).unwrap_or_default();
                if roots.is_empty() {
                    return Err(OutboundUnready::Roots(format!("{shown} holds no PEM certificates")));
                }
                roots
            }
            None => Vec::new(),
        };
        Ok(Self {
            public: client(roots.clone(), Reach::Public)?,
            public_signed: client(roots.clone(), Reach::PublicSigned)?,
            allowed: client(roots, Reach::Allowed)?,
            hosts: Arc::default(),
            timeout: rules.timeout,
            max_bytes: rules.max_bytes,
        })
    }

    /// Fetches a JSON document.
    pub async fn fetch_json(&self, url: &OutboundUrl) -> Result<Fetched, OutboundError> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        self.fetch_in_time(url, headers, self.max_bytes).await
    }

    /// Asks a FHIR server for a JSON document with a token. It is to refuse what it does not understand: a
    /// search parameter that it overlooked would widen the answer (FHIR R4, search, 3.1.1.2.1).
    pub async fn fetch_fhir(&self, url: &OutboundUrl, token: &Secret) -> Result<Fetched, OutboundError> {
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| OutboundError::Token)?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static("application/fhir+json")),
            (HeaderName::from_static("prefer"), HeaderValue::from_static("handling=strict")),
            (AUTHORIZATION, bearer),
        ]);
        self.fetch_in_time(url, headers, MOST_WITH_TOKEN).await
    }

    /// Sends a form; the answer is the status, whatever it is, but that redirects are not followed. Its time begins
    /// once it has a place: what has waited in vain for so long was not sent ([`OutboundError::Busy`]).
    pub async fn post_form(&self, url: &OutboundUrl, form: &[(&str, &str)]) -> Result<u16, OutboundError> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let host = self.host(url.authority())?;
        let Ok(Ok(_place)) = tokio::time::timeout(self.timeout, host.acquire()).await else {
            return Err(OutboundError::Busy);
        };
        let sent = async {
            let request = self.client(url.reach).post(url.url.clone());
            let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
            let answer = request.send().await.map_err(|error| unreachable(&error))?;
            match answer.status() {
                status if status.is_redirection() => Err(OutboundError::Redirect),
                status => Ok(status.as_u16()),
            }
        };
        tokio::time::timeout(self.timeout, sent).await.unwrap_or(Err(OutboundError::TooSlow))
    }

    async fn fetch_in_time(
        &self,
        url: &OutboundUrl,
        headers: HeaderMap,
        most: usize,
    ) -> Result<Fetched, OutboundError> {
        match tokio::time::timeout(self.timeout, self.fetch(url, headers, most)).await {
            Ok(fetched) => fetched,
            Err(_) => Err(OutboundError::TooSlow),
        }
    }

    async fn fetch(
        &self,
        url: &OutboundUrl,
        headers: HeaderMap,
        most: usize,
    ) -> Result<Fetched, OutboundError> {
        let host = self.host(url.authority())?;
        let _place = host.acquire().await.map_err(|_| OutboundError::Busy)?;
        let request = self.client(url.reach).get(url.url.clone()).headers(headers);
        let answer = request.send().await.map_err(|error| unreachable(&error))?;
        let answer = found(answer)?;
        let Freshness { max_age, no_store } = Freshness::of(answer.headers());
        let body = body(answer, most).await?;
        let body = serde_json::from_slice(&body).map_err(|_| OutboundError::NotJson)?;
        // Nothing that is asked for has one, and what is kept of an answer could not be kept with it.
        if has_nul(&body) {
            return Err(OutboundError::NotJson);
        }
        Ok(Fetched { body, max_age, no_store })
    }

    const fn client(&self, reach: Reach) -> &Client {
        match reach {
            Reach::Public => &self.public,
            Reach::PublicSigned => &self.public_signed,
            Reach::Allowed => &self.allowed,
        }
    }

    /// The places of a host. Hosts that nobody is fetching from are forgotten when there are many.
    fn host(&self, authority: String) -> Result<Arc<Semaphore>, OutboundError> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(&authority) {
            return Ok(Arc::clone(host));
        }
        if hosts.len() >= HOSTS {
            hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        if hosts.len() >= HOSTS {
            return Err(OutboundError::Busy);
        }
        let host = Arc::new(Semaphore::new(FETCHES_PER_HOST));
        hosts.insert(authority, Arc::clone(&host));
        Ok(host)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one door out")]
fn client(roots: Vec<Certificate>, reach: Reach) -> Result<Client, OutboundUnready> {
    let builder = Client::builder()
        .user_agent("hilum")
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
        .http1_max_headers(64)
        // What is fetched is fetched again only after minutes; each connection is judged anew.
        .pool_max_idle_per_host(0)
        .tls_certs_merge(roots);
    let builder = match reach {
        Reach::Public => builder.https_only(true).dns_resolver(PublicAddresses::default()),
        Reach::PublicSigned => builder.dns_resolver(PublicAddresses::default()),
        Reach::Allowed => builder.dns_resolver(AnyAddress::default()),
    };
    builder.build().map_err(OutboundUnready::Tls)
}

/// Only 200 brings what was asked for.
fn found(answer: Response) -> Result<Response, OutboundError> {
    match answer.status() {
        StatusCode::OK => Ok(answer),
        status if status.is_redirection() => Err(OutboundError::Redirect),
        status => Err(OutboundError::Status(status.as_u16())),
    }
}

/// Counts what comes after unpacking: a small answer may unpack to a huge one.
async fn body(mut answer: Response, most: usize) -> Result<Vec<u8>, OutboundError> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len().saturating_add(part.len()) > most {
            return Err(OutboundError::TooLarge);
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// Finds out whether it was our own resolver that refused.
fn unreachable(error: &reqwest::Error) -> OutboundError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return OutboundError::NotPublic;
        }
        cause = error.source();
    }
    OutboundError::Unreachable
}

#[cfg(test)]
mod tests;
