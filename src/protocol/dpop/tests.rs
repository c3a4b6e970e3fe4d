use serde_json::{Map, Value, json};

use super::*;
use crate::jose::signing::SigningKey;

const NOW: i64 = 1_800_000_000;
const TOKEN: &str = "hat_token";

struct Case {
    key: SigningKey,
    target: Target,
}

impl Case {
    fn new() -> Self {
        let urls = ["https://as.example/oauth2/token", "https://mtls.example:8444/oauth2/token"];
        let urls = urls.map(str::to_owned);
        Self { key: SigningKey::generate(Algorithm::Es256).unwrap(), target: Target::new("POST", &urls) }
    }

    /// A right proof with these members in place of its own; `null` takes one away.
    fn proof(&self, header: &Value, claims: &Value) -> String {
        let mut jwk = self.key.public_jwk("k");
        jwk.as_object_mut()
            .unwrap()
            .retain(|name, _| ["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str()));
        let header =
            changed(&json!({"typ": "dpop+jwt", "alg": self.key.algorithm().as_str(), "jwk": jwk}), header);
        let own = json!({"jti": "one", "htm": "POST", "htu": "https://as.example/oauth2/token", "iat": NOW});
        signed(&self.key, &header, &changed(&own, claims))
    }

    fn judged(&self, text: &str, token: Option<&Secret>) -> Result<Proof, ProofError> {
        Proof::parse(text, &Demand { target: &self.target, now: NOW, access_token: token })
    }

    #[track_caller]
    fn refused(&self, header: &Value, claims: &Value, reason: &str) {
        let text = self.proof(header, claims);
        let error = self.judged(&text, None).unwrap_err();
        assert_eq!(error.reason(), reason, "{header} {claims}: {error}");
    }
}

fn changed(own: &Value, change: &Value) -> Map<String, Value> {
    let mut members = own.as_object().unwrap().clone();
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            drop(members.remove(name));
        } else {
            drop(members.insert(name.clone(), value.clone()));
        }
    }
    members
}

fn signed(key: &SigningKey, header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
    let part = |members: &Map<String, Value>| base64url::encode(json!(members).to_string().as_bytes());
    let input = format!("{}.{}", part(header), part(claims));
    format!("{input}.{}", base64url::encode(&key.sign_bytes(input.as_bytes()).unwrap()))
}

#[test]
fn dp_01_a_right_proof_says_whose_it_is() {
    for algorithm in Algorithm::ALL {
        let case = Case { key: SigningKey::generate(*algorithm).unwrap(), ..Case::new() };
        let proof = case.judged(&case.proof(&json!({}), &json!({"nonce": "n"})), None).unwrap();
        let jwk = crate::jose::Jwk::parse(&case.key.public_jwk("k")).unwrap();
        assert!(is_thumbprint(&proof.key));
        let expected = Proof {
            key: jwk.thumbprint(),
            algorithm: *algorithm,
            id: "one".to_owned(),
            url: "https://as.example/oauth2/token".to_owned(),
            issued_at: NOW,
            nonce: Some("n".to_owned()),
        };
        assert_eq!(proof, expected);
    }
}

/// RFC 9449, 4.2: the proof and the thumbprint of the standard's own example.
#[test]
fn dp_01_the_proof_of_the_standard_is_read() {
    const PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUkl\
        DUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI\
        6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3R\
        va2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZ\
        T3Lg";
    let target = Target::new("POST", &["https://server.example.com/token".to_owned()]);
    let demand = Demand { target: &target, now: 1_562_262_618, access_token: None };
    let proof = Proof::parse(PROOF, &demand).unwrap();
    assert_eq!(
        (proof.id.as_str(), proof.key.as_str()),
        ("-BwC3ESc6acc2lTc", "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")
    );
}

#[test]
fn dp_01_nothing_else_is_a_proof() {
    let case = Case::new();
    for typ in [json!(null), json!("JWT"), json!("at+jwt"), json!("dpop"), json!("")] {
        case.refused(&json!({ "typ": typ }), &json!({}), "dpop_typ");
    }
    for jti in [json!(null), json!(""), json!(7), json!("x".repeat(257))] {
        case.refused(&json!({}), &json!({ "jti": jti }), "dpop_jti");
    }
    for htm in [json!(null), json!("GET"), json!("post"), json!(["POST"])] {
        case.refused(&json!({}), &json!({ "htm": htm }), "dpop_htm");
    }
    for htu in [
        json!(null),
        json!(1),
        json!("https://as.example/oauth2/par"),
        json!("https://evil.example/oauth2/token"),
    ] {
        case.refused(&json!({}), &json!({ "htu": htu }), "dpop_htu");
    }
    case.refused(&json!({}), &json!({"nonce": 1}), "dpop_nonce_malformed");
    case.refused(&json!({"alg": "none"}), &json!({}), "dpop_alg");
    case.refused(&json!({"alg": "HS256"}), &json!({}), "dpop_alg");
    case.refused(&json!({"alg": "ES384"}), &json!({}), "dpop_alg");
    case.refused(&json!({"crit": ["b64"], "b64": false}), &json!({}), "dpop_malformed");
    for text in ["", "a", "a.b.c", "a.b", "....", "e30.e30.e30"] {
        assert!(case.judged(text, None).is_err(), "{text}");
    }
}

#[test]
fn dp_01_a_proof_brings_a_public_key_that_has_signed_it() {
    let case = Case::new();
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    case.refused(&json!({"jwk": other.public_jwk("k")}), &json!({}), "dpop_signature");
    case.refused(&json!({"jwk": case.key.private_jwk("k").unwrap()}), &json!({}), "dpop_jwk");
    case.refused(&json!({"jwk": null, "kid": "k"}), &json!({}), "dpop_jwk");
    case.refused(&json!({"jwk": {"kty": "oct", "k": "AAAA"}}), &json!({}), "dpop_jwk");
    case.refused(&json!({"jwk": [case.key.public_jwk("k")]}), &json!({}), "dpop_jwk");
    let right = case.proof(&json!({}), &json!({}));
    let (input, _) = right.rsplit_once('.').unwrap();
    let cut = format!("{input}.{}", base64url::encode(&[7; 64]));
    assert_eq!(case.judged(&cut, None).unwrap_err().reason(), "dpop_signature");
    assert!(case.judged(&format!("{right}, {right}"), None).is_err(), "two proofs in one header");
}

#[test]
fn dp_02_fp_06_a_proof_is_of_now() {
    let case = Case::new();
    for iat in [NOW, NOW - 10, NOW - 60, NOW + 10, NOW + 60] {
        assert!(case.judged(&case.proof(&json!({}), &json!({"iat": iat})), None).is_ok(), "{iat}");
    }
    for (claims, reason) in [
        (json!({"iat": NOW - 61}), "dpop_old"),
        (json!({"iat": NOW - 3600}), "dpop_old"),
        (json!({"iat": NOW + 61}), "dpop_from_the_future"),
        (json!({"iat": null}), "dpop_times"),
        (json!({"iat": NOW.to_string()}), "dpop_times"),
        (json!({"exp": NOW}), "dpop_old"),
        (json!({"exp": "x"}), "dpop_times"),
        (json!({"nbf": NOW + 61}), "dpop_from_the_future"),
        (json!({"nbf": true}), "dpop_times"),
    ] {
        case.refused(&json!({}), &claims, reason);
    }
    let bounded = json!({"nbf": NOW, "exp": NOW + 300});
    assert!(case.judged(&case.proof(&json!({}), &bounded), None).is_ok());
}

#[test]
fn dp_06_a_proof_is_for_the_token_that_is_shown_with_it() {
    let case = Case::new();
    let shown = Secret::new(TOKEN.to_owned());
    let with = |ath: Value| case.proof(&json!({}), &json!({ "ath": ath }));
    assert!(case.judged(&with(json!(sha256_base64url(TOKEN.as_bytes()))), Some(&shown)).is_ok());
    for ath in [json!(null), json!(sha256_base64url(b"hat_other")), json!(TOKEN), json!(1)] {
        assert_eq!(case.judged(&with(ath.clone()), Some(&shown)), Err(ProofError::AccessToken), "{ath}");
    }
}

#[test]
fn dp_05_a_thumbprint_is_32_bytes() {
    assert!(is_thumbprint("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"));
    for bad in [
        "",
        "x",
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4",
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4IA",
        "0ZcOCORZNYy+DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I=",
    ] {
        assert!(!is_thumbprint(bad), "{bad}");
    }
}
