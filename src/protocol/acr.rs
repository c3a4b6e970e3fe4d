//! How well a sign-in proves who somebody is: `acr` (OpenID Connect Core, 2), in the words of the authenticator
//! assurance levels of NIST SP 800-63B, as the identity providers of the field spell them.

/// A password, and nothing beside it (SP 800-63B, 4.1).
pub const PASSWORD: &str = "http://idmanagement.gov/ns/assurance/aal/1";

/// What this server can attain.
pub const SUPPORTED: [&str; 1] = [PASSWORD];

/// What a sign-in by these methods (RFC 8176) attains.
#[must_use]
pub fn of(methods: &[String]) -> Option<&'static str> {
    methods.iter().any(|method| method == "pwd").then_some(PASSWORD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oi_05_a_password_alone_is_the_lowest_level_and_nothing_is_none() {
        assert_eq!(of(&["pwd".to_owned()]), Some(PASSWORD));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["face".to_owned()]), None);
    }
}
