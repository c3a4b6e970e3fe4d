//! The operations listener: alive, ready, measured. It names no versions and no addresses.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::state::State;

/// `GET /healthz`: the process answers.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

/// `GET /readyz`: the process can serve, or says why it cannot.
pub async fn readyz(state: web::Data<State>) -> HttpResponse {
    let mut reasons = Vec::new();
    if state.is_draining() {
        reasons.push("the process is on its way out");
    }
    reasons.extend(state.administration.obstacles(&state.keys).await);
    let ready = reasons.is_empty();
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({"ready": ready, "reasons": reasons}))
}

/// `GET /metrics`, in the text form of Prometheus.
pub async fn metrics(state: web::Data<State>) -> HttpResponse {
    let readers = state.administration.readers();
    metrics::gauge!("hilum_database_readers").set(f64::from(readers.open));
    metrics::gauge!("hilum_database_readers_idle").set(f64::from(readers.idle));
    let waiting = u32::try_from(state.token.ledger.backlog().waiting).unwrap_or(u32::MAX);
    metrics::gauge!("hilum_ledger_waiting").set(f64::from(waiting));
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(state.metrics.render())
}
