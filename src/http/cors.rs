//! What a browser's app may read from another origin: the answers of the endpoints that it calls itself, and
//! only from an origin to which a client of this server has its answers sent (SMART App Launch 2.2, CORS).
//! Never with credentials, and never the pages.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::clients::assertion;
use crate::clients::evidence::Evidence;
use crate::protocol::auth_header::AuthHeader;
use crate::protocol::error::Fault;
use crate::protocol::params::Params;

use super::render::oauth_json;
use super::state::State;

/// What an app may read of an answer beside what every page may: what was wrong with its token, and the nonce for
/// its next proof (RFC 9449, 8).
const EXPOSED: HeaderValue = HeaderValue::from_static("www-authenticate, dpop-nonce");

/// Who may read an answer; asked before anything is done, so that no answer is lost once it is.
pub enum Readers {
    /// The request does not come from a page of another origin.
    Everybody,
    /// The app of this origin.
    App(HeaderValue),
    /// No app: the origin is not registered.
    Nobody,
}

impl Readers {
    /// Lets whoever may read an answer.
    #[must_use]
    pub fn allow(self, mut answer: HttpResponse) -> HttpResponse {
        let vary = HeaderValue::from_static("origin");
        match self {
            Self::Everybody => {}
            Self::App(origin) => {
                answer.headers_mut().append(header::VARY, vary);
                answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                answer.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            }
            Self::Nobody => answer.headers_mut().append(header::VARY, vary),
        }
        answer
    }
}

/// Answers a browser's question whether it may ask. Nobody is named yet, so any registered origin may.
pub async fn preflight(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let readers = match readers(&request, &state, None).await {
        Ok(readers) => readers,
        Err(fault) => return oauth_json::failure(&request, &fault.into()),
    };
    let mut answer = HttpResponse::NoContent();
    if matches!(readers, Readers::App(_)) {
        answer
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, dpop"))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"));
    }
    readers.allow(answer.finish())
}

/// Finds who may read the answer to a request: where it names a client, an app of that client's own origin.
pub async fn readers(request: &HttpRequest, state: &State, client: Option<&str>) -> Result<Readers, Fault> {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(Readers::Everybody) };
    let known = match origin.to_str() {
        Ok(text) => state.origins.knows(text, client).await?,
        Err(_) => false,
    };
    Ok(if known { Readers::App(origin.clone()) } else { Readers::Nobody })
}

/// The client that a request names: by `client_id`, with HTTP Basic, or in an assertion that is not judged yet
/// (RFC 7521, 4.2). It decides who may read the answer, and nothing else.
#[must_use]
pub fn client_of(params: &Params, evidence: &Evidence) -> String {
    let header = match &evidence.authorization {
        Some(AuthHeader::Basic { id, .. }) => Some(id.as_str()),
        Some(AuthHeader::Bearer(_) | AuthHeader::Dpop(_) | AuthHeader::Unreadable) | None => None,
    };
    let named = params.optional("client_id").or(header).map(str::to_owned);
    named.or_else(|| assertion::named(params)).unwrap_or_default()
}
