//! What single sections say.

use super::*;

#[test]
fn a_token_needs_its_module_its_label_and_a_file_with_its_pin() {
    assert_eq!(parse(LEAST, &[]).unwrap().hsm, None);
    let least =
        format!("{LEAST}\n[hsm]\nmodule_file = '/lib/p11.so'\ntoken = 'hilum'\npin_file = '/etc/pin'");
    let hsm = parse(&least, &[]).unwrap().hsm.unwrap();
    assert_eq!((hsm.sessions, hsm.timeout), (8, Duration::from_secs(2)));
    let rows: [(&str, &str, &[&str]); 5] = [
        ("HILUM_HSM__TOKEN", "", &["hsm.token"]),
        ("HILUM_HSM__TOKEN", "a label of more than thirty-two bytes", &["hsm.token"]),
        ("HILUM_HSM__SESSIONS", "257", &["hsm.sessions"]),
        ("HILUM_HSM__TIMEOUT_MS", "99", &["hsm.timeout_ms"]),
        ("HILUM_HSM__PIN", "1234", &["hsm.pin"]),
    ];
    for (name, value, keys) in rows {
        assert_eq!(wrong(&least, &[(name, value)]), keys, "{name}={value}");
    }
    let alone = [("HILUM_HSM__SESSIONS", "4")];
    assert_eq!(wrong(LEAST, &alone), ["hsm.module_file", "hsm.token", "hsm.pin_file"]);
}

#[test]
fn a_proxy_has_anchors_and_a_name() {
    use crate::config::proxy::ClientAddress;
    use crate::pki::CertificateIdentity;
    use crate::pki::handed_on::Form;
    let with = |keys: &str| format!("{LEAST}\n[proxy]\n{keys}");
    assert_eq!(parse(LEAST, &[]).unwrap().proxy, None);
    let names = "['proxy.example', 'spiffe://example/proxy?a=b', 'CN=proxy,O=Example']";
    let config = parse(&with(&format!("anchors_file = 'a.pem'\nnames = {names}")), &[]).unwrap();
    let proxy = config.proxy.as_ref().unwrap();
    let expected = [
        CertificateIdentity::san_dns("proxy.example").unwrap(),
        CertificateIdentity::san_uri("spiffe://example/proxy?a=b").unwrap(),
        CertificateIdentity::subject_dn("CN=proxy,O=Example").unwrap(),
    ];
    assert_eq!(proxy.names, expected);
    assert_eq!((proxy.header, proxy.client_address), (Form::ClientCert, ClientAddress::None));
    assert_eq!(parse(&config.shown(), &[]).unwrap().proxy, config.proxy);
    let rows = [
        ("anchors_file = 'a.pem'", "proxy.names"),
        ("anchors_file = 'a.pem'\nnames = []", "proxy.names"),
        ("anchors_file = 'a.pem'\nnames = ['*.example']", "proxy.names"),
        ("anchors_file = 'a.pem'\nnames = ['a b']", "proxy.names"),
        ("names = ['proxy.example']", "proxy.anchors_file"),
        ("header = 'client-cert'", "proxy.anchors_file"),
        ("anchors_file = 'a.pem'\nnames = ['a.example']\nheader = 'x-client-cert'", "proxy.header"),
        (
            "anchors_file = 'a.pem'\nnames = ['a.example']\nclient_address = 'forwarded'",
            "proxy.client_address",
        ),
        ("anchors_file = 'a.pem'\nnames = ['a.example']\nsecret = 'x'", "proxy.secret"),
    ];
    for (keys, key) in rows {
        assert!(wrong(&with(keys), &[]).contains(&key.to_owned()), "{keys}");
    }
}

#[test]
fn md_05_a_key_is_announced_for_longer_than_key_sets_are_cached() {
    let set = |rows: &[(&str, &str)]| {
        let rows: Vec<(String, &str)> =
            rows.iter().map(|(name, value)| (format!("HILUM_TOKENS__{name}"), *value)).collect();
        let rows: Vec<(&str, &str)> = rows.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        parse(LEAST, &rows)
    };
    let quick = [("SIGNING_KEY_SECONDS", "60"), ("SIGNING_KEY_NOTICE_SECONDS", "30"), ("JWKS_SECONDS", "20")];
    let config = set(&quick).unwrap();
    assert_eq!(config.tokens.jwks, Duration::from_secs(20));
    assert_eq!(parse(&config.to_toml(Withhold::Nothing), &[]).unwrap().tokens, config.tokens);
    let told = set(&[quick[0], quick[1], ("JWKS_SECONDS", "21")]).unwrap_err().to_string();
    assert!(
        told.contains("a key must be published 10 seconds longer than public keys may be cached"),
        "{told}"
    );
    assert!(set(&[("JWKS_SECONDS", "3600"), ("SIGNING_KEY_NOTICE_HOURS", "1")]).is_err());
    let both = set(&[("SIGNING_KEY_DAYS", "90"), ("SIGNING_KEY_SECONDS", "60")]).unwrap_err().to_string();
    assert!(both.contains("give this or signing_key_days, not both"), "{both}");
}

#[test]
fn what_is_given_master_keys_may_be_changed_and_replaced_by_its_owner_alone() {
    let at = tempfile::tempdir().unwrap();
    let program = |name: &str, mode| {
        let path = at.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let (good, writable) = (program("kms", 0o755), program("writable", 0o775));
    let no_program = program("text", 0o644);
    let replaceable = program("open/kms", 0o755);
    fs::set_permissions(at.path().join("open"), fs::Permissions::from_mode(0o777)).unwrap();
    let command = |path: &Path| MasterKeySource::Command(vec![path.to_string_lossy().into_owned()]);
    let absent = at.path().join("absent");
    let unsafe_of = |current: Option<MasterKeySource>, former: Option<MasterKeySource>| {
        let mut config = production(&at);
        config.secrets.master_key = current.unwrap_or(config.secrets.master_key);
        config.secrets.former.extend(former);
        let found = config.unsafe_for_production().into_iter();
        found.map(|problem| problem.key).collect::<Vec<_>>()
    };
    assert!(unsafe_of(Some(command(&good)), Some(command(&good))).is_empty());
    for path in [&absent, &no_program, &writable, &replaceable] {
        assert_eq!(unsafe_of(Some(command(path)), None), ["secrets.master_key_command"], "{path:?}");
        assert_eq!(unsafe_of(None, Some(command(path))), ["secrets.former_master_key_commands"], "{path:?}");
    }
    // Root alone can give a file away.
    let foreign = program("foreign", 0o755);
    if std::os::unix::fs::chown(&foreign, Some(65_533), None).is_ok() {
        assert_eq!(unsafe_of(Some(command(&foreign)), None), ["secrets.master_key_command"]);
    }
    let open = MasterKeySource::File(good);
    assert_eq!(unsafe_of(None, Some(open)), ["secrets.former_master_key_files"]);
}
