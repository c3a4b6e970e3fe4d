//! The table `relationship`: the patients that people may act for.

use serde_json::{Map, Value, json};
use sqlx::types::time::Date;
use uuid::Uuid;

use crate::model::relationship::{Relationship, Tie, Visit, parse_date, written};
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx, meaningless};

struct Row {
    subject: Uuid,
    audience: String,
    patient: String,
    relation: String,
    name: String,
    birth_date: Option<Date>,
    identifier: Option<String>,
    encounters: Value,
}

impl TryFrom<Row> for Relationship {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let wrong = |column| meaningless("relationship", column, &row.subject.to_string());
        let visits: Option<Vec<Visit>> =
            row.encounters.as_array().and_then(|visits| visits.iter().map(visit).collect());
        Ok(Self {
            audience: row.audience,
            patient: row.patient,
            tie: tie(&row.relation).ok_or_else(|| wrong("relation"))?,
            name: row.name,
            birth_date: row.birth_date,
            identifier: row.identifier,
            encounters: visits.ok_or_else(|| wrong("encounters"))?,
        })
    }
}

/// A page of the patients of a person at one FHIR server.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The person.
    pub subject: Uuid,
    /// The FHIR server.
    pub audience: &'a str,
    /// Words that each begin a word of what is searched.
    pub words: &'a [String],
    /// The most that are wanted.
    pub most: i64,
}

/// Finds the patients of a person at one FHIR server of whom all words say something, themselves first, then by
/// name.
pub async fn find_matching(db: &Db, wanted: &Wanted<'_>) -> Result<Vec<Relationship>, Fault> {
    let patterns: Vec<String> = wanted.words.iter().map(|word| format!("% {}%", literal(word))).collect();
    sqlx::query_as!(
        Row,
        "select subject, audience, patient, relation, name, birth_date, identifier, encounters from relationship
          where subject = $1 and audience = $2 and ' ' || folded like all ($3)
          order by relation <> 'self', folded, patient limit $4",
        wanted.subject,
        wanted.audience,
        &patterns,
        wanted.most
    )
    .fetch_all(db.pool())
    .await
    .doing("finding the patients of a person")?
    .into_iter()
    .map(Relationship::try_from)
    .collect()
}

/// Finds what a person is to one patient.
pub async fn find(
    db: &Db,
    subject: &Uuid,
    (audience, patient): (&str, &str),
) -> Result<Option<Relationship>, Fault> {
    sqlx::query_as!(
        Row,
        "select subject, audience, patient, relation, name, birth_date, identifier, encounters from relationship
          where subject = $1 and audience = $2 and patient = $3",
        subject,
        audience,
        patient
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a patient of a person")?
    .map(Relationship::try_from)
    .transpose()
}

/// Finds the patients of several people, each beside the person's subject.
pub async fn find_of_people(db: &Db, subjects: &[Uuid]) -> Result<Vec<(Uuid, Relationship)>, Fault> {
    sqlx::query_as!(
        Row,
        "select subject, audience, patient, relation, name, birth_date, identifier, encounters from relationship
          where subject = any($1) order by subject, audience, patient",
        subjects
    )
    .fetch_all(db.pool())
    .await
    .doing("finding the patients of people")?
    .into_iter()
    .map(|row| Ok((row.subject, Relationship::try_from(row)?)))
    .collect()
}

/// Finds the patients of a person whose row is locked.
pub async fn find_in(tx: &mut Tx, subject: &Uuid) -> Result<Vec<Relationship>, Fault> {
    sqlx::query_as!(
        Row,
        "select subject, audience, patient, relation, name, birth_date, identifier, encounters from relationship
          where subject = $1 order by audience, patient",
        subject
    )
    .fetch_all(tx.connection())
    .await
    .doing("finding the patients of a person")?
    .into_iter()
    .map(Relationship::try_from)
    .collect()
}

/// Inserts the patients of a person.
pub async fn insert_all(tx: &mut Tx, subject: &Uuid, all: &[Relationship]) -> Result<(), Fault> {
    let texts = |of: fn(&Relationship) -> String| all.iter().map(of).collect::<Vec<_>>();
    let encounters: Vec<Value> = all.iter().map(|one| visits(&one.encounters)).collect();
    sqlx::query!(
        "insert into relationship (subject, audience, patient, relation, name, folded, birth_date, identifier, encounters)
         select $1, t.audience, t.patient, t.relation, t.name, t.folded, nullif(t.birth_date, '')::date,
                nullif(t.identifier, ''), t.encounters
           from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[])
                as t (audience, patient, relation, name, folded, birth_date, identifier, encounters)",
        subject,
        &texts(|one| one.audience.clone()),
        &texts(|one| one.patient.clone()),
        &texts(|one| word(one.tie).to_owned()),
        &texts(|one| one.name.clone()),
        &texts(Relationship::folded),
        &texts(|one| one.birth_date.map(written).unwrap_or_default()),
        &texts(|one| one.identifier.clone().unwrap_or_default()),
        &encounters
    )
    .execute(tx.connection())
    .await
    .doing("inserting the patients of a person")?;
    Ok(())
}

/// Removes the patients of a person.
pub async fn delete_all(tx: &mut Tx, subject: &Uuid) -> Result<(), Fault> {
    sqlx::query!("delete from relationship where subject = $1", subject)
        .execute(tx.connection())
        .await
        .doing("removing the patients of a person")?;
    Ok(())
}

/// A text in which nothing has a meaning for `like`.
fn literal(word: &str) -> String {
    word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

const fn word(tie: Tie) -> &'static str {
    match tie {
        Tie::Own => "self",
        Tie::Proxy => "proxy",
        Tie::CareTeam => "care_team",
    }
}

fn tie(text: &str) -> Option<Tie> {
    Tie::ALL.into_iter().find(|tie| word(*tie) == text)
}

fn visits(visits: &[Visit]) -> Value {
    let visits = visits.iter().map(|visit| {
        let date = visit.date.map(written);
        json!({"id": visit.id, "title": visit.title, "date": date})
    });
    Value::Array(visits.collect())
}

fn visit(value: &Value) -> Option<Visit> {
    let visit: &Map<String, Value> = value.as_object()?;
    let text = |member: &str| visit.get(member).and_then(Value::as_str);
    let date = match text("date") {
        None => None,
        Some(date) => Some(parse_date(date)?),
    };
    Some(Visit { id: text("id")?.to_owned(), title: text("title")?.to_owned(), date })
}
