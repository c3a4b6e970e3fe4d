mod sections;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair};
use tempfile::TempDir;

use super::secrets::MasterKeySource;
use super::*;

const LEAST: &str = "
    [issuer]
    url = 'https://auth.example.org'
    [secrets]
    master_key_file = '/etc/hilum/master.key'
";

fn parse(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::parse(file, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn wrong(file: &str, variables: &[(&str, &str)]) -> Vec<String> {
    parse(file, variables).unwrap_err().problems.into_iter().map(|problem| problem.key).collect()
}

#[test]
fn the_least_configuration_has_the_defaults() {
    let config = parse(LEAST, &[]).unwrap();
    assert_eq!(config.issuer.url.as_str(), "https://auth.example.org");
    assert_eq!(config.http.public, ["127.0.0.1:8443".parse().unwrap()]);
    assert_eq!(config.http.mtls_url.as_str(), "https://auth.example.org:8444");
    assert_eq!(config.http.ops, ["127.0.0.1:9464".parse().unwrap()]);
    assert_eq!((config.http.workers, config.http.drain), (None, Duration::from_secs(10)));
    assert_eq!((config.database.readers, config.database.writers), (8, 4));
    assert_eq!(config.tokens.system, Duration::from_mins(5));
    assert_eq!(config.tokens.signing_key, Duration::from_hours(90 * 24));
    assert_eq!((config.outbound.timeout, config.outbound.max_bytes), (Duration::from_millis(2500), 65_536));
    assert_eq!(config.limits.refusals_recorded_per_minute, 60);
    let processors = std::thread::available_parallelism().unwrap().get();
    assert_eq!(config.sign_in.hashes, processors.min(64));
    assert_eq!((config.log.format, config.log.level.as_str()), (log::Format::Json, "info"));
}

#[test]
fn the_environment_comes_last() {
    let file = format!("{LEAST}\n[http]\npublic = ['0.0.0.0:443']\n[database]\nurl = 'postgres://file@h/d'");
    let config = parse(
        &file,
        &[
            ("HILUM_HTTP__PUBLIC", "127.0.0.1:1"),
            ("HILUM_HTTP__MTLS", "['[::]:2', '127.0.0.1:2']"),
            ("HILUM_HTTP__WORKERS", "3"),
            ("HILUM_HTTP__HOSTS", ""),
            ("HILUM_ISSUER__URL", "https://other.example/"),
            ("HILUM_SECRETS__MASTER_KEY_FILE", "2026-11-22"),
            ("DATABASE_URL", "postgres://hilum:pa55word@db/hilum"),
            ("HILUM_DATABASE__OWNER_URL", "postgres://owner@db/hilum"),
            ("HILUM_TEST_SEED", "1"),
            ("HILUM_FIXTURES", "fixtures.json"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(config.http.public, ["127.0.0.1:1".parse().unwrap()]);
    assert_eq!(config.http.mtls.len(), 2);
    assert_eq!(config.http.workers.unwrap().get(), 3);
    assert_eq!(config.http.mtls_url.as_str(), "https://other.example:2");
    let file = match &config.secrets.master_key {
        MasterKeySource::File(file) => Some(file.as_path()),
        MasterKeySource::Variable(_) | MasterKeySource::Token(_) | MasterKeySource::Command(_) => None,
    };
    assert_eq!(file, Some(Path::new("2026-11-22")));
    assert_eq!(config.database.url.unwrap().expose(), "postgres://hilum:pa55word@db/hilum");
    let both = [("HILUM_DATABASE__URL", "postgres://more@h/d"), ("DATABASE_URL", "postgres://less@h/d")];
    assert_eq!(parse(LEAST, &both).unwrap().database.url.unwrap().expose(), "postgres://more@h/d");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let file = "
        [issuer]
        url = 'https://a.example?x'
        [http]
        ops = '0.0.0.0:9464'
        publik = ['127.0.0.1:1']
        [tokens]
        system_seconds = 301
        [htp]
    ";
    let variables =
        [("HILUM_LOGS__LEVEL", "info"), ("HILUM_LOG_LEVEL", "info"), ("HILUM_LOG__LEVLE", "info")];
    let mut expected = [
        "issuer.url",
        "http.ops",
        "http.publik",
        "tokens.system_seconds",
        "htp",
        "HILUM_LOGS__LEVEL",
        "HILUM_LOG_LEVEL",
        "log.levle",
        "secrets.master_key_file",
    ];
    let mut found = wrong(file, &variables);
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let shown = parse(file, &variables).unwrap_err().to_string();
    assert!(shown.contains("tokens.system_seconds: give a whole number from 30 to 300"), "{shown}");
    assert!(shown.contains("(it was given by HILUM_LOG__LEVLE)"), "{shown}");
    assert!(shown.contains("the keys of [log] are format, level"), "{shown}");
}

#[test]
fn values_that_are_nonsense_are_refused() {
    let rows = [
        ("HILUM_ISSUER__URL", "auth.example.org", "issuer.url"),
        ("HILUM_ISSUER__URL", "ftp://auth.example.org", "issuer.url"),
        ("HILUM_ISSUER__URL", "https://user@auth.example.org", "issuer.url"),
        ("HILUM_ISSUER__URL", "https://auth.example.org/#a", "issuer.url"),
        ("HILUM_ISSUER__URL", "https://auth.example.org/a//b", "issuer.url"),
        ("HILUM_ISSUER__URL", "https://auth.example.org./", "issuer.url"),
        ("HILUM_ISSUER__URL", "https://auth.example.org/ü", "issuer.url"),
        ("HILUM_HTTP__PUBLIC", "localhost:8443", "http.public"),
        ("HILUM_HTTP__PUBLIC", "[]", "http.public"),
        ("HILUM_HTTP__PUBLIC", "[8443]", "http.public"),
        ("HILUM_HTTP__HOSTS", "https://a.example", "http.hosts"),
        ("HILUM_HTTP__WORKERS", "0", "http.workers"),
        ("HILUM_HTTP__DRAIN_SECONDS", "soon", "http.drain_seconds"),
        ("HILUM_HTTP__DRAIN_SECONDS", "-1", "http.drain_seconds"),
        ("DATABASE_URL", "mysql://a@b/c", "database.url"),
        ("DATABASE_URL", "postgres://a@b/c?sslmode=nonsense", "database.url"),
        ("HILUM_TLS__KEY_FILE", "a.key", "tls.certificate_file"),
        ("HILUM_TOKENS__SYSTEM_SECONDS", "29", "tokens.system_seconds"),
        ("HILUM_TOKENS__SIGNING_KEY_DAYS", "1", "tokens.signing_key_notice_hours"),
        ("HILUM_TOKENS__SIGNING_KEY_NOTICE_SECONDS", "309", "tokens.jwks_seconds"),
        ("HILUM_TOKENS__SIGNING_KEY_SECONDS", "29", "tokens.signing_key_seconds"),
        ("HILUM_TOKENS__PERSON_SECONDS", "3601", "tokens.person_seconds"),
        ("HILUM_TOKENS__ID_TOKEN_SECONDS", "3601", "tokens.id_token_seconds"),
        ("HILUM_SIGN_IN__HASHES", "0", "sign_in.hashes"),
        ("HILUM_SIGN_IN__HASHES", "65", "sign_in.hashes"),
        ("HILUM_SIGN_IN__HASHS", "1", "sign_in.hashs"),
        ("HILUM_OUTBOUND__ALLOW", "['a:b']", "outbound.allow"),
        ("HILUM_OUTBOUND__TIMEOUT_MILLISECONDS", "2501", "outbound.timeout_milliseconds"),
        ("HILUM_LOG__FORMAT", "xml", "log.format"),
        ("HILUM_LOG__LEVEL", "hilum=loud", "log.level"),
    ];
    for (name, value, key) in rows {
        assert_eq!(wrong(LEAST, &[(name, value)]), [key], "{name}={value}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_told_by_line_and_not_quoted() {
    let error = parse("[database]\nurl = postgres://hilum:pa55word@db\n", &[]).unwrap_err();
    let problem = error.problems.first().unwrap();
    assert!(problem.key == "hilum.toml" && problem.says.starts_with("line 2: "), "{problem}");
    assert!(!error.to_string().contains("pa55word"));
}

#[test]
fn what_is_shown_holds_no_password_and_what_is_written_is_read_back() {
    let url = "postgres://hilum:pa55word@db/hilum?sslmode=require&password=pa55word";
    let variables = [
        ("DATABASE_URL", url),
        ("HILUM_DATABASE__OWNER_URL", "postgres://owner:pa55word@%2Frun%2Fpg/hilum"),
        ("HILUM_HTTP__WORKERS", "2"),
        ("HILUM_TLS__CERTIFICATE_FILE", "a \"b\".pem"),
        ("HILUM_TLS__KEY_FILE", "a.key"),
        ("HILUM_TLS__CLIENT_CRL_FILES", "['a.crl', 'b.crl']"),
        ("HILUM_OUTBOUND__ALLOW", "['localhost:8443', '[::1]:1', '10.0.0.1', '::1']"),
        ("HILUM_OUTBOUND__CA_FILE", "ca.pem"),
        ("HILUM_SIGN_IN__HASHES", "7"),
    ];
    let config = parse(LEAST, &variables).unwrap();
    let shown = config.shown();
    assert!(!shown.contains("pa55word") && shown.contains("hilum:withheld@db"), "{shown}");
    assert!(shown.contains("[sign_in]\nhashes = 7"), "{shown}");
    assert!(!format!("{config:?}").contains("pa55word"));
    let written = config.to_toml(Withhold::Nothing);
    assert!(written.contains(url));
    assert_eq!(parse(&written, &[]).unwrap().to_toml(Withhold::Nothing), written);
}

#[test]
fn base_urls_tell_their_parts() {
    let url = issuer::BaseUrl::parse("HTTPS://Auth.Example.ORG:443/a/b/").unwrap();
    assert_eq!(url.as_str(), "https://auth.example.org/a/b");
    assert_eq!(url.join("/oauth2/token"), "https://auth.example.org/a/b/oauth2/token");
    assert_eq!((url.origin().as_str(), url.path(), url.port()), ("https://auth.example.org", "/a/b", 443));
    assert_eq!(url.at_port(8444).as_str(), "https://auth.example.org:8444/a/b");
    assert_eq!(issuer::BaseUrl::parse("https://a.example/").unwrap().path(), "");
    for (text, loopback) in [("http://localhost", true), ("http://[::1]:1", true), ("http://127.9.0.1", true)]
    {
        assert_eq!(issuer::BaseUrl::parse(text).unwrap().is_loopback(), loopback, "{text}");
    }
    assert!(!issuer::BaseUrl::parse("http://localhost.example").unwrap().is_loopback());
}

#[test]
fn h_11_a_database_is_reached_over_what_nobody_else_can_read() {
    for (url, protected) in [
        ("postgres://a@%2Frun%2Fpostgresql/b", true),
        ("postgres:///b?host=/run/postgresql", true),
        ("postgres://a@localhost/b", true),
        ("postgres://a@127.0.0.1:5433/b", true),
        ("postgres://a@[::1]/b", true),
        ("postgres://a@db.example/b?sslmode=verify-full", true),
        ("postgres://a@db.example/b?sslmode=verify-ca", false),
        ("postgres://a@db.example/b", false),
        ("postgres://a@localhost.example/b", false),
        ("postgres://a@localhost/b?host=db.example", false),
        ("postgres://a@localhost/b?hostaddr=10.0.0.1", false),
        ("postgres://a@db.example/b?sslmode=verify-full&ssl-mode=disable", false),
    ] {
        assert_eq!(database::DatabaseUrl::parse(url).unwrap().is_protected(), protected, "{url}");
    }
}

/// A configuration that may run, with its files.
fn production(at: &TempDir) -> Config {
    let file = |name: &str, content: &str, mode| {
        let path = at.path().join(name);
        // One that may not be written was left by the row before.
        fs::remove_file(&path).ok();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let mut config =
        parse(LEAST, &[("DATABASE_URL", "postgres://hilum@db/hilum?sslmode=verify-full")]).unwrap();
    config.tls.client_crl_files = vec![file("anchors.crl", "", 0o644)];
    config.secrets.master_key = MasterKeySource::File(file("master.key", "", 0o600));
    config.tls.key_file = Some(file("server.key", "", 0o400));
    config.tls.certificate_file = Some(file("server.pem", &certificate("A Hospital"), 0o644));
    config.tls.client_anchors_file = Some(file("anchors.pem", &certificate("Hilum development, not"), 0o644));
    config
}

fn certificate(organization: &str) -> String {
    let mut params = CertificateParams::new(vec!["auth.example.org".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::OrganizationName, organization);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

type Spoil<'a> = Box<dyn Fn(&mut Config) + 'a>;

#[test]
fn each_unsafe_combination_is_refused() {
    let at = tempfile::tempdir().unwrap();
    assert_eq!(production(&at).unsafe_for_production(), []);
    let development = at.path().join("development.pem");
    fs::write(&development, certificate("A Hospital") + &certificate("Hilum development")).unwrap();
    let open = at.path().join("open.key");
    fs::write(&open, "").unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o640)).unwrap();
    let absent = at.path().join("absent");
    let file = |path: &Path| MasterKeySource::File(path.to_owned());
    let url = |text| issuer::BaseUrl::parse(text).unwrap();
    let database = |text| database::DatabaseUrl::parse(text).ok();
    let rows: Vec<(&str, Spoil<'_>)> = vec![
        ("issuer.url", Box::new(move |config| config.issuer.url = url("http://auth.example.org"))),
        (
            "outbound.allow",
            Box::new(|config| {
                config.outbound.allow = vec![outbound::AllowedHost::parse("localhost").unwrap()];
            }),
        ),
        ("database.url", Box::new(|config| config.database.url = None)),
        ("database.url", Box::new(|config| config.database.url = database("postgres://hilum@db/hilum"))),
        (
            "database.url",
            Box::new(|config| config.database.url = database("postgres://a@db/b?sslmode=require")),
        ),
        ("secrets.master_key_file", Box::new(|config| config.secrets.master_key = file(&open))),
        ("secrets.master_key_file", Box::new(|config| config.secrets.master_key = file(&absent))),
        ("secrets.master_key_file", Box::new(|config| config.secrets.master_key = file(at.path()))),
        ("tls.key_file", Box::new(|config| config.tls.key_file = Some(open.clone()))),
        ("tls.key_file", Box::new(|config| config.tls.key_file = None)),
        ("tls.certificate_file", Box::new(|config| config.tls.certificate_file = None)),
        ("tls.certificate_file", Box::new(|config| config.tls.certificate_file = Some(absent.clone()))),
        ("tls.certificate_file", Box::new(|config| config.tls.certificate_file = Some(open.clone()))),
        ("tls.certificate_file", Box::new(|config| config.tls.certificate_file = Some(development.clone()))),
        (
            "tls.client_anchors_file",
            Box::new(|config| {
                config.tls.client_anchors_file = Some(development.clone());
            }),
        ),
    ];
    for (key, spoil) in rows {
        let mut config = production(&at);
        spoil(&mut config);
        let found: Vec<String> =
            config.unsafe_for_production().into_iter().map(|problem| problem.key).collect();
        assert_eq!(found, [key]);
    }
    let mut config = production(&at);
    config.issuer.url = url("http://localhost:8080");
    assert_eq!(config.unsafe_for_production(), []);
}

#[test]
fn files_are_read_and_their_absence_is_told() {
    let at = tempfile::tempdir().unwrap();
    let absent = Config::load(Some(&at.path().join("absent.toml"))).unwrap_err();
    assert!(absent.to_string().contains("cannot be read"));
    let file = at.path().join("hilum.toml");
    fs::write(&file, "[database]\nreaders = 9\n").unwrap();
    assert_eq!(Database::load(Some(&file)).unwrap().readers, 9);
}
