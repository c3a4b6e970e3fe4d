//! People who sign in: created, read, patched, stopped, reset. Nobody is deleted, so that a subject is
//! never another person's (45 CFR 164.312(a)(2)(i)).

use std::collections::HashMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::ledger::{Done, Work, ending};
use crate::model::audit_event::AuditEvent;
use crate::model::page::Page;
use crate::model::person::{PasswordHash, Person, PersonStatus, Username};
use crate::model::relationship::Relationship;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};
use crate::protocol::secret::Secret;
use crate::protocol::standard_claims::StandardClaims;
use crate::store::{self, Tx};

use super::actor::{Actor, Caller};
use super::profile::{self, Newcomer, Profile, Record};
use super::{Administration, expect_version, merge, not_found, passwords, privilege};

/// A person, and the password that was made the one time it is shown.
#[derive(Debug)]
pub struct Admitted {
    /// The person.
    pub record: Record,
    /// The password that was made.
    pub password: Option<Secret>,
}

/// Which person to change, and in which version.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The person.
    pub subject: Uuid,
    /// The version that the change was made for, if the caller says.
    pub version: Option<i64>,
}

type Change = Box<dyn FnOnce(Record, Timestamp) -> Result<Record, Refusal> + Send>;

impl Administration {
    /// Creates a person, with the password of the document or one that is made here.
    pub async fn create_user(
        &self,
        caller: &Caller,
        document: &Map<String, Value>,
    ) -> Result<Admitted, Failure> {
        let mut event = self.event(caller, "user.create")?;
        let named = document.get("username").and_then(Value::as_str).and_then(Username::parse);
        event.target = named.as_ref().map(ToString::to_string);
        let (record, password) = match self.prepare(caller, document, event.at).await {
            Ok(prepared) => prepared,
            Err(failure) => return self.refuse(event, failure).await,
        };
        name(&mut event, &caller.actor, &record.person);
        let actor = caller.actor.clone();
        let record = self
            .ledger
            .transact(event, move |tx, _| -> Work<'_, Record> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    if store::person::insert(tx, &record.person).await? {
                        store::relationship::insert_all(tx, &record.person.subject, &record.patients).await?;
                        return Ok(Done::Changed(record));
                    }
                    let told = "somebody has that user name already";
                    Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("username_taken")).into())
                })
            })
            .await?;
        Ok(Admitted { record, password })
    }

    /// Finds a person.
    pub async fn find_user(&self, subject: &Uuid) -> Result<Record, Failure> {
        let found = store::person::find(&self.db, subject).await?;
        self.record(found.ok_or_else(|| not_found("person_unknown"))?).await
    }

    /// Finds a person by the name to sign in with.
    pub async fn find_user_named(&self, username: &Username) -> Result<Record, Failure> {
        let found = store::person::find_by_username(&self.db, username).await?;
        self.record(found.ok_or_else(|| not_found("person_unknown"))?).await
    }

    /// Finds a page of people.
    pub async fn list_users(&self, page: &Page<Username>) -> Result<Vec<Record>, Fault> {
        self.records(store::person::find_page(&self.db, page).await?).await
    }

    async fn record(&self, person: Person) -> Result<Record, Failure> {
        let found = self.records(vec![person]).await?;
        found.into_iter().next().ok_or_else(|| not_found("person_unknown").into())
    }

    /// The people with the patients that each may act for.
    async fn records(&self, people: Vec<Person>) -> Result<Vec<Record>, Fault> {
        let subjects: Vec<Uuid> = people.iter().map(|person| person.subject).collect();
        let mut patients: HashMap<Uuid, Vec<Relationship>> = HashMap::new();
        for (subject, patient) in store::relationship::find_of_people(&self.db, &subjects).await? {
            patients.entry(subject).or_default().push(patient);
        }
        let record = |person: Person| {
            let patients = patients.remove(&person.subject).unwrap_or_default();
            Record { person, patients }
        };
        Ok(people.into_iter().map(record).collect())
    }

    /// Merges a patch into what is said of a person (RFC 7396).
    pub async fn patch_user(
        &self,
        caller: &Caller,
        target: Target,
        patch: Map<String, Value>,
    ) -> Result<Record, Failure> {
        let (mut event, found) = self.begin(caller, "user.patch", target).await?;
        let members = patch.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
        event.detail = Some(event.detail.map_or(members.clone(), |detail| format!("{detail}: {members}")));
        // Judged on what was read; merged again into what is locked.
        let patched = move |record: Record| {
            let mut document = Profile::of(&record);
            merge(&mut document, patch.clone());
            Ok(Profile::parse(&document)?.said_of(record.person))
        };
        match patched(found) {
            Ok(_) => {
                self.change_user(caller, event, target, Box::new(move |record, _| patched(record))).await
            }
            Err(refusal) => self.refuse(event, Failure::Refusal(refusal)).await,
        }
    }

    /// Stops a person: nobody signs in so, and what the person began is dead.
    pub async fn disable_user(&self, caller: &Caller, target: Target) -> Result<Record, Failure> {
        let (event, _) = self.begin(caller, "user.disable", target).await?;
        let change: Change = Box::new(|record, now| Ok(record.with(|person| person.disable(now))));
        self.change_user(caller, event, target, change).await
    }

    /// Lets a stopped person go on; what the person began before stays dead.
    pub async fn enable_user(&self, caller: &Caller, target: Target) -> Result<Record, Failure> {
        let (event, _) = self.begin(caller, "user.enable", target).await?;
        let change: Change = Box::new(|record, now| Ok(record.with(|person| person.enable(now))));
        self.change_user(caller, event, target, change).await
    }

    /// Gives a person another password: the one of the document or one that is made here. What the
    /// person began before is dead when the answer is given.
    pub async fn reset_user(
        &self,
        caller: &Caller,
        target: Target,
        document: &Map<String, Value>,
    ) -> Result<Admitted, Failure> {
        let (event, Record { person, .. }) = self.begin(caller, "user.reset", target).await?;
        let about =
            [person.username.as_str(), person.name.as_deref().unwrap_or_default(), &person.organization];
        // Nobody makes this server hash who may not reset this person.
        let allowed = privilege::is_within_roles(&caller.actor, &person.roles);
        let hashed = match allowed.and_then(|()| profile::chosen_password(document)) {
            Ok(chosen) => self.hashed(chosen, &about).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (hash, password) = match hashed {
            Ok(hashed) => hashed,
            Err(failure) => return self.refuse(event, failure).await,
        };
        let change: Change =
            Box::new(move |record, now| Ok(record.with(|person| person.with_password(hash, now))));
        let record = self.change_user(caller, event, target, change).await?;
        Ok(Admitted { record, password })
    }

    /// The record of a change of a person, and the person as found before.
    async fn begin(
        &self,
        caller: &Caller,
        action: &str,
        target: Target,
    ) -> Result<(AuditEvent, Record), Failure> {
        let mut event = self.event(caller, action)?;
        match self.find_user(&target.subject).await {
            Ok(record) => {
                name(&mut event, &caller.actor, &record.person);
                Ok((event, record))
            }
            Err(failure) => {
                event.target = Some(target.subject.to_string());
                self.refuse(event, failure).await
            }
        }
    }

    /// Locks a person, changes the person, and judges what came of it.
    async fn change_user(
        &self,
        caller: &Caller,
        event: AuditEvent,
        target: Target,
        change: Change,
    ) -> Result<Record, Failure> {
        let actor = caller.actor.clone();
        let clock = self.clock.clone();
        let changed = self
            .ledger
            .transact(event, move |tx, _| -> Work<'_, Record> {
                Box::pin(async move {
                    let before = locked(tx, &actor, target).await?;
                    // The time of the lock, not of the request: nobody signs in with what was true before
                    // while a password is hashed or the lock is waited for.
                    let now = clock.now();
                    let after = change(before.clone(), now)?;
                    privilege::is_within_roles(&actor, &after.person.roles)?;
                    privilege::leaves_an_officer(&actor, tx, &before.person, &after.person).await?;
                    let version = store::person::update(tx, &after.person, now).await?;
                    if after.person.not_before != before.person.not_before {
                        // They are dead by that already; whoever had tokens in them is told.
                        ending::end_all(tx, target.subject, now).await?;
                    }
                    if after.patients != before.patients {
                        store::relationship::delete_all(tx, &target.subject).await?;
                        store::relationship::insert_all(tx, &target.subject, &after.patients).await?;
                    }
                    Ok(Done::Changed(after.with(|person| Person { version, updated_at: now, ..person })))
                })
            })
            .await?;
        self.ledger.ring();
        Ok(changed)
    }

    /// Reads and judges a person to be.
    async fn prepare(
        &self,
        caller: &Caller,
        document: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<(Record, Option<Secret>), Failure> {
        let Newcomer { username, password, profile } = Newcomer::parse(document)?;
        let [named, organization] = profile.known();
        let about = [username.as_str(), named, organization].map(str::to_owned);
        let record = profile.said_of(Person {
            subject: self.entropy.id(now).doing("naming a person")?,
            username,
            name: None,
            password_hash: PasswordHash::new(String::new()),
            organization: String::new(),
            roles: Vec::new(),
            fhir_user: None,
            claims: StandardClaims::default(),
            sealed_totp: None,
            status: PersonStatus::Active,
            version: 1,
            not_before: Timestamp::UNIX_EPOCH,
            created_at: now,
            updated_at: now,
        });
        privilege::is_within_roles(&caller.actor, &record.person.roles)?;
        let (password_hash, made) = self.hashed(password, &about.each_ref().map(String::as_str)).await?;
        Ok((record.with(|person| Person { password_hash, ..person }), made))
    }

    /// Judges and hashes the password that was chosen, or one that is made and shown.
    async fn hashed(
        &self,
        chosen: Option<Secret>,
        about: &[&str],
    ) -> Result<(PasswordHash, Option<Secret>), Failure> {
        let (password, made) = if let Some(chosen) = chosen {
            passwords::judge(&chosen, about).map_err(profile::refusal)?;
            (chosen, None)
        } else {
            let made = passwords::make(&self.entropy).doing("making a password")?;
            (Secret::new(made.expose().to_owned()), Some(made))
        };
        Ok((PasswordHash::new(self.passwords.hash(password).await?), made))
    }
}

/// Locks the person to change, if the actor may touch the person.
async fn locked(tx: &mut Tx, actor: &Actor, target: Target) -> Result<Record, Failure> {
    store::person::wait_for_changes(tx).await?;
    let found = store::person::find_in(tx, &target.subject).await?;
    let person = found.ok_or_else(|| not_found("person_unknown"))?;
    privilege::still_stands(actor, tx).await?;
    expect_version(target.version, person.version)?;
    privilege::is_within_roles(actor, &person.roles)?;
    let patients = store::relationship::find_in(tx, &target.subject).await?;
    Ok(Record { person, patients })
}

/// Writes whom it is about into a record. At a terminal the record's person is who sits there.
fn name(event: &mut AuditEvent, actor: &Actor, person: &Person) {
    event.target = Some(person.username.to_string());
    match actor {
        Actor::Client { .. } => {
            event.person = Some(person.subject.to_string());
            event.person_organization = Some(person.organization.clone());
        }
        Actor::Terminal { .. } => event.detail = Some(person.subject.to_string()),
    }
}
