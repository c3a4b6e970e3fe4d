//! Pages of a list: `?limit=` and an opaque `?cursor=`.

use crate::jose::base64url;
use crate::model::page::Page;
use crate::protocol::error::Refusal;
use crate::protocol::params::Params;

/// How many rows a page has unless it is asked for otherwise, and at most.
const USUAL: i64 = 50;
const MOST: i64 = 200;

/// Reads a page; `read` turns the text inside the cursor into a key.
pub(super) fn page<K>(query: &Params, read: impl FnOnce(&str) -> Option<K>) -> Result<Page<K>, Refusal> {
    let limit = match query.optional("limit").map(str::parse) {
        None => USUAL,
        Some(Ok(limit)) if (1..=MOST).contains(&limit) => limit,
        Some(_) => {
            return Err(Refusal::invalid_request("limit must be a whole number from 1 to 200", "limit"));
        }
    };
    let after = match query.optional("cursor") {
        None => None,
        Some(cursor) => {
            let text = base64url::decode(cursor).and_then(|bytes| String::from_utf8(bytes).ok());
            let key = text.and_then(|text| read(&text));
            Some(key.ok_or_else(|| {
                Refusal::invalid_request("cursor must be one that this server gave", "cursor")
            })?)
        }
    };
    Ok(Page { after, limit })
}

/// The cursor after a key.
pub(super) fn cursor(key: &str) -> String {
    base64url::encode(key.as_bytes())
}

/// Whether a page of so many rows may have a next one.
pub(super) fn is_full(rows: usize, limit: i64) -> bool {
    i64::try_from(rows).is_ok_and(|rows| rows >= limit)
}
