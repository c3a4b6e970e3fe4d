//! What a client registers, and which certificates bear it (RFC 8705, 2.1.2).

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::pki::{CertificateIdentity as Identity, IdentityError};

fn address(text: &str) -> SanType {
    SanType::IpAddress(text.parse::<IpAddr>().unwrap())
}

#[test]
fn the_registered_subject_must_be_shown_as_it_is() {
    let certificate = bearing(vec![]);
    let matches = |text: &str| Identity::subject_dn(text).unwrap().matches(&certificate);
    assert!(matches("CN=client,O=Example Health,C=US"));
    assert!(matches("cn=client, o=Example Health, c=US"));
    assert!(!matches("C=US,O=Example Health,CN=client"));
    assert!(!matches("CN=client,O=example health,C=US"));
    assert!(!matches("CN=other,O=Example Health,C=US"));
    assert!(!matches("CN=client"));
    assert!(!matches("CN=client+O=Example Health,C=US"));
}

#[test]
fn another_clients_certificate_is_not_this_clients() {
    let ours = Identity::subject_dn("CN=client,O=Example Health,C=US").unwrap();
    assert!(!ours.matches(&self_signed(&client_params("client-b"))));
    assert!(ours.matches(&self_signed(&client_params("client"))));
}

#[test]
fn the_registered_name_must_be_of_its_type_and_value() {
    let rows = [
        (Identity::san_dns("client.example.org"), dns("client.example.org"), true),
        (Identity::san_dns("Client.Example.org"), dns("cLIENT.example.org"), true),
        (Identity::san_dns("client.example.org"), dns("other.example.org"), false),
        (Identity::san_dns("client.example.org"), dns("a.client.example.org"), false),
        (Identity::san_dns("client.example.org"), dns("client.example.org."), false),
        (Identity::san_dns("client.example.org"), dns("*.example.org"), false),
        (Identity::san_dns("client.example.org"), uri("client.example.org"), false),
        (Identity::san_dns("client.example.org"), email("client.example.org"), false),
        (Identity::san_uri("https://a.example.org/x"), uri("https://a.example.org/x"), true),
        (Identity::san_uri("https://a.example.org/x"), uri("https://a.example.org/X"), false),
        (Identity::san_uri("https://a.example.org/x"), uri("https://A.example.org/x"), false),
        (Identity::san_uri("https://a.example.org/x"), uri("https://a.example.org/x/"), false),
        (Identity::san_uri("https://a.example.org/x"), uri("https://*.example.org/x"), false),
        (Identity::san_uri("https://a.example.org/x"), dns("https://a.example.org/x"), false),
        (Identity::san_uri("urn:oid:1.2"), uri("urn:oid:1.2"), true),
        (Identity::san_ip("192.0.2.1"), address("192.0.2.1"), true),
        (Identity::san_ip("2001:DB8:0::1"), address("2001:db8::1"), true),
        (Identity::san_ip("192.0.2.1"), address("192.0.2.2"), false),
        (Identity::san_ip("192.0.2.1"), address("::ffff:192.0.2.1"), false),
        (Identity::san_ip("192.0.2.1"), dns("192.0.2.1"), false),
        (Identity::san_email("Ops@Example.org"), email("Ops@example.ORG"), true),
        (Identity::san_email("ops@example.org"), email("Ops@example.org"), false),
        (Identity::san_email("ops@example.org"), email("ops@example.com"), false),
        (Identity::san_email("ops@example.org"), email("*@example.org"), false),
        (Identity::san_email("ops@example.org"), uri("ops@example.org"), false),
    ];
    for (identity, borne, expected) in rows {
        let identity = identity.unwrap();
        assert_eq!(identity.matches(&bearing(vec![borne.clone()])), expected, "{identity:?} {borne:?}");
    }
}

#[test]
fn of_several_names_one_is_enough() {
    let certificate = bearing(vec![
        dns("*.example.org"),
        dns("a.example.org"),
        uri("https://a.example.org/"),
        uri("https://b.example.org/"),
        address("192.0.2.1"),
        address("2001:db8::1"),
    ]);
    for uri in ["https://a.example.org/", "https://b.example.org/"] {
        assert!(Identity::san_uri(uri).unwrap().matches(&certificate));
    }
    assert!(Identity::san_dns("a.example.org").unwrap().matches(&certificate));
    assert!(!Identity::san_dns("b.example.org").unwrap().matches(&certificate));
    assert!(Identity::san_ip("2001:db8::1").unwrap().matches(&certificate));
    assert!(!Identity::san_uri("https://c.example.org/").unwrap().matches(&certificate));
}

#[test]
fn a_name_put_together_by_hand_matches_no_wildcard_and_no_absence() {
    let certificate = bearing(vec![dns("*.example.org")]);
    assert!(!Identity::SanDns("*.example.org".to_owned()).matches(&certificate));
    let mut nameless = client_params("client");
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    let nothing = crate::pki::DistinguishedName::parse("").unwrap();
    assert!(!Identity::SubjectDn(nothing).matches(&self_signed(&nameless)));
}

#[test]
fn only_whole_names_can_be_registered() {
    for text in [
        "",
        "*",
        "*.example.org",
        "a..b",
        ".a",
        "a.",
        "-a.b",
        "a-.b",
        "a_b.c",
        "a b",
        "192.0.2.1",
        "é.org",
        "a\0.b",
    ] {
        assert_eq!(Identity::san_dns(text), Err(IdentityError::HostName), "{text}");
    }
    assert_eq!(Identity::san_dns(&format!("{}.org", "a".repeat(64))), Err(IdentityError::HostName));
    assert_eq!(Identity::san_dns(&"a.".repeat(127)), Err(IdentityError::HostName));
    let bad_uris = [
        "",
        "a",
        "/a",
        "//a",
        "https:",
        ":a",
        "1a:b",
        "https://*.example.org/",
        "https://a b/",
        "https://a/%2",
        "https://a/%zz",
        "https://a/#b",
        "https://a/é",
        "https://a/<b>",
        "https://a/\n",
    ];
    for text in bad_uris {
        assert_eq!(Identity::san_uri(text), Err(IdentityError::Uri), "{text}");
    }
    for text in
        ["https://a.example.org/?q=%2f", "urn:uuid:0", "spiffe://a/b*", "https://[2001:db8::1]:8443/a"]
    {
        assert!(Identity::san_uri(text).is_ok(), "{text}");
    }
    for text in
        ["", "localhost", "192.0.2", "192.0.2.0/24", "192.0.2.01", " 192.0.2.1", "[::1]", "fe80::1%eth0"]
    {
        assert_eq!(Identity::san_ip(text), Err(IdentityError::Address), "{text}");
    }
    for text in ["", "a", "@b.c", "a@", "a@*.c", "a b@c.d", "a@b@c.d", "A <a@b.c>"] {
        assert_eq!(Identity::san_email(text), Err(IdentityError::Email), "{text}");
    }
    assert_eq!(Identity::subject_dn(""), Err(IdentityError::EmptyName));
    assert!(matches!(Identity::subject_dn("client"), Err(IdentityError::SubjectDn(_))));
}

#[test]
fn fields_and_texts_give_the_identity_back() {
    let rows = [
        ("tls_client_auth_subject_dn", "CN=client,O=Example Health,C=US"),
        ("tls_client_auth_san_dns", "client.example.org"),
        ("tls_client_auth_san_uri", "https://client.example.org/a"),
        ("tls_client_auth_san_ip", "2001:db8::1"),
        ("tls_client_auth_san_email", "ops@example.org"),
    ];
    for (field, text) in rows {
        let identity = Identity::parse(field, text).unwrap();
        assert_eq!((identity.field(), identity.text().as_str()), (field, text));
    }
    assert_eq!(Identity::parse("tls_client_auth", "a"), Err(IdentityError::Field));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        for field in ["tls_client_auth_subject_dn", "tls_client_auth_san_dns", "tls_client_auth_san_uri",
            "tls_client_auth_san_ip", "tls_client_auth_san_email"] {
            if let Ok(identity) = Identity::parse(field, &text) {
                prop_assert_eq!(Identity::parse(field, &identity.text()), Ok(identity));
            }
        }
    }
}
