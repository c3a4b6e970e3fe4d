//! An HTTP answer and what tests ask of it.

use reqwest::Response;
use serde_json::Value;

/// An HTTP answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, in lower case, each with its first value.
    pub headers: std::collections::BTreeMap<String, String>,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// Reads a response.
    pub async fn read(response: Response) -> Self {
        let status = response.status().as_u16();
        let pairs = response.headers().iter();
        let headers = pairs
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let text = response.text().await.expect("a body");
        Self { status, headers, text }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, self.text))
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The answer of a token endpoint that granted.
    #[track_caller]
    pub fn granted(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("pragma"), Some("no-cache"));
        self.json()
    }

    /// The access token of an answer that granted.
    #[track_caller]
    pub fn token(&self) -> String {
        self.granted()["access_token"].as_str().expect("a token").to_owned()
    }

    /// A refusal with its status and error code, not to be kept, in words that the standard allows.
    #[track_caller]
    pub fn refused(&self, status: u16, error: &str) {
        assert_eq!((self.status, self.json()["error"].as_str()), (status, Some(error)), "{}", self.text);
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert!(self.json().get("access_token").is_none());
        let said = self.json()["error_description"].as_str().unwrap_or_default().to_owned();
        let allowed = |c: char| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
        assert!(said.chars().all(allowed), "OA-01: {said}");
    }

    /// The refusal of a client's credentials.
    #[track_caller]
    pub fn invalid_client(&self) {
        self.refused(401, "invalid_client");
        assert_eq!(
            self.json()["error_description"],
            "client authentication failed",
            "OA-03: the same words for all"
        );
    }

    /// An introspection of a token that is not alive: exactly this and nothing else.
    #[track_caller]
    pub fn inactive(&self) {
        assert_eq!((self.status, self.text.as_str()), (200, r#"{"active":false}"#));
    }

    /// An introspection of a living token.
    #[track_caller]
    pub fn active(&self) -> Value {
        let body = self.granted();
        assert_eq!(body["active"], true, "{}", self.text);
        body
    }
}
