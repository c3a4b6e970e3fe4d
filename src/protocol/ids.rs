//! Identifiers, each a type of its own so that none is taken for another.

use std::fmt;

use uuid::Uuid;

/// The `client_id` of a registered application (RFC 6749, 2.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(String);

impl ClientId {
    /// Reads a `client_id`: 1 to 64 of the visible characters that this server gives out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
        ((1..=64).contains(&text.len()) && text.chars().all(known)).then(|| Self(text.to_owned()))
    }

    /// A new `client_id` from a random identifier.
    #[must_use]
    pub fn new(id: Uuid) -> Self {
        Self(id.to_string())
    }

    /// The text of the identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The short name of a registered resource server, as it stands in `/r/{resource}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceName(String);

impl ResourceName {
    /// Reads a name: 1 to 63 lower-case letters, digits and inner hyphens.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_segment(text).then(|| Self(text.to_owned()))
    }

    /// The text of the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The short name of a trusted issuer, as it stands in the paths of the admin API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerName(String);

impl IssuerName {
    /// Reads a name: 1 to 63 lower-case letters, digits and inner hyphens.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_segment(text).then(|| Self(text.to_owned()))
    }

    /// The text of the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IssuerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The short name of a trust community, as it stands in registrations and in the paths of the admin API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommunityName(String);

impl CommunityName {
    /// Reads a name: 1 to 63 lower-case letters, digits and inner hyphens.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_segment(text).then(|| Self(text.to_owned()))
    }

    /// The text of the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommunityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text is 1 to 63 lower-case letters, digits and inner hyphens.
fn is_segment(text: &str) -> bool {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let framed = !text.starts_with('-') && !text.ends_with('-');
    (1..=63).contains(&text.len()) && framed && text.chars().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_is_short_and_visible() {
        for good in ["a", "01890a5d-ac96-774b-bcce-b302099a8057", "payer.es384_~"] {
            assert!(ClientId::parse(good).is_some(), "{good}");
        }
        for bad in ["", " ", "a b", "a\n", "é", &"x".repeat(65), "a/../b", "<b>"] {
            assert!(ClientId::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_resource_name_is_a_path_segment() {
        for good in ["fhir", "r4", "a-b"] {
            assert!(ResourceName::parse(good).is_some(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a/b", "..", &"x".repeat(64)] {
            assert!(ResourceName::parse(bad).is_none(), "{bad:?}");
        }
    }
}
