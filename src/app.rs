//! The composition: configuration in, a server out. The only file that knows every concrete part.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwap;
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::postgres::PgConnectOptions;
use time::Duration;
use zeroize::Zeroizing;

use crate::admin::{Administration, scopes};
use crate::authorize::browser::BrowserKeys;
use crate::authorize::{AuthorizationFlow, Lives};
use crate::clients::assertion::AssertionRules;
use crate::clients::authenticate::Authenticator;
use crate::clients::key_source::KeySource;
use crate::clients::origins::Origins;
use crate::clients::secrets::SecretDigester;
use crate::config::Config;
use crate::config::secrets::MasterKey;
use crate::config::tls::Revocation;
use crate::discovery::endpoints::{self, Addresses};
use crate::discovery::smart::FhirServers;
use crate::grants::{OwnResources, Terms};
use crate::http::state::{Bounds, State};
use crate::jobs::JobCx;
use crate::keys::keyring::KeyRing;
use crate::keys::refresh_tokens::RefreshTokens;
use crate::keys::rotation::{self, Schedule};
use crate::ledger::Ledger;
use crate::oidc::userinfo::UserinfoEndpoint;
use crate::pki::chain::TrustStore;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::platform::outbound::Outbound;
use crate::platform::passwords::PasswordHasher;
use crate::platform::seal::Sealer;
use crate::policy::Lifetimes;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::sandbox::Sandbox;
use crate::sandbox::desk::Desk;
use crate::sandbox::fhir::FhirEndpoint;
use crate::smart::launch::LaunchEndpoint;
use crate::smart::patients::{PatientDirectory, Search};
use crate::store::{self, Db, connect};
use crate::tokens::access_token::AccessTokens;
use crate::tokens::endpoint::TokenEndpoint;
use crate::tokens::introspect::IntrospectionEndpoint;
use crate::tokens::issuer::Issuer;
use crate::tokens::revoke::RevocationEndpoint;

/// How many may wait for each password hash that runs: some tenths of a second.
const WAITING_FOR_EACH_HASH: usize = 16;

/// What the commands and the server share: the database, its time, the ledger and the secrets.
#[derive(Clone)]
pub struct Ground {
    /// What administrators do.
    pub administration: Administration,
    /// The signing keys.
    pub keys: KeyRing,
    /// The name of this process in audit records.
    pub process: Arc<str>,
    /// The key under which refresh tokens are written.
    refresh_key: Arc<Zeroizing<[u8; 32]>>,
    /// The key that marks forms and devices.
    browser_key: Arc<Zeroizing<[u8; 32]>>,
}

impl Ground {
    /// Connects to the database of a configuration, as the role that serves.
    pub async fn connect(config: &Config) -> Result<Self, Fault> {
        let url = config.database.url.as_ref();
        let url = url.ok_or_else(|| Fault::new("connecting", "set database.url or DATABASE_URL"))?;
        let options = connect::options(url.expose())?;
        let db = connect::readers(&options, config.database.readers);
        let clock = Clock::following(store::now(&db)).await?;
        Self::over(config, &options, db, clock)
    }

    /// The ground over a database and a clock.
    pub fn over(config: &Config, options: &PgConnectOptions, db: Db, clock: Clock) -> Result<Self, Fault> {
        let master = MasterKey::read(&config.secrets.master_key_file).doing("reading the master key")?;
        let entropy = Entropy::system();
        let sealer = Arc::new(Sealer::new(&master.derive("seal"), entropy.clone())?);
        let writers = usize::try_from(config.database.writers).doing("counting writers")?;
        let ledger = Ledger::open(options, writers, config.limits.refusals_recorded_per_minute);
        let schedule = Schedule {
            life: Duration::try_from(config.tokens.signing_key).doing("reading the life of keys")?,
            notice: Duration::try_from(config.tokens.signing_key_notice)
                .doing("reading the notice of keys")?,
        };
        let keys = KeyRing::new(db.clone(), sealer.clone());
        let hashes = config.sign_in.hashes;
        let passwords = PasswordHasher::new(hashes, hashes * WAITING_FOR_EACH_HASH, entropy.clone())?;
        let administration = Administration {
            db,
            ledger,
            clock,
            entropy,
            passwords,
            secrets: Arc::new(SecretDigester::new(&master.derive("client secrets"))),
            sealer,
            rules: Arc::new(config.outbound.clone()),
            schedule,
            readiness: Arc::default(),
            audience: format!("{}/admin", config.issuer.url.as_str()),
            own: OwnResources::of(
                config.issuer.url.as_str(),
                scopes::ALL,
                &config.issuer.url.join(endpoints::USERINFO),
            )?,
            lifetimes: lifetimes(config)?,
        };
        let refresh_key = Arc::new(Zeroizing::new(master.derive("refresh tokens")));
        let browser_key = Arc::new(Zeroizing::new(master.derive("browser")));
        Ok(Self { administration, keys, process: Arc::from(process_name()), refresh_key, browser_key })
    }

    /// What jobs need.
    #[must_use]
    pub fn jobs(&self, metrics: &PrometheusHandle) -> JobCx {
        JobCx {
            administration: self.administration.clone(),
            keys: self.keys.clone(),
            metrics: metrics.clone(),
            process: self.process.clone(),
        }
    }

    /// Makes the first signing keys where there are none, and reads those there are.
    pub async fn prepare_keys(&self, metrics: &PrometheusHandle) -> Result<(), Failure> {
        let event = self.jobs(metrics).event("keys.announce")?;
        let Administration { ledger, sealer, schedule, .. } = &self.administration;
        rotation::keep_current(ledger, sealer.clone(), event, *schedule).await?;
        Ok(self.keys.refresh().await?)
    }
}

/// What can be replaced while the server runs: whom it trusts to issue client certificates.
pub type Trust = Arc<ArcSwap<TrustStore>>;

/// Reads the anchors and revocation lists that a configuration names.
pub fn read_trust(config: &Config) -> Result<TrustStore, Fault> {
    let Some(anchors) = &config.tls.client_anchors_file else { return Ok(TrustStore::empty()) };
    let anchors = std::fs::read(anchors).doing("reading tls.client_anchors_file")?;
    let files = match config.tls.client_revocation {
        Revocation::Lists => config.tls.client_crl_files.as_slice(),
        Revocation::None => &[],
    };
    let lists: Result<Vec<Vec<u8>>, _> = files.iter().map(std::fs::read).collect();
    let lists = lists.doing("reading tls.client_crl_files")?;
    TrustStore::parse(&anchors, &lists).doing("reading the client anchors and revocation lists")
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
    trust: &Trust,
    metrics: PrometheusHandle,
    beside: Beside,
) -> Result<State, Fault> {
    let Ground { administration, keys, process, .. } = ground;
    let Administration { db, ledger, clock, entropy, .. } = administration;
    let addresses = Addresses { issuer: config.issuer.url.clone(), mtls: config.http.mtls_url.clone() };
    let issuer = addresses.issuer.as_str().to_owned();
    let authenticator = authenticator(config, ground, trust, &addresses)?;
    let terms = Arc::new(terms(config, ground)?);
    let own = administration.own.clone();
    let tokens = AccessTokens::new(db.clone(), keys.clone(), issuer.clone(), terms.idle);
    let id_token = span(config.tokens.id_token)?;
    let sandbox = sandbox(beside, &addresses, &tokens, administration);
    Ok(State {
        token: TokenEndpoint {
            authenticator: authenticator.clone(),
            issuer: Issuer::new(issuer.clone(), keys.clone(), terms.clone(), id_token),
            own: own.clone(),
            ledger: ledger.clone(),
            clock: clock.clone(),
        },
        introspection: IntrospectionEndpoint {
            authenticator: authenticator.clone(),
            tokens: tokens.clone(),
            ledger: ledger.clone(),
            clock: clock.clone(),
        },
        revocation: RevocationEndpoint {
            authenticator,
            tokens: tokens.clone(),
            terms,
            ledger: ledger.clone(),
            clock: clock.clone(),
        },
        launch: LaunchEndpoint {
            tokens: tokens.clone(),
            db: db.clone(),
            ledger: ledger.clone(),
            clock: clock.clone(),
            life: span(config.tokens.launch)?,
        },
        userinfo: UserinfoEndpoint {
            tokens: tokens.clone(),
            db: db.clone(),
            ledger: ledger.clone(),
            clock: clock.clone(),
        },
        authorization: authorization_flow(config, ground, own)?,
        administration: administration.clone(),
        tokens,
        origins: Origins::new(db.clone()),
        keys: keys.clone(),
        bounds: bounds(config, &addresses),
        addresses,
        fhir_servers: FhirServers::new(db.clone()),
        sandbox,
        clock: clock.clone(),
        entropy: entropy.clone(),
        process: process.clone(),
        metrics,
        draining: AtomicBool::new(false),
    })
}

/// What stands beside the server.
fn sandbox(
    beside: Beside,
    addresses: &Addresses,
    tokens: &AccessTokens,
    Administration { clock, entropy, .. }: &Administration,
) -> Option<Sandbox> {
    match beside {
        Beside::Nothing => None,
        Beside::Sandbox(desk) => {
            let fhir = FhirEndpoint::new(addresses, tokens.clone(), clock.clone(), entropy.clone());
            Some(Sandbox { fhir, desk })
        }
    }
}

/// The browser's way to a code.
fn authorization_flow(
    config: &Config,
    ground: &Ground,
    own: OwnResources,
) -> Result<AuthorizationFlow, Fault> {
    let Administration { db, ledger, clock, entropy, passwords, rules, .. } = &ground.administration;
    let search = Search {
        outbound: Outbound::new(&config.outbound).doing("preparing outbound requests")?,
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
        signing: ground.keys.clone(),
        lives: Lives {
            code: span(config.tokens.code)?,
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
        refresh: span(config.tokens.refresh)?,
        refresh_retry: span(config.tokens.refresh_retry)?,
        idle: span(config.sign_in.idle)?,
        lifetimes: ground.administration.lifetimes,
        entropy: ground.administration.entropy.clone(),
    })
}

fn lifetimes(config: &Config) -> Result<Lifetimes, Fault> {
    Ok(Lifetimes { system: seconds(config.tokens.system)?, person: seconds(config.tokens.person)? })
}

fn authenticator(
    config: &Config,
    ground: &Ground,
    trust: &Trust,
    addresses: &Addresses,
) -> Result<Authenticator, Fault> {
    let administration = &ground.administration;
    let outbound = Outbound::new(&config.outbound).doing("preparing outbound requests")?;
    let rules = AssertionRules {
        issuer: addresses.issuer.as_str().to_owned(),
        token_endpoints: vec![addresses.issuer.join(endpoints::TOKEN), addresses.mtls.join(endpoints::TOKEN)],
        most_ahead: seconds(config.tokens.assertion_max)?,
        skew: seconds(config.tokens.assertion_skew)?,
    };
    Ok(Authenticator {
        db: administration.db.clone(),
        keys: KeySource::new(outbound, administration.rules.clone(), administration.clock.clone()),
        trust: trust.clone(),
        secrets: administration.secrets.clone(),
        rules: Arc::new(rules),
    })
}

fn bounds(config: &Config, addresses: &Addresses) -> Bounds {
    let own = [addresses.issuer.host().to_owned(), addresses.mtls.host().to_owned()];
    let hosts = own.into_iter().chain(config.http.hosts.iter().cloned()).collect();
    Bounds { body: config.limits.body_bytes, time: config.http.request_timeout, hosts }
}

fn seconds(duration: std::time::Duration) -> Result<i64, Fault> {
    i64::try_from(duration.as_secs()).doing("reading a number of seconds")
}

fn span(duration: std::time::Duration) -> Result<Duration, Fault> {
    Duration::try_from(duration).doing("reading a duration")
}

/// The name of this process in audit records: host and process id.
fn process_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", host.trim(), std::process::id())
}
