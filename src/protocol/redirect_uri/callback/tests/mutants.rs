//! INV-15: thousands of mutants of registered redirect URIs, and a judge of its own.

use std::collections::BTreeSet;

use url::{Host, Url};

use super::{matched, registered};

/// The same numbers at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn of<'a>(&mut self, rows: &[&'a str]) -> &'a str {
        rows[self.below(rows.len())]
    }
}

const INSERTED: &[&str] = &[
    "/", "\\", "@", ":", "?", "#", "%", ".", ";", "&", "=", " ", "\t", "\n", "\0", "*", "a", "0", "\u{202e}",
    "\u{200b}", "[", "]", "+", "//", "%00", "%0d%0a",
];
const AFTER_HOST: &[&str] = &[
    ".evil.test",
    "@evil.test",
    "%40evil.test",
    ":80@evil.test",
    ":443",
    ":80",
    ":",
    ":0",
    ":00080",
    ":65536",
    ":+80",
    ":51234",
    ":8000",
    ":1",
    ":65535",
    ":80:80",
    ".",
    "\\@evil.test",
    "#@evil.test",
    "?@evil.test",
    "%2eevil.test",
];
const BEFORE_HOST: &[&str] = &[
    "user@",
    "user:pass@",
    "evil.test@",
    "@",
    "app.example@",
    "evil.test/",
    "evil.test#",
    "evil.",
    "%40",
    "\\",
];
const AT_THE_END: &[&str] = &[
    "/../evil",
    "/..%2f",
    "%252f..%252f",
    "/..;/evil",
    "//evil",
    "\\evil",
    "/",
    "?next=evil",
    "&next=evil",
    "?",
    "#",
    "#x",
    "%23",
    "%3f",
    ".",
    " ",
    "%20",
    "\0",
    "/.",
    ";x",
    "*",
];
const INSTEAD_OF_HOST: &[&str] = &[
    "localhost",
    "[::1]",
    "127.0.0.1",
    "2130706433",
    "127.1",
    "0x7f.0.0.1",
    "[::ffff:127.0.0.1]",
    "127.0.0.2",
    "0.0.0.0",
    "fooaexample.com",
    "evil.test",
    "[::1]:51234",
    "127.0.0.1:51234",
    "localhost:51234",
    "[0:0::1]",
];
const INSTEAD_OF_SCHEME: &[&str] =
    &["http", "https", "HTTP", "HTTPS", "javascript", "data", "ftp", "Http", "view-source:https", ""];
const LOOKALIKES: [(char, &str); 12] = [
    ('a', "а"),
    ('c', "с"),
    ('e', "е"),
    ('o', "о"),
    ('p', "р"),
    ('x', "х"),
    ('1', "１"),
    ('0', "０"),
    ('.', "。"),
    ('/', "／"),
    (':', "："),
    ('.', "．"),
];

/// The text with its `place`th character replaced.
fn replaced(text: &str, place: usize, with: impl Fn(char) -> String) -> String {
    text.chars().enumerate().map(|(at, c)| if at == place { with(c) } else { c.to_string() }).collect()
}

/// Each byte of a character, percent-encoded, once or twice over.
fn encoded(c: char, percent: &str) -> String {
    c.to_string().bytes().map(|byte| format!("{percent}{byte:02x}")).collect::<Vec<_>>().concat()
}

fn mutant(uri: &str, dice: &mut Dice) -> String {
    let place = dice.below(uri.chars().count().max(1));
    let host = uri.find("//").map_or(0, |at| at + 2);
    let end = uri[host..].find(['/', '?', '#']).map_or(uri.len(), |at| host + at);
    let (scheme, name, rest) = (&uri[..host], &uri[host..end], &uri[end..]);
    match dice.below(13) {
        0 => {
            let inserted = dice.of(INSERTED);
            replaced(uri, place, |c| format!("{inserted}{c}"))
        }
        1 => replaced(uri, place, |_| String::new()),
        2 => replaced(uri, place, |c| {
            if c.is_lowercase() { c.to_uppercase().collect() } else { c.to_lowercase().collect() }
        }),
        3 => replaced(uri, place, |c| encoded(c, "%")),
        4 => replaced(uri, place, |c| encoded(c, "%25")),
        5 => {
            let inserted = dice.of(INSERTED);
            replaced(uri, place, |_| inserted.to_owned())
        }
        6 => format!("{scheme}{}{name}{rest}", dice.of(BEFORE_HOST)),
        7 | 8 => format!("{scheme}{name}{}{rest}", dice.of(AFTER_HOST)),
        9 => format!("{uri}{}", dice.of(AT_THE_END)),
        10 => format!("{scheme}{}{rest}", dice.of(INSTEAD_OF_HOST)),
        11 => format!("{}{}", dice.of(INSTEAD_OF_SCHEME), &uri[uri.find(':').unwrap_or(0)..]),
        _ => {
            let (from, to) = LOOKALIKES[dice.below(LOOKALIKES.len())];
            if dice.below(2) == 0 { uri.replacen(from, to, 1) } else { uri.replace(from, to) }
        }
    }
}

/// Judges in another way than the matcher: writes every URI that would be right and compares.
fn may_be_matched(known: &str, asked: &str) -> bool {
    let url = Url::parse(known).unwrap();
    let address = match (url.scheme(), url.host()) {
        ("http", Some(Host::Ipv4(address))) if address.octets() == [127, 0, 0, 1] => "127.0.0.1",
        ("http", Some(Host::Ipv6(address))) if address.segments() == [0, 0, 0, 0, 0, 0, 0, 1] => "[::1]",
        _ => return known == asked,
    };
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let tail = format!("{}{query}", url.path());
    let port =
        Url::parse(asked).ok().and_then(|asked| asked.port_or_known_default()).filter(|port| *port > 0);
    let with_port = port.map(|port| format!("http://{address}:{port}{tail}"));
    asked == format!("http://{address}{tail}") || Some(asked) == with_port.as_deref()
}

#[test]
fn inv_15_no_mutant_of_a_registered_uri_is_matched() {
    let known = [
        "https://app.example/cb",
        "https://app.example/cb?tenant=1",
        "https://foo.example.com/a/callback",
        "https://app.example:8443/cb",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:8000/cb?x=1",
        "http://[::1]/cb",
        "http://localhost/cb",
        "com.example.app:/cb",
    ];
    let register = registered(&known);
    let mut dice = Dice(15);
    let (mut right, mut wrong) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..30_000 {
        let mut uri = dice.of(&known).to_owned();
        for _ in 0..=dice.below(3) {
            uri = mutant(&uri, &mut dice);
        }
        let expected = known.iter().any(|known| may_be_matched(known, &uri));
        assert_eq!(
            matched(&register, &uri).map(|callback| callback.as_str().to_owned()),
            expected.then(|| uri.clone()),
            "{uri:?}"
        );
        if expected {
            right.insert(uri)
        } else {
            wrong.insert(uri)
        };
    }
    assert!(wrong.len() >= 5000, "{} different mutants", wrong.len());
    assert!(right.len() >= 20, "{} of another port: {right:?}", right.len());
}
