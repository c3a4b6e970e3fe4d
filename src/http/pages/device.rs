//! `GET` and `POST /device`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::authorize::Turn;
use crate::authorize::device::{Answered, AnsweredView, DeviceNotice, DeviceView, NotEntered};
use crate::http::authorize::word;
use crate::http::cookies;
use crate::http::render::page::device as page;
use crate::http::render::{problem, redirect};
use crate::http::state::State;
use crate::protocol::error::Failure;

/// Shows the form for the code of a device, or what a device was answered.
pub async fn get(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    if !state.features.device_authorization {
        return problem::not_found();
    }
    let visit = cookies::visit(&request, &state);
    if let Some(interaction) = super::parameter(&request, "i") {
        return match state.authorization.answered_view(&interaction, &visit).await {
            Ok(Turn::Page(view)) => answered(&request, &state, view),
            Ok(Turn::GoOn(go_on)) => redirect::on(&go_on),
            Err(failure) => super::failure(&request, &state, &failure),
        };
    }
    let code = super::parameter(&request, "user_code");
    match state.authorization.device_view(code.as_deref(), &visit) {
        Ok(view) => show(&request, &state, view, StatusCode::OK),
        Err(failure) => super::failure(&request, &state, &failure),
    }
}

/// Goes on with the device that shows a code.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    if !state.features.device_authorization {
        return problem::not_found();
    }
    let form = match super::read(&request, payload, &state, ("device.enter", state.bounds.body)).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let visit = cookies::visit(&request, &state);
    let outcome = state.authorization.enter_user_code(&form, &visit).await;
    let counted = match &outcome {
        Ok(_) => "found",
        Err(NotEntered::Again(_, refusal)) => refusal.code().word(),
        Err(NotEntered::Page(failure)) => word(failure),
    };
    metrics::counter!("hilum_user_codes_total", "outcome" => counted).increment(1);
    match outcome {
        Ok(go_on) => redirect::on(&go_on),
        Err(NotEntered::Page(failure)) => super::failure(&request, &state, &failure),
        Err(NotEntered::Again(view, refusal)) => {
            let status = StatusCode::from_u16(refusal.code().status()).unwrap_or(StatusCode::BAD_REQUEST);
            super::log(&request, &Failure::from(refusal));
            let wait = match view.notice {
                Some(DeviceNotice::Wait { seconds }) => Some(seconds),
                Some(DeviceNotice::Unknown) | None => None,
            };
            let answer = show(&request, &state, *view, status);
            match wait {
                Some(seconds) => super::come_again(answer, seconds),
                None => answer,
            }
        }
    }
}

fn show(request: &HttpRequest, state: &State, view: DeviceView, status: StatusCode) -> HttpResponse {
    let form = page::UserCode {
        frame: super::frame(request, state),
        csrf: view.csrf,
        code: view.code,
        notice: view.notice.map(|notice| match notice {
            DeviceNotice::Unknown => page::Notice::Unknown,
            DeviceNotice::Wait { seconds } => page::Notice::Wait { seconds },
        }),
    };
    redirect::with_cookies(form.answer(status), &view.cookies)
}

fn answered(request: &HttpRequest, state: &State, view: AnsweredView) -> HttpResponse {
    let page = page::Answered {
        frame: super::frame(request, state),
        client_name: view.client_name,
        is_allowed: view.answered == Answered::Allowed,
    };
    page.answer(StatusCode::OK)
}
