//! The targets: one for each parser of what strangers send.

use std::sync::LazyLock;

use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::jwk::Jwk;
use crate::jose::jwk_set::JwkSet;
use crate::jose::jws::UnverifiedJws;
use crate::jose::object::parse_object;
use crate::jose::signing::SigningKey;
use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::authorization_details::schema::Schema;
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::claims_request::ClaimsRequest;
use crate::protocol::client_metadata::{ClientMetadata, Profile};
use crate::protocol::dpop::{self, Demand, Proof};
use crate::protocol::params::{Params, parse_page, parse_tolerant};
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::request_object;
use crate::protocol::secret::Secret;
use crate::protocol::user_code::UserCode;
use crate::scope::dialects::read;
use crate::scope::lattice::{shortest, union};
use crate::scope::narrow::{covers_all, narrow};
use crate::scope::set::ScopeSet;

/// Every target by its name.
pub(crate) const ALL: &[(&str, fn(&[u8]))] = &[
    ("parameters", parameters),
    ("scopes", scopes),
    ("jose", jose),
    ("certificates", certificates),
    ("dpop", dpop),
    ("authorization_details", authorization_details),
];

fn now() -> Timestamp {
    Timestamp::from_unix_timestamp(1_800_000_000).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What is read tolerantly is written and read back; what is read strictly is read tolerantly too.
fn parameters(bytes: &[u8]) {
    let strict = Params::parse_form(bytes);
    drop(parse_page(bytes));
    match parse_tolerant(bytes) {
        Ok(said) => {
            for profile in [Profile::Smart, Profile::Fapi2] {
                if let Ok(request) = AuthorizationRequest::parse(&said, profile) {
                    let kept = serde_json::to_value(&request).expect("a request is written");
                    let again: AuthorizationRequest = serde_json::from_value(kept).expect("and read back");
                    assert!(again == request);
                }
            }
            if let Some(uri) = said.params.optional("redirect_uri") {
                drop(RedirectUri::parse(uri));
            }
            let again = parse_tolerant(said.to_form().as_bytes()).expect("what was written is read");
            assert!(said.params.names().eq(again.params.names()));
            assert!(
                said.params.names().all(|name| said.params.repeated(name) == again.params.repeated(name))
            );
        }
        Err(_) => assert!(strict.is_err()),
    }
}

/// Two lists in any notation: what is granted is within both, and the shortest form means the same.
fn scopes(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (one, other) = text.split_once('\n').unwrap_or((text, text));
    let (Ok(one), Ok(other)) = (ScopeSet::parse(one), ScopeSet::parse(other)) else { return };
    if one.iter().count() + other.iter().count() > 24 {
        return;
    }
    assert!(ScopeSet::parse(&one.to_string()).is_ok_and(|again| again.to_string() == one.to_string()));
    let granted = narrow(&one, &other).granted;
    assert!(covers_all(&other, &granted), "{one} narrowed to {other} is {granted}");
    // What is not understood gives no leave, and the laws are of what does.
    let understood =
        |set: &ScopeSet| ScopeSet::from_tokens(set.iter().filter(|token| read(token).is_some()).cloned());
    let (one, other) = (understood(&one), understood(&other));
    let short = shortest(&one);
    assert!(covers_all(&short, &one) && covers_all(&one, &short), "{one} is not {short}");
    let both = union(&one, &other);
    assert!(covers_all(&both, &one) && covers_all(&both, &other), "{one} and {other} are not {both}");
}

/// Objects, keys, sets of keys, signed texts, request objects and registrations; what is read is written and read
/// back as it was.
fn jose(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(jws) = UnverifiedJws::parse(text) {
        judge(jws);
    }
    let Ok(object) = parse_object(bytes) else { return };
    let value = serde_json::Value::Object(object.clone());
    if let Ok(key) = Jwk::parse(&value) {
        let again = Jwk::parse(&key.to_json()).expect("a key that was written is read");
        assert!(again.to_json() == key.to_json() && again.thumbprint() == key.thumbprint());
    }
    if let Ok(set) = JwkSet::parse(&value) {
        assert!(JwkSet::parse(&set.to_json()).is_ok_and(|again| again.to_json() == set.to_json()));
    }
    drop(JwkSet::parse_fetched(&value));
    if let Ok(metadata) = ClientMetadata::parse(&object) {
        let written = metadata.to_json();
        let again = ClientMetadata::parse(&written).expect("a registration that was written is read");
        assert!(again.to_json() == written);
    }
    // The same object inside a signed text.
    let head = base64url::encode(br#"{"alg":"ES256","kid":"k","typ":"oauth-authz-req+jwt"}"#);
    let text = format!("{head}.{}.AAAA", base64url::encode(bytes));
    if let Ok(jws) = UnverifiedJws::parse(&text) {
        judge(jws);
    }
}

fn judge(jws: UnverifiedJws<'_>) {
    let claims = jws.unverified_claims();
    let rules = request_object::Rules {
        issuer: "https://as.example",
        client: "app",
        profile: Profile::Fapi2,
        skew: time::Duration::seconds(30),
    };
    drop(request_object::examine(claims, &rules, now()));
    if let Ok(said) = request_object::parameters(claims.clone()) {
        drop(AuthorizationRequest::parse(&said, Profile::Smart));
    }
    let key = serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": "ctuKYFYdf1kyW1RtBucAC6P0BolKI3xd8-oAnYxivIc"});
    let key = Jwk::parse(&key).expect("a key");
    assert!(jws.verify(&key).is_err(), "nobody has that key");
}

/// Certificates in DER, and what is read of them.
fn certificates(bytes: &[u8]) {
    if let Ok(certificate) = Certificate::parse(bytes) {
        drop(certificate.thumbprint().as_base64url());
        drop(format!("{certificate:?}"));
    }
}

/// A key of which anybody may have proofs made.
static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::Es256).expect("a key"));

/// Proofs as they are sent, and whatever a sender could sign as one: one that is believed says where it is for.
fn dpop(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let token = Secret::new("hat_x".to_owned());
    let target = dpop::Target::new("POST", &["https://as.example/oauth2/token".to_owned()]);
    if let Some(normal) = dpop::normal(text) {
        assert_eq!(dpop::normal(&normal).as_deref(), Some(normal.as_str()), "a normal form is its own");
    }
    for access_token in [None, Some(&token)] {
        let demand = Demand { target: &target, now: 1_800_000_000, access_token };
        drop(Proof::parse(text, &demand));
        let mut key = KEY.public_jwk("k");
        if let Some(members) = key.as_object_mut() {
            members.retain(|name, _| ["kty", "crv", "x", "y"].contains(&name.as_str()));
        }
        let head = serde_json::json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key}).to_string();
        let signed = format!("{}.{}", base64url::encode(head.as_bytes()), base64url::encode(bytes));
        let signature = KEY.sign_bytes(signed.as_bytes()).expect("a signature");
        if let Ok(proof) = Proof::parse(&format!("{signed}.{}", base64url::encode(&signature)), &demand) {
            assert!(dpop::is_thumbprint(&proof.key) && (1..=256).contains(&proof.id.len()), "{text}");
            assert!(text.contains("POST") || text.contains("\\u"), "{text}");
        }
    }
}

/// Details, schemas of their types, requests for claims and codes that people type; what is read is written and read
/// back, and narrowing never widens.
fn authorization_details(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    drop(ClaimsRequest::parse(Some(text)));
    if let Some(code) = UserCode::parse(text) {
        assert!(UserCode::parse(code.letters()).is_some());
    }
    let (one, other) = text.split_once('\n').unwrap_or((text, text));
    let (one, other) = (AuthorizationDetails::parse(one), AuthorizationDetails::parse(other));
    if let (Ok(one), Ok(other)) = (&one, &other) {
        assert!(AuthorizationDetails::of_stored(one.to_json()).as_ref() == Some(one), "{text}");
        let both = one.within(other);
        assert!(one.covers(&both) && other.covers(&both), "{text}");
        let all = one.and(other);
        assert!(all.covers(one) && all.covers(other), "{text}");
    }
    if let Ok(object) = parse_object(bytes)
        && let Ok(schema) = Schema::parse(&serde_json::Value::Object(object.clone()))
    {
        let _ = schema.accepts(&object);
    }
}
