//! The members that are of FHIR servers, and those about who may name and introspect.

use serde_json::{Map, Value, json};

use super::{AssociatedEndpoint, BrandIdentifier, PatientSource, ResourceKind, ResourceMetadata};
use crate::protocol::fields::Fields;
use crate::protocol::ids::ClientId;

/// The members that mean nothing for another API.
pub(super) const OF_FHIR_SERVERS: [&str; 6] = [
    "capabilities",
    "user_access_brand_bundle",
    "user_access_brand_identifier",
    "smart_style_url",
    "associated_endpoints",
    "patients_restricted_by",
];
/// The most endpoints that may be associated.
const MOST: usize = 20;

pub(super) fn client(text: &str) -> Result<ClientId, &'static str> {
    ClientId::parse(text).ok_or("must be a client_id")
}

/// A document that browsers fetch from somebody else's host.
pub(super) fn https(text: &str) -> Result<String, &'static str> {
    let says = "must be an https URL without user or fragment";
    let url = url::Url::parse(text).map_err(|_| says)?;
    let bare = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let good =
        url.scheme() == "https" && bare && text.len() <= 2048 && text.chars().all(|c| c.is_ascii_graphic());
    if good { Ok(text.to_owned()) } else { Err(says) }
}

/// A word of the standard, or a URI of whoever made the word (SMART App Launch 2.2, conformance).
pub(super) fn capability(text: &str) -> Result<String, &'static str> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_word = text.len() <= 64 && text.chars().all(word);
    if is_word || is_uri(text) { Ok(text.to_owned()) } else { Err("must be a capability or a full URI") }
}

/// Whether a text is a full URI of at most 500 characters.
pub(super) fn is_uri(text: &str) -> bool {
    text.len() <= 500 && text.chars().all(|c| c.is_ascii_graphic()) && url::Url::parse(text).is_ok()
}

pub(super) fn capabilities(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    fields.value("capabilities")?;
    Some(fields.list("capabilities", capability))
}

pub(super) fn brand(fields: &mut Fields<'_>) -> Option<BrandIdentifier> {
    let name = "user_access_brand_identifier";
    let value = fields.value(name)?;
    nested(fields, name, value, |inner| {
        let system =
            inner.parsed("system", |text| is_uri(text).then(|| text.to_owned()).ok_or("must be a URI"));
        Some(BrandIdentifier { system, value: required(inner, "value")?.to_owned() })
    })
}

pub(super) fn associated(fields: &mut Fields<'_>) -> Vec<AssociatedEndpoint> {
    let name = "associated_endpoints";
    let Some(value) = fields.value(name) else { return Vec::new() };
    let Some(items) = value.as_array().filter(|items| items.len() <= MOST) else {
        fields.problem(name, format!("must be a list of at most {MOST} objects"));
        return Vec::new();
    };
    let mut found: Vec<AssociatedEndpoint> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let place = format!("{name}[{index}]");
        let endpoint = nested(fields, &place, item, |inner| {
            required(inner, "url")?;
            let url = inner.parsed("url", https)?;
            Some(AssociatedEndpoint { url, capabilities: inner.list("capabilities", capability) })
        });
        let Some(endpoint) = endpoint else { continue };
        if found.iter().any(|known| known.url == endpoint.url) {
            fields.problem(format!("{place}.url"), "stands in the list twice");
        }
        found.push(endpoint);
    }
    found
}

pub(super) fn patients(fields: &mut Fields<'_>) -> PatientSource {
    let restricted_by = fields.parsed("patients_restricted_by", search_parameter);
    let searches = fields.parsed("patients", |text| match text {
        "registered" => Ok(false),
        "search" => Ok(true),
        _ => Err("must be registered or search"),
    });
    if searches == Some(true) {
        return PatientSource::Search { restricted_by };
    }
    if restricted_by.is_some() {
        fields.problem("patients_restricted_by", "needs patients to be search");
    }
    PatientSource::Registered
}

/// The name alone: with a modifier or a chain it would mean something else (FHIR R4, search).
fn search_parameter(text: &str) -> Result<String, &'static str> {
    let letter = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let good = letter && text.len() <= 64 && text.chars().all(known);
    if good { Ok(text.to_owned()) } else { Err("must be the name of a search parameter of Patient") }
}

fn required<'a>(inner: &mut Fields<'a>, name: &'static str) -> Option<&'a str> {
    if inner.value(name).is_none() {
        inner.problem(name, "is required");
    }
    inner.text(name)
}

/// Reads an object inside of the registration; what is wrong with it is named by its place.
fn nested<T>(
    fields: &mut Fields<'_>,
    place: &str,
    value: &Value,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Option<T> {
    let Some(object) = value.as_object() else {
        fields.problem(place, "must be an object");
        return None;
    };
    let mut inner = Fields::of(object);
    let found = read(&mut inner);
    for problem in inner.finish() {
        fields.problem(format!("{place}.{}", problem.field), problem.says);
    }
    found
}

/// Writes what [`ResourceMetadata::parse`] reads back.
pub(super) fn write(metadata: &ResourceMetadata, object: &mut Map<String, Value>) {
    let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
    if !metadata.audiences.is_empty() {
        set("audiences", json!(metadata.audiences));
    }
    if !metadata.introspection_clients.is_empty() {
        let clients: Vec<&str> = metadata.introspection_clients.iter().map(ClientId::as_str).collect();
        set("introspection_clients", json!(clients));
    }
    if metadata.kind == ResourceKind::Api {
        return;
    }
    if let Some(capabilities) = &metadata.capabilities {
        set("capabilities", json!(capabilities));
    }
    if let Some(url) = &metadata.smart_style_url {
        set("smart_style_url", json!(url));
    }
    match &metadata.patients {
        PatientSource::Registered => {
            set("patients", json!("registered"));
        }
        PatientSource::Search { restricted_by } => {
            set("patients", json!("search"));
            if let Some(parameter) = restricted_by {
                set("patients_restricted_by", json!(parameter));
            }
        }
    }
    object.extend(metadata.published());
}

impl ResourceMetadata {
    /// The members that its SMART configuration repeats (SMART App Launch 2.2, conformance).
    #[must_use]
    pub fn published(&self) -> Map<String, Value> {
        let mut object = Map::new();
        let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
        if let Some(url) = &self.user_access_brand_bundle {
            set("user_access_brand_bundle", json!(url));
        }
        if let Some(identifier) = &self.user_access_brand_identifier {
            set("user_access_brand_identifier", identifier.to_json());
        }
        if !self.associated_endpoints.is_empty() {
            let endpoints: Vec<Value> =
                self.associated_endpoints.iter().map(AssociatedEndpoint::to_json).collect();
            set("associated_endpoints", Value::Array(endpoints));
        }
        object
    }
}

impl BrandIdentifier {
    fn to_json(&self) -> Value {
        match &self.system {
            Some(system) => json!({"system": system, "value": self.value}),
            None => json!({"value": self.value}),
        }
    }
}

impl AssociatedEndpoint {
    fn to_json(&self) -> Value {
        json!({"url": self.url, "capabilities": self.capabilities})
    }
}
