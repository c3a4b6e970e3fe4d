//! What the FHIR server keeps: in memory, and as it was at the start when the server starts again.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use crate::moment::Timestamp;

use super::compartment::{Resource, id_of, kind_of};
use super::issue::{Issue, Kind};

/// The most resources that are kept: nobody shall fill the memory of a machine from outside.
const MOST: usize = 20_000;

type ById = BTreeMap<(String, String), Arc<Resource>>;

/// All resources, by type and identifier.
#[derive(Clone, Default)]
pub struct Records(Arc<RwLock<ById>>);

impl Records {
    /// Keeps these, each in its first version.
    #[must_use]
    pub fn of(resources: impl IntoIterator<Item = Resource>, now: Timestamp) -> Self {
        let keyed = resources.into_iter().map(|resource| {
            (key(kind_of(&resource), id_of(&resource)), Arc::new(versioned(resource, 1, now)))
        });
        Self(Arc::new(RwLock::new(keyed.collect())))
    }

    /// Finds one.
    #[must_use]
    pub fn find(&self, kind: &str, id: &str) -> Option<Arc<Resource>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key(kind, id)).cloned()
    }

    /// All of a type that are wanted, in the order of their identifiers.
    #[must_use]
    pub fn all(&self, kind: &str, wanted: impl Fn(&Resource) -> bool) -> Vec<Arc<Resource>> {
        let records = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of_kind = records.range(key(kind, "")..).take_while(|((of, _), _)| of == kind);
        of_kind.map(|(_, resource)| resource).filter(|resource| wanted(resource)).cloned().collect()
    }

    /// Adds one.
    pub fn insert(&self, resource: Resource, now: Timestamp) -> Result<Arc<Resource>, Issue> {
        let mut records = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if records.len() >= MOST {
            return Err(Issue::new(Kind::Full, "the sandbox is full: start it again"));
        }
        let kept = Arc::new(versioned(resource, 1, now));
        records.insert(key(kind_of(&kept), id_of(&kept)), kept.clone());
        Ok(kept)
    }

    /// Puts another version in the place of one, if it is still the one that was decided about.
    #[must_use]
    pub fn replace(&self, before: &Arc<Resource>, next: Resource, now: Timestamp) -> Option<Arc<Resource>> {
        let mut records = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let place = records.get_mut(&key(kind_of(before), id_of(before)))?;
        if !Arc::ptr_eq(place, before) {
            return None;
        }
        *place = Arc::new(versioned(next, version(before) + 1, now));
        Some(place.clone())
    }

    /// Removes one, if it is still the one that was decided about.
    #[must_use]
    pub fn remove(&self, before: &Arc<Resource>) -> bool {
        let mut records = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let key = key(kind_of(before), id_of(before));
        let same = records.get(&key).is_some_and(|found| Arc::ptr_eq(found, before));
        same && records.remove(&key).is_some()
    }
}

fn key(kind: &str, id: &str) -> (String, String) {
    (kind.to_owned(), id.to_owned())
}

/// The number of a resource's version.
#[must_use]
pub fn version(resource: &Resource) -> u64 {
    let text = resource.get("meta").and_then(|meta| meta.get("versionId")).and_then(Value::as_str);
    text.and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn versioned(mut resource: Resource, version: u64, now: Timestamp) -> Resource {
    let mut meta = match resource.remove("meta") {
        Some(Value::Object(meta)) => meta,
        Some(_) | None => Map::new(),
    };
    meta.insert("versionId".to_owned(), json!(version.to_string()));
    let now = now.replace_nanosecond(0).unwrap_or(now);
    meta.insert("lastUpdated".to_owned(), json!(now.format(&Rfc3339).unwrap_or_default()));
    resource.insert("meta".to_owned(), Value::Object(meta));
    resource
}
