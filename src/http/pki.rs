//! `/pki`: the revocation lists and the OCSP responder of the built-in client PKI. Anybody may ask; before
//! `hilum pki init` there is nothing here.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use time::Duration;

use crate::ca::OcspAnswer;
use crate::model::audit_event::AuditEvent;
use crate::model::authority::AuthorityName;
use crate::pki::pem;
use crate::protocol::error::Doing;

use super::evidence;
use super::render::problem;
use super::state::State;

/// More than any request to the responder has.
const LONGEST: usize = 16 * 1024;

/// For how long a list may be kept on its way, so that the next revocation is soon seen.
const MOST_KEPT: Duration = Duration::minutes(5);

/// `GET /pki/crl/{ca}.crl` (RFC 5280, 4.2.1.13; RFC 2585, 4).
pub async fn list(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let name = request.match_info().get("name").and_then(|name| name.strip_suffix(".crl"));
    let Some(name) = name.and_then(AuthorityName::parse) else { return problem::not_found() };
    let origin = evidence::of(&request, &state).origin;
    let event = || {
        let now = state.clock.now();
        let id = state.entropy.id(now).doing("naming an entry")?;
        Ok(AuditEvent::begin(id, now, "crl.publish", origin.clone()))
    };
    match state.administration.authority.revocation_list(name, event).await {
        Ok(Some(list)) => {
            let left =
                (list.next_update - state.clock.now()).clamp(Duration::ZERO, MOST_KEPT).whole_seconds();
            HttpResponse::Ok()
                .insert_header((header::CACHE_CONTROL, format!("public, max-age={left}")))
                .content_type("application/pkix-crl")
                .body(list.der)
        }
        Ok(None) => problem::not_found(),
        Err(failure) => problem::failure(&request, &failure),
    }
}

/// `POST /pki/ocsp` (RFC 6960, A.1).
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    match payload.to_bytes_limited(LONGEST).await {
        Ok(Ok(body)) => answer(&request, &state, &body).await,
        // Too much, or broken off: nothing that can be read.
        Ok(Err(_)) | Err(_) => answer(&request, &state, &[]).await,
    }
}

/// `GET /pki/ocsp/{base64}` (RFC 6960, A.1). The path is read as it was sent: clients escape it in different ways.
pub async fn get(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let path = request.uri().path();
    let text = path.split_once("/pki/ocsp/").map(|(_, text)| text).unwrap_or_default();
    let mut text = text.to_owned();
    for (escaped, plain) in
        [("%2F", "/"), ("%2f", "/"), ("%2B", "+"), ("%2b", "+"), ("%3D", "="), ("%3d", "=")]
    {
        text = text.replace(escaped, plain);
    }
    let asked = if text.len() > LONGEST { None } else { pem::decode(&text) };
    answer(&request, &state, &asked.unwrap_or_default()).await
}

async fn answer(request: &HttpRequest, state: &State, asked: &[u8]) -> HttpResponse {
    match state.administration.authority.ocsp(asked, state.clock.now()).await {
        Ok(Some(OcspAnswer { der, keep })) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, keeping(keep)))
            .content_type("application/ocsp-response")
            .body(der),
        Ok(None) => problem::not_found(),
        Err(fault) => problem::fault(request, &fault),
    }
}

/// How long an answer may be kept on its way (RFC 5019, 6.2).
fn keeping(keep: Option<Duration>) -> String {
    match keep {
        Some(keep) => {
            format!("max-age={}, public, no-transform, must-revalidate", keep.whole_seconds())
        }
        None => "no-store".to_owned(),
    }
}
