//! The demonstration people, with random passwords.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::admin::Administration;
use crate::commands::output::Failed;
use crate::commands::terminal::Terminal;
use crate::ledger::{Done, Work};
use crate::model::person::{PasswordHash, Person, PersonStatus, Role, Username};
use crate::moment::Timestamp;
use crate::platform::seal::Place;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::protocol::secret::Secret;
use crate::protocol::standard_claims::StandardClaims;
use crate::store;

use super::{claims, patients};

struct Demo {
    username: &'static str,
    name: &'static str,
    role: Role,
    fhir_user: Option<&'static str>,
    patients: &'static [(&'static str, &'static str)],
    second_factor: SecondFactor,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SecondFactor {
    None,
    Totp,
}

const PEOPLE: [Demo; 3] = [
    Demo {
        username: "dr.adams",
        name: "Dr. Ada Adams",
        role: Role::Clinician,
        fhir_user: Some("Practitioner/adams"),
        patients: &[
            ("rivera", "care-team"),
            ("rivera-child", "care-team"),
            ("nguyen", "care-team"),
            ("okafor", "care-team"),
            ("smith-1950", "care-team"),
            ("smith-1991", "care-team"),
            ("haddad", "care-team"),
        ],
        second_factor: SecondFactor::None,
    },
    Demo {
        username: "pat.rivera",
        name: "Pat Rivera",
        role: Role::Patient,
        fhir_user: Some("Patient/rivera"),
        patients: &[("rivera", "self"), ("rivera-child", "proxy")],
        second_factor: SecondFactor::None,
    },
    Demo {
        username: "admin",
        name: "Admin",
        role: Role::SecurityOfficer,
        fhir_user: None,
        patients: &[],
        second_factor: SecondFactor::Totp,
    },
];

/// What a person signs in with.
struct Credentials {
    password: String,
    second_factor: Option<[u8; SECRET]>,
}

/// The length of the secret of a second factor (RFC 4226, 4, R6).
const SECRET: usize = 20;

/// Sees to it that each person can sign in with what the fixtures tell: those of a former start, where
/// they tell of the person. The answer is how the people sign in.
pub async fn ensure(terminal: &Terminal, fhir: &str, before: Option<&Value>) -> Result<Value, Failed> {
    let mut users = Vec::new();
    for demo in PEOPLE {
        let told = before.and_then(Value::as_array).and_then(|users| {
            users.iter().find(|user| user.get("username").and_then(Value::as_str) == Some(demo.username))
        });
        let credentials = credentials(&terminal.administration, &demo, told)?;
        settle(terminal, &demo, &credentials).await?;
        patients::ensure(terminal, &demo.username()?, (fhir, demo.patients)).await?;
        let patients: Vec<&str> = demo.patients.iter().map(|(patient, _)| *patient).collect();
        users.push(json!({
            "username": demo.username,
            "name": demo.name,
            "password": credentials.password,
            "roles": [demo.role.as_str()],
            "fhirUser": demo.fhir_user,
            "patients": patients,
            "totp_secret": credentials.second_factor.map(|secret| base32(&secret)),
        }));
    }
    Ok(Value::Array(users))
}

/// What was told at a former start, or what is made now.
fn credentials(
    administration: &Administration,
    demo: &Demo,
    told: Option<&Value>,
) -> Result<Credentials, Fault> {
    let text = |member: &str| told.and_then(|user| user.get(member)).and_then(Value::as_str);
    let password = match text("password") {
        Some(password) => password.to_owned(),
        None => administration.entropy.token().doing("making a password")?,
    };
    let second_factor = match (demo.second_factor, text("totp_secret").and_then(from_base32)) {
        (SecondFactor::None, _) => None,
        (SecondFactor::Totp, Some(secret)) => Some(secret),
        (SecondFactor::Totp, None) => Some(administration.entropy.bytes().doing("making a second factor")?),
    };
    Ok(Credentials { password, second_factor })
}

/// Creates the person, or gives one that is there what the fixtures tell.
async fn settle(terminal: &Terminal, demo: &Demo, credentials: &Credentials) -> Result<(), Failed> {
    let Administration { db, entropy, clock, .. } = &terminal.administration;
    let username = demo.username()?;
    match store::person::find_by_username(db, &username).await? {
        Some(person) if is_as_told(&terminal.administration, &person, credentials).await? => Ok(()),
        Some(person) => {
            let (hash, sealed) = kept(&terminal.administration, person.subject, credentials).await?;
            mend(terminal, person.subject, (demo.name, hash, sealed)).await
        }
        None => {
            let now = clock.now();
            let subject = entropy.id(now).doing("naming a person")?;
            let (hash, sealed_totp) = kept(&terminal.administration, subject, credentials).await?;
            create(terminal, Person { sealed_totp, ..demo.person((subject, username), hash, now) }).await
        }
    }
}

async fn is_as_told(
    administration: &Administration,
    person: &Person,
    credentials: &Credentials,
) -> Result<bool, Failed> {
    let stored = person.password_hash.expose().to_owned();
    let password = Secret::new(credentials.password.clone());
    let row = person.subject.to_string();
    // One that cannot be opened was sealed under another master key, and is made anew.
    let opened = match &person.sealed_totp {
        Some(sealed) => administration.sealer.open(second_factor_of(&row), sealed).await.ok(),
        None => None,
    };
    let same_factor = match (&opened, &credentials.second_factor) {
        (Some(opened), Some(told)) => opened.as_slice() == told,
        (None, None) => person.sealed_totp.is_none(),
        (Some(_), None) | (None, Some(_)) => false,
    };
    let hasher = &administration.passwords;
    let verified = match hasher.enter() {
        Ok(place) => hasher.verify(place, password, Some(stored)).await,
        Err(busy) => Err(busy),
    };
    let is_known = person.name.is_some() && person.claims != StandardClaims::default();
    Ok(is_known && same_factor && verified.map_err(Failure::from)?)
}

/// The credentials as they are kept: the password's hash, the sealed second factor.
async fn kept(
    administration: &Administration,
    subject: Uuid,
    credentials: &Credentials,
) -> Result<(PasswordHash, Option<Vec<u8>>), Failed> {
    let row = subject.to_string();
    let sealed = match &credentials.second_factor {
        Some(secret) => Some(administration.sealer.seal(second_factor_of(&row), secret).await?),
        None => None,
    };
    let hashed = administration.passwords.hash(Secret::new(credentials.password.clone())).await;
    Ok((PasswordHash::new(hashed.map_err(Failure::from)?), sealed))
}

async fn create(terminal: &Terminal, person: Person) -> Result<(), Failed> {
    let Terminal { administration, caller } = terminal;
    let mut event = administration.event(caller, "user.create")?;
    event.target = Some(person.username.to_string());
    administration
        .ledger
        .transact(event, move |tx, _| -> Work<'_, ()> {
            Box::pin(async move {
                if store::person::insert(tx, &person).await? {
                    return Ok(Done::Changed(()));
                }
                Err(Fault::new("creating a person", "somebody was given the user name meanwhile").into())
            })
        })
        .await?;
    Ok(())
}

async fn mend(
    terminal: &Terminal,
    subject: Uuid,
    (name, hash, sealed_totp): (&'static str, PasswordHash, Option<Vec<u8>>),
) -> Result<(), Failed> {
    let Terminal { administration, caller } = terminal;
    let event = administration.event(caller, "user.reset")?;
    administration
        .ledger
        .transact(event, move |tx, event| -> Work<'_, ()> {
            Box::pin(async move {
                let Some(person) = store::person::find_in(tx, &subject).await? else {
                    return Err(Fault::new("mending a person", "the person is gone").into());
                };
                event.target = Some(person.username.to_string());
                let name = person.name.clone().or_else(|| Some(name.to_owned()));
                let claims = match &person.claims {
                    none if *none == StandardClaims::default() => claims::of(person.username.as_str()),
                    known => known.clone(),
                };
                let person = Person { name, claims, sealed_totp, ..person.with_password(hash, event.at) };
                store::person::update(tx, &person, event.at).await?;
                Ok(Done::Changed(()))
            })
        })
        .await?;
    Ok(())
}

impl Demo {
    fn username(&self) -> Result<Username, Failed> {
        Username::parse(self.username).ok_or_else(|| Failed(self.username.to_owned()))
    }

    fn person(
        &self,
        (subject, username): (Uuid, Username),
        password_hash: PasswordHash,
        now: Timestamp,
    ) -> Person {
        Person {
            subject,
            username,
            name: Some(self.name.to_owned()),
            password_hash,
            organization: "Demonstration".to_owned(),
            roles: vec![self.role],
            fhir_user: self.fhir_user.map(str::to_owned),
            claims: claims::of(self.username),
            sealed_totp: None,
            status: PersonStatus::Active,
            version: 1,
            not_before: Timestamp::UNIX_EPOCH,
            created_at: now,
            updated_at: now,
        }
    }
}

/// Where the sealed secret of a person's second factor stands.
const fn second_factor_of(row: &str) -> Place<'_> {
    Place { table: "person", column: "sealed_totp", row }
}

const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Base32 without padding (RFC 4648, 6), as authenticator apps take secrets.
fn base32(bytes: &[u8]) -> String {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let index = |chunk: &[u8]| {
        (0..5).fold(0, |value, at| value * 2 + usize::from(chunk.get(at).copied().unwrap_or(0)))
    };
    bits.chunks(5).filter_map(|chunk| LETTERS.get(index(chunk)).copied().map(char::from)).collect()
}

/// Reads what `base32` wrote, when it is as long as a secret.
fn from_base32(text: &str) -> Option<[u8; SECRET]> {
    let value = |c: u8| LETTERS.iter().position(|letter| *letter == c);
    let values: Option<Vec<usize>> = text.bytes().map(value).collect();
    let bits: Vec<usize> =
        values?.into_iter().flat_map(|value| (0..5).rev().map(move |bit| value >> bit & 1)).collect();
    let byte = |chunk: &[usize]| u8::try_from(chunk.iter().fold(0, |value, bit| value * 2 + bit)).ok();
    let bytes: Option<Vec<u8>> = bits.chunks_exact(8).map(byte).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (plain, encoded) in [("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foobar", "MZXW6YTBOI")] {
            assert_eq!(base32(plain.as_bytes()), encoded);
        }
        let secret: [u8; SECRET] = *b"\xff\x00a secret of twenty";
        assert_eq!(from_base32(&base32(&secret)), Some(secret));
        assert_eq!((from_base32("MY"), from_base32(&"a1".repeat(16))), (None, None));
    }
}
