//! The patients whom the demonstration people may act for. Names, dates and numbers are those of the sandbox's
//! records.

use serde_json::{Value, json};

use crate::admin::users::Target;
use crate::commands::output::Failed;
use crate::commands::terminal::Terminal;
use crate::model::person::Username;

/// A patient: id, name, birth date, number of the medical record, days of visits, the newest first.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

#[rustfmt::skip]
const PATIENTS: [Row; 7] = [
    ("rivera",       "Pat Rivera",        "1984-02-29", "M10001", &["2024-03-05"]),
    ("rivera-child", "Sam Rivera",        "2016-09-14", "M10002", &["2024-02-12"]),
    ("nguyen",       "Linh Thi Nguyễn",   "1957-06-03", "M10003", &["2024-01-22", "2023-07-10"]),
    ("okafor",       "Chidi Okafor",      "1972-11-21", "M10004", &["2023-12-04"]),
    ("smith-1950",   "John Henry Smith",  "1950-01-17", "M10005", &["2024-02-01"]),
    ("smith-1991",   "John Henry Smith",  "1991-08-30", "M10006", &["2023-11-20"]),
    ("haddad",       "Yusuf Haddad",      "1988-10-10", "M10010", &["2023-06-15"]),
];

/// Sees to it that a person may act for these patients at the FHIR server, unless somebody has said otherwise.
pub(super) async fn ensure(
    terminal: &Terminal,
    username: &Username,
    (fhir, patients): (&str, &[(&str, &str)]),
) -> Result<(), Failed> {
    let Terminal { administration, caller } = terminal;
    let record = administration.find_user_named(username).await?;
    if patients.is_empty() || record.patients.iter().any(|known| known.audience == fhir) {
        return Ok(());
    }
    let told: Vec<Value> =
        patients.iter().filter_map(|(patient, relation)| told(fhir, patient, relation)).collect();
    let patch = json!({"patients": told}).as_object().cloned().unwrap_or_default();
    administration
        .patch_user(caller, Target { subject: record.person.subject, version: None }, patch)
        .await?;
    Ok(())
}

fn told(fhir: &str, patient: &str, relation: &str) -> Option<Value> {
    let (id, name, born, number, visits) = PATIENTS.iter().find(|row| row.0 == patient)?;
    let visits = visits.iter().enumerate();
    let visits = visits.map(
        |(at, day)| json!({"id": format!("{id}-encounter-{}", at + 1), "title": "Check-up", "date": day}),
    );
    Some(json!({
        "resource": fhir, "patient": id, "relation": relation, "name": name, "birthDate": born,
        "identifier": number, "encounters": visits.collect::<Vec<_>>(),
    }))
}
