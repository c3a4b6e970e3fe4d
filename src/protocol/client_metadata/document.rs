//! The JSON form of a registration: read from requests and rows alike, written for answers and rows.

use serde_json::{Map, Value, json};

use crate::jose::algorithm::Algorithm;
use crate::pki::identity::CertificateIdentity;
use crate::protocol::error::FieldProblem;
use crate::protocol::fields::Fields;
use crate::protocol::ids::CommunityName;
use crate::protocol::redirect_uri::{RedirectUri, is_loopback};
use crate::scope::set::ScopeSet;

use super::{About, ClientMetadata, ClinicianConsent, Keys, Profile, SubjectType};

/// The five members of which `tls_client_auth` wants exactly one.
pub(in crate::protocol) const IDENTITIES: [&str; 5] = [
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
];

impl ClientMetadata {
    /// Reads a registration; the error names every member that is wrong or unknown.
    pub fn parse(object: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = Fields::of(object);
        let profile = fields.parsed("profile", Profile::parse).unwrap_or(Profile::Smart);
        let metadata = Self {
            client_name: required(&mut fields, "client_name"),
            organization: required(&mut fields, "organization"),
            profile,
            grant_types: fields.list("grant_types", word),
            redirect_uris: fields.list("redirect_uris", RedirectUri::parse),
            launch_urls: fields.list("launch_urls", launch_url),
            scope: fields.parsed("scope", ScopeSet::parse).unwrap_or_default(),
            resources: fields.list("resources", resource_url),
            introspects: fields.list("introspects", resource_url),
            token_endpoint_auth_method: required(&mut fields, "token_endpoint_auth_method"),
            token_endpoint_auth_signing_alg: fields.parsed("token_endpoint_auth_signing_alg", algorithm),
            keys: Keys::read(&mut fields),
            certificate_identity: identity(&mut fields),
            trust_community: fields.parsed("trust_community", community),
            certificate_bound: fields.flag("tls_client_certificate_bound_access_tokens"),
            dpop_bound: fields.flag("dpop_bound_access_tokens"),
            require_pushed: fields.flag("require_pushed_authorization_requests"),
            require_signed_request_object: fields.flag("require_signed_request_object"),
            request_object_signing_alg: fields.parsed("request_object_signing_alg", algorithm),
            authorization_signed_response_alg: fields
                .parsed("authorization_signed_response_alg", id_token_algorithm),
            introspection_signed_response_alg: fields
                .parsed("introspection_signed_response_alg", id_token_algorithm),
            userinfo_signed_response_alg: fields.parsed("userinfo_signed_response_alg", id_token_algorithm),
            authorization_details_types: fields.list("authorization_details_types", short),
            post_logout_redirect_uris: fields.list("post_logout_redirect_uris", RedirectUri::parse),
            backchannel_logout_uri: fields.parsed("backchannel_logout_uri", launch_url),
            backchannel_logout_session_required: fields.flag("backchannel_logout_session_required"),
            subject_type: fields.parsed("subject_type", SubjectType::parse).unwrap_or(SubjectType::Public),
            sector_identifier_uri: fields.parsed("sector_identifier_uri", resource_url),
            default_max_age: fields.number("default_max_age", 0..=1 << 31),
            require_auth_time: fields.flag("require_auth_time"),
            default_acr_values: fields.list("default_acr_values", short),
            id_token_signed_response_alg: fields
                .parsed("id_token_signed_response_alg", id_token_algorithm)
                .unwrap_or(id_token_default(profile)),
            refresh_token_max_days: fields.number("refresh_token_max_days", 1..=3650),
            clinician_consent: fields
                .parsed("clinician_consent", ClinicianConsent::parse)
                .unwrap_or(ClinicianConsent::Ask),
            purpose_of_use: fields.parsed("purpose_of_use", purpose),
            contacts: fields.list("contacts", |text| Ok::<_, String>(text.to_owned())),
            about: About::read(&mut fields),
        };
        let problems = fields.finish();
        if problems.is_empty() { Ok(metadata) } else { Err(problems) }
    }

    /// The registration as JSON; [`Self::parse`] reads it back.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let redirect_uris: Vec<&str> = self.redirect_uris.iter().map(RedirectUri::as_str).collect();
        let mut object = Map::new();
        let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
        set("client_name", json!(self.client_name));
        set("organization", json!(self.organization));
        set("profile", json!(self.profile.as_str()));
        set("grant_types", json!(self.grant_types));
        set("redirect_uris", json!(redirect_uris));
        set("launch_urls", json!(self.launch_urls));
        if !self.scope.is_empty() {
            set("scope", json!(self.scope.to_string()));
        }
        set("resources", json!(self.resources));
        set("introspects", json!(self.introspects));
        set("token_endpoint_auth_method", json!(self.token_endpoint_auth_method));
        if let Some(algorithm) = self.token_endpoint_auth_signing_alg {
            set("token_endpoint_auth_signing_alg", json!(algorithm.as_str()));
        }
        match &self.keys {
            Keys::None => None,
            Keys::Inline(keys) => set("jwks", keys.to_json()),
            Keys::At(uri) => set("jwks_uri", json!(uri)),
        };
        if let Some(identity) = &self.certificate_identity {
            set(identity.field(), json!(identity.text()));
        }
        if let Some(community) = &self.trust_community {
            set("trust_community", json!(community.as_str()));
        }
        set("tls_client_certificate_bound_access_tokens", json!(self.certificate_bound));
        self.write_openid(&mut set);
        set("id_token_signed_response_alg", json!(self.id_token_signed_response_alg.as_str()));
        if let Some(days) = self.refresh_token_max_days {
            set("refresh_token_max_days", json!(days));
        }
        if self.clinician_consent == ClinicianConsent::Preapproved {
            set("clinician_consent", json!(self.clinician_consent.as_str()));
        }
        if let Some(purpose) = &self.purpose_of_use {
            set("purpose_of_use", json!(purpose));
        }
        set("contacts", json!(self.contacts));
        self.about.write(&mut object);
        object
    }

    /// The members that say something other than what holds without them.
    fn write_openid(&self, set: &mut impl FnMut(&str, Value) -> Option<Value>) {
        let flags = [
            ("dpop_bound_access_tokens", self.dpop_bound),
            ("require_pushed_authorization_requests", self.require_pushed),
            ("require_signed_request_object", self.require_signed_request_object),
            ("backchannel_logout_session_required", self.backchannel_logout_session_required),
            ("require_auth_time", self.require_auth_time),
        ];
        for (name, _) in flags.into_iter().filter(|(_, raised)| *raised) {
            set(name, json!(true));
        }
        let algorithms = [
            ("request_object_signing_alg", self.request_object_signing_alg),
            ("authorization_signed_response_alg", self.authorization_signed_response_alg),
            ("introspection_signed_response_alg", self.introspection_signed_response_alg),
            ("userinfo_signed_response_alg", self.userinfo_signed_response_alg),
        ];
        for (name, algorithm) in algorithms {
            if let Some(algorithm) = algorithm {
                set(name, json!(algorithm.as_str()));
            }
        }
        let signed_out: Vec<&str> = self.post_logout_redirect_uris.iter().map(RedirectUri::as_str).collect();
        let lists = [
            ("authorization_details_types", json!(self.authorization_details_types)),
            ("post_logout_redirect_uris", json!(signed_out)),
            ("default_acr_values", json!(self.default_acr_values)),
        ];
        for (name, list) in lists {
            if list.as_array().is_some_and(|list| !list.is_empty()) {
                set(name, list);
            }
        }
        if let Some(uri) = &self.backchannel_logout_uri {
            set("backchannel_logout_uri", json!(uri));
        }
        if self.subject_type == SubjectType::Pairwise {
            set("subject_type", json!(self.subject_type.as_str()));
        }
        if let Some(uri) = &self.sector_identifier_uri {
            set("sector_identifier_uri", json!(uri));
        }
        if let Some(seconds) = self.default_max_age {
            set("default_max_age", json!(seconds));
        }
    }
}

fn required(fields: &mut Fields<'_>, name: &'static str) -> String {
    if fields.value(name).is_none() {
        fields.problem(name, "is required");
    }
    fields.parsed(name, short).unwrap_or_default()
}

pub(in crate::protocol) fn short(text: &str) -> Result<String, &'static str> {
    if text.len() <= 256 { Ok(text.to_owned()) } else { Err("must have at most 256 bytes") }
}

pub(in crate::protocol) fn word(text: &str) -> Result<String, &'static str> {
    let known = |c: char| c.is_ascii_alphanumeric() || "_:.-".contains(c);
    if text.len() <= 128 && text.chars().all(known) { Ok(text.to_owned()) } else { Err("must be a word") }
}

fn community(text: &str) -> Result<CommunityName, &'static str> {
    CommunityName::parse(text).ok_or("is not the name of a trust community")
}

fn algorithm(text: &str) -> Result<Algorithm, &'static str> {
    Algorithm::parse(text).ok_or("must be RS256, RS384, PS256, PS384, ES256, ES384 or EdDSA")
}

/// SMART App Launch wants RS256 of every server; FAPI 2.0 does not allow it (5.4.1).
const fn id_token_default(profile: Profile) -> Algorithm {
    match profile {
        Profile::Smart | Profile::Udap => Algorithm::Rs256,
        Profile::Fapi2 => Algorithm::Es256,
    }
}

/// The algorithms of which the server always has a key.
fn id_token_algorithm(text: &str) -> Result<Algorithm, &'static str> {
    match Algorithm::parse(text) {
        Some(algorithm @ (Algorithm::Rs256 | Algorithm::Es256 | Algorithm::Ps256)) => Ok(algorithm),
        _ => Err("must be RS256, ES256 or PS256"),
    }
}

/// A launch URL is a page of the app: https, or http on the loopback while the app is being made.
fn launch_url(text: &str) -> Result<String, &'static str> {
    RedirectUri::parse(text).map(|uri| uri.as_str().to_owned())
}

/// A resource server is named by an absolute URI without fragment (RFC 8707, 2).
pub fn resource_url(text: &str) -> Result<String, &'static str> {
    let url = url::Url::parse(text).map_err(|_| "must be an absolute URL")?;
    let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    // Clear text is for a server on the same machine, as developers run them.
    let secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    if secure && url.has_host() && bare && text.len() <= 2048 && !text.contains('*') {
        Ok(text.to_owned())
    } else {
        Err("must be an https URL (or http on loopback) without user, query or fragment (RFC 8707, 2)")
    }
}

/// A code of HL7 v3 PurposeOfUse, such as `TREAT` or `HPAYMT`.
fn purpose(text: &str) -> Result<String, &'static str> {
    let good = text.len() <= 32 && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if good {
        Ok(text.to_owned())
    } else {
        Err("must be a code of HL7 PurposeOfUse, such as TREAT or HPAYMT")
    }
}

/// Reads the one identity; more than one is refused (RFC 8705, 2.1.2).
fn identity(fields: &mut Fields<'_>) -> Option<CertificateIdentity> {
    let mut found = None;
    for name in IDENTITIES {
        let Some(identity) = fields.parsed(name, |text| CertificateIdentity::parse(name, text)) else {
            continue;
        };
        if found.replace(identity).is_some() {
            fields.problem(name, "only one tls_client_auth_* member may be registered (RFC 8705, 2.1.2)");
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: &Value) -> Vec<String> {
        let problems = ClientMetadata::parse(value.as_object().unwrap()).err().unwrap_or_default();
        problems.into_iter().map(|problem| problem.field).collect()
    }

    fn good() -> Value {
        json!({"client_name": "Payer", "organization": "Blue", "token_endpoint_auth_method": "private_key_jwt"})
    }

    #[test]
    fn a_registration_is_read_back_as_it_was_written() {
        let mut value = good();
        value["scope"] = json!("system/Claim.cruds system/Patient.rs");
        value["tls_client_auth_san_uri"] = json!("https://payer.example/system");
        value["purpose_of_use"] = json!("HPAYMT");
        value["jwks_uri"] = json!("https://payer.example/jwks.json");
        let first = ClientMetadata::parse(value.as_object().unwrap()).unwrap().to_json();
        assert_eq!(ClientMetadata::parse(&first).unwrap().to_json(), first);
    }

    #[test]
    fn each_member_that_is_wrong_is_named() {
        assert_eq!(fields(&json!({})), ["client_name", "organization", "token_endpoint_auth_method"]);
        let rows = [
            ("client_id", json!("mine"), "client_id"),
            ("verified", json!(true), "verified"),
            ("scope", json!(["a"]), "scope"),
            ("scope", json!("a\"b"), "scope"),
            ("redirect_uris", json!(["https://a.example/*"]), "redirect_uris[0]"),
            ("resources", json!(["http://a.example"]), "resources[0]"),
            ("resources", json!("https://a.example"), "resources"),
            ("profile", json!("SMART"), "profile"),
            ("token_endpoint_auth_signing_alg", json!("none"), "token_endpoint_auth_signing_alg"),
            ("token_endpoint_auth_signing_alg", json!("HS256"), "token_endpoint_auth_signing_alg"),
            (
                "tls_client_certificate_bound_access_tokens",
                json!("true"),
                "tls_client_certificate_bound_access_tokens",
            ),
            ("jwks", json!({"keys": [{"kty": "oct", "k": "AAAA"}]}), "jwks"),
            ("client_name", json!("a\u{0}b"), "client_name"),
            ("client_name", json!(7), "client_name"),
            ("purpose_of_use", json!("because"), "purpose_of_use"),
        ];
        for (member, value, named) in rows {
            let mut document = good();
            document[member] = value.clone();
            assert_eq!(fields(&document), [named], "{member}: {value}");
        }
    }

    #[test]
    fn mt_01_exactly_one_certificate_identity_is_allowed() {
        let mut document = good();
        document["tls_client_auth_san_dns"] = json!("payer.example");
        document["tls_client_auth_san_uri"] = json!("https://payer.example/");
        assert_eq!(fields(&document), ["tls_client_auth_san_uri"]);
    }
}
