//! People who do not exist, and their records: two tables, written out as FHIR R4 at the start.

pub mod chart;
pub mod codes;
pub mod documents;
pub mod money;
pub mod people;

use super::compartment::Resource;

/// Everything that is there at the start.
#[must_use]
pub fn resources() -> Vec<Resource> {
    let all = people::everybody().into_iter().chain(chart::records()).chain(money::records());
    all.filter_map(|value| value.as_object().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;
    use crate::sandbox::compartment::{TYPES, id_of, is_of_patients, kind_of, owner};

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            Value::Object(members) => {
                if let Some(reference) = members.get("reference").and_then(Value::as_str) {
                    found.push(reference.to_owned());
                }
                members.values().for_each(|value| references(value, found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_resource_is_of_a_served_type_has_a_name_of_its_own_and_refers_to_what_is_there() {
        assert!(chart::records().iter().all(Value::is_object), "a row of no known kind");
        let all = resources();
        let names: BTreeSet<String> =
            all.iter().map(|resource| format!("{}/{}", kind_of(resource), id_of(resource))).collect();
        assert_eq!(names.len(), all.len());
        for resource in &all {
            let mut found = vec![];
            references(&Value::Object(resource.clone()), &mut found);
            for reference in found {
                assert!(names.contains(&reference), "{}: {reference}", id_of(resource));
            }
            let kind = kind_of(resource);
            assert_eq!(owner(resource).is_some(), is_of_patients(kind), "{kind}/{}", id_of(resource));
            assert!(id_of(resource).len() <= 64);
        }
        for (kind, _) in TYPES {
            assert!(all.iter().any(|resource| kind_of(resource) == kind), "{kind}");
        }
    }

    #[test]
    fn there_are_a_dozen_patients_two_of_one_name_and_one_without_data() {
        let all = resources();
        let patients: Vec<_> = all.iter().filter(|resource| kind_of(resource) == "Patient").collect();
        assert_eq!(patients.len(), 12);
        let mut names: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for patient in &patients {
            let born = patient["birthDate"].as_str().unwrap();
            names.entry(patient["name"][0]["text"].to_string()).or_default().insert(born);
        }
        assert_eq!(names.values().filter(|born| born.len() == 2).count(), 1);
        let rows = |id: &str| all.iter().filter(|resource| owner(resource) == Some(id)).count();
        let empty: Vec<_> =
            patients.iter().map(|patient| id_of(patient)).filter(|id| rows(id) == 1).collect();
        assert_eq!(empty, ["silva"]);
        for id in ["rivera", "rivera-child"] {
            assert!(rows(id) > 10, "{id}");
        }
    }
}
