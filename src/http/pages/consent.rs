//! `GET` and `POST /consent`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::authorize::Turn;
use crate::authorize::consent::{ConsentView, Grain};
use crate::authorize::details::DetailView;
use crate::http::authorize::tell;
use crate::http::cookies;
use crate::http::render::{page, redirect};
use crate::http::state::State;
use crate::protocol::authorization_details::words::Told;
use crate::protocol::client_metadata::About;
use crate::protocol::standard_claims;
use crate::scope::set::LONGEST_SET;
use crate::scope::token::ScopeToken;
use crate::scope::{choices, explain};

use super::interaction;

/// A form names each scope of a request once more, and encoded it is up to three times as long.
const LONGEST: usize = 4 * LONGEST_SET;

/// Shows the question for consent.
pub async fn get(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let visit = cookies::visit(&request, &state);
    match state.authorization.consent_view(&interaction(&request), &visit).await {
        Ok(Turn::Page(view)) => show(&request, &state, view),
        Ok(Turn::GoOn(go_on)) => redirect::on(&go_on),
        Err(trouble) => tell(&request, &state, &trouble).await,
    }
}

/// Keeps what the person decided.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let form = match super::read(
        &request,
        payload,
        &state,
        ("consent.refuse", state.bounds.body.max(LONGEST)),
    )
    .await
    {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let visit = cookies::visit(&request, &state);
    match state.authorization.decide(&form, &visit).await {
        Ok(go_on) => redirect::on(&go_on),
        Err(failure) => super::failure(&request, &state, &failure),
    }
}

fn show(request: &HttpRequest, state: &State, view: ConsentView) -> HttpResponse {
    let scopes = view.scope.iter().map(|scope| line(scope, view.grain)).collect();
    let claims = view.claims.into_iter().filter_map(claim_line).collect();
    let details = view.details.into_iter().map(detail_line).collect();
    let destination = destination(&view.target);
    let question = page::Consent {
        frame: super::frame(request, state),
        client_name: view.client_name,
        organization: view.organization,
        is_approved: view.is_approved,
        links: links(&view.told),
        destination,
        person: view.person,
        username: view.username,
        resource: view.resource,
        patient: view.patient,
        scopes,
        claims,
        details,
        duration: view.duration,
        interaction: view.interaction.to_string(),
        about: view.about,
        csrf: view.csrf,
        device: view.device,
    };
    question.answer(StatusCode::OK, &view.target)
}

/// What the app tells of itself elsewhere. Its logo is neither fetched nor shown.
fn links(told: &About) -> Vec<page::AppLink> {
    let pages = [
        ("Its page", &told.client_uri),
        ("How it deals with your data", &told.policy_uri),
        ("Its terms", &told.tos_uri),
    ];
    let named = pages.into_iter().filter_map(|(title, uri)| Some((title, uri.as_ref()?)));
    named.map(|(title, uri)| page::AppLink { title, uri: uri.clone(), host: host(uri) }).collect()
}

/// The host of a page, without which nobody can tell whose it is.
fn host(uri: &str) -> String {
    let rest = destination(uri);
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
}

/// One scope in plain words.
pub(super) fn line(scope: &ScopeToken, grain: Grain) -> page::ScopeLine {
    let explained = explain(scope);
    page::ScopeLine {
        scope: scope.to_string(),
        title: explained.title,
        detail: explained.detail,
        caution: explained.caution,
        choices: match grain {
            Grain::Scopes => Vec::new(),
            Grain::Choices => choices::of(scope).iter().flat_map(with_parts).collect(),
        },
    }
}

/// One claim, as people call it.
fn claim_line(claim: String) -> Option<page::ClaimLine> {
    let called = standard_claims::called(&claim)?;
    Some(page::ClaimLine { claim, called })
}

/// One detail in plain words.
pub(super) fn detail_line(detail: DetailView) -> page::DetailLine {
    let DetailView { key, told: Told { title, says } } = detail;
    page::DetailLine { key, title, says }
}

/// A choice, and what of it could be chosen instead.
fn with_parts(choice: &ScopeToken) -> Vec<page::ChoiceLine> {
    let parts = choices::of(choice);
    let parts = parts.iter().map(|part| choice_line(part, page::Rank::Part));
    std::iter::once(choice_line(choice, page::Rank::Whole)).chain(parts).collect()
}

fn choice_line(choice: &ScopeToken, rank: page::Rank) -> page::ChoiceLine {
    let explained = explain(choice);
    let title = explained.title.to_lowercase();
    let says_more = explained.subject.strip_prefix("results of ").unwrap_or(&explained.subject) != title;
    page::ChoiceLine {
        scope: choice.to_string(),
        title: explained.title,
        detail: Some(explained.subject).filter(|_| says_more),
        rank,
    }
}

/// What a person knows an address by: its host, or its scheme where there is none.
pub(in crate::http) fn destination(target: &str) -> String {
    target.split_once("://").map_or(target, |(_, host)| host).to_owned()
}
