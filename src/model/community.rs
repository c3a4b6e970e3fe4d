//! Trust communities: whom the server believes to issue the certificates of some clients.

use serde_json::{Map, Value, json};

use crate::moment::Timestamp;
use crate::pki::{KeyUse, LeastKeys, NameKind, ObjectId, PathRules, TrustStore};
use crate::protocol::error::FieldProblem;
use crate::protocol::fields::Fields;
use crate::protocol::ids::CommunityName;

/// The community of the configuration, to which every client belongs that names none.
pub const DEFAULT: &str = "default";

/// The community of the built-in PKI.
pub const OWN: &str = "hilum-pki";

/// The most anchors of a community.
const MOST_ANCHORS: usize = 100;

/// How it is known that a certificate has not been revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationRule {
    /// By revocation lists and by answers of responders; what neither covers is refused.
    Required,
    /// By this server's own records, since it issued the certificates itself.
    Own,
    /// Not at all, as the configuration says in so many words.
    None,
}

impl RevocationRule {
    /// Reads the word of tables and configurations.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "required" => Some(Self::Required),
            "own" => Some(Self::Own),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    /// The word in tables and configurations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Own => "own",
            Self::None => "none",
        }
    }
}

/// A trust community as it stands in the database.
#[derive(Clone, Debug)]
pub struct Community {
    /// Its short name.
    pub name: CommunityName,
    /// Whom it trusts, and by which rules.
    pub terms: CommunityTerms,
    /// The number of its version; it grows with each change.
    pub version: i64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Whom a community trusts, and by which rules.
#[derive(Clone, Debug)]
pub struct CommunityTerms {
    /// What people call it.
    pub title: Option<String>,
    /// Its anchors.
    pub anchors: TrustStore,
    /// What it asks of the paths to them.
    pub rules: PathRules,
    /// How it is known that a certificate has not been revoked.
    pub revocation: RevocationRule,
    /// Where its authorities publish revocation lists, beside what their certificates say of that.
    pub crl_urls: Vec<String>,
}

impl CommunityTerms {
    /// Reads a registration; the error names every member that is wrong or unknown.
    pub fn parse(object: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = Fields::of(object);
        let usual = PathRules::default();
        let names = fields.list("names", NameKind::parse);
        let mut bits = |name, least: u32, most| {
            let found = fields.number(name, i64::from(least)..=most);
            found.and_then(|bits| u32::try_from(bits).ok()).unwrap_or(least)
        };
        let least_keys = LeastKeys {
            rsa: bits("least_rsa_bits", usual.least_keys.rsa, 16_384),
            curve: bits("least_curve_bits", usual.least_keys.curve, 521),
        };
        let terms = Self {
            title: fields.text("title").map(str::to_owned),
            anchors: anchors(&mut fields, least_keys),
            rules: PathRules {
                names: if names.is_empty() { usual.names } else { names },
                key_usages: fields.list("key_usages", KeyUse::parse),
                extended_key_usages: fields.list("extended_key_usages", ObjectId::parse),
                policies: fields.list("policies", ObjectId::parse),
                least_keys,
            },
            revocation: fields.parsed("revocation", revocation).unwrap_or(RevocationRule::Required),
            crl_urls: fields.list("crl_urls", list_url),
        };
        let problems = fields.finish();
        if problems.is_empty() { Ok(terms) } else { Err(problems) }
    }

    /// The registration as JSON; [`Self::parse`] reads it back.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let PathRules { names, key_usages, extended_key_usages, policies, least_keys } = &self.rules;
        let names: Vec<&str> = names.iter().map(|kind| kind.as_str()).collect();
        let usages: Vec<&str> = key_usages.iter().map(|usage| usage.as_str()).collect();
        let texts = |found: &[ObjectId]| found.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut object = Map::from_iter([
            ("anchors".to_owned(), json!(self.anchors.to_pem())),
            ("names".to_owned(), json!(names)),
            ("key_usages".to_owned(), json!(usages)),
            ("extended_key_usages".to_owned(), json!(texts(extended_key_usages))),
            ("policies".to_owned(), json!(texts(policies))),
            ("least_rsa_bits".to_owned(), json!(least_keys.rsa)),
            ("least_curve_bits".to_owned(), json!(least_keys.curve)),
            ("revocation".to_owned(), json!(self.revocation.as_str())),
            ("crl_urls".to_owned(), json!(self.crl_urls)),
        ]);
        if let Some(title) = &self.title {
            object.insert("title".to_owned(), json!(title));
        }
        object
    }
}

/// An address at which a revocation list may be published. Whether it may be asked is seen when it is.
fn list_url(text: &str) -> Result<String, &'static str> {
    let is_written = text.len() <= 2048 && text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_known = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    if is_written && is_known { Ok(text.to_owned()) } else { Err("must be an http or https URL") }
}

/// The anchors, whose keys must be as large as those of every path.
fn anchors(fields: &mut Fields<'_>, least: LeastKeys) -> TrustStore {
    let Some(value) = fields.value("anchors") else {
        fields.problem("anchors", "is required: certificates of authorities, in PEM");
        return TrustStore::empty();
    };
    let parsed = TrustStore::parse(value.as_str().unwrap_or_default().as_bytes());
    let wrong = match &parsed {
        Err(error) => Some(error.to_string()),
        Ok(store) if store.authorities().len() > MOST_ANCHORS => {
            Some(format!("must be at most {MOST_ANCHORS} certificates"))
        }
        Ok(store) => {
            let weak = store.authorities().iter().find(|anchor| !least.take(anchor.key_kind()));
            weak.map(|anchor| format!("the key of {} is smaller than the rules take", anchor.subject_text()))
        }
    };
    if let Some(says) = wrong {
        fields.problem("anchors", says);
    }
    parsed.unwrap_or_else(|_| TrustStore::empty())
}

fn revocation(text: &str) -> Result<RevocationRule, &'static str> {
    RevocationRule::parse(text).ok_or("must be required or none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(key: &rcgen::KeyPair) -> String {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.self_signed(key).unwrap().pem()
    }

    fn problems(document: &Value) -> Vec<String> {
        let mut found: Vec<String> = CommunityTerms::parse(document.as_object().unwrap())
            .unwrap_err()
            .into_iter()
            .map(|problem| problem.field)
            .collect();
        found.sort();
        found
    }

    #[test]
    fn a_registration_is_read_and_written() {
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = authority(&key);
        let short = json!({"anchors": pem});
        let terms = CommunityTerms::parse(short.as_object().unwrap()).unwrap();
        assert_eq!(terms.revocation, RevocationRule::Required);
        assert_eq!(terms.rules, PathRules::default());
        let document = json!({"title": "Payers", "anchors": terms.anchors.to_pem(), "names": ["san_uri"],
            "key_usages": ["digitalSignature"], "extended_key_usages": ["1.3.6.1.5.5.7.3.4"],
            "policies": ["2.16.840.1.113733.1"], "least_rsa_bits": 3072, "least_curve_bits": 256,
            "revocation": "none", "crl_urls": ["http://ca.example/ca.crl"]});
        let terms = CommunityTerms::parse(document.as_object().unwrap()).unwrap();
        assert_eq!(Value::Object(terms.to_json()), document);
        // What else stands in the text, such as a private key, is not kept.
        let both = json!({"anchors": format!("{}# ours\n{pem}", key.serialize_pem())});
        let terms = CommunityTerms::parse(both.as_object().unwrap()).unwrap();
        assert_eq!(terms.to_json()["anchors"], document["anchors"]);
    }

    #[test]
    fn everything_that_is_wrong_is_named() {
        assert_eq!(problems(&json!({})), ["anchors"]);
        let leaf = rcgen::CertificateParams::default();
        let leaf = leaf.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
        for anchors in [json!(""), json!("text"), json!(7), json!(leaf)] {
            assert_eq!(problems(&json!({"anchors": anchors})), ["anchors"]);
        }
        let small = authority(&rcgen::KeyPair::generate().unwrap());
        assert_eq!(problems(&json!({"anchors": small, "least_curve_bits": 384})), ["anchors"]);
        let document = json!({"anchors": small, "names": ["san_x"], "key_usages": ["keyCertSign"],
            "extended_key_usages": ["clientAuth"], "policies": ["1"], "least_rsa_bits": 1024,
            "least_curve_bits": 192, "revocation": "some", "trusted": true});
        let expected = [
            "extended_key_usages[0]",
            "key_usages[0]",
            "least_curve_bits",
            "least_rsa_bits",
            "names[0]",
            "policies[0]",
            "revocation",
            "trusted",
        ];
        assert_eq!(problems(&document), expected);
    }
}
