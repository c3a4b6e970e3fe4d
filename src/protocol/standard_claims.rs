//! The claims about a person that OpenID Connect Core, 5.1 names, the scopes that ask for them (5.4), and what this
//! server keeps of them beside a person's names.

use serde_json::{Map, Value, json};
use time::Date;
use time::format_description::well_known::Iso8601;
use url::Url;

use super::fields::Fields;

/// A claim: its name, the scope that asks for it and others, and what people call it.
type Claim = (&'static str, &'static str, &'static str);

/// Every claim about a person.
const CLAIMS: [Claim; 20] = [
    ("name", "profile", "your name"),
    ("family_name", "profile", "your family name"),
    ("given_name", "profile", "your given name"),
    ("middle_name", "profile", "your middle name"),
    ("nickname", "profile", "your nickname"),
    ("preferred_username", "profile", "your username"),
    ("profile", "profile", "the address of your page on the web"),
    ("picture", "profile", "your picture"),
    ("website", "profile", "the address of your website"),
    ("gender", "profile", "your gender"),
    ("birthdate", "profile", "your date of birth"),
    ("zoneinfo", "profile", "your time zone"),
    ("locale", "profile", "your language"),
    ("updated_at", "profile", "when your account was last changed"),
    ("email", "email", "your e-mail address"),
    ("email_verified", "email", "whether your e-mail address was checked"),
    ("address", "address", "your postal address"),
    ("phone_number", "phone", "your telephone number"),
    ("phone_number_verified", "phone", "whether your telephone number was checked"),
    ("fhirUser", "fhirUser", "which record in the FHIR server is yours (or your role)"),
];

/// The members of an address (5.1.1).
const ADDRESS: [&str; 6] = ["formatted", "street_address", "locality", "region", "postal_code", "country"];

/// The longest text of a claim, in bytes.
const LONGEST: usize = 512;

/// The names of every claim about a person.
pub fn names() -> impl Iterator<Item = &'static str> {
    CLAIMS.iter().map(|(name, _, _)| *name)
}

/// The scope that asks for a claim and others of its kind.
#[must_use]
pub fn scope_of(claim: &str) -> Option<&'static str> {
    CLAIMS.iter().find(|(name, _, _)| *name == claim).map(|(_, scope, _)| *scope)
}

/// What people call a claim.
#[must_use]
pub fn called(claim: &str) -> Option<&'static str> {
    CLAIMS.iter().find(|(name, _, _)| *name == claim).map(|(_, _, called)| *called)
}

/// The claims that a scope asks for.
pub fn of_scope(scope: &str) -> impl Iterator<Item = &'static str> + use<'_> {
    CLAIMS.iter().filter(move |(_, of, _)| *of == scope).map(|(name, _, _)| *name)
}

/// What is kept of a person's claims: each is as OpenID Connect Core, 5.1 wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandardClaims(Map<String, Value>);

/// How the text of a claim is read.
type Read = fn(&str) -> Result<String, &'static str>;

impl StandardClaims {
    /// Reads a member that holds claims; what is wrong inside is named by its path.
    pub fn read(fields: &mut Fields<'_>, member: &'static str) -> Self {
        let Some(object) = object(fields, member) else { return Self::default() };
        let mut inner = Fields::of(object);
        let mut kept = Map::new();
        for name in ["family_name", "given_name", "middle_name", "nickname", "gender"] {
            keep(&mut kept, name, inner.parsed(name, short));
        }
        for name in ["profile", "picture", "website"] {
            keep(&mut kept, name, inner.parsed(name, web_address));
        }
        keep(&mut kept, "birthdate", inner.parsed("birthdate", birthdate));
        keep(&mut kept, "zoneinfo", inner.parsed("zoneinfo", zone));
        keep(&mut kept, "locale", inner.parsed("locale", locale));
        let checkable: [(_, _, Read); 2] =
            [("email", "email_verified", email), ("phone_number", "phone_number_verified", phone_number)];
        for (name, checked, read) in checkable {
            let is_checked = inner.flag(checked);
            match inner.parsed(name, read) {
                Some(text) => {
                    kept.insert(name.to_owned(), json!(text));
                    kept.insert(checked.to_owned(), json!(is_checked));
                }
                None if is_checked => {
                    inner.problem(checked, "says that something was checked that is not told");
                }
                None => {}
            }
        }
        if let Some(address) = address(&mut inner) {
            kept.insert("address".to_owned(), Value::Object(address));
        }
        under(fields, member, inner);
        Self(kept)
    }

    /// Takes over what a row keeps; `None` when it is no object.
    #[must_use]
    pub fn kept(row: Value) -> Option<Self> {
        match row {
            Value::Object(claims) => Some(Self(claims)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
        }
    }

    /// The claims as they are told and kept.
    #[must_use]
    pub fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// One claim.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// A member that must be an object.
fn object<'a>(fields: &mut Fields<'a>, member: &'static str) -> Option<&'a Map<String, Value>> {
    let value = fields.value(member)?;
    let object = value.as_object();
    if object.is_none() {
        fields.problem(member, "must be an object");
    }
    object
}

/// Ends the reading of an object inside another.
fn under(fields: &mut Fields<'_>, member: &'static str, inner: Fields<'_>) {
    for problem in inner.finish() {
        fields.problem(format!("{member}.{}", problem.field), problem.says);
    }
}

fn keep(kept: &mut Map<String, Value>, name: &str, text: Option<String>) {
    if let Some(text) = text {
        kept.insert(name.to_owned(), json!(text));
    }
}

/// The postal address; its lines may be more than one (5.1.1).
fn address(fields: &mut Fields<'_>) -> Option<Map<String, Value>> {
    let mut inner = Fields::of(object(fields, "address")?);
    let mut kept = Map::new();
    for name in ADDRESS {
        let Some(value) = inner.value(name) else { continue };
        let is_line = |text: &&str| {
            let plain =
                |c: char| !c.is_control() || (c == '\n' && matches!(name, "formatted" | "street_address"));
            !text.trim().is_empty() && text.len() <= LONGEST && text.chars().all(plain)
        };
        match value.as_str().filter(is_line) {
            Some(text) => keep(&mut kept, name, Some(text.to_owned())),
            None => inner.problem(name, "must be a text of at most 512 bytes"),
        }
    }
    under(fields, "address", inner);
    (!kept.is_empty()).then_some(kept)
}

fn short(text: &str) -> Result<String, &'static str> {
    if text.len() <= LONGEST && text.trim() == text {
        Ok(text.to_owned())
    } else {
        Err("must have at most 512 bytes, and no space at its ends")
    }
}

/// A page of the web.
fn web_address(text: &str) -> Result<String, &'static str> {
    let is_page = Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host());
    if is_page && text.len() <= 2048 { Ok(text.to_owned()) } else { Err("must be an https URL") }
}

/// A day, or a year alone; the year 0000 is one that is not told (5.1).
fn birthdate(text: &str) -> Result<String, &'static str> {
    let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_day = text.len() == 10 && Date::parse(text, &Iso8601::DATE).is_ok();
    if is_year || is_day { Ok(text.to_owned()) } else { Err("must be YYYY-MM-DD, or YYYY") }
}

/// A name of the time zone database, such as `Europe/Paris`.
fn zone(text: &str) -> Result<String, &'static str> {
    let known = |c: char| c.is_ascii_alphanumeric() || "_+-/".contains(c);
    if text.len() <= 64 && text.chars().all(known) {
        Ok(text.to_owned())
    } else {
        Err("must be a name of the time zone database, such as Europe/Paris")
    }
}

/// A language tag (RFC 5646), such as `en-US`.
fn locale(text: &str) -> Result<String, &'static str> {
    let is_subtag =
        |part: &str| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric());
    if text.len() <= 64 && text.split('-').all(is_subtag) {
        Ok(text.to_owned())
    } else {
        Err("must be a language tag, such as en-US")
    }
}

/// An address as RFC 5322, 3.4.1 has it, as far as anybody uses that.
fn email(text: &str) -> Result<String, &'static str> {
    let is_plain = text.len() <= 254 && !text.contains([' ', '<', '>', '(', ')', ',', ';', '"', '\\']);
    let is_address = text
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if is_plain && is_address { Ok(text.to_owned()) } else { Err("must be an e-mail address") }
}

/// A number as E.164 has it, with an extension as RFC 3966 has that.
fn phone_number(text: &str) -> Result<String, &'static str> {
    let (number, extension) = text.split_once(";ext=").map_or((text, None), |(a, b)| (a, Some(b)));
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    let known = |c: char| c.is_ascii_digit() || " -().".contains(c);
    let is_number = number.strip_prefix('+').is_some_and(|rest| rest.chars().all(known));
    let is_extension =
        extension.is_none_or(|text| (1..=10).contains(&text.len()) && digits(text) == text.len());
    if is_number && is_extension && (5..=15).contains(&digits(number)) && text.len() <= 64 {
        Ok(text.to_owned())
    } else {
        Err("must be a number with its country, such as +1 555 010 0199")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(claims: &Value) -> (StandardClaims, Vec<String>) {
        let document = json!({ "claims": claims });
        let mut fields = Fields::of(document.as_object().unwrap());
        let read = StandardClaims::read(&mut fields, "claims");
        (read, fields.finish().into_iter().map(|problem| problem.field).collect())
    }

    #[test]
    fn every_claim_has_one_scope() {
        assert_eq!(of_scope("email").collect::<Vec<_>>(), ["email", "email_verified"]);
        assert_eq!(scope_of("birthdate"), Some("profile"));
        assert_eq!((scope_of("sub"), scope_of("acr"), called("x")), (None, None, None));
        assert_eq!(names().count(), 20);
    }

    #[test]
    fn claims_are_kept_as_they_were_told() {
        let told = json!({"given_name": "Pat", "birthdate": "1990-02-28", "zoneinfo": "America/New_York",
            "locale": "es-US", "email": "pat@rivera.example", "email_verified": true, "website": "https://r.example/",
            "phone_number": "+1 (555) 010-0199;ext=7", "address": {"street_address": "1 Main St\nApt 2", "country": "US"}});
        let (kept, problems) = read(&told);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(kept.find("phone_number_verified"), Some(&json!(false)), "unless it was said");
        let again = read(&kept.to_json()).0;
        assert_eq!(again, kept);
        assert_eq!(StandardClaims::kept(kept.to_json()), Some(kept));
        assert_eq!(StandardClaims::kept(json!([])), None);
        assert!(
            read(&json!({"birthdate": "1990"})).1.is_empty()
                && read(&json!({"birthdate": "0000-01-31"})).1.is_empty()
        );
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        for (claims, named) in [
            (json!("x"), "claims"),
            (json!({"sub": "x"}), "claims.sub"),
            (json!({"name": "x"}), "claims.name"),
            (json!({"birthdate": "28.2.1990"}), "claims.birthdate"),
            (json!({"birthdate": "1990-02-30"}), "claims.birthdate"),
            (json!({"email": "pat"}), "claims.email"),
            (json!({"email": "Pat <pat@x.example>"}), "claims.email"),
            (json!({"email_verified": true}), "claims.email_verified"),
            (json!({"email": "a@b.example", "email_verified": "yes"}), "claims.email_verified"),
            (json!({"phone_number": "555 0100"}), "claims.phone_number"),
            (json!({"picture": "javascript:alert(1)"}), "claims.picture"),
            (json!({"zoneinfo": "Mars Station"}), "claims.zoneinfo"),
            (json!({"locale": "en_US"}), "claims.locale"),
            (json!({"address": "1 Main St"}), "claims.address"),
            (json!({"address": {"planet": "Earth"}}), "claims.address.planet"),
            (json!({"address": {"locality": "a\nb"}}), "claims.address.locality"),
            (json!({"given_name": "a\nb"}), "claims.given_name"),
        ] {
            assert_eq!(read(&claims).1, [named], "{claims}");
        }
    }
}
