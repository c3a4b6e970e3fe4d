//! The table `person`.

use serde_json::Value;
use uuid::Uuid;

use crate::model::page::Page;
use crate::model::person::{PasswordHash, Person, PersonStatus, Role, Username};
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::standard_claims::StandardClaims;

use super::{Db, Tx, meaningless};

struct Row {
    subject: Uuid,
    username: String,
    name: Option<String>,
    password_hash: String,
    organization: String,
    roles: Vec<String>,
    fhir_user: Option<String>,
    claims: Value,
    sealed_totp: Option<Vec<u8>>,
    status: String,
    version: i64,
    not_before: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for Person {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let without_meaning = |column| meaningless("person", column, &row.subject.to_string());
        let roles: Option<Vec<Role>> = row.roles.iter().map(|role| Role::parse(role)).collect();
        let username = Username::parse(&row.username).filter(|name| name.as_str() == row.username);
        Ok(Self {
            subject: row.subject,
            username: username.ok_or_else(|| without_meaning("username"))?,
            roles: roles.ok_or_else(|| without_meaning("roles"))?,
            status: PersonStatus::parse(&row.status).ok_or_else(|| without_meaning("status"))?,
            name: row.name,
            password_hash: PasswordHash::new(row.password_hash),
            organization: row.organization,
            fhir_user: row.fhir_user,
            claims: StandardClaims::kept(row.claims).ok_or_else(|| without_meaning("claims"))?,
            sealed_totp: row.sealed_totp,
            version: row.version,
            not_before: row.not_before,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Finds a person.
pub async fn find(db: &Db, subject: &Uuid) -> Result<Option<Person>, Fault> {
    sqlx::query_as!(
        Row,
        "select subject, username, name, password_hash, organization, roles, fhir_user, claims, sealed_totp,
                status, version, not_before, created_at, updated_at
           from person where subject = $1",
        subject
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a person")?
    .map(Person::try_from)
    .transpose()
}

/// Finds a person by the name to sign in with.
pub async fn find_by_username(db: &Db, username: &Username) -> Result<Option<Person>, Fault> {
    sqlx::query_as!(
        Row,
        "select subject, username, name, password_hash, organization, roles, fhir_user, claims, sealed_totp,
                status, version, not_before, created_at, updated_at
           from person where username = $1",
        username.as_str()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a person by user name")?
    .map(Person::try_from)
    .transpose()
}

/// Finds the people who are a FHIR resource, written relative or absolute; at most two, since one alone is any use.
pub async fn find_by_fhir_user(db: &Db, (relative, absolute): (&str, &str)) -> Result<Vec<Person>, Fault> {
    sqlx::query_as!(
        Row,
        "select subject, username, name, password_hash, organization, roles, fhir_user, claims, sealed_totp,
                status, version, not_before, created_at, updated_at
           from person where fhir_user in ($1, $2) limit 2",
        relative,
        absolute
    )
    .fetch_all(db.pool())
    .await
    .doing("finding a person by FHIR resource")?
    .into_iter()
    .map(Person::try_from)
    .collect()
}

/// Finds a person and locks the row until the transaction ends.
pub async fn find_in(tx: &mut Tx, subject: &Uuid) -> Result<Option<Person>, Fault> {
    sqlx::query_as!(
        Row,
        "select subject, username, name, password_hash, organization, roles, fhir_user, claims, sealed_totp,
                status, version, not_before, created_at, updated_at
           from person where subject = $1 for update",
        subject
    )
    .fetch_optional(tx.connection())
    .await
    .doing("locking a person")?
    .map(Person::try_from)
    .transpose()
}

/// Finds a page of people in the order of their user names.
pub async fn find_page(db: &Db, page: &Page<Username>) -> Result<Vec<Person>, Fault> {
    sqlx::query_as!(
        Row,
        "select subject, username, name, password_hash, organization, roles, fhir_user, claims, sealed_totp,
                status, version, not_before, created_at, updated_at
           from person where username > $1 order by username limit $2",
        page.after.as_ref().map_or("", Username::as_str),
        page.limit
    )
    .fetch_all(db.pool())
    .await
    .doing("listing people")?
    .into_iter()
    .map(Person::try_from)
    .collect()
}

/// Inserts a new person; the answer is false when somebody else has the user name.
pub async fn insert(tx: &mut Tx, person: &Person) -> Result<bool, Fault> {
    let inserted = sqlx::query!(
        "insert into person (subject, username, name, password_hash, organization, roles, fhir_user,
                             sealed_totp, status, version, not_before, created_at, updated_at, claims)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11, $11, $12)
         on conflict (username) do nothing",
        person.subject,
        person.username.as_str(),
        person.name,
        person.password_hash.expose(),
        person.organization,
        &words(&person.roles),
        person.fhir_user,
        person.sealed_totp,
        person.status.as_str(),
        person.not_before,
        person.created_at,
        person.claims.to_json()
    )
    .execute(tx.connection())
    .await
    .doing("inserting a person")?;
    Ok(inserted.rows_affected() == 1)
}

/// Writes a changed person, whose row is locked, and counts its version up; the answer is the new one.
/// Subject, user name and creation never change.
pub async fn update(tx: &mut Tx, person: &Person, now: Timestamp) -> Result<i64, Fault> {
    sqlx::query_scalar!(
        "update person set name = $2, password_hash = $3, organization = $4, roles = $5, fhir_user = $6,
                sealed_totp = $7, status = $8, not_before = $9, updated_at = $10, claims = $11, version = version + 1
          where subject = $1 returning version",
        person.subject,
        person.name,
        person.password_hash.expose(),
        person.organization,
        &words(&person.roles),
        person.fhir_user,
        person.sealed_totp,
        person.status.as_str(),
        person.not_before,
        now,
        person.claims.to_json()
    )
    .fetch_one(tx.connection())
    .await
    .doing("updating a person")
}

/// Makes changes of people wait for each other until the transaction ends: some look at other people
/// too, and two that each hold what the other needs would both fail.
pub async fn wait_for_changes(tx: &mut Tx) -> Result<(), Fault> {
    sqlx::raw_sql("select pg_advisory_xact_lock('person'::regclass::bigint)")
        .execute(tx.connection())
        .await
        .doing("waiting for other changes of people")?;
    Ok(())
}

/// Counts the other active people with a role, who cannot change while this transaction has waited
/// for changes of people.
pub async fn count_others_with_role(tx: &mut Tx, subject: &Uuid, role: Role) -> Result<i64, Fault> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from person where subject <> $1 and status = 'active' and roles @> array[$2::text]"#,
        subject,
        role.as_str()
    )
    .fetch_one(tx.connection())
    .await
    .doing("counting people with a role")
}

fn words(roles: &[Role]) -> Vec<String> {
    roles.iter().map(|role| role.as_str().to_owned()).collect()
}

/// Makes changes of what a person has let apps do wait for each other.
pub async fn lock(tx: &mut Tx, subject: Uuid) -> Result<(), Fault> {
    sqlx::query!("select from person where subject = $1 for no key update", subject)
        .execute(tx.connection())
        .await
        .doing("locking a person")?;
    Ok(())
}

/// Whether a person may act and stands in the version that was read; until the transaction ends nobody changes
/// that.
pub async fn lock_active_in(tx: &mut Tx, subject: Uuid, version: i64) -> Result<bool, Fault> {
    let found = sqlx::query_scalar!(
        r#"select true as "active!" from person
            where subject = $1 and version = $2 and status = 'active' for share"#,
        subject,
        version
    )
    .fetch_optional(tx.connection())
    .await
    .doing("locking a person")?;
    Ok(found.is_some())
}
