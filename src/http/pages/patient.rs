//! `GET` and `POST /patient` and `/encounter`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::authorize::patient::{EncounterView, NO_ENCOUNTER, PatientView, SEARCH};
use crate::authorize::{GoOn, Turn};
use crate::http::authorize::tell;
use crate::http::cookies;
use crate::http::render::page::patient as page;
use crate::http::render::redirect;
use crate::http::state::State;
use crate::model::relationship::in_words;
use crate::protocol::error::Failure;
use crate::smart::patients::{EncounterEntry, PatientEntry, Relation};

use super::interaction;

/// Shows the patients.
pub async fn get(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let visit = cookies::visit(&request, &state);
    match state.authorization.patient_view(&interaction(&request), &visit).await {
        Ok(Turn::Page(view)) => show(&request, &state, view),
        Ok(Turn::GoOn(go_on)) => redirect::on(&go_on),
        Err(trouble) => tell(&request, &state, &trouble).await,
    }
}

/// Shows those patients that are searched, or keeps the one that the person chose. What is searched is health data: it
/// stands in a body, since addresses are kept in histories and logs.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let form = match super::read(&request, payload, &state, ("patient.choose", state.bounds.body)).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let visit = cookies::visit(&request, &state);
    if form.optional(SEARCH).is_none() {
        return chosen(&request, &state, state.authorization.choose_patient(&form, &visit).await);
    }
    match state.authorization.search_patients(&form, &visit).await {
        Ok(Turn::Page(view)) => show(&request, &state, view),
        Ok(Turn::GoOn(go_on)) => redirect::on(&go_on),
        Err(failure) => super::failure(&request, &state, &failure),
    }
}

/// Shows the visits of the patient.
pub async fn get_encounter(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let visit = cookies::visit(&request, &state);
    match state.authorization.encounter_view(&interaction(&request), &visit).await {
        Ok(Turn::Page(view)) => show_encounters(&request, &state, view),
        Ok(Turn::GoOn(go_on)) => redirect::on(&go_on),
        Err(trouble) => tell(&request, &state, &trouble).await,
    }
}

/// Keeps the visit that the person chose.
pub async fn post_encounter(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let form = match super::read(&request, payload, &state, ("encounter.choose", state.bounds.body)).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let visit = cookies::visit(&request, &state);
    chosen(&request, &state, state.authorization.choose_encounter(&form, &visit).await)
}

fn chosen(request: &HttpRequest, state: &State, outcome: Result<GoOn, Failure>) -> HttpResponse {
    match outcome {
        Ok(go_on) => redirect::on(&go_on),
        Err(failure) => super::failure(request, state, &failure),
    }
}

fn show(request: &HttpRequest, state: &State, view: PatientView) -> HttpResponse {
    let asking = view.asking;
    let question = page::Patients {
        frame: super::frame(request, state),
        client_name: asking.client_name,
        organization: asking.organization,
        person: view.person,
        resource: view.resource,
        is_searched: view.is_searched,
        words: view.words,
        choices: view.page.entries.into_iter().map(patient).collect(),
        is_cut: view.page.is_cut,
        interaction: asking.interaction.to_string(),
        csrf: asking.csrf,
    };
    question.answer(StatusCode::OK, &asking.target)
}

fn show_encounters(request: &HttpRequest, state: &State, view: EncounterView) -> HttpResponse {
    let asking = view.asking;
    let none = page::Choice {
        value: NO_ENCOUNTER.to_owned(),
        title: "No visit in particular".to_owned(),
        details: Vec::new(),
    };
    let question = page::Encounters {
        frame: super::frame(request, state),
        client_name: asking.client_name,
        organization: asking.organization,
        patient: view.patient,
        choices: view.encounters.into_iter().map(encounter).chain([none]).collect(),
        interaction: asking.interaction.to_string(),
        csrf: asking.csrf,
    };
    question.answer(StatusCode::OK, &asking.target)
}

fn patient(entry: PatientEntry) -> page::Choice {
    let PatientEntry { id, name, birth_date, identifier, relation } = entry;
    let born = birth_date
        .map_or_else(|| "birth date not known".to_owned(), |date| format!("born {}", in_words(&date)));
    let known = identifier.unwrap_or_else(|| id.clone());
    let relation = match relation {
        Relation::Own => "you",
        Relation::Proxy => "proxy",
        Relation::CareTeam => "care team",
        Relation::Found => "found by search",
    };
    page::Choice { value: id, title: name, details: vec![born, known, relation.to_owned()] }
}

fn encounter(entry: EncounterEntry) -> page::Choice {
    let details = entry.date.map(|date| in_words(&date)).into_iter().collect();
    page::Choice { value: entry.id, title: entry.title, details }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_patients_of_one_name_differ_on_the_page() {
        let one = |id: &str, date: Option<&str>| {
            let name = "Maria Silva".to_owned();
            let birth_date = date.map(str::to_owned);
            patient(PatientEntry {
                id: id.to_owned(),
                name,
                birth_date,
                identifier: None,
                relation: Relation::CareTeam,
            })
        };
        assert_eq!(one("a", Some("1961-04-02")).details, ["born 2 April 1961", "a", "care team"]);
        assert_ne!(one("a", None).details, one("b", None).details);
    }
}
