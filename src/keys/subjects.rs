//! The name by which a client knows a person: the same everywhere, or one for each sector (OpenID Connect Core, 8).

use aws_lc_rs::hmac;
use uuid::Uuid;

use crate::jose::base64url;
use crate::model::authorization::Subject;
use crate::model::client::Client;
use crate::protocol::client_metadata::SubjectType;

/// Names people to clients. Whoever does not hold the key cannot tell which names of two sectors are one person's.
pub struct Subjects {
    key: hmac::Key,
}

impl Subjects {
    /// A giver of names with a key of 32 bytes.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// The `sub` of what is told to a client, or in its name.
    #[must_use]
    pub fn sub(&self, client: &Client, subject: &Subject) -> String {
        match subject {
            Subject::Client(id) => id.to_string(),
            Subject::Person(person) => self.of_person(client, &person.standing.subject),
        }
    }

    /// The `sub` by which a client knows a person.
    #[must_use]
    pub fn of_person(&self, client: &Client, subject: &Uuid) -> String {
        if client.metadata.subject_type == SubjectType::Public {
            return subject.to_string();
        }
        // A registration without a sector is not accepted; should one ever be without, its sector is itself.
        let sector = client.metadata.sector().unwrap_or_else(|| format!("client {}", client.id));
        let text = [sector.as_bytes(), b"\0", subject.as_bytes()].concat();
        base64url::encode(hmac::sign(&self.key, &text).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::client::ClientStatus;
    use crate::moment::Timestamp;
    use crate::protocol::client_metadata::ClientMetadata;
    use crate::protocol::ids::ClientId;

    fn client(subject_type: &str, redirect_uri: &str) -> Client {
        let document = json!({"client_name": "a", "organization": "b", "token_endpoint_auth_method": "none",
            "redirect_uris": [redirect_uri], "subject_type": subject_type});
        Client {
            id: ClientId::parse("app").unwrap(),
            status: ClientStatus::Active,
            provenance: crate::model::registration::Provenance::ADMINISTRATOR,
            metadata: ClientMetadata::parse(document.as_object().unwrap()).unwrap(),
            version: 1,
            tokens_not_before: Timestamp::UNIX_EPOCH,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_person_has_one_name_for_each_sector() {
        let subjects = Subjects::new(&[7; 32]);
        let (one, other) = (Uuid::from_bytes([1; 16]), Uuid::from_bytes([2; 16]));
        let public = client("public", "https://a.example/cb");
        assert_eq!(subjects.of_person(&public, &one), one.to_string());
        let of_a = client("pairwise", "https://a.example/cb");
        let also_of_a = client("pairwise", "https://a.example/other");
        let of_b = client("pairwise", "https://b.example/cb");
        let sub = subjects.of_person(&of_a, &one);
        assert_eq!(sub, subjects.of_person(&also_of_a, &one));
        assert!((1..=255).contains(&sub.len()) && !sub.contains(&one.to_string()));
        for different in [
            subjects.of_person(&of_b, &one),
            subjects.of_person(&of_a, &other),
            Subjects::new(&[8; 32]).of_person(&of_a, &one),
        ] {
            assert_ne!(sub, different);
        }
        assert_eq!(subjects.of_person(&of_a, &one), sub);
        assert_ne!(subjects.of_person(&of_a, &other), sub);
        assert_ne!(subjects.of_person(&of_b, &one), sub);
    }
}
