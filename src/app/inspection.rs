//! What keeps a configuration from being served, found out before it is. `hilum serve` looks at the settings and the
//! files, then at the database; `hilum check` at all of it. Nothing is changed.

use std::sync::Arc;

use time::format_description::well_known::Rfc3339;

use crate::config::Config;
use crate::config::problem::Problem;
use crate::keys::custody::Custody;
use crate::keys::keyring::KeyRing;
use crate::keys::root;
use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::platform::entropy::Entropy;
use crate::platform::hsm::Hsm;
use crate::platform::master_key::MasterKeys;
use crate::platform::outbound::Outbound;
use crate::platform::seal::{Place, Sealer};
use crate::platform::tls::ServerCertificate;
use crate::protocol::error::{Doing, Fault};
use crate::store::{self, Db, connect, migrate, safety};

use super::{read_own, read_proxy_anchors, read_revocations, read_stapled, read_trust};

const CERTIFICATE: &str = "tls.certificate_file";
/// What an attempt of the master key is tied to.
const TRIED: Place<'static> = Place { table: "server_secret", column: "sealed", row: "check" };

/// What was found.
#[derive(Debug, Default)]
pub struct Inspection {
    /// What `hilum serve` refuses.
    pub refused: Vec<Problem>,
    /// What it serves with, and every client refuses.
    pub outdated: Vec<Problem>,
    /// What may be wrong, and may be meant so.
    pub doubtful: Vec<Problem>,
}

impl Inspection {
    /// Looks at the settings, and at the files as the server reads them.
    #[must_use]
    pub fn of_files(config: &Config, now: Timestamp) -> Self {
        let mut found = Self { refused: config.unsafe_for_production(), ..Self::default() };
        let tls = &config.tls;
        match read_own(tls) {
            Ok((own, chain)) => {
                found.outdated.extend(chain.first().and_then(|leaf| outdated(leaf, now)));
                found.doubtful = names(config, &own);
            }
            Err(fault) => found.refuse(CERTIFICATE, &fault),
        }
        let others = [
            read_stapled(tls).map(drop),
            read_trust(tls).map(drop),
            read_revocations(tls).map(drop),
            config.proxy.as_ref().map_or(Ok(()), |proxy| read_proxy_anchors(proxy).map(drop)),
            Outbound::new(&config.outbound).doing("outbound.ca_file").map(drop),
        ];
        for fault in others.into_iter().filter_map(Result::err) {
            found.refuse("tls", &fault);
        }
        found
    }

    /// Tries the master key, and looks at the database where one is named: its schema, its durability, the role, and
    /// whether the master key opens what is sealed in it.
    pub async fn look_further(&mut self, config: &Config, hsm: Option<Hsm>) {
        let sealer = self.master_key(config, hsm.as_ref()).await;
        if config.database.url.is_none() {
            return;
        }
        if let Err(fault) = self.database(config, sealer, hsm).await {
            self.refuse("database", &fault);
        }
    }

    async fn master_key(&mut self, config: &Config, hsm: Option<&Hsm>) -> Option<Sealer> {
        if self.refused.iter().any(|problem| problem.key.starts_with("secrets.") || problem.key == "hsm") {
            return None;
        }
        match tried(config, hsm).await {
            Ok(sealer) => Some(sealer),
            Err(fault) => {
                self.refuse("secrets", &fault);
                None
            }
        }
    }

    async fn database(
        &mut self,
        config: &Config,
        sealer: Option<Sealer>,
        hsm: Option<Hsm>,
    ) -> Result<(), Fault> {
        let (options, db) = super::database(config)?;
        connect::reach(&options, &db).await?;
        self.refused.extend(of_database(&db).await?);
        if let Some(sealer) = sealer
            && migrate::is_current(&db).await?
        {
            opens(&db, sealer, hsm).await?;
        }
        db.close().await;
        Ok(())
    }

    /// Notes a fault, unless something is told of its key already.
    fn refuse(&mut self, key: &'static str, fault: &Fault) {
        let is_key = !fault.doing().contains(' ');
        let problem = if is_key {
            Problem::new(fault.doing(), fault.cause().to_string())
        } else {
            Problem::new(key, connect::told(fault))
        };
        if self.refused.iter().all(|known| known.key != problem.key) {
            self.refused.push(problem);
        }
    }
}

/// What is unsafe about a database.
pub async fn of_database(db: &Db) -> Result<Vec<Problem>, Fault> {
    if !migrate::is_current(db).await? {
        return Ok(vec![Problem::new("database", super::OLD_SCHEMA)]);
    }
    let safety = safety::examine(db).await?;
    let role = &safety.role;
    let mut says: Vec<String> = safety
        .off
        .iter()
        .map(|setting| format!("{setting} is off, and a crash would lose what was answered: turn it on"))
        .collect();
    if safety.replica {
        says.push("it is a replica: connect to the primary".to_owned());
    }
    if safety.may_change_audit {
        says.push(format!(
            "{role} owns or may change the audit trail: connect as a role that hilum migrate gave its privileges"
        ));
    }
    Ok(says.into_iter().map(|says| Problem::new("database", says)).collect())
}

/// The master keys, of which the one that seals has sealed something and opened it again.
async fn tried(config: &Config, hsm: Option<&Hsm>) -> Result<Sealer, Fault> {
    let masters = MasterKeys::open(&config.secrets, hsm).await?;
    let sealer = Sealer::new(masters, Entropy::system())?;
    let tried = sealer.seal(TRIED, b"hilum check").await?;
    sealer.open(TRIED, &tried).await?;
    Ok(sealer)
}

/// Whether the root and the signing keys can be opened.
async fn opens(db: &Db, sealer: Sealer, hsm: Option<Hsm>) -> Result<(), Fault> {
    root::examine(db, &sealer).await?;
    let keys = KeyRing::new(db.clone(), Custody::new(Arc::new(sealer), hsm));
    let now = store::now(db).await?;
    keys.refresh(now).await?;
    keys.are_open(now)
}

fn outdated(leaf: &Certificate, now: Timestamp) -> Option<Problem> {
    if leaf.is_current(now) {
        return None;
    }
    let (verb, time, advice) = if leaf.not_after() < now {
        ("ended", leaf.not_after(), "renew it")
    } else {
        ("begins", leaf.not_before(), "wait, or set the clock")
    };
    let time = time.format(&Rfc3339).unwrap_or_default();
    Some(Problem::new(CERTIFICATE, format!("the server's certificate {verb} at {time}: {advice}")))
}

/// The hosts of this server that its certificate does not name.
fn names(config: &Config, own: &ServerCertificate) -> Vec<Problem> {
    let mtls = ("http.mtls_url", config.http.mtls_url.host());
    let hosts = [("issuer.url", config.issuer.url.host()), mtls];
    let unnamed = hosts.into_iter().filter(|(_, host)| !own.is_for(host));
    unnamed
        .map(|(key, host)| {
            let says = format!(
                "the server's certificate does not name {host}, the host of {key}: a proxy must do so"
            );
            Problem::new(CERTIFICATE, says)
        })
        .collect()
}
