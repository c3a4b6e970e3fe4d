//! What enrolment over TLS is answered with (RFC 7030, 4): DER in base64, or a text for whoever looks after the client.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::http::evidence;
use crate::protocol::error::{ErrorCode, Failure};

use super::oauth_json::{self, LATER};

/// Certificates and nothing else (RFC 7030, 4.1.3 and 4.2.3).
pub const CERTIFICATES: &str = "application/pkcs7-mime; smime-type=certs-only";
/// What a request should hold (RFC 7030, 4.5.2).
pub const ATTRIBUTES: &str = "application/csrattrs";

/// The longest line of base64 (RFC 2045, 6.8).
const LINE: usize = 76;

/// A message in DER. Clients of RFC 8951 pass over the encoding that the header names, older ones look for it.
#[must_use]
pub fn message(kind: &'static str, der: &[u8]) -> HttpResponse {
    let mut answer = unkept(StatusCode::OK);
    answer.insert_header(("content-transfer-encoding", "base64")).content_type(kind);
    answer.body(in_lines(&STANDARD.encode(der)))
}

/// The request is kept until somebody has decided: to be sent again, as it is, after so many seconds (RFC 7030, 4.2.3).
#[must_use]
pub fn pending(again_after: i64) -> HttpResponse {
    let mut answer = unkept(StatusCode::ACCEPTED);
    answer.insert_header((header::RETRY_AFTER, again_after.to_string()));
    text(answer, "the request waits for the approval of an administrator: send it again")
}

/// A failure, as a text.
#[must_use]
pub fn failure(request: &HttpRequest, failure: &Failure) -> HttpResponse {
    let refusal = match failure {
        Failure::Refusal(refusal) => refusal,
        Failure::Fault(fault) => {
            tracing::error!(%fault, request_id = %evidence::request_id(request), "a request failed through no fault of its sender");
            let mut answer = unkept(StatusCode::SERVICE_UNAVAILABLE);
            answer.insert_header((header::RETRY_AFTER, "1"));
            return text(answer, "nothing was done: try again");
        }
    };
    let code = refusal.code();
    tracing::info!(error = code.word(), reason = refusal.reason().code(), "refused");
    let mut answer = unkept(status(code));
    if code == ErrorCode::InvalidClient {
        // RFC 7030, 3.2.3.
        answer.insert_header((header::WWW_AUTHENTICATE, oauth_json::BASIC));
    }
    if code == ErrorCode::TooManyAttempts {
        answer.insert_header((header::RETRY_AFTER, LATER));
    }
    let told =
        refusal.field_problems().iter().map(|problem| format!("\n{}: {}", problem.field, problem.says));
    text(answer, &told.fold(refusal.told().to_owned(), |told, problem| told + &problem))
}

/// Whoever is known and may not is told 403 here (RFC 7030, 4.2.3).
fn status(code: ErrorCode) -> StatusCode {
    if code == ErrorCode::AccessDenied {
        return StatusCode::FORBIDDEN;
    }
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST)
}

fn unkept(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    answer
}

fn text(mut answer: HttpResponseBuilder, says: &str) -> HttpResponse {
    answer.content_type("text/plain; charset=utf-8").body(format!("{says}\n"))
}

fn in_lines(encoded: &str) -> String {
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / LINE * 2 + 2);
    for (at, sign) in encoded.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            lines.push_str("\r\n");
        }
        lines.push(sign);
    }
    lines + "\r\n"
}
