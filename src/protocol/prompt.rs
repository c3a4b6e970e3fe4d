//! The `prompt` parameter (OpenID Connect Core, 3.1.2.1): which pages the person must see, or none.

use serde::{Deserialize, Serialize};

use super::error::Refusal;

/// What the client asks to be shown to the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prompts(Pages);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Pages {
    /// No page at all: an error where one would be needed.
    None,
    /// The pages that are needed, and these even when they are not.
    Needed { login: bool, consent: bool },
}

impl Default for Pages {
    fn default() -> Self {
        Self::Needed { login: false, consent: false }
    }
}

impl Prompts {
    /// Reads words separated by spaces. `select_account` is a new sign-in: there is one account at a time.
    pub fn parse(prompt: Option<&str>) -> Result<Self, Refusal> {
        let (mut none, mut login, mut consent) = (false, false, false);
        for word in prompt.unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" => none = true,
                "login" | "select_account" => login = true,
                "consent" => consent = true,
                _ => return Err(Refusal::invalid_request("prompt has an unknown value", "prompt_unknown")),
            }
        }
        match (none, login || consent) {
            (true, true) => {
                Err(Refusal::invalid_request("prompt=none stands alone", "prompt_none_with_others"))
            }
            (true, false) => Ok(Self(Pages::None)),
            (false, _) => Ok(Self(Pages::Needed { login, consent })),
        }
    }

    /// Whether no page may be shown (`prompt=none`).
    #[must_use]
    pub const fn is_none(self) -> bool {
        matches!(self.0, Pages::None)
    }

    /// Whether the person must sign in anew.
    #[must_use]
    pub const fn wants_login(self) -> bool {
        matches!(self.0, Pages::Needed { login: true, .. })
    }

    /// Whether the person must be asked for consent anew.
    #[must_use]
    pub const fn wants_consent(self) -> bool {
        matches!(self.0, Pages::Needed { consent: true, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::error::ErrorCode;

    #[test]
    fn oi_03_oi_04_prompt_is_a_list_of_four_words() {
        let rows = [
            (None, (false, false, false)),
            (Some(""), (false, false, false)),
            (Some(" "), (false, false, false)),
            (Some("none"), (true, false, false)),
            (Some("login"), (false, true, false)),
            (Some("select_account"), (false, true, false)),
            (Some("consent"), (false, false, true)),
            (Some("login consent"), (false, true, true)),
            (Some("consent  select_account login"), (false, true, true)),
        ];
        for (text, expected) in rows {
            let prompts = Prompts::parse(text).unwrap();
            let found = (prompts.is_none(), prompts.wants_login(), prompts.wants_consent());
            assert_eq!(found, expected, "{text:?}");
        }
        assert_eq!(Prompts::parse(None).unwrap(), Prompts::default());
    }

    #[test]
    fn oi_03_none_stands_alone_and_other_words_are_refused() {
        let rows = [
            ("none login", "prompt_none_with_others"),
            ("consent none", "prompt_none_with_others"),
            ("none select_account", "prompt_none_with_others"),
            ("create", "prompt_unknown"),
            ("Login", "prompt_unknown"),
            ("none unknown", "prompt_unknown"),
            ("login\tconsent", "prompt_unknown"),
            ("login,consent", "prompt_unknown"),
        ];
        for (text, reason) in rows {
            let refusal = Prompts::parse(Some(text)).unwrap_err();
            assert_eq!(
                (refusal.code(), refusal.reason().code()),
                (ErrorCode::InvalidRequest, reason),
                "{text}"
            );
        }
    }

    #[test]
    fn prompts_are_kept_and_read_back() {
        for text in ["", "none", "login", "consent", "login consent"] {
            let prompts = Prompts::parse(Some(text)).unwrap();
            let kept = serde_json::to_string(&prompts).unwrap();
            assert_eq!(serde_json::from_str::<Prompts>(&kept).unwrap(), prompts, "{kept}");
        }
    }
}
