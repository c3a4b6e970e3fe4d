//! A resource server that does what it is told and no more: it keeps a key set as long as `Cache-Control` says, and
//! does not ask again for a `kid` that it does not know.

use std::collections::HashMap;

use hilum::jose::algorithm::Algorithm;
use hilum::jose::jwk::Jwk;
use hilum::jose::jws::UnverifiedJws;
use serde_json::Value;

/// Where a resource server keeps what it fetched.
#[derive(Default)]
pub struct ResourceServer {
    keys: HashMap<String, Jwk>,
    /// Until when the set may be used, in whatever time the test has.
    until: i64,
    /// How often it fetched.
    pub fetched: usize,
    /// How many tokens it judged.
    pub judged: usize,
    /// What it refused.
    pub failed: Vec<String>,
}

impl ResourceServer {
    /// Whether the set must be fetched before anything is judged.
    pub fn is_due(&self, now: i64) -> bool {
        now >= self.until
    }

    /// Keeps a set that may be cached for so many seconds.
    pub fn keep(&mut self, set: &Value, max_age: i64, now: i64) {
        let keys = set["keys"].as_array().expect("keys").iter();
        self.keys = keys.map(|key| (text(&key["kid"]), Jwk::parse(key).expect("a key"))).collect();
        self.until = now + max_age;
        self.fetched += 1;
    }

    /// Verifies a token with the set that is kept.
    pub fn judge(&mut self, token: &str, when: &str) {
        self.judged += 1;
        let jws = UnverifiedJws::parse(token).expect("a token");
        let (kid, alg) = (jws.header().kid.clone().expect("a kid"), jws.header().alg);
        let verified = match self.keys.get(&kid) {
            None => {
                Err(format!("{when}: {kid} ({}) is in no key set that may be used", Algorithm::as_str(alg)))
            }
            Some(key) => jws.verify(key).map(drop).map_err(|error| format!("{when}: {kid}: {error}")),
        };
        if let Err(what) = verified {
            self.failed.push(what);
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
