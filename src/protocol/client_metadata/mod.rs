//! A client's registration (RFC 7591, 2; RFC 8705, 2 and 3.4), parsed member by member.

mod about;
mod document;
mod keys;

use crate::jose::{algorithm::Algorithm, jwk_set::JwkSet};
use crate::pki::identity::CertificateIdentity;
use crate::scope::set::ScopeSet;

use super::ids::CommunityName;
use super::redirect_uri::RedirectUri;

pub use about::{About, ApplicationType, MEMBERS as ABOUT};
pub use document::resource_url;
pub(in crate::protocol) use document::{IDENTITIES, short, word};
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

    pub(in crate::protocol) fn parse(text: &str) -> Result<Self, &'static str> {
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

/// Whether a client knows people by the same `sub` as other clients do (OpenID Connect Core, 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectType {
    /// It does.
    Public,
    /// By another for each sector.
    Pairwise,
}

impl SubjectType {
    /// The word in registrations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Pairwise => "pairwise",
        }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "public" => Ok(Self::Public),
            "pairwise" => Ok(Self::Pairwise),
            _ => Err("must be public or pairwise"),
        }
    }
}

/// What a client's registration says. Whether this server has the method and the grants that it
/// names is judged where those are registered.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a member of a registration, as its standard spells it"
)]
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
    /// The trust community by whose rules its certificate is judged; that of the configuration where it names none.
    pub trust_community: Option<CommunityName>,
    /// Whether its access tokens are bound to its certificate (RFC 8705, 3.4).
    pub certificate_bound: bool,
    /// Whether its access tokens are bound to a key that it proves (RFC 9449, 5.2).
    pub dpop_bound: bool,
    /// Whether it must push its authorization requests (RFC 9126, 6).
    pub require_pushed: bool,
    /// Whether it must sign its authorization requests (RFC 9101, 10.5).
    pub require_signed_request_object: bool,
    /// The one algorithm of its request objects; any that its keys allow when absent.
    pub request_object_signing_alg: Option<Algorithm>,
    /// The algorithm of the answers to its authorization requests, when they must be signed (JARM).
    pub authorization_signed_response_alg: Option<Algorithm>,
    /// The algorithm of the answers to its introspections (RFC 9701, 6).
    pub introspection_signed_response_alg: Option<Algorithm>,
    /// The algorithm of what userinfo tells it, when that must be signed (OpenID Connect Registration, 2).
    pub userinfo_signed_response_alg: Option<Algorithm>,
    /// The types of rich authorization requests it may make (RFC 9396, 10).
    pub authorization_details_types: Vec<String>,
    /// Where people may go once they have signed out (OpenID Connect RP-Initiated Logout, 3.1).
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where it is told that people have signed out (OpenID Connect Back-Channel Logout, 2.2).
    pub backchannel_logout_uri: Option<String>,
    /// Whether it must be told of which session.
    pub backchannel_logout_session_required: bool,
    /// Whether it knows people by the same `sub` as other clients do.
    pub subject_type: SubjectType,
    /// Where the addresses of its sector stand (OpenID Connect Core, 8.1).
    pub sector_identifier_uri: Option<String>,
    /// How many seconds ago people may have signed in, unless a request says otherwise.
    pub default_max_age: Option<i64>,
    /// Whether its id tokens must tell when the person signed in; they always do.
    pub require_auth_time: bool,
    /// How people should sign in, unless a request says otherwise.
    pub default_acr_values: Vec<String>,
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
    /// What it tells people of itself.
    pub about: About,
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

    /// The algorithm of what is signed for the client, where it may have registered one: RS256 without, as the
    /// standards have it, but for FAPI 2.0, which does not allow that (Security Profile, 5.4.1).
    #[must_use]
    pub const fn signed_with(&self, registered: Option<Algorithm>) -> Algorithm {
        match (registered, self.profile) {
            (Some(algorithm), _) => algorithm,
            (None, Profile::Fapi2) => Algorithm::Es256,
            (None, Profile::Smart | Profile::Udap) => Algorithm::Rs256,
        }
    }

    /// Whether whoever authenticated under this registration could have done so under another, and may
    /// use the same grants and resource servers.
    #[must_use]
    pub fn authenticates_like(&self, other: &Self) -> bool {
        let facts = |metadata: &Self| {
            let mut document = metadata.to_json();
            document.retain(|name, _| {
                let told = ["client_name", "organization", "contacts", "scope", "purpose_of_use"];
                !told.contains(&name.as_str()) && !ABOUT.contains(&name.as_str())
            });
            document
        };
        facts(self) == facts(other)
    }
}
