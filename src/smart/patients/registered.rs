//! The patients that administrators have registered, and the person.

use crate::model::relationship::{Relationship, Tie, folded, has_words, words, written};
use crate::protocol::error::{Doing, Fault};
use crate::store::relationship::Wanted;
use crate::store::{self, Db};

use super::{EncounterEntry, MOST, Page, PatientEntry, Relation, Who};

/// Finds the patients of whom all words say something.
pub(super) async fn search(db: &Db, who: Who<'_>, text: &str) -> Result<Page, Fault> {
    let (person, resource) = who;
    let words = words(text);
    let wanted = Wanted {
        subject: person.subject,
        audience: &resource.url,
        words: &words,
        most: i64::try_from(MOST).doing("counting patients")? + 1,
    };
    let rows = store::relationship::find_matching(db, &wanted).await?;
    let mut entries: Vec<PatientEntry> = rows.into_iter().map(entry).collect();
    if let Some(id) = person.own_patient_at(&resource.url) {
        entries.retain(|entry| entry.id != id);
        let row = store::relationship::find(db, &person.subject, (&resource.url, id)).await?;
        let text = row.as_ref().map_or_else(|| folded(person.label()), Relationship::folded);
        if has_words(&text, &words) {
            entries.insert(0, own(who, id, row));
        }
    }
    Ok(Page { is_cut: entries.len() > MOST, entries, asked: None })
}

/// Finds one patient.
pub(super) async fn find(db: &Db, who: Who<'_>, id: &str) -> Result<Option<PatientEntry>, Fault> {
    let (person, resource) = who;
    let row = store::relationship::find(db, &person.subject, (&resource.url, id)).await?;
    Ok(if person.own_patient_at(&resource.url) == Some(id) {
        Some(own(who, id, row))
    } else {
        row.map(entry)
    })
}

/// The visits that are registered of a patient, the newest first.
pub(super) async fn encounters(
    db: &Db,
    (person, resource): Who<'_>,
    patient: &str,
) -> Result<Vec<EncounterEntry>, Fault> {
    let row = store::relationship::find(db, &person.subject, (&resource.url, patient)).await?;
    let mut visits = row.map(|row| row.encounters).unwrap_or_default();
    visits.sort_by_key(|visit| std::cmp::Reverse(visit.date));
    let entry = |visit: crate::model::relationship::Visit| EncounterEntry {
        id: visit.id,
        title: visit.title,
        date: visit.date.map(written),
    };
    Ok(visits.into_iter().map(entry).collect())
}

/// The person, who is a patient whether or not more is registered of that.
fn own((person, _): Who<'_>, id: &str, row: Option<Relationship>) -> PatientEntry {
    match row {
        Some(row) => entry(Relationship { tie: Tie::Own, ..row }),
        None => PatientEntry {
            id: id.to_owned(),
            name: person.label().to_owned(),
            birth_date: None,
            identifier: None,
            relation: Relation::Own,
        },
    }
}

fn entry(row: Relationship) -> PatientEntry {
    PatientEntry {
        id: row.patient,
        name: row.name,
        birth_date: row.birth_date.map(written),
        identifier: row.identifier,
        relation: row.tie.into(),
    }
}
