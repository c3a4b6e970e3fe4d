//! A page of a list.

/// What comes after a key, at most so many.
#[derive(Clone, Debug)]
pub struct Page<K> {
    /// The last key of the page before.
    pub after: Option<K>,
    /// The most rows to give.
    pub limit: i64,
}
