//! Proof Key for Code Exchange (RFC 7636), with S256 alone (SMART App Launch; RFC 9700, 2.1.1).

use serde::{Deserialize, Serialize};

use super::error::Refusal;
use super::secret::{Secret, same_bytes};
use crate::jose::base64url;
use crate::jose::thumbprint::sha256;

/// What an authorization request commits to: the SHA-256 of a verifier, in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Challenge(String);

impl Challenge {
    /// Reads `code_challenge` and `code_challenge_method` (RFC 7636, 4.3), which every client must send.
    ///
    /// A method that is left out means `plain` there, and `plain` is refused.
    pub fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Self, Refusal> {
        let Some(challenge) = challenge else {
            return Err(Refusal::invalid_request("code_challenge is required", "pkce_missing"));
        };
        if method != Some("S256") {
            return Err(Refusal::invalid_request("code_challenge_method must be S256", "pkce_method"));
        }
        Self::from_stored(challenge).ok_or_else(|| {
            Refusal::invalid_request(
                "code_challenge must be a SHA-256 digest in base64url without padding",
                "pkce_challenge_malformed",
            )
        })
    }

    /// Reads a challenge back from where it was kept.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        let digest = text.len() == 43 && base64url::decode(text).is_some();
        digest.then(|| Self(text.to_owned()))
    }

    /// The challenge as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the verifier is the one that was committed to (RFC 7636, 4.6), in constant time.
    #[must_use]
    pub fn is_met_by(&self, verifier: &Verifier) -> bool {
        let shown = base64url::encode(&sha256(verifier.0.expose().as_bytes()));
        same_bytes(shown.as_bytes(), self.0.as_bytes())
    }
}

impl TryFrom<String> for Challenge {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::from_stored(&text).ok_or("not a code challenge")
    }
}

impl From<Challenge> for String {
    fn from(challenge: Challenge) -> Self {
        challenge.0
    }
}

/// What a token request shows to redeem a code: the secret behind a [`Challenge`].
#[derive(Debug)]
pub struct Verifier(Secret);

impl Verifier {
    /// Reads a `code_verifier`: 43 to 128 unreserved characters (RFC 7636, 4.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        let whole = (43..=128).contains(&text.len()) && text.bytes().all(unreserved);
        whole.then(|| Self(Secret::new(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::error::ErrorCode;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn refused(challenge: Option<&str>, method: Option<&str>) -> &'static str {
        let refusal = Challenge::parse(challenge, method).expect_err("a refusal");
        assert_eq!(refusal.code(), ErrorCode::InvalidRequest);
        refusal.reason().code()
    }

    #[test]
    fn pk_01_a_challenge_is_met_by_its_verifier_alone() {
        let challenge = Challenge::parse(Some(CHALLENGE), Some("S256")).unwrap();
        assert_eq!(challenge.as_str(), CHALLENGE);
        assert!(challenge.is_met_by(&Verifier::parse(VERIFIER).unwrap()));
        for other in ["A".repeat(43), VERIFIER.to_lowercase(), format!("{VERIFIER}A")] {
            assert!(!challenge.is_met_by(&Verifier::parse(&other).unwrap()), "{other}");
        }
    }

    #[test]
    fn p01_sm_a_09_a_challenge_is_required() {
        for method in [None, Some("S256"), Some("plain")] {
            assert_eq!(refused(None, method), "pkce_missing");
        }
    }

    #[test]
    fn p04_sm_a_10_the_method_is_exactly_s256() {
        let others = ["plain", "s256", "S256 ", " S256", "none", "S384", "S256,plain", "", "Ｓ256"];
        for method in others.map(Some).into_iter().chain([None]) {
            assert_eq!(refused(Some(CHALLENGE), method), "pkce_method", "{method:?}");
        }
    }

    #[test]
    fn p05_sm_a_11_a_challenge_is_43_characters_of_base64url() {
        let bad = [
            String::new(),
            CHALLENGE[..42].to_owned(),
            format!("{CHALLENGE}A"),
            format!("{CHALLENGE}="),
            format!("{}=", &CHALLENGE[..42]),
            CHALLENGE.replace('-', "+"),
            CHALLENGE.replace('-', "/"),
            CHALLENGE.replace('-', " "),
            CHALLENGE.replace('-', "~"),
            // Loose bits behind the last octet: another spelling of the same digest.
            format!("{}N", &CHALLENGE[..42]),
            format!("{}é", &CHALLENGE[..41]),
        ];
        for challenge in bad {
            assert_eq!(refused(Some(&challenge), Some("S256")), "pkce_challenge_malformed", "{challenge}");
            assert_eq!(Challenge::from_stored(&challenge), None);
        }
    }

    #[test]
    fn p05_a_verifier_has_43_to_128_unreserved_characters() {
        for good in ["a".repeat(43), "a".repeat(128), format!("{}-._~09AZ", "a".repeat(40))] {
            assert!(Verifier::parse(&good).is_some(), "{good}");
        }
        let forty_two = "a".repeat(42);
        for bad in ["", &forty_two, &"a".repeat(129), &"é".repeat(43)] {
            assert!(Verifier::parse(bad).is_none(), "{bad}");
        }
        for foreign in ['+', '/', '=', ' ', '%', '\0', '\n', '!', 'é'] {
            assert!(Verifier::parse(&format!("{forty_two}{foreign}")).is_none(), "{foreign:?}");
        }
    }

    #[test]
    fn p05_the_challenge_itself_is_no_verifier_for_it() {
        let challenge = Challenge::from_stored(CHALLENGE).unwrap();
        assert!(!challenge.is_met_by(&Verifier::parse(CHALLENGE).unwrap()));
    }

    #[test]
    fn a_verifier_does_not_print_itself() {
        assert!(!format!("{:?}", Verifier::parse(VERIFIER)).contains(&VERIFIER[..8]));
    }

    #[test]
    fn a_challenge_is_kept_as_text_and_judged_when_read_back() {
        let challenge = Challenge::from_stored(CHALLENGE).unwrap();
        let kept = serde_json::to_string(&challenge).unwrap();
        assert_eq!(kept, format!("\"{CHALLENGE}\""));
        assert_eq!(serde_json::from_str::<Challenge>(&kept).unwrap(), challenge);
        assert!(serde_json::from_str::<Challenge>("\"short\"").is_err());
    }

    proptest! {
        #[test]
        fn every_verifier_meets_its_own_challenge_alone(verifier in "[A-Za-z0-9._~-]{43,128}", other in "[A-Za-z0-9._~-]{43,128}") {
            let challenge = base64url::encode(&sha256(verifier.as_bytes()));
            let challenge = Challenge::parse(Some(&challenge), Some("S256")).unwrap();
            prop_assert!(challenge.is_met_by(&Verifier::parse(&verifier).unwrap()));
            prop_assert_eq!(challenge.is_met_by(&Verifier::parse(&other).unwrap()), verifier == other);
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in ".{0,140}") {
            let _ = Challenge::parse(Some(&text), Some("S256"));
            let _ = Verifier::parse(&text);
        }
    }
}
