//! The demonstration people, with random passwords.

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use serde_json::{Value, json};

use crate::commands::output::Failed;
use crate::commands::terminal::Terminal;
use crate::ledger::{Done, Work};
use crate::model::person::Person;
use crate::protocol::error::Doing;

struct Demo {
    username: &'static str,
    role: &'static str,
    fhir_user: Option<&'static str>,
    patients: &'static [&'static str],
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
        role: "clinician",
        fhir_user: Some("Practitioner/adams"),
        patients: &[],
        second_factor: SecondFactor::None,
    },
    Demo {
        username: "pat.rivera",
        role: "patient",
        fhir_user: Some("Patient/rivera"),
        patients: &["rivera", "rivera-child"],
        second_factor: SecondFactor::None,
    },
    Demo {
        username: "admin",
        role: "security-officer",
        fhir_user: None,
        patients: &[],
        second_factor: SecondFactor::Totp,
    },
];

/// Makes the people that no former start has made; the answer is how they sign in.
pub async fn ensure(terminal: &Terminal, before: Option<&Value>) -> Result<Value, Failed> {
    let known = |demo: &Demo| {
        let users = before.and_then(Value::as_array)?;
        users.iter().find(|user| user.get("username").and_then(Value::as_str) == Some(demo.username)).cloned()
    };
    let mut users = Vec::new();
    for demo in PEOPLE {
        users.push(match known(&demo) {
            Some(user) => user,
            None => create(terminal, &demo).await?,
        });
    }
    Ok(Value::Array(users))
}

async fn create(terminal: &Terminal, demo: &Demo) -> Result<Value, Failed> {
    let Terminal { administration, .. } = terminal;
    let password = administration.entropy.token().doing("making a password")?;
    let salt: [u8; 16] = administration.entropy.bytes().doing("making a salt")?;
    let hash =
        Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).doing("hashing a password")?;
    let secret: Option<[u8; 20]> = match demo.second_factor {
        SecondFactor::None => None,
        SecondFactor::Totp => Some(administration.entropy.bytes().doing("making a second factor")?),
    };
    store(terminal, demo, hash.to_string(), secret).await?;
    Ok(json!({
        "username": demo.username,
        "password": password,
        "roles": [demo.role],
        "fhirUser": demo.fhir_user,
        "patients": demo.patients,
        "totp_secret": secret.map(|secret| base32(&secret)),
    }))
}

async fn store(
    terminal: &Terminal,
    demo: &Demo,
    password_hash: String,
    secret: Option<[u8; 20]>,
) -> Result<(), Failed> {
    use crate::platform::seal::Place;
    let Terminal { administration, caller } = terminal;
    let event = administration.event(caller, "user.create")?;
    let subject = administration.entropy.id(event.at).doing("naming a person")?;
    let row = subject.to_string();
    let place = Place { table: "person", column: "sealed_totp", row: &row };
    let sealed_totp = secret.map(|secret| administration.sealer.seal(place, &secret)).transpose()?;
    let person = Person {
        subject,
        username: demo.username.to_owned(),
        password_hash,
        organization: "Demonstration".to_owned(),
        roles: vec![demo.role.to_owned()],
        fhir_user: demo.fhir_user.map(str::to_owned),
        patients: demo.patients.iter().map(|patient| (*patient).to_owned()).collect(),
        sealed_totp,
        created_at: event.at,
    };
    administration
        .ledger
        .transact(event, move |tx, event| -> Work<'_, ()> {
            Box::pin(async move {
                event.target = Some(person.username.clone());
                crate::store::person::upsert(tx, &person).await?;
                Ok(Done::Changed(()))
            })
        })
        .await?;
    Ok(())
}

/// Base32 without padding (RFC 4648, 6), as authenticator apps take secrets.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let index = |chunk: &[u8]| {
        (0..5).fold(0, |value, at| value * 2 + usize::from(chunk.get(at).copied().unwrap_or(0)))
    };
    bits.chunks(5).filter_map(|chunk| LETTERS.get(index(chunk)).copied().map(char::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (plain, encoded) in [("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foobar", "MZXW6YTBOI")] {
            assert_eq!(base32(plain.as_bytes()), encoded);
        }
    }
}
