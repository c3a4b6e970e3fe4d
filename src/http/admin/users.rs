//! `/admin/v1/users`.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::admin::profile::{Profile, Record};
use crate::admin::users::{Admitted, Target};
use crate::model::person::Username;
use crate::moment::seconds;
use crate::protocol::error::{ErrorCode, Reason, Refusal};

use super::call::{Answer, Call, Unanswered};
use super::paging;

const PATH: &str = "/admin/v1/users";

pub(super) async fn create(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    let admitted = call.state.administration.create_user(&call.caller, &document).await?;
    let location = format!("{PATH}/{}", admitted.record.person.subject);
    Ok(Answer::created(show_admitted(&admitted), location).version(admitted.record.person.version))
}

pub(super) async fn list(call: Call) -> Result<Answer, Unanswered> {
    call.only_query(&["cursor", "limit"])?;
    let page = paging::page(&call.query, Username::parse)?;
    let people = call.state.administration.list_users(&page).await?;
    let last = people.last().filter(|_| paging::is_full(people.len(), page.limit));
    let cursor = last.map(|record| paging::cursor(record.person.username.as_str()));
    let next = cursor.as_ref().map(|cursor| format!("{PATH}?limit={}&cursor={cursor}", page.limit));
    let items: Vec<Value> = people.iter().map(show).collect();
    Ok(Answer::ok(json!({"items": items, "next": cursor})).next(next))
}

pub(super) async fn read(call: Call) -> Result<Answer, Unanswered> {
    Ok(shown(&call.state.administration.find_user(&target(&call)?.subject).await?))
}

pub(super) async fn patch(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    Ok(shown(&call.state.administration.patch_user(&call.caller, target(&call)?, document).await?))
}

pub(super) async fn disable(call: Call) -> Result<Answer, Unanswered> {
    Ok(shown(&call.state.administration.disable_user(&call.caller, target(&call)?).await?))
}

pub(super) async fn enable(call: Call) -> Result<Answer, Unanswered> {
    Ok(shown(&call.state.administration.enable_user(&call.caller, target(&call)?).await?))
}

pub(super) async fn reset(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document_or_empty()?;
    let admitted = call.state.administration.reset_user(&call.caller, target(&call)?, &document).await?;
    Ok(Answer::ok(show_admitted(&admitted)).version(admitted.record.person.version))
}

/// The person that the path names, in the version that `If-Match` names. A subject is written in one
/// way alone.
fn target(call: &Call) -> Result<Target, Refusal> {
    let named = call.path("subject");
    let subject = Uuid::try_parse(named).ok().filter(|subject| subject.to_string() == named);
    let unknown =
        || Refusal::new(ErrorCode::NotFound, "there is no such person", Reason::new("person_unknown"));
    Ok(Target { subject: subject.ok_or_else(unknown)?, version: call.expected_version()? })
}

fn shown(record: &Record) -> Answer {
    Answer::ok(show(record)).version(record.person.version)
}

/// A person with what the server adds; never a password, a hash or a second factor.
#[must_use]
pub fn show(record: &Record) -> Value {
    let mut document = Profile::of(record);
    let person = &record.person;
    document.insert("subject".to_owned(), json!(person.subject));
    document.insert("username".to_owned(), json!(person.username.as_str()));
    document.insert("status".to_owned(), json!(person.status.as_str()));
    document.insert("version".to_owned(), json!(person.version));
    document.insert("created_at".to_owned(), json!(seconds(person.created_at)));
    document.insert("updated_at".to_owned(), json!(seconds(person.updated_at)));
    Value::Object(document)
}

/// A person with the password that was just made, the one time it is shown.
#[must_use]
pub fn show_admitted(admitted: &Admitted) -> Value {
    let mut document = show(&admitted.record);
    if let (Some(document), Some(password)) = (document.as_object_mut(), &admitted.password) {
        document.insert("password".to_owned(), json!(password.expose()));
    }
    document
}
