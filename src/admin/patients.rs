//! What administrators say of the patients that a person may act for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::person::is_fhir_id;
use crate::model::relationship::{self, Relationship, Tie, Visit};
use crate::protocol::client_metadata::resource_url;
use crate::protocol::fields::Fields;

use super::profile::short;

/// The most patients of one person.
const MOST: usize = 1000;
/// The most visits of one of them.
const MOST_VISITS: usize = 50;

/// Reads the member `patients`; what is wrong is named by its path.
pub(in crate::admin) fn read(fields: &mut Fields<'_>) -> Vec<Relationship> {
    let mut all = fields.objects("patients", MOST, one);
    all.sort_by(|one, other| key(one).cmp(&key(other)));
    let mut known = BTreeSet::new();
    let twice: Vec<String> =
        all.iter().filter(|one| !known.insert(key(one))).map(|one| one.patient.clone()).collect();
    for patient in twice {
        fields.problem("patients", format!("names {patient} twice at one resource"));
    }
    all
}

/// The patients as [`read`] reads them.
pub(in crate::admin) fn written(all: &[Relationship]) -> Value {
    let written = all.iter().map(|one| {
        let visits = one.encounters.iter().map(|visit| {
            let date = visit.date.map(relationship::written);
            json!({"id": visit.id, "title": visit.title, "date": date})
        });
        json!({
            "resource": one.audience,
            "patient": one.patient,
            "relation": one.tie.as_str(),
            "name": one.name,
            "birthDate": one.birth_date.map(relationship::written),
            "identifier": one.identifier,
            "encounters": visits.collect::<Vec<_>>(),
        })
    });
    Value::Array(written.collect())
}

fn key(one: &Relationship) -> (&str, &str) {
    (&one.audience, &one.patient)
}

fn one(fields: &mut Fields<'_>) -> Option<Relationship> {
    require(fields, &["resource", "patient", "relation", "name"]);
    let audience = fields.parsed("resource", resource_url);
    let patient = fields.parsed("patient", id);
    let tie = fields.parsed("relation", tie);
    let name = fields.parsed("name", |text| short(text, 200));
    let birth_date = fields.parsed("birthDate", date);
    let identifier = fields.parsed("identifier", |text| short(text, 100));
    let encounters = fields.objects("encounters", MOST_VISITS, visit);
    Some(Relationship {
        audience: audience?,
        patient: patient?,
        tie: tie?,
        name: name?,
        birth_date,
        identifier,
        encounters,
    })
}

fn visit(fields: &mut Fields<'_>) -> Option<Visit> {
    require(fields, &["id", "title"]);
    let (id, title) = (fields.parsed("id", id), fields.parsed("title", |text| short(text, 200)));
    let date = fields.parsed("date", date);
    Some(Visit { id: id?, title: title?, date })
}

fn require(fields: &mut Fields<'_>, names: &[&'static str]) {
    for name in names {
        if fields.value(name).is_none() {
            fields.problem(*name, "is required");
        }
    }
}

fn id(text: &str) -> Result<String, &'static str> {
    if is_fhir_id(text) {
        Ok(text.to_owned())
    } else {
        Err("must be the id of a FHIR resource: 1 to 64 letters, digits, - and .")
    }
}

fn tie(text: &str) -> Result<Tie, &'static str> {
    Tie::parse(text).ok_or("must be self, proxy or care-team")
}

fn date(text: &str) -> Result<time::Date, &'static str> {
    relationship::parse_date(text).ok_or("must be a day, such as 1961-04-02")
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn document(patients: &Value) -> Map<String, Value> {
        Map::from_iter([("patients".to_owned(), patients.clone())])
    }

    fn problems(patients: &Value) -> Vec<String> {
        let document = document(patients);
        let mut fields = Fields::of(&document);
        read(&mut fields);
        fields.finish().into_iter().map(|problem| problem.field).collect()
    }

    fn whole() -> Value {
        json!({"resource": "https://fhir.example/r4", "patient": "p-1", "relation": "care-team", "name": "Maria Silva",
            "birthDate": "1961-04-02", "identifier": "MRN-1",
            "encounters": [{"id": "e-1", "title": "Check-up", "date": "2026-01-07"}, {"id": "e-2", "title": "Call", "date": null}]})
    }

    #[test]
    fn patients_are_read_back_as_they_were_written() {
        let told = json!([whole()]);
        let document = document(&told);
        let found = read(&mut Fields::of(&document));
        assert_eq!(written(&found), told);
        let least = json!([{"resource": "https://fhir.example/r4", "patient": "p-1", "relation": "self", "name": "Pat"}]);
        assert!(
            problems(&least).is_empty()
                && problems(&json!([])).is_empty()
                && problems(&Value::Null).is_empty()
        );
    }

    #[test]
    fn d03_everything_that_is_wrong_with_a_patient_is_named_by_its_path() {
        let wrong = json!([whole(), {"resource": "ftp://x", "patient": "a/b", "relation": "friend", "name": " x",
            "birthDate": "1961", "identifier": 7, "encounters": [{"id": "", "title": "t", "odd": 1}], "more": 1}, "p-2"]);
        let fields = [
            "resource",
            "patient",
            "relation",
            "name",
            "birthDate",
            "identifier",
            "encounters[0].id",
            "encounters[0].odd",
            "more",
        ];
        let mut expected: Vec<String> = fields.iter().map(|field| format!("patients[1].{field}")).collect();
        expected.push("patients[2]".to_owned());
        let mut found = problems(&wrong);
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        let missing = ["resource", "patient", "relation", "name"].map(|field| format!("patients[0].{field}"));
        assert_eq!(problems(&json!([{}])), missing);
        assert_eq!(problems(&json!([whole(), whole()])), ["patients"]);
        assert_eq!(problems(&json!(vec![whole(); MOST + 1])), ["patients"]);
        assert_eq!(problems(&json!({"p-1": {}})), ["patients"]);
    }
}
