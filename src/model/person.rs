//! A person who can sign in.

use std::fmt;

use time::Duration;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::moment::Timestamp;
use crate::protocol::standard_claims::StandardClaims;

/// The name that a person signs in with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Username(String);

impl Username {
    /// Reads a user name: 1 to 64 ASCII letters, digits and `. _ - @ +`, in lower case whatever was
    /// typed. Names that look alike cannot exist twice, since nothing else is a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
        ((1..=64).contains(&text.len()) && text.chars().all(known)).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The text of the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The hash of a password in PHC form: never printed, wiped on drop.
#[derive(Clone)]
pub struct PasswordHash(Zeroizing<String>);

impl PasswordHash {
    /// Takes over a hash.
    #[must_use]
    pub fn new(phc: String) -> Self {
        Self(Zeroizing::new(phc))
    }

    /// The hash, for the row and for whoever verifies a password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// Whether a person may sign in at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonStatus {
    /// The person may.
    Active,
    /// An admin has stopped the person; everything that began before is dead.
    Disabled,
}

impl PersonStatus {
    /// The word in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the word of a row.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Disabled].into_iter().find(|status| status.as_str() == text)
    }
}

/// What a person may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Treats patients.
    Clinician,
    /// Is a patient, or acts for one.
    Patient,
    /// Keeps this server.
    SecurityOfficer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Clinician, Self::Patient, Self::SecurityOfficer];

    /// The word in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clinician => "clinician",
            Self::Patient => "patient",
            Self::SecurityOfficer => "security-officer",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// A person as stored.
#[derive(Clone, Debug)]
pub struct Person {
    /// The person's `sub`, never given to another.
    pub subject: Uuid,
    /// The name to sign in with.
    pub username: Username,
    /// What the person is called.
    pub name: Option<String>,
    /// The password's hash.
    pub password_hash: PasswordHash,
    /// The organization the person acts for.
    pub organization: String,
    /// What the person may be.
    pub roles: Vec<Role>,
    /// The FHIR resource that is this person (SMART App Launch, `fhirUser`).
    pub fhir_user: Option<String>,
    /// What else the person is known by (OpenID Connect Core, 5.1).
    pub claims: StandardClaims,
    /// The sealed secret of the person's second factor.
    pub sealed_totp: Option<Vec<u8>>,
    /// Whether the person may sign in.
    pub status: PersonStatus,
    /// The number of the record's version; it grows with each change.
    pub version: i64,
    /// What began before is dead: sessions, grants, tokens.
    pub not_before: Timestamp,
    /// When the person was created.
    pub created_at: Timestamp,
    /// When the person's record last changed.
    pub updated_at: Timestamp,
}

impl Person {
    /// Whether the person may act.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == PersonStatus::Active
    }

    /// The person once an admin has stopped it: what began until now is dead for good.
    #[must_use]
    pub fn disable(self, now: Timestamp) -> Self {
        Self { status: PersonStatus::Disabled, ..self.cut_off(now) }
    }

    /// The person once an admin has let it go on; what began until now stays dead.
    #[must_use]
    pub fn enable(self, now: Timestamp) -> Self {
        Self { status: PersonStatus::Active, ..self.cut_off(now) }
    }

    /// The person with another password: what began with the former one is dead.
    #[must_use]
    pub fn with_password(self, hash: PasswordHash, now: Timestamp) -> Self {
        Self { password_hash: hash, ..self.cut_off(now) }
    }

    /// Whether the person has a role.
    #[must_use]
    pub fn has_role(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The patient that this person is, when the person's FHIR resource is one.
    #[must_use]
    pub fn own_patient(&self) -> Option<&str> {
        patient_of(self.fhir_user.as_deref()?)
    }

    /// The patient that this person is at a FHIR server, by its URL: a resource that names its server is somebody
    /// else's, or nobody's, at any other.
    #[must_use]
    pub fn own_patient_at(&self, audience: &str) -> Option<&str> {
        own_patient_at(self.fhir_user.as_deref()?, audience)
    }

    /// What to call the person on a page.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(self.username.as_str())
    }

    /// Ends what began until now. Tokens carry whole seconds: those of this second die too.
    fn cut_off(self, now: Timestamp) -> Self {
        let next = now.replace_nanosecond(0).unwrap_or(now) + Duration::SECOND;
        // Whoever was let go on within this second has begun with the end of it, and is cut off once more.
        let not_before = if self.not_before < next { next } else { self.not_before + Duration::SECOND };
        Self { not_before, ..self }
    }
}

/// The patient that a FHIR resource is.
pub(in crate::model) fn patient_of(fhir_user: &str) -> Option<&str> {
    let mut segments = fhir_user.rsplit('/');
    let (id, resource) = (segments.next()?, segments.next()?);
    (resource == "Patient" && is_fhir_id(id)).then_some(id)
}

/// The patient that a FHIR resource is at a FHIR server.
pub(in crate::model) fn own_patient_at<'a>(fhir_user: &'a str, audience: &str) -> Option<&'a str> {
    let is_here = resource_at(fhir_user, audience).is_some_and(|resource| resource.starts_with("Patient/"));
    patient_of(fhir_user).filter(|_| is_here)
}

/// The FHIR resource that a person is at a FHIR server, as `type/id`. One that names no server is meant at each.
pub(in crate::model) fn resource_at<'a>(fhir_user: &'a str, audience: &str) -> Option<&'a str> {
    if !fhir_user.contains("://") {
        return Some(fhir_user);
    }
    let relative =
        fhir_user.strip_prefix(audience.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    relative.filter(|resource| resource.split('/').count() == 2)
}

/// Whether a text is the logical id of a FHIR resource (FHIR R4, `id`).
#[must_use]
pub fn is_fhir_id(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    (1..=64).contains(&text.len()) && text.chars().all(known)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::model::standing::Standing;

    fn keeps_alive(person: &Person, since: Timestamp) -> bool {
        Standing::from(person).keeps_alive(since)
    }

    const START: Timestamp = datetime!(2027-01-01 00:00:00.25 UTC);

    fn person() -> Person {
        Person {
            subject: Uuid::nil(),
            username: Username::parse("pat.rivera").unwrap(),
            name: None,
            password_hash: PasswordHash::new("$argon2id$secret".to_owned()),
            organization: "Org".to_owned(),
            roles: vec![Role::Patient],
            fhir_user: Some("Patient/rivera".to_owned()),
            claims: StandardClaims::default(),
            sealed_totp: None,
            status: PersonStatus::Active,
            version: 1,
            not_before: START,
            created_at: START,
            updated_at: START,
        }
    }

    #[test]
    fn h05_names_that_look_alike_are_one_name_or_none() {
        for same in ["Dr.Adams", "DR.ADAMS", "dr.adams"] {
            assert_eq!(Username::parse(same).unwrap().as_str(), "dr.adams");
        }
        for good in ["a", "pat+1@example.org", "x_-.9", &"x".repeat(64)] {
            assert!(Username::parse(good).is_some(), "{good}");
        }
        // Spaces, a Cyrillic a, a full-width a, a combining accent, an invisible character.
        for bad in [
            "",
            " a",
            "a ",
            "a b",
            "\u{430}dams",
            "\u{ff41}dams",
            "a\u{301}",
            "a\u{200b}b",
            "a\0",
            "a/b",
            "ſ",
        ] {
            assert!(Username::parse(bad).is_none(), "{bad:?}");
        }
        assert!(Username::parse(&"x".repeat(65)).is_none());
    }

    #[test]
    fn t09_what_began_before_a_stop_or_a_new_password_is_dead_for_good() {
        let now = START + Duration::seconds(10);
        let began = START + Duration::seconds(5);
        assert!(keeps_alive(&person(), began));
        let disabled = person().disable(now);
        assert!(!keeps_alive(&disabled, began) && !keeps_alive(&disabled, now + Duration::HOUR));
        let enabled = disabled.enable(now + Duration::SECOND);
        assert!(!keeps_alive(&enabled, began) && keeps_alive(&enabled, now + Duration::seconds(2)));
        let reset = person().with_password(PasswordHash::new("$argon2id$other".to_owned()), now);
        assert!(!keeps_alive(&reset, began) && reset.is_active());
        assert_eq!(reset.password_hash.expose(), "$argon2id$other");
    }

    #[test]
    fn t09_a_token_of_the_second_of_the_stop_is_dead_and_one_of_the_next_is_not() {
        let whole = |at: Timestamp| at.replace_nanosecond(0).unwrap();
        let now = datetime!(2027-01-01 00:00:10.7 UTC);
        let enabled = person().disable(now).enable(now);
        assert!(!keeps_alive(&enabled, whole(now)));
        // The enabling cuts off what may have begun, in the same second, with the end of it.
        assert!(!keeps_alive(&enabled, whole(now + Duration::SECOND)));
        assert!(keeps_alive(&enabled, whole(now + Duration::seconds(2))));
    }

    #[test]
    fn what_is_dead_is_never_revived_by_an_earlier_time() {
        let late = person().disable(START + Duration::HOUR);
        let not_before = late.not_before;
        assert_eq!(late.enable(START).not_before, not_before + Duration::SECOND);
    }

    #[test]
    fn a_person_who_is_a_patient_is_known_by_the_fhir_resource() {
        let as_user = |text: &str| Person { fhir_user: Some(text.to_owned()), ..person() };
        assert_eq!(person().own_patient(), Some("rivera"));
        assert_eq!(as_user("https://fhir.example/r4/Patient/p-1.a").own_patient(), Some("p-1.a"));
        for other in ["Practitioner/adams", "Patient/", "Patient", "XPatient/a", "Patient/a/b", "Patient/a b"]
        {
            assert_eq!(as_user(other).own_patient(), None, "{other}");
        }
        assert_eq!(Person { fhir_user: None, ..person() }.own_patient(), None);
    }

    #[test]
    fn a_person_is_a_patient_of_the_server_that_the_resource_names_and_of_no_other() {
        let at = |user: &str, audience: &str| {
            let person = Person { fhir_user: Some(user.to_owned()), ..person() };
            person.own_patient_at(audience).map(str::to_owned)
        };
        let own = Some("p-1".to_owned());
        assert_eq!(at("Patient/p-1", "https://a.example/r4"), own);
        for audience in ["https://a.example/r4", "https://a.example/r4/"] {
            assert_eq!(at("https://a.example/r4/Patient/p-1", audience), own);
        }
        for other in [
            "https://b.example/r4",
            "https://a.example",
            "https://a.example/r",
            "https://a.example/r4/Patient",
        ] {
            assert_eq!(at("https://a.example/r4/Patient/p-1", other), None, "{other}");
        }
        assert_eq!(at("Practitioner/p-1", "https://a.example/r4"), None);
    }

    #[test]
    fn a_person_is_a_user_of_the_server_that_the_resource_names_or_of_each() {
        let is_user = |user: Option<&str>, audience: &str| {
            let person = Person { fhir_user: user.map(str::to_owned), ..person() };
            Standing::from(&person).is_user_at(audience)
        };
        let named = Some("https://a.example/r4/Practitioner/lee");
        for (user, audience, expected) in [
            (Some("Practitioner/lee"), "https://a.example/r4", true),
            (named, "https://a.example/r4", true),
            (named, "https://a.example/r4/", true),
            (named, "https://b.example/r4", false),
            (named, "https://a.example", false),
            (None, "https://a.example/r4", false),
        ] {
            assert_eq!(is_user(user, audience), expected, "{user:?} at {audience}");
        }
    }

    #[test]
    fn words_are_read_back_and_the_hash_is_not_printed() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        for status in [PersonStatus::Active, PersonStatus::Disabled] {
            assert_eq!(PersonStatus::parse(status.as_str()), Some(status));
        }
        assert!(Role::parse("admin").is_none() && PersonStatus::parse("Active").is_none());
        assert!(!format!("{:?}", person()).contains("argon2id"));
        assert_eq!(person().label(), "pat.rivera");
        assert_eq!(Person { name: Some("Pat Rivera".to_owned()), ..person() }.label(), "Pat Rivera");
    }
}
