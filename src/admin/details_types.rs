//! The types of authorization details that are registered here (RFC 9396): read, written, deleted.

use serde_json::{Map, Value};

use crate::admin::profile::short;
use crate::grants::details::BUILT_IN;
use crate::ledger::{Done, Work};
use crate::model::authorization_details_type::DetailsType;
use crate::model::page::Page;
use crate::protocol::authorization_details::is_type_name;
use crate::protocol::authorization_details::schema::Schema;
use crate::protocol::error::{ErrorCode, Failure, Fault, FieldProblem, Reason, Refusal};
use crate::protocol::fields::Fields;
use crate::store::{self, Tx};

use super::actor::Caller;
use super::{Administration, expect_version, not_found, privilege};

/// The longest title, in bytes.
const LONGEST_TITLE: usize = 200;

/// Which type to change, and in which version.
#[derive(Clone, Debug)]
pub struct Target {
    /// The type.
    pub name: String,
    /// The version that the change was made for, if the caller says.
    pub version: Option<i64>,
}

impl Administration {
    /// Finds a type.
    pub async fn find_details_type(&self, name: &str) -> Result<DetailsType, Failure> {
        let found = store::authorization_details_type::find_named(&self.db, &[name.to_owned()]).await?;
        found.into_iter().next().ok_or_else(|| not_found("authorization_details_type_unknown").into())
    }

    /// Finds a page of types.
    pub async fn list_details_types(&self, page: &Page<String>) -> Result<Vec<DetailsType>, Fault> {
        store::authorization_details_type::find_page(&self.db, page).await
    }

    /// Registers a type, or replaces it as a whole. What was granted by another schema is granted anew only as the new
    /// one says.
    pub async fn put_details_type(
        &self,
        caller: &Caller,
        target: Target,
        document: Map<String, Value>,
    ) -> Result<DetailsType, Failure> {
        let mut event = self.event(caller, "authorization_details_type.put")?;
        event.target = Some(target.name.clone());
        let now = event.at;
        let (title, schema) = match read(&target.name, &document) {
            Ok(read) => read,
            Err(refusal) => return self.refuse(event, refusal.into()).await,
        };
        let kind = DetailsType {
            name: target.name.clone(),
            title,
            schema,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let actor = caller.actor.clone();
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, DetailsType> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    expected(tx, &target).await?;
                    Ok(Done::Changed(store::authorization_details_type::put(tx, &kind, now).await?))
                })
            })
            .await
    }

    /// Deletes a type: nothing of it is granted any more, and no refresh brings it back.
    pub async fn delete_details_type(&self, caller: &Caller, target: Target) -> Result<(), Failure> {
        let mut event = self.event(caller, "authorization_details_type.delete")?;
        event.target = Some(target.name.clone());
        let actor = caller.actor.clone();
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, ()> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    expected(tx, &target).await?;
                    if !store::authorization_details_type::delete(tx, &target.name).await? {
                        return Err(not_found("authorization_details_type_unknown").into());
                    }
                    Ok(Done::Changed(()))
                })
            })
            .await
    }

    /// The names of all types, of this server and registered.
    pub async fn details_types(&self) -> Result<Vec<String>, Fault> {
        let registered = store::authorization_details_type::find_names(&self.db).await?;
        Ok(BUILT_IN.iter().map(|name| (*name).to_owned()).chain(registered).collect())
    }
}

/// Locks a type and holds it to the version that the caller expects; one that is not there has none.
async fn expected(tx: &mut Tx, target: &Target) -> Result<(), Failure> {
    let found = store::authorization_details_type::find_version_locked(tx, &target.name).await?;
    Ok(expect_version(target.version, found.unwrap_or_default())?)
}

fn read(name: &str, document: &Map<String, Value>) -> Result<(String, Schema), Refusal> {
    let mut fields = Fields::of(document);
    if !is_type_name(name) {
        fields.problem(
            "name",
            "must be 1 to 128 letters, digits and . _ : - and begin with a letter or a digit",
        );
    }
    if BUILT_IN.contains(&name) {
        fields.problem("name", "is a type that every server has");
    }
    for member in ["title", "schema"] {
        if fields.value(member).is_none() {
            fields.problem(member, "is required");
        }
    }
    let title = fields.parsed("title", |text| short(text, LONGEST_TITLE));
    let schema = fields.value("schema").map(Schema::parse);
    let schema = match schema {
        Some(Err(says)) => {
            fields.problem("schema", says);
            None
        }
        Some(Ok(schema)) => Some(schema),
        None => None,
    };
    let problems = fields.finish();
    match (title, schema) {
        (Some(title), Some(schema)) if problems.is_empty() => Ok((title, schema)),
        _ => Err(refusal(problems)),
    }
}

fn refusal(problems: Vec<FieldProblem>) -> Refusal {
    let named: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    let named = named.join(" ");
    let reason = Reason::new("invalid_authorization_details_type");
    let told = "the type cannot be accepted as it is";
    Refusal::new(ErrorCode::InvalidRequest, told, reason).detail(named).fields(problems)
}
