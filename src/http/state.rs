//! What the handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;

use crate::admin::Administration;
use crate::authorize::AuthorizationFlow;
use crate::clients::origins::Origins;
use crate::clients::proxies::Proxies;
use crate::config::features::Features;
use crate::discovery::details::DetailsTypes;
use crate::discovery::endpoints::Addresses;
use crate::discovery::smart::FhirServers;
use crate::enrollment::EnrollmentEndpoint;
use crate::keys::keyring::KeyRing;
use crate::oidc::userinfo::UserinfoEndpoint;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::registration::RegistrationEndpoint;
use crate::sandbox::Sandbox;
use crate::smart::decisions::DecisionEndpoint;
use crate::smart::launch::LaunchEndpoint;
use crate::tokens::access_token::AccessTokens;
use crate::tokens::endpoint::TokenEndpoint;
use crate::tokens::introspect::IntrospectionEndpoint;
use crate::tokens::revoke::RevocationEndpoint;

/// What the handlers share; one for the process.
pub struct State {
    /// The token endpoint.
    pub token: TokenEndpoint,
    /// The introspection endpoint.
    pub introspection: IntrospectionEndpoint,
    /// The revocation endpoint.
    pub revocation: RevocationEndpoint,
    /// The browser's way to a code.
    pub authorization: AuthorizationFlow,
    /// The launch API.
    pub launch: LaunchEndpoint,
    /// Where payers report what they have decided.
    pub decisions: DecisionEndpoint,
    /// The userinfo endpoint.
    pub userinfo: UserinfoEndpoint,
    /// What administrators do.
    pub administration: Administration,
    /// The client registration endpoint.
    pub registration: RegistrationEndpoint,
    /// Where clients ask for certificates.
    pub enrollment: EnrollmentEndpoint,
    /// Reads tokens that are shown to the server itself.
    pub tokens: AccessTokens,
    /// From which origins browser apps may call.
    pub origins: Origins,
    /// Who may hand on the certificates of clients.
    pub proxies: Option<Proxies>,
    /// The signing keys.
    pub keys: KeyRing,
    /// Where the server can be reached.
    pub addresses: Addresses,
    /// What is offered only where it is wanted.
    pub features: Features,
    /// The documents of the FHIR servers.
    pub fhir_servers: FhirServers,
    /// The types of authorization details that the documents name.
    pub details_types: DetailsTypes,
    /// What `hilum dev` has beside the server.
    pub sandbox: Option<Sandbox>,
    /// The database's time.
    pub clock: Clock,
    /// Chance.
    pub entropy: Entropy,
    /// The name of this process in audit records.
    pub process: Arc<str>,
    /// What a request may be.
    pub bounds: Bounds,
    /// The measurements.
    pub metrics: PrometheusHandle,
    /// Whether the server is on its way out.
    pub draining: AtomicBool,
}

/// What a request may be.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The most bytes of a body.
    pub body: usize,
    /// The longest a request may take, its body included.
    pub time: Duration,
    /// The host names that requests may be for.
    pub hosts: Vec<String>,
}

impl State {
    /// Whether the server takes no new work.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }
}
