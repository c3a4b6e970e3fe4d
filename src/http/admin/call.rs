//! One admin request, read, and its answer.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};

use crate::admin::actor::Caller;
use crate::http::state::State;
use crate::protocol::error::{ErrorCode, Failure, Fault, FieldProblem, Reason, Refusal};
use crate::protocol::params::Params;

/// The longest document of an administrator, who has shown a token before it is read: a person may have a thousand
/// patients.
const LONGEST: usize = 524_288;

/// What a route's function gives back.
pub type Running = Pin<Box<dyn Future<Output = Result<Answer, Unanswered>>>>;

/// Why a route gave no answer.
pub enum Unanswered {
    /// What was asked could not be read: it never came to be decided, and is recorded here.
    Unread(Refusal),
    /// It was decided; what is to be recorded of it has been.
    Decided(Failure),
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        Self::Unread(refusal)
    }
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self::Decided(failure)
    }
}

impl From<Fault> for Unanswered {
    fn from(fault: Fault) -> Self {
        Self::Decided(fault.into())
    }
}

/// An admin request whose token has been believed.
pub struct Call {
    /// What the handlers share.
    pub state: web::Data<State>,
    /// Who asks.
    pub caller: Caller,
    /// The parameters of the query.
    pub query: Params,
    path: BTreeMap<String, String>,
    body: Vec<u8>,
    version: Option<String>,
}

/// The answer to an admin request.
pub struct Answer {
    status: StatusCode,
    body: Option<Value>,
    headers: Vec<(header::HeaderName, String)>,
}

impl Call {
    /// Reads the body, within its bound, and the query.
    pub(super) async fn read(
        request: &HttpRequest,
        payload: web::Payload,
        state: web::Data<State>,
        caller: Caller,
    ) -> Result<Self, Refusal> {
        let body = match payload.to_bytes_limited(state.bounds.body.max(LONGEST)).await {
            Ok(Ok(body)) => body.to_vec(),
            Err(_) => {
                let reason = Reason::new("body_too_large");
                return Err(Refusal::new(ErrorCode::ContentTooLarge, "the body is too large", reason));
            }
            Ok(Err(_)) => {
                return Err(Refusal::invalid_request("the body could not be read", "body_broken"));
            }
        };
        if !body.is_empty() && !is_json(request) {
            let told = "the body must be application/json";
            return Err(Refusal::new(ErrorCode::UnsupportedMediaType, told, Reason::new("content_type")));
        }
        let query = Params::parse_form(request.query_string().as_bytes())?;
        let path =
            request.match_info().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let version =
            request.headers().get(header::IF_MATCH).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Self { state, caller, query, path, body, version })
    }

    /// A variable of the path.
    pub fn path(&self, name: &str) -> &str {
        self.path.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The body, which must be a JSON object.
    pub fn document(&self) -> Result<Map<String, Value>, Refusal> {
        crate::jose::object::parse_object(&self.body).map_err(|_| {
            Refusal::invalid_request(
                "the body must be a JSON object without repeated members or NUL",
                "body_not_an_object",
            )
        })
    }

    /// The body, or an empty object when there is none.
    pub fn document_or_empty(&self) -> Result<Map<String, Value>, Refusal> {
        if self.body.is_empty() { Ok(Map::new()) } else { self.document() }
    }

    /// The version of `If-Match`, when one was sent (RFC 9110, 13.1.1).
    pub fn expected_version(&self) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.version.as_deref().filter(|text| *text != "*") else { return Ok(None) };
        let number = text.trim().trim_start_matches("W/").trim_matches('"').parse();
        number.map(Some).map_err(|_| {
            let told = "If-Match names no version of this server";
            Refusal::new(ErrorCode::PreconditionFailed, told, Reason::new("etag_malformed"))
        })
    }

    /// Refuses parameters of the query that the route does not know.
    pub fn only_query(&self, known: &[&str]) -> Result<(), Refusal> {
        let unknown: Vec<FieldProblem> = self
            .query
            .names()
            .filter(|name| !known.contains(name))
            .map(|name| FieldProblem {
                field: name.to_owned(),
                says: "is not a parameter that is known here".to_owned(),
            })
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(Refusal::invalid_request("the query has unknown parameters", "unknown_parameter").fields(unknown))
    }
}

impl Answer {
    /// 200 with a document.
    pub fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body), headers: Vec::new() }
    }

    /// 201 with a document and where it can be read.
    pub fn created(body: Value, location: String) -> Self {
        Self { status: StatusCode::CREATED, body: Some(body), headers: vec![(header::LOCATION, location)] }
    }

    /// 202 with what will be decided, and where that can be read.
    pub fn accepted(body: Value, location: String) -> Self {
        Self { status: StatusCode::ACCEPTED, ..Self::created(body, location) }
    }

    /// 204.
    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, headers: Vec::new() }
    }

    /// Adds the version of what the document shows.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.headers.push((header::ETAG, format!("\"{version}\"")));
        self
    }

    /// Adds where the next page can be read (RFC 8288).
    #[must_use]
    pub fn next(mut self, url: Option<String>) -> Self {
        if let Some(url) = url {
            self.headers.push((header::LINK, format!("<{url}>; rel=\"next\"")));
        }
        self
    }

    pub(super) fn into_response(self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status);
        answer.insert_header((header::CACHE_CONTROL, "no-store"));
        for pair in self.headers {
            answer.insert_header(pair);
        }
        match self.body {
            Some(body) => answer.json(body),
            None => answer.finish(),
        }
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let kind =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind == "application/merge-patch+json"
}
