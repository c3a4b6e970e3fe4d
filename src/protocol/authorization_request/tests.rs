use proptest::prelude::*;
use url::form_urlencoded;

use super::*;
use crate::protocol::params::parse_tolerant;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const FHIR: &str = "https://fhir.example/r4";

/// A good request, the members of `change` put in place of its own; an empty value takes one away.
fn request(change: &[(&str, &str)]) -> Tolerant {
    let good = [
        ("client_id", "app"),
        ("redirect_uri", "https://app.example/cb"),
        ("response_type", "code"),
        ("scope", "openid launch patient/*.rs"),
        ("state", "af0ifjsldkj"),
        ("aud", FHIR),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = good.iter().filter(|(name, _)| change.iter().all(|(other, _)| other != name));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept.chain(change)).finish();
    parse_tolerant(body.as_bytes()).unwrap()
}

fn parsed(change: &[(&str, &str)]) -> AuthorizationRequest {
    AuthorizationRequest::parse(&request(change), Profile::Smart)
        .unwrap_or_else(|refusal| panic!("{change:?}: {refusal:?}"))
}

fn refused(change: &[(&str, &str)]) -> (ErrorCode, &'static str) {
    match AuthorizationRequest::parse(&request(change), Profile::Smart) {
        Ok(found) => panic!("{change:?}: {found:?}"),
        Err(refusal) => {
            // RFC 6749, 4.1.2.1: the characters of an error_description.
            assert!(
                refusal.told().bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
            );
            (refusal.code(), refusal.reason().code())
        }
    }
}

const INVALID: ErrorCode = ErrorCode::InvalidRequest;

#[test]
fn a_whole_request_is_read() {
    let found = parsed(&[
        ("nonce", "n-0S6_WzA2Mj"),
        ("prompt", "login consent"),
        ("max_age", "3600"),
        ("login_hint", "dr-lee"),
        ("id_token_hint", "a.b.c"),
        ("launch", "xyz123"),
        ("response_mode", "query"),
        ("unknown", "ignored"),
    ]);
    assert_eq!(found.state.as_deref(), Some("af0ifjsldkj"));
    assert_eq!(found.scope.to_string(), "openid launch patient/*.rs");
    assert_eq!(found.audience.as_deref(), Some(FHIR));
    assert_eq!(found.challenge.as_str(), CHALLENGE);
    assert_eq!(found.nonce.as_deref(), Some("n-0S6_WzA2Mj"));
    assert!(found.prompts.wants_login() && found.prompts.wants_consent());
    assert_eq!(found.max_age, Some(3600));
    assert_eq!(found.login_hint.as_deref(), Some("dr-lee"));
    assert_eq!(found.id_token_hint.as_deref(), Some("a.b.c"));
}

#[test]
fn h01_sm_a_12_s01_whatever_is_repeated_is_refused() {
    for name in ["state", "scope", "aud", "code_challenge", "response_type", "prompt", "unknown"] {
        assert_eq!(refused(&[(name, "a"), (name, "a")]), (INVALID, "repeated_parameter"), "{name}");
        assert_eq!(refused(&[(name, ""), (name, "a")]), (INVALID, "repeated_parameter"), "{name}");
    }
}

#[test]
fn f06_sm_a_02_the_response_type_is_code_and_nothing_else() {
    assert_eq!(refused(&[("response_type", "")]), (INVALID, "missing_parameter"));
    for other in ["token", "id_token", "code token", "code id_token", "Code", "code ", "none"] {
        let expected = (ErrorCode::UnsupportedResponseType, "response_type");
        assert_eq!(refused(&[("response_type", other)]), expected, "{other}");
    }
}

#[test]
fn the_response_mode_is_query_unless_another_is_asked_for_that_is_known() {
    for other in ["fragment", "fragment.jwt", "Query", "JWT", "web_message", "form-post"] {
        assert_eq!(refused(&[("response_mode", other)]), (INVALID, "response_mode"), "{other}");
        assert_eq!(mode_of(&request(&[("response_mode", other)])), ResponseMode::Query);
    }
    assert_eq!(parsed(&[]).response_mode, ResponseMode::Query);
    for (asked, mode) in [
        ("query", ResponseMode::Query),
        ("form_post", ResponseMode::FormPost),
        ("jwt", ResponseMode::QueryJwt),
        ("query.jwt", ResponseMode::QueryJwt),
        ("form_post.jwt", ResponseMode::FormPostJwt),
    ] {
        assert_eq!(parsed(&[("response_mode", asked)]).response_mode, mode);
        assert_eq!(mode_of(&request(&[("response_mode", asked), ("scope", "\"")])), mode);
    }
}

#[test]
fn sm_a_05_a_scope_is_required() {
    let invalid = ErrorCode::InvalidScope;
    for empty in ["", " ", "   "] {
        assert_eq!(refused(&[("scope", empty)]), (invalid, "scope_missing"));
    }
    for bad in ["openid\tprofile", "openid \"x\"", "öpenid", "a\\b", &"a".repeat(2000)] {
        assert_eq!(refused(&[("scope", bad)]), (invalid, "scope_malformed"), "{bad}");
    }
}

#[test]
fn sm_a_06_x12_state_is_required_with_the_scopes_of_smart() {
    let smart = [
        "patient/*.rs",
        "openid user/Observation.read",
        "http://smarthealthit.org/fhir/scopes/patient/Observation.rs",
        "launch",
        "openid launch/patient",
        "http://smarthealthit.org/fhir/scopes/launch/patient",
    ];
    for scope in smart {
        assert_eq!(refused(&[("scope", scope), ("state", "")]), (INVALID, "state_missing"), "{scope}");
    }
    for scope in ["openid", "openid profile offline_access", "launch.write"] {
        assert_eq!(parsed(&[("scope", scope), ("state", "")]).state, None, "{scope}");
    }
}

#[test]
fn sm_a_06_state_is_kept_byte_for_byte_up_to_4096() {
    let longest = "s".repeat(4096);
    for state in ["a b+c%20&=#\"<>\\", " ", "ünï→\u{1f512}", "line\r\nbreak", &longest] {
        let asked = [("state", state)];
        assert_eq!(parsed(&asked).state.as_deref(), Some(state));
        assert_eq!(state_of(&request(&asked)), Some(state));
    }
    let longer = [("state", &*"s".repeat(4097))];
    assert_eq!(refused(&longer), (INVALID, "state_too_long"));
    assert_eq!(state_of(&request(&longer)), None);
}

#[test]
fn h01_a_repeated_state_is_not_sent_back() {
    assert_eq!(state_of(&request(&[("state", "a"), ("state", "b")])), None);
    assert_eq!(state_of(&request(&[("state", "")])), None);
    assert_eq!(state_of(&request(&[("scope", "a"), ("scope", "b")])), Some("af0ifjsldkj"));
}

#[test]
fn p01_p04_p05_sm_a_09_10_11_every_client_proves_with_s256() {
    assert_eq!(refused(&[("code_challenge", "")]), (INVALID, "pkce_missing"));
    for method in ["", "plain", "s256", "S256 ", "none"] {
        assert_eq!(refused(&[("code_challenge_method", method)]), (INVALID, "pkce_method"), "{method}");
    }
    let padded = format!("{CHALLENGE}=");
    assert_eq!(refused(&[("code_challenge", &padded)]), (INVALID, "pkce_challenge_malformed"));
}

#[test]
fn sm_a_07_s01_fhir_scopes_need_an_audience() {
    let of_a_server =
        ["patient/*.rs", "user/*.cruds", "openid patient/Patient.read", "launch", "openid launch/patient"];
    for scope in of_a_server {
        assert_eq!(refused(&[("scope", scope), ("aud", "")]), (INVALID, "aud_missing"), "{scope}");
    }
    for scope in ["openid fhirUser", "openid offline_access"] {
        assert_eq!(parsed(&[("scope", scope), ("aud", "")]).audience, None, "{scope}");
    }
    let resource = [("aud", ""), ("resource", FHIR)];
    assert_eq!(parsed(&resource).audience.as_deref(), Some(FHIR));
    assert_eq!(parsed(&[("scope", "openid"), ("resource", FHIR)]).audience.as_deref(), Some(FHIR));
}

#[test]
fn s09_e06_scopes_of_systems_and_administrators_are_not_asked_of_people() {
    for scope in ["system/Patient.rs", "patient/*.rs system/Patient.rs", "openid admin/clients.read"] {
        let refused = refused(&[("scope", scope), ("aud", "")]);
        assert_eq!(refused, (ErrorCode::InvalidScope, "scope_of_a_system"), "{scope}");
    }
}

#[test]
fn sm_a_08_s01_one_audience_alone_is_asked_for() {
    let target = ErrorCode::InvalidTarget;
    let other = "https://fhir.example/r4/";
    assert_eq!(refused(&[("resource", other)]), (target, "aud_and_resource_differ"));
    for aud in ["", FHIR] {
        let two = [("aud", aud), ("resource", FHIR), ("resource", other)];
        assert_eq!(refused(&two), (target, "several_resources"));
    }
    let same = [("resource", FHIR), ("resource", FHIR)];
    assert_eq!(parsed(&same).audience.as_deref(), Some(FHIR));
}

#[test]
fn oi_03_prompt_is_judged() {
    assert_eq!(refused(&[("prompt", "none login")]), (INVALID, "prompt_none_with_others"));
    assert_eq!(refused(&[("prompt", "sometimes")]), (INVALID, "prompt_unknown"));
    assert!(parsed(&[("prompt", "none")]).prompts.is_none());
}

#[test]
fn oi_04_max_age_is_a_number_of_seconds() {
    for (text, seconds) in [("0", 0), ("1", 1), ("007", 7), ("2147483648", 1 << 31)] {
        assert_eq!(parsed(&[("max_age", text)]).max_age, Some(seconds), "{text}");
    }
    for bad in ["-1", "+1", " 1", "1 ", "1.5", "1e3", "0x10", "2147483649", "99999999999999999999", "١", "x"]
    {
        assert_eq!(refused(&[("max_age", bad)]), (INVALID, "max_age_malformed"), "{bad}");
    }
    assert_eq!(parsed(&[("max_age", "")]).max_age, None);
}

#[test]
fn a_nonce_is_bounded_and_a_long_hint_is_no_hint() {
    let longest = "n".repeat(1024);
    assert_eq!(parsed(&[("nonce", &longest)]).nonce, Some(longest.clone()));
    assert_eq!(refused(&[("nonce", &format!("{longest}n"))]), (INVALID, "nonce_too_long"));
    let hint = "é".repeat(256);
    assert_eq!(parsed(&[("login_hint", &hint)]).login_hint, Some(hint.clone()));
    assert_eq!(parsed(&[("login_hint", &format!("{hint}é"))]).login_hint, None);
}

#[test]
fn x12_fapi_needs_no_state_and_smart_does() {
    let change = [("state", "")];
    assert_eq!(refused(&change), (INVALID, "state_missing"));
    assert!(AuthorizationRequest::parse(&request(&change), Profile::Fapi2).unwrap().state.is_none());
}

#[test]
fn dp_05_dpop_jkt_is_a_thumbprint() {
    let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    assert_eq!(parsed(&[("dpop_jkt", thumbprint)]).dpop_jkt.as_deref(), Some(thumbprint));
    for wrong in ["x", &thumbprint[..42], "0ZcOCORZNYy+DWpqq30jZyJGHTN0d2HglBV3uiguA4I"] {
        assert_eq!(refused(&[("dpop_jkt", wrong)]), (INVALID, "dpop_jkt_malformed"), "{wrong}");
    }
}

#[test]
fn the_first_fault_in_order_is_told() {
    let all = [
        ("response_type", "token"),
        ("response_mode", "fragment"),
        ("scope", "\""),
        ("state", ""),
        ("code_challenge", ""),
        ("resource", "https://other.example"),
        ("prompt", "sometimes"),
        ("max_age", "x"),
    ];
    let reasons = [
        "response_type",
        "response_mode",
        "scope_malformed",
        "state_missing",
        "pkce_missing",
        "aud_and_resource_differ",
        "prompt_unknown",
        "max_age_malformed",
    ];
    for (mended, reason) in reasons.into_iter().enumerate() {
        assert_eq!(refused(&all[mended..]).1, reason);
    }
}

#[test]
fn a_request_is_kept_and_read_back() {
    let long = [("nonce", "n"), ("prompt", "consent"), ("max_age", "0"), ("launch", "l"), ("state", "ü \n")];
    for change in [&long[..], &[]] {
        let found = parsed(change);
        let kept = serde_json::to_value(&found).unwrap();
        assert_eq!(kept["scope"], "openid launch patient/*.rs");
        assert_eq!(kept["challenge"], CHALLENGE);
        assert_eq!(serde_json::from_value::<AuthorizationRequest>(kept).unwrap(), found);
    }
}

#[test]
fn a_request_prints_nothing_that_is_secret_or_of_a_person() {
    let hidden = ["s3cr3t-state", "s3cr3t-nonce", "s3cr3t-hint", "s3cr3t-token", "s3cr3t-launch"];
    let names = ["state", "nonce", "login_hint", "id_token_hint", "launch"];
    let change: Vec<_> = names.into_iter().zip(hidden).collect();
    assert!(!format!("{:?}", parsed(&change)).contains("s3cr3t"));
}

proptest! {
    #[test]
    fn no_request_makes_the_parser_panic(
        name in prop::sample::select(vec!["scope", "state", "prompt", "max_age", "resource", "code_challenge"]),
        value in ".{0,60}",
    ) {
        if let Ok(found) = AuthorizationRequest::parse(&request(&[(name, &value.replace('\0', ""))]), Profile::Smart) {
            prop_assert!(!found.scope.is_empty());
        }
    }
}
