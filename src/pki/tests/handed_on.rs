use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair};

use crate::pki::handed_on::{Form, HandedOnError, Lines};

use HandedOnError::{ForeignChain, Malformed, SeveralCertificates, SeveralHeaders};

const FORMS: [Form; 3] = [Form::ClientCert, Form::ForwardedClientCert, Form::EscapedPem];

struct Made {
    der: Vec<u8>,
    pem: String,
}

fn made() -> Made {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default().self_signed(&key).unwrap();
    Made { der: certificate.der().to_vec(), pem: certificate.pem() }
}

fn sequence(der: &[u8]) -> String {
    format!(":{}:", STANDARD.encode(der))
}

/// As nginx's `$ssl_client_escaped_cert`: everything but unreserved characters is escaped.
fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn read(form: Form, certificate: &[&str], chain: &[&str]) -> Result<Option<Vec<Vec<u8>>>, HandedOnError> {
    let certificate: Vec<&[u8]> = certificate.iter().map(|line| line.as_bytes()).collect();
    let chain: Vec<&[u8]> = chain.iter().map(|line| line.as_bytes()).collect();
    form.read(Lines { certificate: &certificate, chain: &chain })
}

#[test]
fn client_cert_is_one_byte_sequence_and_its_chain_a_list_of_them() {
    let (leaf, middle, root) = (made(), made(), made());
    let (a, b, c) = (sequence(&leaf.der), sequence(&middle.der), sequence(&root.der));
    let all = || Ok(Some(vec![leaf.der.clone(), middle.der.clone(), root.der.clone()]));
    let form = Form::ClientCert;
    assert_eq!(read(form, &[&a], &[]), Ok(Some(vec![leaf.der.clone()])));
    assert_eq!(read(form, &[&format!(" {a}\t")], &[]), Ok(Some(vec![leaf.der.clone()])));
    assert_eq!(read(form, &[&a], &[&format!("{b},\t{c}")]), all());
    assert_eq!(read(form, &[&a], &[&b, &c]), all());
    assert_eq!(read(form, &[], &[]), Ok(None));
    let unpadded = format!(":{}:", STANDARD.encode(&leaf.der).trim_end_matches('='));
    let raw = STANDARD.encode(&leaf.der);
    let rows: Vec<(Vec<&str>, Vec<&str>, HandedOnError)> = vec![
        (vec![&a, &a], vec![], SeveralHeaders),
        (vec![&a, ""], vec![], SeveralHeaders),
        (vec![], vec![&b], ForeignChain),
        (vec![""], vec![], Malformed),
        (vec!["::"], vec![], Malformed),
        (vec![":"], vec![], Malformed),
        (vec![&raw], vec![], Malformed),
        (vec![":*:"], vec![], Malformed),
        (vec![&a], vec![""], Malformed),
        (vec![&a], vec!["x"], Malformed),
        (vec!["\u{e9}"], vec![], Malformed),
    ];
    for (certificate, chain, error) in rows {
        assert_eq!(read(form, &certificate, &chain), Err(error), "{certificate:?} {chain:?}");
    }
    for odd in [format!("{a}, {b}"), format!("{a},"), format!(",{a}")] {
        assert_eq!(read(form, &[&odd], &[]), Err(SeveralCertificates), "{odd}");
    }
    for odd in [format!("{a};q=1"), format!("\"{a}\""), leaf.pem.replace('\n', " "), escaped(&leaf.pem)] {
        assert_eq!(read(form, &[&odd], &[]), Err(Malformed), "{odd}");
    }
    // What ends in a multiple of three bytes has no padding to lose.
    if !unpadded.contains('=') && leaf.der.len() % 3 != 0 {
        assert_eq!(read(form, &[&unpadded], &[]), Err(Malformed));
    }
    let long = vec![b.as_str(); 10];
    assert_eq!(read(form, &[&a], &long), Err(HandedOnError::TooLarge));
    let large = sequence(&vec![0x30; 70_000]);
    assert_eq!(read(form, &[&large], &[]), Err(HandedOnError::TooLarge));
}

#[test]
fn x_ssl_client_cert_is_one_certificate_in_pem() {
    let (leaf, other) = (made(), made());
    let form = Form::EscapedPem;
    for right in [escaped(&leaf.pem), escaped(leaf.pem.trim()), leaf.pem.replace('\n', "%0a")] {
        assert_eq!(read(form, &[&right], &[]), Ok(Some(vec![leaf.der.clone()])), "{right}");
    }
    let both = format!("{}{}", leaf.pem, other.pem);
    let key = KeyPair::generate().unwrap().serialize_pem();
    let rows = [
        (escaped(&both), SeveralCertificates),
        (escaped(&format!("{}{key}", leaf.pem)), Malformed),
        (escaped(&format!("{key}{}", leaf.pem)), Malformed),
        (escaped(&format!("a word\n{}", leaf.pem)), Malformed),
        (escaped(&format!("{}a word", leaf.pem)), Malformed),
        (escaped(&leaf.pem).replace("%0A", "%0"), Malformed),
        (escaped(&leaf.pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE")), Malformed),
        ("%".to_owned(), Malformed),
        ("%zz".to_owned(), Malformed),
        ("%FF".to_owned(), Malformed),
        (String::new(), Malformed),
        (sequence(&leaf.der), Malformed),
    ];
    for (text, error) in rows {
        assert_eq!(read(form, &[&text], &[]), Err(error), "{text}");
    }
    let one = escaped(&leaf.pem);
    assert_eq!(read(form, &[&one, &one], &[]), Err(SeveralHeaders));
}

#[test]
fn x_forwarded_client_cert_is_one_element_of_one_proxy() {
    let (leaf, middle) = (made(), made());
    let form = Form::ForwardedClientCert;
    let cert = escaped(&leaf.pem);
    let chain = escaped(&format!("{}{}", leaf.pem, middle.pem));
    let one = || Ok(Some(vec![leaf.der.clone()]));
    let both = || Ok(Some(vec![leaf.der.clone(), middle.der.clone()]));
    let hash = "Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
    let rows = [
        (format!("Cert=\"{cert}\""), one()),
        (format!("cert={cert}"), one()),
        (
            format!(
                "By=spiffe://a/b;{hash};Cert=\"{cert}\";Subject=\"CN=a, O=\\\"b;c=\\\"\";URI=x:y;DNS=a;DNS=b"
            ),
            one(),
        ),
        (format!("Cert=\"{cert}\";Chain=\"{chain}\""), both()),
        (format!("CHAIN=\"{chain}\""), both()),
        (format!("Cert=\"{cert}\";Chain=\"{}\"", escaped(&middle.pem)), Err(ForeignChain)),
        (format!("Cert=\"{cert}\",Cert=\"{cert}\""), Err(SeveralCertificates)),
        (format!("Cert=\"{cert}\",By=a"), Err(SeveralCertificates)),
        (format!("By=a,Cert=\"{cert}\""), Err(SeveralCertificates)),
        (format!("Cert=\"{cert}\";Cert=\"{cert}\""), Err(SeveralCertificates)),
        (format!("Cert=\"{chain}\""), Err(SeveralCertificates)),
        (format!("Cert=\"{cert}\";"), Err(Malformed)),
        (format!("Cert=\"{cert}"), Err(Malformed)),
        (format!("Cert=\"{cert}\\"), Err(Malformed)),
        (format!("Cert={cert}\""), Err(Malformed)),
        (format!("Cert=\"{cert}\"x"), Err(Malformed)),
        (format!("Subject=\"a\\\";Cert=\"{cert}\""), Err(Malformed)),
        (format!("{hash};URI=spiffe://payer"), Err(Malformed)),
        ("Cert=".to_owned(), Err(Malformed)),
        (String::new(), Err(Malformed)),
        (sequence(&leaf.der), Err(Malformed)),
    ];
    for (text, expected) in rows {
        assert_eq!(read(form, &[&text], &[]), expected, "{text}");
    }
}

#[test]
fn a_form_is_named_as_its_header() {
    for form in FORMS {
        assert_eq!(Form::parse(form.header()), Some(form));
    }
    assert_eq!(Form::parse("Client-Cert"), None);
}

proptest! {
    #[test]
    fn nothing_that_a_header_can_hold_panics_and_what_is_read_is_what_was_written(
        lines in proptest::collection::vec("[ -~]{0,80}", 0..3),
        raw in proptest::collection::vec(any::<u8>(), 0..80),
        ders in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..60), 1..5),
        signs in "[\"\\\\,;=:%A-Ca-c ]{0,40}",
    ) {
        let mut bytes: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        for form in FORMS {
            let _ = form.read(Lines { certificate: &bytes, chain: &[] });
            let _ = form.read(Lines { certificate: &[&raw], chain: &bytes });
            let _ = form.read(Lines { certificate: &[signs.as_bytes()], chain: &[&raw] });
        }
        bytes.clear();
        let (leaf, rest) = ders.split_first().unwrap();
        let chain = rest.iter().map(|der| sequence(der)).collect::<Vec<_>>().join(", ");
        let chain: Vec<&[u8]> = if rest.is_empty() { Vec::new() } else { vec![chain.as_bytes()] };
        let first = sequence(leaf);
        let found = Form::ClientCert.read(Lines { certificate: &[first.as_bytes()], chain: &chain });
        prop_assert_eq!(found, Ok(Some(ders.clone())));
        let pem: String = ders.iter().map(|der| pem(der)).collect();
        let text = format!("Chain=\"{}\";Cert=\"{}\"", escaped(&pem), escaped(&self::pem(leaf)));
        let found = Form::ForwardedClientCert.read(Lines { certificate: &[text.as_bytes()], chain: &[] });
        prop_assert_eq!(found, Ok(Some(ders.clone())));
        let found = Form::EscapedPem.read(Lines { certificate: &[escaped(&self::pem(leaf)).as_bytes()], chain: &[] });
        prop_assert_eq!(found, Ok(Some(vec![leaf.clone()])));
    }
}

fn pem(der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
