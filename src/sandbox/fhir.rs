//! The FHIR server of the sandbox: it takes this server's access tokens as any FHIR server should.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::clients::evidence::Evidence;
use crate::discovery::endpoints::Addresses;
use crate::jose::object::parse_object;
use crate::ledger::{Attempt, Entry, Ledger};
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::protocol::error::{Doing, ErrorCode, Failure, Reason, Refusal};
use crate::tokens::access_token::AccessTokens;
use crate::tokens::bearer::{self, Constraint};

use super::compartment::{Resource, id_of, kind_of, served};
use super::enforce::{Deed, Extent};
use super::issue::{Issue, Kind};
use super::query::Query;
use super::records::Records;
use super::{FHIR_PATH, capability, data};

/// The FHIR server.
#[derive(Clone)]
pub struct FhirEndpoint {
    base: Arc<str>,
    capabilities: Arc<Value>,
    tokens: AccessTokens,
    clock: Clock,
    entropy: Entropy,
    ledger: Ledger,
    records: Records,
}

impl FhirEndpoint {
    /// A FHIR server beneath an issuer, with the people of the sandbox in it.
    #[must_use]
    pub fn new(
        addresses: &Addresses,
        tokens: AccessTokens,
        ledger: Ledger,
        clock: Clock,
        entropy: Entropy,
    ) -> Self {
        let base: Arc<str> = Arc::from(addresses.issuer.join(FHIR_PATH));
        let capabilities = Arc::new(capability::statement(addresses, &base));
        let records = Records::of(data::resources(), clock.now());
        Self { base, capabilities, tokens, clock, entropy, ledger, records }
    }

    /// What it can do.
    #[must_use]
    pub fn capabilities(&self) -> &Value {
        &self.capabilities
    }

    /// The address of a resource.
    #[must_use]
    pub fn address(&self, resource: &Resource) -> String {
        format!("{}/{}/{}", self.base, kind_of(resource), id_of(resource))
    }

    /// Believes the token of a request if it is alive, shown by whoever holds its key, and for this server
    /// (RFC 9068, 4).
    pub async fn admit(&self, evidence: &Evidence) -> Result<Extent, Failure> {
        let now = self.clock.now();
        let id = self.entropy.id(now).doing("naming an entry")?;
        let mut entry = Entry::begin(id, now, "sandbox.access", evidence.origin.clone());
        let live = bearer::believe(&self.tokens, &mut entry, evidence, Constraint::AsIssued).await?;
        if live.token.audience != *self.base {
            let told = "the access token is for another server";
            let reason = Reason::new("token_for_another_audience");
            return Err(Refusal::new(ErrorCode::InvalidToken, told, reason).into());
        }
        // A proof is used up; nothing else is kept of what is done here.
        entry.attempt(Attempt::RecordNothing);
        self.ledger.settle(entry, Ok(Extent::of(&live.token))).await
    }

    /// Reads a resource.
    pub fn read(&self, extent: &Extent, kind: &str, id: &str) -> Result<Arc<Resource>, Issue> {
        self.find(extent, (Deed::Read, kind, id))
    }

    /// Searches a type; the answer is a page of what the token reaches.
    pub fn search(&self, extent: &Extent, kind: &str, text: &[u8]) -> Result<Value, Issue> {
        let kind = known(kind)?;
        extent.demand(Deed::Search, kind)?;
        let query = Query::parse(kind, text, &self.base)?;
        if extent.confined_to(Deed::Search, kind).is_some_and(|patient| query.names_another(patient)) {
            return Err(Issue::forbidden("the access token is for the record of another patient", None));
        }
        let wanted = |resource: &Resource| query.matches(resource) && extent.admits(Deed::Search, resource);
        let found = self.records.all(kind, wanted);
        let entries: Vec<Value> = found
            .iter()
            .skip(query.offset)
            .take(query.count)
            .map(|resource| {
                json!({"fullUrl": self.address(resource), "resource": **resource, "search": {"mode": "match"}})
            })
            .collect();
        let mut links = vec![json!({"relation": "self", "url": query.page(&self.base, query.offset)})];
        let after = query.offset.saturating_add(query.count);
        if query.count > 0 && after < found.len() {
            links.push(json!({"relation": "next", "url": query.page(&self.base, after)}));
        }
        let mut bundle =
            json!({"resourceType": "Bundle", "type": "searchset", "total": found.len(), "link": links});
        // An array of FHIR is never empty.
        if let (Some(bundle), false) = (bundle.as_object_mut(), entries.is_empty()) {
            bundle.insert("entry".to_owned(), Value::Array(entries));
        }
        Ok(bundle)
    }

    /// Creates a resource, which must be within what the token may create.
    pub fn create(&self, extent: &Extent, kind: &str, body: &[u8]) -> Result<Arc<Resource>, Issue> {
        let kind = known(kind)?;
        extent.demand(Deed::Create, kind)?;
        let now = self.clock.now();
        let mut resource = self.content(kind, body)?;
        let id = self.entropy.id(now).map_err(|_| again())?;
        resource.insert("id".to_owned(), json!(id.to_string()));
        extent.demand_of(Deed::Create, &resource)?;
        self.records.insert(resource, now)
    }

    /// Replaces a resource. What was there and what is to be there must both be within what the token may
    /// update, or a filter could be led out of by changing what it looks at.
    pub fn update(
        &self,
        extent: &Extent,
        (kind, id): (&str, &str),
        body: &[u8],
    ) -> Result<Arc<Resource>, Issue> {
        let before = self.find(extent, (Deed::Update, kind, id))?;
        let next = self.content(kind_of(&before), body)?;
        if id_of(&next) != id {
            return Err(Issue::new(Kind::Invalid, "the id of the resource is not that of the address"));
        }
        extent.demand_of(Deed::Update, &next)?;
        self.records.replace(&before, next, self.clock.now()).ok_or_else(again)
    }

    /// Deletes a resource.
    pub fn delete(&self, extent: &Extent, kind: &str, id: &str) -> Result<(), Issue> {
        let before = self.find(extent, (Deed::Delete, kind, id))?;
        if self.records.remove(&before) { Ok(()) } else { Err(again()) }
    }

    fn find(&self, extent: &Extent, (deed, kind, id): (Deed, &str, &str)) -> Result<Arc<Resource>, Issue> {
        let kind = known(kind)?;
        extent.demand(deed, kind)?;
        let found = self.records.find(kind, id);
        let found = found.ok_or_else(|| Issue::new(Kind::NotFound, format!("there is no such {kind}")))?;
        extent.demand_of(deed, &found)?;
        Ok(found)
    }

    /// Reads a resource of a type. References to this server become relative, as all others here are.
    fn content(&self, kind: &str, body: &[u8]) -> Result<Resource, Issue> {
        let invalid = |told: &str| Issue::new(Kind::Invalid, told);
        let resource = parse_object(body)
            .map_err(|_| invalid("the body must be a JSON object without repeated members"))?;
        if kind_of(&resource) != kind {
            return Err(invalid("the resourceType is not that of the address"));
        }
        Ok(resource.into_iter().map(|(name, value)| (name, self.relative(value))).collect())
    }

    fn relative(&self, value: Value) -> Value {
        match value {
            Value::Array(values) => {
                Value::Array(values.into_iter().map(|value| self.relative(value)).collect())
            }
            Value::Object(members) => {
                let each = |(name, value): (String, Value)| {
                    let value = if name == "reference" { self.local(value) } else { self.relative(value) };
                    (name, value)
                };
                Value::Object(members.into_iter().map(each).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
        }
    }

    fn local(&self, reference: Value) -> Value {
        let text = reference.as_str().and_then(|text| text.strip_prefix(&*self.base)?.strip_prefix('/'));
        text.map(|text| json!(text)).unwrap_or(reference)
    }
}

fn known(kind: &str) -> Result<&'static str, Issue> {
    served(kind).ok_or_else(|| Issue::new(Kind::NotSupported, "there is no such type here"))
}

/// Somebody else was faster, or chance failed.
fn again() -> Issue {
    Issue::new(Kind::Transient, "nothing was done: try again")
}
