//! What the commands and the server stand on.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::postgres::PgConnectOptions;
use time::Duration;
use zeroize::Zeroizing;

use crate::admin::token_certificates::InToken;
use crate::admin::{Administration, scopes};
use crate::ca::{CertificateAuthority, Terms as IssuingTerms};
use crate::clients::secrets::SecretDigester;
use crate::config::Config;
use crate::config::key_material::KeyMaterial;
use crate::config::tokens::Tokens;
use crate::discovery::endpoints;
use crate::grants::OwnResources;
use crate::jobs::{self, JobCx, Places};
use crate::keys::custody::Custody;
use crate::keys::keyring::KeyRing;
use crate::keys::root;
use crate::keys::rotation::{self, Schedule};
use crate::keys::subjects::Subjects;
use crate::ledger::Ledger;
use crate::model::audit_event::{AuditEvent, Origin};
use crate::oidc::backchannel_logout::LogoutNotifier;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::platform::hsm::Hsm;
use crate::platform::master_key::MasterKeys;
use crate::platform::outbound::Outbound;
use crate::platform::passwords::PasswordHasher;
use crate::platform::seal::{self, KeySealer, Sealer};
use crate::policy::Lifetimes;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::sender::dpop::ProofRules;
use crate::store::{self, Db, connect, migrate};
use crate::trust::revocation::Ways;
use crate::trust::{Communities, Revocations};

use super::renewal::Renewal;
use super::{renewed, seconds};

/// How many may wait for each password hash that runs: some tenths of a second.
const WAITING_FOR_EACH_HASH: usize = 16;
pub(super) const OLD_SCHEMA: &str =
    "the schema is not up to date: run hilum migrate with HILUM_DATABASE__OWNER_URL";

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
    /// Seals what lives minutes.
    pub(super) brief: Arc<KeySealer>,
    /// The key that marks forms and devices.
    pub(super) browser_key: Arc<Zeroizing<[u8; 32]>>,
    /// Names people to clients.
    pub(super) subjects: Arc<Subjects>,
    /// What DPoP proofs are held to.
    pub(super) proofs: Arc<ProofRules>,
}

impl Ground {
    /// Connects to the database of a configuration, as the role that serves.
    pub async fn connect(config: &Config) -> Result<Self, Failure> {
        let (options, db) = database(config)?;
        connect::reach(&options, &db).await?;
        Self::on(config, &options, db).await
    }

    /// The ground on the database of a configuration.
    pub async fn on(config: &Config, options: &PgConnectOptions, db: Db) -> Result<Self, Failure> {
        if !migrate::is_current(&db).await? {
            return Err(Fault::new("connecting", OLD_SCHEMA).into());
        }
        let clock = Clock::following(store::now(&db)).await?;
        Self::over(config, options, db, clock).await
    }

    /// The ground over a database and a clock.
    pub async fn over(
        config: &Config,
        options: &PgConnectOptions,
        db: Db,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let entropy = Entropy::system();
        let hsm = config.hsm.as_ref().map(|rules| Hsm::new(rules, entropy.clone()));
        let masters = MasterKeys::open(&config.secrets, hsm.as_ref()).await?;
        let sealer = Arc::new(Sealer::new(masters, entropy.clone())?);
        let writers = usize::try_from(config.database.writers).doing("counting writers")?;
        let ledger = Ledger::open(options, writers, config.limits.refusals_recorded_per_minute);
        let process: Arc<str> = Arc::from(process_name());
        let event = first_event((&clock, &entropy), &process)?;
        let root = root::ensure((&db, &ledger), &sealer, &entropy, event).await?;
        let custody = Custody::new(sealer.clone(), hsm);
        let administration =
            administration(config, (db, ledger, clock, entropy), (sealer, custody, &root), &process)?;
        Self::with(config, administration, process, &root)
    }

    /// The ground over what administrators do, with every key that is derived from the root.
    fn with(
        config: &Config,
        administration: Administration,
        process: Arc<str>,
        root: &KeyMaterial,
    ) -> Result<Self, Failure> {
        let keys = KeyRing::new(administration.db.clone(), administration.custody.clone());
        let refresh_key = Arc::new(Zeroizing::new(root.derive("refresh tokens")));
        let browser_key = Arc::new(Zeroizing::new(root.derive("browser")));
        let subjects = Arc::new(Subjects::new(&root.derive("pairwise subjects")));
        let proofs = Arc::new(ProofRules::new(&root.derive("dpop nonces"), config.tokens.dpop_nonce));
        let brief = Zeroizing::new(root.derive(seal::PURPOSE));
        let brief = Arc::new(KeySealer::new(&brief, administration.entropy.clone())?);
        Ok(Self { administration, keys, process, refresh_key, brief, browser_key, subjects, proofs })
    }
    /// What jobs need.
    pub fn jobs(
        &self,
        config: &Config,
        metrics: &PrometheusHandle,
        renewal: &Arc<Renewal>,
    ) -> Result<JobCx, Fault> {
        Ok(JobCx {
            administration: self.administration.clone(),
            keys: self.keys.clone(),
            metrics: metrics.clone(),
            renewal: renewal.clone(),
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
        let Administration { db, ledger, clock, custody, schedule, .. } = &self.administration;
        rotation::keep_current((db, ledger), custody.clone(), (event, clock.clone()), *schedule).await?;
        let now = clock.now();
        self.keys.refresh(now).await?;
        Ok(self.keys.are_open(now)?)
    }
}

/// The longest that a token lives without another request of its client.
fn longest_life(Tokens { system, person, exchange, refresh, .. }: &Tokens) -> Result<Duration, Fault> {
    let longest = [system, person, exchange, refresh].into_iter().max().copied().unwrap_or_default();
    Duration::try_from(longest).doing("reading the life of tokens")
}

/// What administrators do.
fn administration(
    config: &Config,
    (db, ledger, clock, entropy): (Db, Ledger, Clock, Entropy),
    (sealer, custody, root): (Arc<Sealer>, Custody, &KeyMaterial),
    process: &Arc<str>,
) -> Result<Administration, Fault> {
    let schedule = Schedule {
        life: Duration::try_from(config.tokens.signing_key).doing("reading the life of keys")?,
        notice: Duration::try_from(config.tokens.signing_key_notice).doing("reading the notice of keys")?,
        cache: Duration::try_from(config.tokens.jwks).doing("reading how long key sets are cached")?,
    };
    let hashes = config.sign_in.hashes;
    let rules = Arc::new(config.outbound.clone());
    let outbound = Outbound::new(&config.outbound).doing("outbound.ca_file")?;
    let revocations = Revocations::new(Ways {
        db: db.clone(),
        ledger: ledger.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        outbound: outbound.clone(),
        rules: rules.clone(),
        process: process.clone(),
        settings: config.revocation,
        token_life: longest_life(&config.tokens)?,
    });
    let communities = Communities::new(db.clone(), revocations);
    let authority = authority(config, (&db, &ledger), &entropy, &custody)?;
    Ok(Administration {
        db,
        ledger,
        clock,
        passwords: PasswordHasher::new(hashes, hashes * WAITING_FOR_EACH_HASH, entropy.clone())?,
        entropy,
        secrets: Arc::new(SecretDigester::new(&root.derive("client secrets"))),
        custody,
        authority,
        communities,
        sealer,
        rules,
        outbound,
        features: config.features,
        schedule,
        readiness: Arc::default(),
        in_force: renewed::in_files(config),
        in_token: InToken::default(),
        audience: format!("{}/admin", config.issuer.url.as_str()),
        own: OwnResources::of(
            config.issuer.url.as_str(),
            scopes::ALL,
            &config.issuer.url.join(endpoints::USERINFO),
        )?,
        lifetimes: lifetimes(config)?,
    })
}

/// The built-in client PKI.
fn authority(
    config: &Config,
    (db, ledger): (&Db, &Ledger),
    entropy: &Entropy,
    custody: &Custody,
) -> Result<CertificateAuthority, Fault> {
    let pki = &config.pki;
    let span = |duration| Duration::try_from(duration).doing("reading the lives of certificates");
    let terms = IssuingTerms {
        issuer: config.issuer.url.as_str().to_owned(),
        distribution: pki.distribution.as_ref().unwrap_or(&config.issuer.url).as_str().to_owned(),
        certificate: span(pki.certificate)?,
        list: span(pki.list)?,
        answer: span(pki.answer)?,
        request: span(pki.request)?,
        eyes: pki.eyes,
    };
    Ok(CertificateAuthority::new((db.clone(), ledger.clone()), entropy.clone(), custody.clone(), terms))
}

fn lifetimes(config: &Config) -> Result<Lifetimes, Fault> {
    let tokens = &config.tokens;
    Ok(Lifetimes {
        system: seconds(tokens.system)?,
        person: seconds(tokens.person)?,
        exchange: seconds(tokens.exchange)?,
    })
}

/// The database of a configuration, as the role that serves. It is connected to when it is first used.
pub fn database(config: &Config) -> Result<(PgConnectOptions, Db), Fault> {
    let url = config.database.url.as_ref();
    let url = url.ok_or_else(|| Fault::new("database.url", "is missing; set DATABASE_URL"))?;
    let options = connect::options(url.expose())?;
    let db = connect::readers(&options, config.database.readers);
    Ok((options, db))
}

/// The audit record of the making of the root, which comes before any other.
fn first_event((clock, entropy): (&Clock, &Entropy), process: &Arc<str>) -> Result<AuditEvent, Fault> {
    let now = clock.now();
    let id = entropy.id(now).doing("naming an entry")?;
    let request = entropy.id(now).doing("naming a start")?;
    let origin = Origin { peer: None, certificate: None, request, process: process.clone() };
    Ok(AuditEvent::begin(id, now, "secrets.make_root", origin))
}

/// The name of this process in audit records: host and process id.
fn process_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", host.trim(), std::process::id())
}
