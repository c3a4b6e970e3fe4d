//! A client's registration (RFC 7591, 2; RFC 8705, 2 and 3.4), parsed member by member.

mod document;
mod keys;

use crate::jose::{algorithm::Algorithm, jwk_set::JwkSet};
use crate::pki::identity::CertificateIdentity;
use crate::scope::set::ScopeSet;

use super::redirect_uri::RedirectUri;

pub use document::resource_url;
pub use keys::Keys;

/// Which standard decides where the standards conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// SMART App Launch 2.2 and SMART Backend Services.
    Smart,
    /// HL7 UDAP Security.
    Udap,
    /// FAPI 2.0 Security Profile.
    Fapi2,
}

impl Profile {
    /// The word in registrations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Smart => "smart",
            Self::Udap => "udap",
            Self::Fapi2 => "fapi2",
        }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "smart" => Ok(Self::Smart),
            "udap" => Ok(Self::Udap),
            "fapi2" => Ok(Self::Fapi2),
            _ => Err("must be smart, udap or fapi2"),
        }
    }
}

/// Whether clinicians are asked what a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClinicianConsent {
    /// They are, as everybody is.
    Ask,
    /// The organization has decided for them when it registered the client.
    Preapproved,
}

impl ClinicianConsent {
    /// The word in registrations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Preapproved => "preapproved",
        }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "ask" => Ok(Self::Ask),
            "preapproved" => Ok(Self::Preapproved),
            _ => Err("must be ask or preapproved"),
        }
    }
}

/// What a client's registration says. Whether this server has the method and the grants that it
/// names is judged where those are registered.
#[derive(Clone, Debug)]
pub struct ClientMetadata {
    /// The name that people read.
    pub client_name: String,
    /// The organization that answers for the client; it stands in every audit record.
    pub organization: String,
    /// Which standard decides where they conflict.
    pub profile: Profile,
    /// The grants the client may use.
    pub grant_types: Vec<String>,
    /// Where authorization responses may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where an EHR may launch the app (SMART App Launch 2.2).
    pub launch_urls: Vec<String>,
    /// The scopes the client may be granted.
    pub scope: ScopeSet,
    /// The URLs of the resource servers the client may get tokens for.
    pub resources: Vec<String>,
    /// The URLs of the resource servers in whose name the client may introspect (RFC 7662).
    pub introspects: Vec<String>,
    /// The one way in which the client authenticates.
    pub token_endpoint_auth_method: String,
    /// The one algorithm of its assertions; any that its keys allow when absent.
    pub token_endpoint_auth_signing_alg: Option<Algorithm>,
    /// Where its public keys or certificates come from.
    pub keys: Keys,
    /// What its certificate must show for `tls_client_auth` (RFC 8705, 2.1.2).
    pub certificate_identity: Option<CertificateIdentity>,
    /// Whether its access tokens are bound to its certificate (RFC 8705, 3.4).
    pub certificate_bound: bool,
    /// The algorithm of its id tokens: RS256 unless it asks for another (OpenID Connect Registration, 2).
    pub id_token_signed_response_alg: Algorithm,
    /// How many days after the sign-in its refresh tokens end, however often they are used.
    pub refresh_token_max_days: Option<i64>,
    /// Whether clinicians are asked what it may do.
    pub clinician_consent: ClinicianConsent,
    /// Why it asks, unless a request says otherwise: a code of HL7 PurposeOfUse.
    pub purpose_of_use: Option<String>,
    /// Whom to call.
    pub contacts: Vec<String>,
}

impl ClientMetadata {
    /// The inline keys, if the registration has them.
    #[must_use]
    pub const fn inline_keys(&self) -> Option<&JwkSet> {
        match &self.keys {
            Keys::Inline(set) => Some(set),
            Keys::None | Keys::At(_) => None,
        }
    }

    /// Whether whoever authenticated under this registration could have done so under another, and may
    /// use the same grants and resource servers.
    #[must_use]
    pub fn authenticates_like(&self, other: &Self) -> bool {
        let facts = |metadata: &Self| {
            let mut document = metadata.to_json();
            document.retain(|name, _| {
                !["client_name", "organization", "contacts", "scope", "purpose_of_use"]
                    .contains(&name.as_str())
            });
            document
        };
        facts(self) == facts(other)
    }
}
