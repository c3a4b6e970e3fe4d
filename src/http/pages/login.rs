//! `GET` and `POST /login`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::authorize::Turn;
use crate::authorize::login::{FOR_ACCOUNT, LoginView, NotSignedIn, Notice};
use crate::http::authorize::{tell, word};
use crate::http::cookies;
use crate::http::render::{page, redirect};
use crate::http::state::State;
use crate::protocol::error::Failure;

use super::interaction;

/// Shows the sign-in form.
pub async fn get(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let visit = cookies::visit(&request, &state);
    if super::parameter(&request, "to").as_deref() == Some(FOR_ACCOUNT) {
        return match state.authorization.login_view_for_account(&visit).await {
            Ok(Turn::Page(view)) => show(&request, &state, view, StatusCode::OK),
            Ok(Turn::GoOn(go_on)) => redirect::on(&go_on),
            Err(failure) => super::failure(&request, &state, &failure),
        };
    }
    match state.authorization.login_view(&interaction(&request), &visit).await {
        Ok(Turn::Page(view)) => show(&request, &state, view, StatusCode::OK),
        Ok(Turn::GoOn(go_on)) => redirect::on(&go_on),
        Err(trouble) => tell(&request, &state, &trouble).await,
    }
}

/// Signs somebody in.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let form = match super::read(&request, payload, &state, ("sign_in", state.bounds.body)).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let visit = cookies::visit(&request, &state);
    let outcome = state.authorization.sign_in(&form, &visit).await;
    let counted = match &outcome {
        Ok(_) => "granted",
        Err(NotSignedIn::Again(_, refusal)) => refusal.code().word(),
        Err(NotSignedIn::Page(failure)) => word(failure),
    };
    metrics::counter!("hilum_sign_in_total", "outcome" => counted).increment(1);
    match outcome {
        Ok(go_on) => redirect::on(&go_on),
        Err(NotSignedIn::Page(failure)) => super::failure(&request, &state, &failure),
        Err(NotSignedIn::Again(view, refusal)) => {
            let status = StatusCode::from_u16(refusal.code().status()).unwrap_or(StatusCode::BAD_REQUEST);
            super::log(&request, &Failure::from(refusal));
            let wait = match view.notice {
                Some(Notice::Wait { seconds }) => Some(seconds),
                Some(Notice::Wrong | Notice::Again) | None => None,
            };
            let answer = show(&request, &state, *view, status);
            match wait {
                Some(seconds) => super::come_again(answer, seconds),
                None => answer,
            }
        }
    }
}

fn show(request: &HttpRequest, state: &State, view: LoginView, status: StatusCode) -> HttpResponse {
    let target = view.app.as_ref().map(|app| app.target.clone()).unwrap_or_default();
    let form = page::SignIn {
        frame: super::frame(request, state),
        app: view.app.map(|app| page::AskingApp {
            name: app.name,
            organization: app.organization,
            interaction: app.interaction.to_string(),
        }),
        csrf: view.csrf,
        username: view.username,
        notice: view.notice.map(|notice| match notice {
            Notice::Wrong => page::Notice::Wrong,
            Notice::Wait { seconds } => page::Notice::Wait { seconds },
            Notice::Again => page::Notice::Again,
        }),
    };
    redirect::with_cookies(form.answer(status, &target), &view.cookies)
}
