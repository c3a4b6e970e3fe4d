//! The certificate of the database: refused where it is wrong, and never done without.

use std::time::Duration;

use rcgen::{ExtendedKeyUsagePurpose, SanType};
use sqlx::Row;
use time::OffsetDateTime;

use crate::harness::{
    Authority, Identity, Postgres, Process, World, eventually, free_ports, now, run_briefly,
};

const PATIENCE: Duration = Duration::from_mins(1);

/// A certificate for a database by this name that ends in so many hours.
fn of_database(authority: &Authority, name: &str, hours: i64) -> Identity {
    authority.client_with("https://unused.example/", |params| {
        params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_after = OffsetDateTime::from_unix_timestamp(now() + hours * 3600).unwrap();
    })
}

/// How many connections of the server there are, and how many of them are not encrypted.
async fn connections(postgres: &Postgres) -> (i64, i64) {
    let counted = "select count(*), count(*) filter (where not ssl)
                     from pg_stat_ssl join pg_stat_activity using (pid) where usename like 'hilum%'";
    let mut superuser = postgres.superuser("hilum").await;
    let row = sqlx::raw_sql(counted).fetch_one(&mut superuser).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn f_24_a_database_whose_certificate_is_wrong_is_refused_and_one_that_is_renewed_needs_no_restart() {
    let world = World::start().await;
    let (own, strangers) = (Authority::new("Databases"), Authority::new("Strangers"));
    let good = of_database(&own, "localhost", 24);
    let [port, ..] = free_ports();
    let expired = of_database(&own, "localhost", -1);
    let postgres = Postgres::start(port, &expired).await;
    let anchors = world.file("databases.pem");
    std::fs::write(&anchors, &own.pem).unwrap();
    let url = |role: &str| {
        let anchors = anchors.to_string_lossy().replace('/', "%2F");
        format!("postgres://{role}@localhost:{port}/hilum?sslmode=verify-full&sslrootcert={anchors}")
    };
    let variables = [("DATABASE_URL", url("hilum_app")), ("HILUM_DATABASE__OWNER_URL", url("hilum_owner"))];

    let strange = of_database(&strangers, "localhost", 24);
    let elsewhere = of_database(&own, "db.example", 24);
    let rows: [(Option<&Identity>, &str, &str); 4] = [
        (Some(&expired), "", "has expired: renew it"),
        (Some(&strange), "", "is not by an authority that is trusted"),
        (Some(&elsewhere), "", "is for another name"),
        (None, "ssl = off\n", "offers no TLS"),
    ];
    let config = world.config();
    let config = config.to_string_lossy();
    for (shown, settings, expected) in rows {
        if let Some(shown) = shown {
            postgres.show(shown);
        }
        postgres.set(settings);
        for arguments in [&["serve", "--config", &*config][..], &["migrate", "--config", &*config]] {
            // Until PostgreSQL has read what is new.
            eventually(expected, PATIENCE, || async {
                let ran = run_briefly(arguments, &variables).await;
                assert_eq!((ran.code(), connections(&postgres).await), (Some(1), (0, 0)), "{expected}");
                ran.complaint().contains(expected).then_some(())
            })
            .await;
        }
    }

    postgres.show(&good);
    eventually("the schema is made", PATIENCE, || async {
        (run_briefly(&["migrate", "--config", &*config], &variables).await.code() == Some(0)).then_some(())
    })
    .await;
    let process = Process::serve(&world.config(), free_ports(), &world.file("tls.log"), &variables).await;
    let (all, plain) = connections(&postgres).await;
    assert!(all > 0 && plain == 0, "{all} {plain}");

    // It ends while the server runs: no connection is made any more, and none without it.
    let drop_all = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'hilum_app'";
    postgres.show(&expired);
    eventually("what is wrong is refused while the server runs", PATIENCE, || async {
        postgres.execute("hilum", drop_all).await;
        (process.ready().await == Some(503) && connections(&postgres).await == (0, 0)).then_some(())
    })
    .await;
    postgres.show(&of_database(&own, "localhost", 48));
    eventually("the renewed one is taken without a restart", PATIENCE, || async {
        (process.ready().await == Some(200)).then_some(())
    })
    .await;
    let (all, plain) = connections(&postgres).await;
    assert!(all > 0 && plain == 0, "{all} {plain}");
}
