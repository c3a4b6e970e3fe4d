//! What a registration tells people of an app (RFC 7591, 2). None of it is believed or fetched.

use serde_json::{Map, Value, json};
use url::Url;

use crate::protocol::error::FieldProblem;
use crate::protocol::fields::Fields;
use crate::protocol::redirect_uri::RedirectUri;

/// Where an app runs (OpenID Connect Registration, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplicationType {
    /// On a server, or in a browser.
    Web,
    /// On a person's device.
    Native,
}

/// What an app says of itself.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Where it runs; nothing is concluded when it does not say.
    pub application_type: Option<ApplicationType>,
    /// Its page.
    pub client_uri: Option<String>,
    /// Its logo, which this server neither fetches nor shows.
    pub logo_uri: Option<String>,
    /// How it deals with data.
    pub policy_uri: Option<String>,
    /// Its terms of service.
    pub tos_uri: Option<String>,
    /// Which software it is, over all its installations.
    pub software_id: Option<String>,
    /// Which version of it.
    pub software_version: Option<String>,
}

/// The members of [`About`].
pub const MEMBERS: [&str; 7] = [
    "application_type",
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "software_id",
    "software_version",
];

impl ApplicationType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Native => "native",
        }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "web" => Ok(Self::Web),
            "native" => Ok(Self::Native),
            _ => Err("must be web or native"),
        }
    }
}

impl About {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            application_type: fields.parsed("application_type", ApplicationType::parse),
            client_uri: fields.parsed("client_uri", page),
            logo_uri: fields.parsed("logo_uri", page),
            policy_uri: fields.parsed("policy_uri", page),
            tos_uri: fields.parsed("tos_uri", page),
            software_id: fields.parsed("software_id", word),
            software_version: fields.parsed("software_version", word),
        }
    }

    pub(super) fn write(&self, document: &mut Map<String, Value>) {
        let application_type = self.application_type.map(|kind| kind.as_str().to_owned());
        let members = [
            ("application_type", &application_type),
            ("client_uri", &self.client_uri),
            ("logo_uri", &self.logo_uri),
            ("policy_uri", &self.policy_uri),
            ("tos_uri", &self.tos_uri),
            ("software_id", &self.software_id),
            ("software_version", &self.software_version),
        ];
        for (name, text) in members {
            if let Some(text) = text {
                document.insert(name.to_owned(), json!(text));
            }
        }
    }

    /// The redirect URIs that an app of this kind cannot have (OpenID Connect Registration, 2): what a web app is
    /// told goes to a server.
    #[must_use]
    pub fn misplaced(&self, uris: &[RedirectUri]) -> Vec<FieldProblem> {
        if self.application_type != Some(ApplicationType::Web) {
            return Vec::new();
        }
        let wrong = uris.iter().enumerate().filter(|(_, uri)| !uri.as_str().starts_with("https://"));
        wrong
            .map(|(index, _)| FieldProblem {
                field: format!("redirect_uris[{index}]"),
                says: "must be https for an application_type of web".to_owned(),
            })
            .collect()
    }
}

/// A page that people may be led to.
fn page(text: &str) -> Result<String, &'static str> {
    let url = Url::parse(text).map_err(|_| "must be an https URL")?;
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"'<>`".contains(&byte));
    let bare = url.username().is_empty() && url.password().is_none();
    if url.scheme() == "https" && url.has_host() && plain && bare && text.len() <= 2048 {
        Ok(text.to_owned())
    } else {
        Err("must be an https URL without a user, of characters that a URL may hold")
    }
}

fn word(text: &str) -> Result<String, &'static str> {
    if text.len() <= 256 { Ok(text.to_owned()) } else { Err("must have at most 256 bytes") }
}
