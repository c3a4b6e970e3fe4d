use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::binaries::{newest, parse_version};
use super::folder;
use super::identity::{Account, Identity};
use super::postmaster::announces_ready;
use super::socket::{Candidate, candidates, url};
use super::{Cluster, ClusterError, Settings};

fn install(root: &Path, major: &str, programs: &[&str]) {
    let bindir = root.join(major).join("bin");
    fs::create_dir_all(&bindir).unwrap();
    for program in programs {
        File::create(bindir.join(program)).unwrap();
    }
}

#[test]
fn the_newest_version_is_the_highest_number_with_a_server() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(newest(root.path()), None);
    install(root.path(), "9.6", &["postgres", "initdb"]);
    install(root.path(), "15", &["postgres", "initdb", "psql"]);
    install(root.path(), "17", &["psql"]);
    install(root.path(), "common", &["postgres", "initdb"]);
    assert_eq!(newest(root.path()), Some(root.path().join("15/bin")));
    assert_eq!(newest(&root.path().join("missing")), None);
}

#[test]
fn the_major_version_is_read_from_what_postgres_says() {
    for (text, major) in [
        ("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n", Some(15)),
        ("postgres (PostgreSQL) 18beta2\n", Some(18)),
        ("postgres (PostgreSQL) 19devel", Some(19)),
        ("postgres (PostgreSQL) ", None),
        ("initdb (PostgreSQL) 15.13", None),
        ("", None),
    ] {
        assert_eq!(parse_version(text), major, "{text}");
    }
}

const READY: &str = "4711\n/data/pg\n1700000000\n5432\n/data/run\n\n  1234567         0\nready   \n";

#[test]
fn ready_is_line_eight_of_the_file_of_this_process() {
    assert!(announces_ready(READY, 4711));
    assert!(!announces_ready(READY, 4712));
    assert!(!announces_ready(&READY.replace("ready   ", "starting"), 4711));
    assert!(!announces_ready(&READY.replace("ready   ", "stopping"), 4711));
    for (end, _) in READY.char_indices().take_while(|(end, _)| *end < READY.len() - 4) {
        assert!(!announces_ready(&READY[..end], 4711), "cut off at {end}");
    }
}

#[test]
fn a_socket_lies_beside_the_cluster_while_its_path_fits() {
    let (runtime, temporary) = (Path::new("/run/user/1000"), Path::new("/tmp"));
    let beside = |length: usize| PathBuf::from(format!("/{}", "d".repeat(length - 1)));
    let near = |home: &Path| candidates(home, Some(runtime), temporary, Identity::Same);

    // 107 bytes less "/run" and "/.s.PGSQL.5432".
    let longest = beside(86 + 3);
    assert_eq!(near(&longest)[0], Candidate::Fixed(longest.join("run")));
    let too_long = beside(86 + 4);
    assert_eq!(near(&too_long)[0], Candidate::Unique("/run/user/1000/hilum-XXXXXX".into()));

    let postgres = Account { uid: 101, gid: 104 };
    let as_other = candidates(&too_long, Some(runtime), temporary, Identity::Other(postgres));
    assert_eq!(as_other, [Candidate::Unique("/tmp/hilum-XXXXXX".into())]);
    assert!(candidates(&too_long, None, &too_long, Identity::Same).is_empty());
    assert!(candidates(Path::new("relative"), None, &too_long, Identity::Same).is_empty());
}

#[test]
fn an_address_keeps_every_sign_of_its_folder() {
    assert_eq!(
        url(Path::new("/a/data/run"), "hilum_admin", "hilum"),
        "postgres://hilum_admin@%2Fa%2Fdata%2Frun:5432/hilum?sslmode=disable"
    );
    let odd = Path::new("/a b/@:?#%é/run");
    let options: sqlx::postgres::PgConnectOptions = url(odd, "a@b", "c/d").parse().unwrap();
    assert_eq!(options.get_socket().map(PathBuf::as_path), Some(odd));
    assert_eq!(
        (options.get_username(), options.get_database(), options.get_port()),
        ("a@b", Some("c/d"), 5432)
    );
}

#[test]
fn an_identity_is_read_as_it_was_written() {
    let account = Account { uid: 101, gid: 104 };
    for identity in [Identity::Same, Identity::Namespace(account), Identity::Other(account)] {
        assert_eq!(Identity::parse(&identity.write()), Some(identity));
    }
    for text in ["", "same:1", "root", "other:1", "other:1:x", "namespace:1:2:3", "other:-1:1"] {
        assert_eq!(Identity::parse(OsStr::new(text)), None, "{text}");
    }
}

#[test]
fn a_folder_is_held_by_one_at_a_time() {
    let data = tempfile::tempdir().unwrap();
    let held = folder::lock(data.path()).unwrap();
    let error = folder::lock(data.path()).unwrap_err().to_string();
    assert!(error.contains(&format!("(process {})", std::process::id())), "{error}");
    drop(held);
    folder::lock(data.path()).unwrap();
}

#[test]
fn a_missing_server_is_told_with_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let settings = Settings {
        data: data.path().join("data"),
        bindir: Some(data.path().to_owned()),
        runtime: None,
        executable: "/bin/false".into(),
    };
    let error = Cluster::start(&settings).unwrap_err();
    assert!(matches!(error, ClusterError::WrongBindir { .. }), "{error}");
}

#[test]
fn an_order_that_is_not_one_is_refused() {
    for line in [&["hilum"][..], &["hilum", "postgres-child"], &["hilum", "postgres-child", "1", "same", "/"]]
    {
        let code = super::child(line.iter().map(OsString::from).collect());
        assert_eq!(code, std::process::ExitCode::from(2));
    }
}
