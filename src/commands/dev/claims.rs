//! What the demonstration people are known by beside their name.

use serde_json::{Map, json};

use crate::protocol::fields::Fields;
use crate::protocol::standard_claims::StandardClaims;

/// The claims of a demonstration person.
pub(super) fn of(username: &str) -> StandardClaims {
    let claims = match username {
        "dr.adams" => json!({
            "given_name": "Ada", "family_name": "Adams", "nickname": "Ada", "gender": "female",
            "locale": "en-US", "zoneinfo": "America/New_York", "website": "https://clinic.example/adams",
            "email": "ada.adams@clinic.example", "email_verified": true,
            "phone_number": "+1 555 010 0101", "phone_number_verified": true,
            "address": {"street_address": "1 Clinic Way", "locality": "Springfield", "region": "MA",
                "postal_code": "01101", "country": "US"},
        }),
        "pat.rivera" => json!({
            "given_name": "Pat", "family_name": "Rivera", "middle_name": "Jo", "birthdate": "1984-03-12",
            "locale": "es-US", "zoneinfo": "America/New_York",
            "email": "pat.rivera@mail.example", "email_verified": true,
            "phone_number": "+1 555 010 0102", "phone_number_verified": false,
            "address": {"formatted": "22 Elm Street\nSpringfield, MA 01105\nUSA",
                "street_address": "22 Elm Street", "locality": "Springfield", "region": "MA",
                "postal_code": "01105", "country": "US"},
        }),
        _ => json!({"email": "admin@clinic.example", "email_verified": true, "locale": "en-US"}),
    };
    let document = Map::from_iter([("claims".to_owned(), claims)]);
    StandardClaims::read(&mut Fields::of(&document), "claims")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstration_people_have_claims_of_every_scope() {
        for name in ["birthdate", "email", "phone_number", "address"] {
            assert!(of("pat.rivera").find(name).is_some(), "{name}");
        }
        assert_ne!(of("admin"), StandardClaims::default());
    }
}
