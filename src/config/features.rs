//! `[features]`: what a server offers only where its operator wants it.

use toml::Table;

use super::source::Section;

/// The section `[features]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Features {
    /// Devices without a browser may ask for codes (RFC 8628): `features.device_authorization`. Off unless wanted:
    /// people can be talked into entering the code of somebody else.
    pub device_authorization: bool,
    /// Clients may register themselves (RFC 7591): `features.dynamic_registration`. Off unless wanted.
    pub dynamic_registration: bool,
    /// Every authorization request must be pushed (RFC 9126, 5): `features.require_pushed_authorization_requests`.
    pub require_pushed: bool,
}

impl Features {
    pub(super) fn parse(section: &mut Section<'_>) -> Self {
        Self {
            device_authorization: section.flag("device_authorization", false),
            dynamic_registration: section.flag("dynamic_registration", false),
            require_pushed: section.flag("require_pushed_authorization_requests", false),
        }
    }

    pub(super) fn to_table(self) -> Table {
        Table::from_iter([
            ("device_authorization".to_owned(), self.device_authorization.into()),
            ("dynamic_registration".to_owned(), self.dynamic_registration.into()),
            ("require_pushed_authorization_requests".to_owned(), self.require_pushed.into()),
        ])
    }
}
