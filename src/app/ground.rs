//! What the commands and the server stand on.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::postgres::PgConnectOptions;
use time::Duration;
use zeroize::Zeroizing;

use crate::admin::{Administration, scopes};
use crate::clients::secrets::SecretDigester;
use crate::config::Config;
use crate::config::secrets::MasterKey;
use crate::discovery::endpoints;
use crate::grants::OwnResources;
use crate::jobs::{self, JobCx, Places};
use crate::keys::keyring::KeyRing;
use crate::keys::rotation::{self, Schedule};
use crate::keys::subjects::Subjects;
use crate::ledger::Ledger;
use crate::oidc::backchannel_logout::LogoutNotifier;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::platform::outbound::Outbound;
use crate::platform::passwords::PasswordHasher;
use crate::platform::seal::Sealer;
use crate::policy::Lifetimes;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::sender::dpop::ProofRules;
use crate::store::{self, Db, connect};

use super::seconds;

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
    pub(super) refresh_key: Arc<Zeroizing<[u8; 32]>>,
    /// The key that marks forms and devices.
    pub(super) browser_key: Arc<Zeroizing<[u8; 32]>>,
    /// Names people to clients.
    pub(super) subjects: Arc<Subjects>,
    /// What DPoP proofs are held to.
    pub(super) proofs: Arc<ProofRules>,
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
            outbound: Outbound::new(&config.outbound).doing("preparing outbound requests")?,
            features: config.features,
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
        let subjects = Arc::new(Subjects::new(&master.derive("pairwise subjects")));
        let proofs = Arc::new(ProofRules::new(&master.derive("dpop nonces"), config.tokens.dpop_nonce));
        Ok(Self {
            administration,
            keys,
            process: Arc::from(process_name()),
            refresh_key,
            browser_key,
            subjects,
            proofs,
        })
    }

    /// What jobs need.
    pub fn jobs(&self, config: &Config, metrics: &PrometheusHandle) -> Result<JobCx, Fault> {
        Ok(JobCx {
            administration: self.administration.clone(),
            keys: self.keys.clone(),
            metrics: metrics.clone(),
            process: self.process.clone(),
            notifier: self.notifier(config),
            places: Places::default(),
            drain: config.http.drain,
        })
    }

    /// What tells clients that sessions have ended.
    #[must_use]
    pub fn notifier(&self, config: &Config) -> LogoutNotifier {
        let Administration { db, ledger, clock, entropy, rules, outbound, .. } = &self.administration;
        LogoutNotifier {
            db: db.clone(),
            ledger: ledger.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            keys: self.keys.clone(),
            subjects: self.subjects.clone(),
            outbound: outbound.clone(),
            rules: rules.clone(),
            issuer: Arc::from(config.issuer.url.as_str()),
            process: self.process.clone(),
        }
    }

    /// Makes the first signing keys where there are none, and reads those there are.
    pub async fn prepare_keys(&self) -> Result<(), Failure> {
        let event = jobs::event(&self.administration, &self.process, "keys.announce")?;
        let Administration { db, ledger, sealer, schedule, .. } = &self.administration;
        rotation::keep_current((db, ledger), sealer.clone(), event, *schedule).await?;
        Ok(self.keys.refresh().await?)
    }
}

fn lifetimes(config: &Config) -> Result<Lifetimes, Fault> {
    let tokens = &config.tokens;
    Ok(Lifetimes {
        system: seconds(tokens.system)?,
        person: seconds(tokens.person)?,
        exchange: seconds(tokens.exchange)?,
    })
}

/// The name of this process in audit records: host and process id.
fn process_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", host.trim(), std::process::id())
}
