//! A database for each test, copied from a migrated template, on the private PostgreSQL of the run.

use std::sync::LazyLock;
use std::time::Duration;

use hilum::jose::thumbprint::sha256;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row};

use super::process::run;

/// The name of the template of this schema: another schema has another.
static TEMPLATE: LazyLock<String> = LazyLock::new(|| {
    let mut files: Vec<_> = std::fs::read_dir("migrations")
        .expect("migrations")
        .map(|file| file.expect("a file").path())
        .collect();
    files.sort();
    let all: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).expect("a migration")).collect();
    let digest = sha256(&all);
    format!("hilum_template_{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3])
});

/// A database of one test; it goes with the PostgreSQL of the run.
pub struct Database {
    name: String,
}

fn environment(name: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "scripts/test tells the tests where their PostgreSQL is")]
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with scripts/test"))
}

fn url_of(role: &str, database: &str) -> String {
    let socket = environment("HILUM_TEST_SOCKET").replace('/', "%2F");
    format!("postgres://{role}@{socket}:5432/{database}?sslmode=disable")
}

async fn admin() -> PgConnection {
    PgConnection::connect(&environment("HILUM_TEST_ADMIN_URL")).await.expect("the PostgreSQL of the run")
}

async fn execute(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.expect("a statement of the set-up");
}

impl Database {
    /// A fresh database with the schema of this release.
    pub async fn fresh() -> Self {
        let mut connection = admin().await;
        ensure_migrated(&mut connection).await;
        Self::copied(&mut connection, &TEMPLATE).await
    }

    /// A fresh database that holds what every world has, put there once for all by `furnish`, which is given the
    /// variables of a command: an RSA key takes longer to make than most tests take.
    pub async fn furnished(furnish: impl AsyncFnOnce(&[(&'static str, String)])) -> Self {
        let mut connection = admin().await;
        ensure_migrated(&mut connection).await;
        let name = format!("{}_furnished", *TEMPLATE);
        let furnish = async |name: &str| furnish(&[("DATABASE_URL", url_of("hilum_app", name))]).await;
        ensure_template(&mut connection, (&name, &TEMPLATE), furnish).await;
        Self::copied(&mut connection, &name).await
    }

    async fn copied(connection: &mut PgConnection, template: &str) -> Self {
        let name = format!("t_{}", uuid::Uuid::from_u128(rand()).simple());
        execute(connection, format!("create database {name} template {template} owner hilum_owner")).await;
        Self { name }
    }

    /// The socket of the PostgreSQL of the run.
    pub fn socket() -> String {
        format!("{}/.s.PGSQL.5432", environment("HILUM_TEST_SOCKET"))
    }

    /// As the role that serves.
    pub fn url(&self) -> String {
        url_of("hilum_app", &self.name)
    }

    /// As the owner of the schema.
    pub fn owner_url(&self) -> String {
        url_of("hilum_owner", &self.name)
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection as a superuser, for what no actor may do.
    pub async fn superuser(&self) -> PgConnection {
        let url = environment("HILUM_TEST_ADMIN_URL");
        let options: sqlx::postgres::PgConnectOptions = url.parse().expect("a database URL");
        options.database(&self.name).connect().await.expect("a superuser's connection")
    }

    /// The one number that a statement answers with.
    pub async fn count(&self, statement: &str) -> i64 {
        let mut connection = self.superuser().await;
        let row = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).fetch_one(&mut connection).await;
        row.expect(statement).get(0)
    }

    /// The one text that a statement answers with.
    pub async fn text(&self, statement: &str) -> String {
        let mut connection = self.superuser().await;
        let row = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).fetch_one(&mut connection).await;
        row.expect(statement).get(0)
    }

    /// All of it, as a backup has it.
    pub fn dump(&self) -> String {
        let newest = std::fs::read_dir("/usr/lib/postgresql").ok().and_then(|folders| {
            let folders = folders.filter_map(|folder| Some(folder.ok()?.path().join("bin/pg_dump")));
            folders.filter(|program| program.exists()).max()
        });
        let program = newest.unwrap_or_else(|| "pg_dump".into());
        let socket = environment("HILUM_TEST_SOCKET");
        let arguments = ["-h", &socket, "-U", "postgres", "--no-password", "-d", &self.name];
        let done = std::process::Command::new(program).args(arguments).output().expect("pg_dump");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text")
    }

    /// Waits until so many wait for locks of others with statements that begin so. It rests between two looks: who asks
    /// without a rest keeps those from their work who are to come and wait.
    pub async fn locks_awaited(&self, expected: i64, statement: &str) {
        let mut connection = self.superuser().await;
        let waiting = format!(
            "select count(*) from pg_stat_activity
              where datname = '{}' and wait_event_type = 'Lock' and ltrim(query) ilike '{statement}%'",
            self.name
        );
        let waited = async {
            loop {
                let row = sqlx::raw_sql(AssertSqlSafe(waiting.clone())).fetch_one(&mut connection).await;
                if row.expect("a count").get::<i64, _>(0) >= expected {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let most = Duration::from_mins(1);
        tokio::time::timeout(most, waited).await.unwrap_or_else(|_| panic!("{expected} did not wait"));
    }

    /// Runs a statement as a superuser.
    pub async fn execute(&self, statement: &str) {
        execute(&mut self.superuser().await, statement.to_owned()).await;
    }
}

/// Makes the template once for all tests of the run.
/// Makes the template that has the schema of this release and nothing in it.
async fn ensure_migrated(connection: &mut PgConnection) {
    let migrate = async |name: &str| {
        let variables = [
            ("DATABASE_URL", url_of("hilum_app", name)),
            ("HILUM_DATABASE__OWNER_URL", url_of("hilum_owner", name)),
        ];
        run(&["migrate"], &variables, "").expect_success();
    };
    ensure_template(connection, (&TEMPLATE, "template1"), migrate).await;
}

/// Makes a template from another by `fill`, unless it is there.
async fn ensure_template(
    connection: &mut PgConnection,
    (name, of): (&str, &str),
    fill: impl AsyncFnOnce(&str),
) {
    execute(connection, "select pg_advisory_lock(4711)".to_owned()).await;
    let known = format!("select count(*) from pg_database where datname = '{name}'");
    let known: i64 =
        sqlx::raw_sql(AssertSqlSafe(known)).fetch_one(&mut *connection).await.expect("templates").get(0);
    if known == 0 {
        // What a failed attempt may have left.
        execute(connection, "drop database if exists hilum_making with (force)".to_owned()).await;
        execute(connection, format!("create database hilum_making template {of} owner hilum_owner")).await;
        fill("hilum_making").await;
        let idle = "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'hilum_making'";
        execute(connection, idle.to_owned()).await;
        execute(connection, format!("alter database hilum_making rename to {name}")).await;
    }
    execute(connection, "select pg_advisory_unlock(4711)".to_owned()).await;
}

fn rand() -> u128 {
    let bytes: [u8; 16] = hilum::platform::entropy::Entropy::system().bytes().expect("chance");
    u128::from_be_bytes(bytes)
}
