//! Distinguished names: RFC 4514 and equality.

use proptest::prelude::*;

use super::*;
use crate::pki::{DistinguishedName as Name, NameError};

fn parsed(text: &str) -> Name {
    Name::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn the_examples_of_rfc_4514_are_read_and_written() {
    let rows = [
        ("UID=jsmith,DC=example,DC=net", "UID=jsmith,DC=example,DC=net"),
        ("OU=Sales+CN=J.  Smith,DC=example,DC=net", "OU=Sales+CN=J.  Smith,DC=example,DC=net"),
        (
            r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#,
            r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#,
        ),
        (r"CN=Before\0dAfter,DC=example,DC=net", r"CN=Before\0DAfter,DC=example,DC=net"),
        ("1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0=#04024869"),
        (r"CN=Lu\C4\8Di\C4\87", "CN=Lučić"),
        ("", ""),
    ];
    for (text, written) in rows {
        let name = parsed(text);
        assert_eq!(parsed(&name.to_string()), name, "{text}");
        assert_eq!(parsed(written), name, "{text}");
    }
    assert_eq!(
        parsed(r"CN=Before\0dAfter,DC=example,DC=net").to_string(),
        r"CN=Before\0DAfter,DC=example,DC=net"
    );
    assert_eq!(parsed(r"CN=Lu\C4\8Di\C4\87").to_string(), "CN=Lučić");
    assert_eq!(parsed("UID=jsmith,DC=example,DC=net").to_string(), "UID=jsmith,DC=example,DC=net");
}

#[test]
fn one_name_has_many_spellings() {
    let rows = [
        ("CN=a,O=b", "cn=a,o=b"),
        ("CN=a,O=b", "2.5.4.3=a,2.5.4.10=b"),
        ("CN=a,O=b", "CN=a, O=b"),
        ("CN=a,O=b", " CN = a , O = b "),
        ("CN=a,O=b", "commonName=a,organizationName=b"),
        ("CN=a,O=b", r"CN=\61,O=b"),
        // A value as an encoded UTF8String and PrintableString.
        ("CN=a,O=b", "CN=#0C0161,O=#130162"),
        ("CN=a+OU=b,O=c", "OU=b+CN=a,O=c"),
        ("CN=a+OU=b,O=c", "OU=b + CN=a,O=c"),
        ("emailAddress=a@b.c", "E=a@b.c"),
        ("emailAddress=a@b.c", "1.2.840.113549.1.9.1=a@b.c"),
        ("givenName=a", "GN=a"),
        ("CN=a=b", r"CN=a\=b"),
        ("CN=a#b", r"CN=a\#b"),
        (r"CN=a\+b\,c", r"CN=a\2Bb\2cc"),
    ];
    for (left, right) in rows {
        assert_eq!(parsed(left), parsed(right), "{left} | {right}");
        assert_eq!(parsed(&parsed(left).to_string()), parsed(left), "{left}");
    }
}

#[test]
fn names_that_differ_are_different() {
    let rows = [
        ("CN=a,O=b", "O=b,CN=a"),
        ("CN=a,O=b", "CN=A,O=b"),
        ("CN=a,O=b", "CN=a"),
        ("CN=a,O=b", "CN=a+O=b"),
        ("CN=a,O=b", "CN=a,OU=b"),
        ("CN=a b", "CN=a  b"),
        ("CN=a", r"CN=a\ "),
        ("CN=a", r"CN=\ a"),
        ("CN=a", "CN=a,CN=a"),
        ("CN=a", "CN=a+CN=a"),
        // An octet string is not text.
        ("CN=a", "CN=#040161"),
        // A teletex string beyond ASCII is not UTF-8, even where it looks like it.
        ("CN=\u{e9}", "CN=#1402C3A9"),
        // Two spellings of one accented letter are different characters.
        ("CN=\u{e9}", "CN=e\u{301}"),
    ];
    for (left, right) in rows {
        assert_ne!(parsed(left), parsed(right), "{left} | {right}");
    }
}

#[test]
fn what_is_not_a_name_is_refused() {
    let rows = [
        ("CN", NameError::NoValue),
        ("CN=a,", NameError::NoValue),
        ("CN=a+", NameError::NoValue),
        (",CN=a", NameError::UnknownType(",CN".to_owned())),
        ("XX=a", NameError::UnknownType("XX".to_owned())),
        ("=a", NameError::UnknownType(String::new())),
        ("2.5.4.03=a", NameError::UnknownType("2.5.4.03".to_owned())),
        ("2=a", NameError::UnknownType("2".to_owned())),
        ("3.1=a", NameError::UnknownType("3.1".to_owned())),
        ("1.40=a", NameError::UnknownType("1.40".to_owned())),
        ("2.5..3=a", NameError::UnknownType("2.5..3".to_owned())),
        ("2.+5=a", NameError::UnknownType("2.+5".to_owned())),
        (r"CN=a\", NameError::BadEscape),
        (r"CN=a\x", NameError::BadEscape),
        (r"CN=a\4", NameError::BadEscape),
        (r"CN=a\4é", NameError::BadEscape),
        (r"CN=a\FF", NameError::NotUnicode),
        ("CN=\"a\"", NameError::Unescaped('"')),
        ("CN=a;O=b", NameError::Unescaped(';')),
        ("CN=a<b", NameError::Unescaped('<')),
        ("CN=a>b", NameError::Unescaped('>')),
        ("CN=a\0", NameError::Unescaped('\0')),
        ("CN=#", NameError::BadEncoding),
        ("CN=#0", NameError::BadEncoding),
        ("CN=#0C0161FF", NameError::BadEncoding),
        ("CN=#0C0561", NameError::BadEncoding),
        ("CN=#zz", NameError::BadEncoding),
    ];
    for (text, error) in rows {
        assert_eq!(Name::parse(text), Err(error), "{text}");
    }
}

#[test]
fn the_encoding_of_a_value_does_not_count() {
    let values = [
        DnValue::Utf8String("Example".to_owned()),
        DnValue::PrintableString("Example".try_into().unwrap()),
        DnValue::Ia5String("Example".try_into().unwrap()),
        DnValue::TeletexString("Example".try_into().unwrap()),
        DnValue::BmpString("Example".try_into().unwrap()),
        DnValue::UniversalString("Example".try_into().unwrap()),
    ];
    for value in values {
        let mut params = client_params("client");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, value.clone());
        params.distinguished_name.push(DnType::CommonName, "Zoë");
        let certificate = self_signed(&params);
        assert_eq!(*certificate.subject(), parsed("CN=Zoë,O=Example"), "{value:?}");
        assert_eq!(certificate.subject_text(), "CN=Zoë,O=Example", "{value:?}");
        assert_ne!(*certificate.subject(), parsed("O=Example,CN=Zoë"));
    }
}

#[test]
fn types_without_a_short_name_are_written_in_dotted_decimals() {
    let mut params = client_params("client");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CustomDnType(vec![2, 25, 3_000_000_000]), "a");
    let certificate = self_signed(&params);
    assert_eq!(certificate.subject_text(), "2.25.3000000000=#0C0161");
    assert_eq!(*certificate.subject(), parsed("2.25.3000000000=a"));
    assert_eq!(*certificate.subject(), parsed(&certificate.subject_text()));
}

#[test]
fn what_is_written_needs_no_guessing() {
    assert_eq!(parsed(r"CN=\#a\ \ ").to_string(), r"CN=\#a \ ");
    assert_eq!(parsed(r"CN=\ ").to_string(), r"CN=\ ");
    assert_eq!(parsed(r"CN=\00\0A").to_string(), r"CN=\00\0A");
    assert_eq!(parsed("CN=").to_string(), "CN=");
}

/// Texts of which many are names, and of which the others nearly are.
const LIKELY: &str =
    r#"(CN|O|2\.5\.4\.99)=([a-z ,+"\\#é=]|\\[ ,+#\\"]|\\4[a-f]){0,8}([,+]OU=[a-z\\ #]{0,4}){0,2}"#;

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = Name::parse(&text);
    }

    #[test]
    fn what_is_read_can_be_written_and_read(text in LIKELY) {
        if let Ok(name) = Name::parse(&text) {
            prop_assert_eq!(Name::parse(&name.to_string()), Ok(name));
        }
    }

    #[test]
    fn any_value_survives(value in any::<String>()) {
        let mut params = client_params("client");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, value);
        let name = self_signed(&params).subject().clone();
        prop_assert_eq!(Name::parse(&name.to_string()), Ok(name));
    }
}
