//! `GET` and `POST /account`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::authorize::Turn;
use crate::authorize::account::{AccountView, AppName, AppView, Condition, Ending, ExtentView};
use crate::authorize::consent::Grain;
use crate::discovery::endpoints;
use crate::http::cookies;
use crate::http::render::page::account as page;
use crate::http::render::redirect;
use crate::http::state::State;
use crate::model::delegation::Endurance;
use crate::protocol::standard_claims;

/// The parameter that names what was ended a moment ago.
const ENDED: &str = "ended";

/// Shows what apps may do for whoever is signed in. Nothing is changed by it, whoever has sent the browser.
pub async fn get(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let visit = cookies::visit(&request, &state);
    let ended = super::parameter(&request, ENDED);
    match state.authorization.account_view(ended.as_deref(), &visit).await {
        Ok(Turn::Page(view)) => show(&request, &state, view),
        Ok(Turn::GoOn(go_on)) => redirect::on(&go_on),
        Err(failure) => super::failure(&request, &state, &failure),
    }
}

/// Ends all that an app may do. What was done is told by another page, so that none is sent twice.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let form = match super::read(&request, payload, &state, ("access.withdraw", state.bounds.body)).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let visit = cookies::visit(&request, &state);
    match state.authorization.withdraw(&form, &visit).await {
        // A `client_id` has no sign that an address would read otherwise.
        Ok(Ending::Ended(client)) => redirect::to(&format!("{}?{ENDED}={client}", endpoints::ACCOUNT)),
        Ok(Ending::GoOn(go_on)) => redirect::on(&go_on),
        Err(failure) => super::failure(&request, &state, &failure),
    }
}

fn show(request: &HttpRequest, state: &State, view: AccountView) -> HttpResponse {
    let account = page::Account {
        frame: super::frame(request, state),
        person: view.person,
        username: view.username,
        apps: view.apps.into_iter().map(app).collect(),
        is_cut: view.is_cut,
        ended: view.ended.map(|name| named(name).0),
        csrf: view.csrf,
        csrf_of_logout: view.csrf_of_logout,
    };
    redirect::with_cookies(account.answer(StatusCode::OK), &view.cookies)
}

fn app(app: AppView) -> page::App {
    let (name, organization) = named(app.name);
    page::App {
        client: app.client.to_string(),
        name,
        organization,
        condition: match app.condition {
            Condition::Active => page::Condition::Active,
            Condition::Stopped => page::Condition::Stopped,
            Condition::Removed => page::Condition::Removed,
        },
        extents: app.extents.into_iter().map(extent).collect(),
    }
}

fn named(name: AppName) -> (String, Option<String>) {
    match name {
        AppName::Registered { name, organization } => (name, Some(organization)),
        AppName::Gone => (page::NAMELESS.to_owned(), None),
    }
}

fn extent(view: ExtentView) -> page::Extent {
    let ExtentView { resource, patient: known_as, details, extent } = view;
    page::Extent {
        resource,
        patient: extent.patient,
        known_as,
        since: extent.since,
        used_at: extent.used_at,
        lasting: match extent.endurance {
            None => page::Lasting::Remembered,
            Some(Endurance::Token) => page::Lasting::Short,
            Some(Endurance::Session) => page::Lasting::WhileHere,
            Some(Endurance::Offline) => page::Lasting::WhileAway,
        },
        details: details.into_iter().map(super::consent::detail_line).collect(),
        scopes: extent.scope.iter().map(|scope| super::consent::line(scope, Grain::Scopes)).collect(),
        claims: extent.claims.iter().filter_map(|claim| standard_claims::called(claim)).collect(),
    }
}
