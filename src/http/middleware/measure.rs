//! Counts and latencies for each endpoint.

use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

/// Measures a request under the pattern of its route, so that no path of a client becomes a label.
pub async fn request(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = Stopwatch::start();
    let endpoint = request.match_pattern().unwrap_or_else(|| "none".to_owned());
    let answer = next.call(request).await;
    let status = match &answer {
        Ok(answer) => answer.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    let status = status.as_u16().to_string();
    metrics::counter!("hilum_http_requests_total", "endpoint" => endpoint.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("hilum_http_request_seconds", "endpoint" => endpoint).record(began.seconds());
    answer
}

/// The beginning of something whose duration is measured.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins to measure.
    #[expect(clippy::disallowed_methods, reason = "latencies are measured here; nothing is decided by them")]
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The seconds since the beginning.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
