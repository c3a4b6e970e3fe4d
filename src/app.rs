//! The composition: configuration in, a server out. The only file that knows every concrete part.

pub mod counted;
mod files;
mod ground;
pub mod inspection;
pub mod renewal;
pub mod renewed;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use metrics_exporter_prometheus::PrometheusHandle;
use time::Duration;

use crate::admin::Administration;
use crate::authorize::browser::BrowserKeys;
use crate::authorize::{AuthorizationFlow, Lives};
use crate::clients::assertion::AssertionRules;
use crate::clients::authenticate::Authenticator;
use crate::clients::key_source::KeySource;
use crate::clients::origins::Origins;
use crate::clients::proxies::Proxies;
use crate::config::Config;
use crate::discovery::details::DetailsTypes;
use crate::discovery::endpoints::{self, Addresses};
use crate::discovery::smart::FhirServers;
use crate::enrollment::EnrollmentEndpoint;
use crate::grants::{OwnResources, Terms};
use crate::http::state::{Bounds, State};
use crate::keys::refresh_tokens::RefreshTokens;
use crate::oidc::userinfo::UserinfoEndpoint;
use crate::protocol::error::{Doing, Fault};
use crate::registration::RegistrationEndpoint;
use crate::sandbox::Sandbox;
use crate::sandbox::desk::Desk;
use crate::sandbox::fhir::FhirEndpoint;
use crate::smart::decisions::DecisionEndpoint;
use crate::smart::launch::LaunchEndpoint;
use crate::smart::patients::{PatientDirectory, Search};
use crate::tokens::access_token::AccessTokens;
use crate::tokens::endpoint::TokenEndpoint;
use crate::tokens::introspect::IntrospectionEndpoint;
use crate::tokens::issuer::Issuer;
use crate::tokens::noted::NotedCertificates;
use crate::tokens::revoke::RevocationEndpoint;
use crate::trust::Revocations;

pub use files::{read_own, read_proxy_anchors, read_revocations, read_stapled, read_trust};
use ground::OLD_SCHEMA;
pub use ground::{Ground, database};

fn proxies(config: &Config, revocations: &Revocations) -> Result<Option<Proxies>, Fault> {
    let read =
        |proxy| read_proxy_anchors(proxy).map(|anchors| Proxies::new(proxy, anchors, revocations.clone()));
    config.proxy.as_ref().map(read).transpose()
}

/// What a server has beside itself.
#[derive(Clone, Debug)]
pub enum Beside {
    /// Nothing, as in production.
    Nothing,
    /// The sandbox of `hilum dev`, and what its pages know.
    Sandbox(Desk),
}

/// Puts the server together.
pub fn compose(
    config: &Config,
    ground: &Ground,
    metrics: PrometheusHandle,
    beside: Beside,
) -> Result<State, Fault> {
    let Ground { administration, keys, process, proofs, .. } = ground;
    let Administration { db, ledger, clock, entropy, .. } = administration;
    let addresses = Addresses { issuer: config.issuer.url.clone(), mtls: config.http.mtls_url.clone() };
    let issuer = addresses.issuer.as_str().to_owned();
    let authenticator = authenticator(config, ground, &addresses)?;
    let terms = Arc::new(terms(config, ground)?);
    let own = administration.own.clone();
    let tokens = AccessTokens::new(db.clone(), keys.clone(), issuer.clone(), terms.idle, proofs.clone());
    let id_token = span(config.tokens.id_token)?;
    let sandbox = sandbox(beside, &addresses, &tokens, administration);
    Ok(State {
        token: TokenEndpoint {
            authenticator: authenticator.clone(),
            issuer: Issuer::new((db.clone(), issuer.clone()), keys.clone(), terms.clone(), id_token),
            proofs: proofs.clone(),
            own: own.clone(),
            tokens: tokens.clone(),
            noted: NotedCertificates::default(),
            features: config.features,
            ledger: ledger.clone(),
            clock: clock.clone(),
        },
        introspection: introspection(ground, &authenticator, &tokens, &issuer),
        revocation: RevocationEndpoint {
            authenticator: authenticator.clone(),
            tokens: tokens.clone(),
            terms,
            ledger: ledger.clone(),
            clock: clock.clone(),
        },
        launch: launch_endpoint(config, &tokens, administration)?,
        decisions: decisions(administration, tokens.clone()),
        userinfo: userinfo(ground, &tokens, issuer),
        registration: RegistrationEndpoint::new(administration, &authenticator.keys, &addresses),
        enrollment: EnrollmentEndpoint::new(administration, &authenticator),
        authorization: authorization_flow(config, ground, (own, authenticator))?,
        administration: administration.clone(),
        tokens,
        origins: Origins::new(db.clone()),
        proxies: proxies(config, &administration.communities.revocations)?,
        keys: keys.clone(),
        bounds: bounds(config, &addresses),
        addresses,
        features: config.features,
        fhir_servers: FhirServers::new(db.clone()),
        details_types: DetailsTypes::new(db.clone()),
        sandbox,
        clock: clock.clone(),
        entropy: entropy.clone(),
        process: process.clone(),
        metrics,
        draining: AtomicBool::new(false),
    })
}

/// The introspection endpoint.
fn introspection(
    ground: &Ground,
    authenticator: &Authenticator,
    tokens: &AccessTokens,
    issuer: &str,
) -> IntrospectionEndpoint {
    IntrospectionEndpoint {
        authenticator: authenticator.clone(),
        tokens: tokens.clone(),
        keys: ground.keys.clone(),
        issuer: Arc::from(issuer),
        ledger: ground.administration.ledger.clone(),
        clock: ground.administration.clock.clone(),
    }
}

/// The launch API.
fn launch_endpoint(
    config: &Config,
    tokens: &AccessTokens,
    Administration { db, ledger, clock, .. }: &Administration,
) -> Result<LaunchEndpoint, Fault> {
    Ok(LaunchEndpoint {
        tokens: tokens.clone(),
        db: db.clone(),
        ledger: ledger.clone(),
        clock: clock.clone(),
        life: span(config.tokens.launch)?,
    })
}

/// Where payers report what they have decided.
fn decisions(ground: &Administration, tokens: AccessTokens) -> DecisionEndpoint {
    let Administration { db, ledger, clock, .. } = ground.clone();
    DecisionEndpoint { tokens, db, ledger, clock }
}

/// The userinfo endpoint.
fn userinfo(ground: &Ground, tokens: &AccessTokens, issuer: String) -> UserinfoEndpoint {
    let Administration { db, ledger, clock, .. } = &ground.administration;
    UserinfoEndpoint {
        tokens: tokens.clone(),
        keys: ground.keys.clone(),
        issuer,
        db: db.clone(),
        ledger: ledger.clone(),
        clock: clock.clone(),
    }
}

/// What stands beside the server.
fn sandbox(
    beside: Beside,
    addresses: &Addresses,
    tokens: &AccessTokens,
    Administration { ledger, clock, entropy, .. }: &Administration,
) -> Option<Sandbox> {
    match beside {
        Beside::Nothing => None,
        Beside::Sandbox(desk) => {
            let fhir =
                FhirEndpoint::new(addresses, tokens.clone(), ledger.clone(), clock.clone(), entropy.clone());
            Some(Sandbox { fhir, desk })
        }
    }
}

/// The browser's way to a code.
fn authorization_flow(
    config: &Config,
    ground: &Ground,
    (own, authenticator): (OwnResources, Authenticator),
) -> Result<AuthorizationFlow, Fault> {
    let Administration { db, ledger, clock, entropy, passwords, rules, outbound, .. } =
        &ground.administration;
    let search = Search {
        outbound: outbound.clone(),
        rules: rules.clone(),
        keys: ground.keys.clone(),
        entropy: entropy.clone(),
        issuer: Arc::from(config.issuer.url.as_str()),
    };
    Ok(AuthorizationFlow {
        patients: PatientDirectory::new(db.clone(), search),
        db: db.clone(),
        ledger: ledger.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        passwords: passwords.clone(),
        own,
        marks: Arc::new(BrowserKeys::new(&ground.browser_key)),
        sealer: ground.brief.clone(),
        signing: ground.keys.clone(),
        subjects: ground.subjects.clone(),
        authenticator,
        proofs: ground.proofs.clone(),
        features: config.features,
        lives: Lives {
            code: span(config.tokens.code)?,
            pushed: span(config.tokens.pushed_request)?,
            session: span(config.sign_in.session)?,
            idle: span(config.sign_in.idle)?,
            access: span(config.tokens.person)?,
            refresh: span(config.tokens.refresh)?,
        },
        issuer: Arc::from(config.issuer.url.as_str()),
    })
}

/// The terms on which clients act for people.
fn terms(config: &Config, ground: &Ground) -> Result<Terms, Fault> {
    Ok(Terms {
        refresh_tokens: RefreshTokens::new(&ground.refresh_key),
        subjects: ground.subjects.clone(),
        refresh: span(config.tokens.refresh)?,
        refresh_retry: span(config.tokens.refresh_retry)?,
        idle: span(config.sign_in.idle)?,
        lifetimes: ground.administration.lifetimes,
        entropy: ground.administration.entropy.clone(),
    })
}

fn authenticator(config: &Config, ground: &Ground, addresses: &Addresses) -> Result<Authenticator, Fault> {
    let administration = &ground.administration;
    let rules = AssertionRules {
        issuer: addresses.issuer.as_str().to_owned(),
        token_endpoints: vec![addresses.issuer.join(endpoints::TOKEN), addresses.mtls.join(endpoints::TOKEN)],
        most_ahead: seconds(config.tokens.assertion_max)?,
        skew: seconds(config.tokens.assertion_skew)?,
    };
    Ok(Authenticator {
        db: administration.db.clone(),
        keys: KeySource::new(
            administration.outbound.clone(),
            administration.rules.clone(),
            administration.clock.clone(),
        ),
        communities: administration.communities.clone(),
        secrets: administration.secrets.clone(),
        rules: Arc::new(rules),
    })
}

fn bounds(config: &Config, addresses: &Addresses) -> Bounds {
    let own = [addresses.issuer.host().to_owned(), addresses.mtls.host().to_owned()];
    // Whoever reads lists and answers elsewhere asks for them by that name, behind a proxy too.
    let elsewhere = config.pki.distribution.as_ref().map(|url| url.host().to_owned());
    let hosts = own.into_iter().chain(elsewhere).chain(config.http.hosts.iter().cloned()).collect();
    Bounds { body: config.limits.body_bytes, time: config.http.request_timeout, hosts }
}

fn seconds(duration: std::time::Duration) -> Result<i64, Fault> {
    i64::try_from(duration.as_secs()).doing("reading a number of seconds")
}

fn span(duration: std::time::Duration) -> Result<Duration, Fault> {
    Duration::try_from(duration).doing("reading a duration")
}
