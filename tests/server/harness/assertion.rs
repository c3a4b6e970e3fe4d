//! Client assertions, right or wrong in every way a test wants.

use hilum::jose::base64url;
use hilum::jose::signing::SigningKey;
use serde_json::{Map, Value, json};

/// An assertion on its way to being signed.
#[derive(Clone)]
pub struct Assertion {
    /// The header.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
}

impl Assertion {
    /// A right assertion of a client for an audience.
    pub fn of(client: &str, audience: &str, key: &SigningKey, kid: &str) -> Self {
        let now = now();
        let id: [u8; 16] = hilum::platform::entropy::Entropy::system().bytes().expect("chance");
        let header = json!({"alg": key.algorithm().as_str(), "kid": kid, "typ": "JWT"});
        let claims = json!({"iss": client, "sub": client, "aud": audience, "iat": now, "exp": now + 240,
            "jti": base64url::encode(&id)});
        Self { header: header.as_object().cloned().unwrap(), claims: claims.as_object().cloned().unwrap() }
    }

    /// With another claim; `null` takes it away.
    pub fn claim(mut self, name: &str, value: Value) -> Self {
        if value.is_null() {
            self.claims.remove(name);
        } else {
            self.claims.insert(name.to_owned(), value);
        }
        self
    }

    /// With another member of the header; `null` takes it away.
    pub fn head(mut self, name: &str, value: Value) -> Self {
        if value.is_null() {
            self.header.remove(name);
        } else {
            self.header.insert(name.to_owned(), value);
        }
        self
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        let encode =
            |part: &Map<String, Value>| base64url::encode(Value::Object(part.clone()).to_string().as_bytes());
        format!("{}.{}", encode(&self.header), encode(&self.claims))
    }

    /// Signed with a key.
    pub fn sign(&self, key: &SigningKey) -> String {
        let signature = key.sign_bytes(self.text().as_bytes()).expect("a signature");
        format!("{}.{}", self.text(), base64url::encode(&signature))
    }
}

/// Seconds since 1970, by this machine's clock.
pub fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "a client's clock is its machine's")]
    let now = time::OffsetDateTime::now_utc();
    now.unix_timestamp()
}
