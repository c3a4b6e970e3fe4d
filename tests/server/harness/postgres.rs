//! A PostgreSQL of one test's own, which speaks TLS on this machine.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};
use tempfile::TempDir;

use super::{Identity, eventually};

/// A running PostgreSQL. It ends with this value.
pub struct Postgres {
    /// Its port on this machine.
    pub port: u16,
    server: Child,
    folder: TempDir,
}

/// PostgreSQL refuses root: as root it runs as the account of its package.
fn account() -> Option<User> {
    geteuid().is_root().then(|| User::from_name("postgres").expect("accounts").expect("the account postgres"))
}

fn program(name: &str) -> Command {
    let newest = std::fs::read_dir("/usr/lib/postgresql").ok().and_then(|folders| {
        let folders = folders.filter_map(|folder| Some(folder.ok()?.path().join("bin").join(name)));
        folders.filter(|program| program.exists()).max()
    });
    let mut command = Command::new(newest.unwrap_or_else(|| name.into()));
    if let Some(account) = account() {
        command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
    }
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

impl Postgres {
    /// Starts one with the roles of an installation and an empty database, which offers TLS to whoever asks, and takes
    /// who does not.
    pub async fn start(port: u16, shown: &Identity) -> Self {
        let folder = TempDir::new().expect("a folder");
        own(folder.path(), 0o700);
        let data = folder.path().join("data");
        let made = program("initdb")
            .args(["-U", "postgres", "-A", "trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(&data)
            .status();
        assert!(made.expect("initdb, of the package postgresql").success(), "initdb failed");
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{0}'\nssl = on\n\
             ssl_cert_file = '{0}/server.pem'\nssl_key_file = '{0}/server.key'\ninclude_if_exists = 'now.conf'\n",
            folder.path().display()
        );
        let conf = data.join("postgresql.conf");
        std::fs::write(&conf, settings).expect("its settings");
        write_certificate(folder.path(), shown);
        let server = program("postgres").arg("-D").arg(&data).stderr(log).spawn();
        let postgres = Self { port, server: server.expect("postgres, of the package postgresql"), folder };
        eventually("PostgreSQL answers", Duration::from_mins(1), || async {
            postgres.options("postgres").connect().await.ok()
        })
        .await;
        for statement in ["create role hilum_owner login", "create role hilum_app login"] {
            postgres.execute("postgres", statement).await;
        }
        postgres.execute("postgres", "create database hilum owner hilum_owner").await;
        postgres
    }

    /// Shows another certificate from now on, to whoever comes: PostgreSQL reads it at a reload.
    pub fn show(&self, identity: &Identity) {
        write_certificate(self.folder.path(), identity);
        self.set("");
    }

    /// Has these settings from now on, beside those that it began with.
    pub fn set(&self, settings: &str) {
        let file = self.folder.path().join("data/now.conf");
        std::fs::write(&file, settings).expect("settings");
        own(&file, 0o600);
        let pid = i32::try_from(self.server.id()).expect("a process id");
        kill(Pid::from_raw(pid), Signal::SIGHUP).expect("a reload");
    }

    /// Runs a statement as a superuser, over the socket.
    pub async fn execute(&self, database: &str, statement: &str) {
        let mut connection = self.superuser(database).await;
        let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await;
        done.expect(statement);
    }

    /// A connection of a superuser, over the socket.
    pub async fn superuser(&self, database: &str) -> PgConnection {
        self.options(database).connect().await.expect("a superuser's connection")
    }

    fn options(&self, database: &str) -> PgConnectOptions {
        let folder = self.folder.path();
        PgConnectOptions::new_without_pgpass()
            .socket(folder)
            .port(self.port)
            .username("postgres")
            .database(database)
            .ssl_mode(sqlx::postgres::PgSslMode::Disable)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once: nothing of it is kept.
        let pid = i32::try_from(self.server.id()).unwrap_or(0);
        if pid > 0 {
            kill(Pid::from_raw(pid), Signal::SIGQUIT).ok();
        }
        self.server.wait().ok();
    }
}

fn write_certificate(folder: &Path, identity: &Identity) {
    for (name, content) in [("server.pem", &identity.certificate), ("server.key", &identity.key)] {
        let file: PathBuf = folder.join(name);
        std::fs::write(&file, content).expect("a file");
        own(&file, 0o600);
    }
}

fn own(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    if let Some(account) = account() {
        chown(path, Some(account.uid.as_raw()), Some(account.gid.as_raw())).expect("an owner");
    }
}
