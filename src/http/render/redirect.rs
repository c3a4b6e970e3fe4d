//! Sending a browser on: always 303, so that no form is sent twice (RFC 9700, 4.12), and never to be kept.

use actix_web::HttpResponse;
use actix_web::http::header;

use crate::authorize::browser::Cookie;
use crate::authorize::login::FOR_ACCOUNT;
use crate::authorize::{GoOn, Place};
use crate::discovery::endpoints;
use crate::http::cookies;

/// To a page of this server.
#[must_use]
pub fn on(go_on: &GoOn) -> HttpResponse {
    let path = match go_on.place {
        Place::Dispatcher => endpoints::CONTINUE,
        Place::Login => endpoints::LOGIN,
        Place::Patient => endpoints::PATIENT,
        Place::Encounter => endpoints::ENCOUNTER,
        Place::Consent => endpoints::CONSENT,
        Place::Account => endpoints::ACCOUNT,
        Place::Device => endpoints::DEVICE,
    };
    let location = match (go_on.place, go_on.interaction) {
        (_, Some(interaction)) => format!("{path}?i={interaction}"),
        (Place::Login, None) => format!("{path}?to={FOR_ACCOUNT}"),
        (_, None) => path.to_owned(),
    };
    with_cookies(to(&location), &go_on.cookies)
}

/// To a location.
#[must_use]
pub fn to(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .finish()
}

/// An answer that sets cookies.
#[must_use]
pub fn with_cookies(mut answer: HttpResponse, all: &[Cookie]) -> HttpResponse {
    for cookie in all {
        if let Err(error) = answer.add_cookie(&cookies::set(cookie)) {
            tracing::error!(%error, "a cookie could not be set");
        }
    }
    answer
}
