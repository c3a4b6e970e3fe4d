//! How the answer to an authorization request travels (OAuth 2.0 Multiple Response Types, 2.1; Form Post Response
//! Mode; JARM, 2.3).

use serde::{Deserialize, Serialize};

/// How the answer travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResponseMode {
    /// In the query of a redirect, as codes do unless something else is asked.
    #[default]
    #[serde(rename = "query")]
    Query,
    /// In a form that the browser posts.
    #[serde(rename = "form_post")]
    FormPost,
    /// Signed, in the query of a redirect.
    #[serde(rename = "query.jwt")]
    QueryJwt,
    /// Signed, in a form that the browser posts.
    #[serde(rename = "form_post.jwt")]
    FormPostJwt,
}

impl ResponseMode {
    /// What asks for the signed form of what a code travels by (JARM, 2.3.4).
    pub const JWT: &str = "jwt";

    /// Every mode. A fragment is not among them: a code in it stays in the browser, where every script of the page
    /// reads it, and no client of a server needs it there.
    pub const ALL: [Self; 4] = [Self::Query, Self::FormPost, Self::QueryJwt, Self::FormPostJwt];

    /// The word in requests and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
            Self::QueryJwt => "query.jwt",
            Self::FormPostJwt => "form_post.jwt",
        }
    }

    /// Reads the word of a request.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == Self::JWT {
            return Some(Self::QueryJwt);
        }
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }

    /// Whether the answer is signed.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::QueryJwt | Self::FormPostJwt)
    }

    /// Whether the answer is a form that the browser posts.
    #[must_use]
    pub const fn is_form(self) -> bool {
        matches!(self, Self::FormPost | Self::FormPostJwt)
    }

    /// The mode by which the answer travels the same way, but signed.
    #[must_use]
    pub const fn signed(self) -> Self {
        match self {
            Self::Query | Self::QueryJwt => Self::QueryJwt,
            Self::FormPost | Self::FormPostJwt => Self::FormPostJwt,
        }
    }

    /// The mode by which the same travels in the query of a redirect.
    #[must_use]
    pub const fn in_query(self) -> Self {
        match self {
            Self::Query | Self::FormPost => Self::Query,
            Self::QueryJwt | Self::FormPostJwt => Self::QueryJwt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_back_and_jwt_is_that_of_a_code() {
        for mode in ResponseMode::ALL {
            assert_eq!(ResponseMode::parse(mode.as_str()), Some(mode));
        }
        assert_eq!(ResponseMode::parse("jwt"), Some(ResponseMode::QueryJwt));
        for other in
            ["", "fragment", "fragment.jwt", "web_message", "Query", "JWT", "query.jwt ", "query.jwe"]
        {
            assert_eq!(ResponseMode::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_mode_is_signed_or_in_the_query_or_both() {
        for mode in ResponseMode::ALL {
            assert!(mode.signed().is_signed() && mode.signed().is_form() == mode.is_form());
            assert!(!mode.in_query().is_form() && mode.in_query().is_signed() == mode.is_signed());
        }
    }
}
