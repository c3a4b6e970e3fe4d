//! What a person may choose of a scope instead of the whole (45 CFR 170.315(g)(10); US Core).

use std::collections::BTreeSet;

use super::dialects::smart_v2::SmartV2;
use super::dialects::{Dialect, read};
use super::explain::names::CATEGORIES;
use super::permission::{Level, Permission, ResourceType};
use super::token::ScopeToken;

/// The resource types of US Core, what people know best first.
pub const US_CORE: [&str; 26] = [
    "Patient",
    "Condition",
    "Observation",
    "AllergyIntolerance",
    "MedicationRequest",
    "MedicationDispense",
    "Medication",
    "Immunization",
    "Procedure",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "CarePlan",
    "CareTeam",
    "Goal",
    "ServiceRequest",
    "Specimen",
    "Device",
    "QuestionnaireResponse",
    "Coverage",
    "RelatedPerson",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "Provenance",
];

/// The next smaller scopes that a patient may give instead of this one, with what it lets be done.
///
/// Instead of all Conditions or Observations these are the categories that certified systems name one by
/// one; instead of the whole record, the resource types of US Core, which may have choices in turn. Any
/// other scope has none. A choice is in the notation of its scope, or in version 2 where that cannot say it.
#[must_use]
pub fn of(scope: &ScopeToken) -> Vec<ScopeToken> {
    let Some((Permission::Resource { level: Level::Patient, resource, interactions, filter }, dialect)) =
        read(scope)
    else {
        return Vec::new();
    };
    let written = |resource: ResourceType, filter: BTreeSet<(String, String)>| {
        let choice = Permission::Resource { level: Level::Patient, resource, interactions, filter };
        dialect.write(&choice).or_else(|| SmartV2.write(&choice))
    };
    // A part of the resources was named already: that is the app's own choice, to be taken or left.
    if !filter.is_empty() {
        return Vec::new();
    }
    if resource == ResourceType::Any {
        let one = |name: &&str| written(ResourceType::Named((*name).to_owned()), BTreeSet::new());
        return US_CORE.iter().filter_map(one).collect();
    }
    let categories = CATEGORIES.iter().filter(|known| known.resource == resource.as_str());
    categories
        .filter_map(|known| {
            let category = ("category".to_owned(), format!("{}|{}", known.system, known.code));
            written(resource.clone(), BTreeSet::from([category]))
        })
        .collect()
}

/// The choices of a scope, with the choices of each.
#[must_use]
pub fn all(scope: &ScopeToken) -> Vec<ScopeToken> {
    of(scope).into_iter().flat_map(|choice| std::iter::once(choice.clone()).chain(of(&choice))).collect()
}
