//! `GET` and `POST /oauth2/logout`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::authorize::logout::LogoutView;
use crate::http::cookies;
use crate::http::render::{page, redirect};
use crate::http::state::State;

/// Asks whether to sign out. Whatever the address says besides is passed over: nothing is ended, and nobody
/// is sent anywhere, by a link.
pub async fn get(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let visit = cookies::visit(&request, &state);
    match state.authorization.logout_view(&visit).await {
        Ok(LogoutView::SignedOut) => signed_out(&request, &state),
        Ok(LogoutView::Question { person, csrf, cookies }) => {
            let question = page::SignOut { frame: super::frame(&request, &state), person, csrf };
            redirect::with_cookies(question.answer(StatusCode::OK, ""), &cookies)
        }
        Err(failure) => super::failure(&request, &state, &failure),
    }
}

/// Signs out.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let form = match super::read(&request, payload, &state, ("sign_out", state.bounds.body)).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let visit = cookies::visit(&request, &state);
    match state.authorization.sign_out(&form, &visit).await {
        Ok(forgotten) => redirect::with_cookies(signed_out(&request, &state), &[forgotten]),
        Err(failure) => super::failure(&request, &state, &failure),
    }
}

fn signed_out(request: &HttpRequest, state: &State) -> HttpResponse {
    page::SignedOut { frame: super::frame(request, state) }.answer(StatusCode::OK)
}
