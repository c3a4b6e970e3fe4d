//! What a request may ask for as its redirect URI, attack by attack.

use url::Url;

use super::*;

mod mutants;

fn registered(uris: &[&str]) -> Vec<RedirectUri> {
    uris.iter().map(|uri| RedirectUri::parse(uri).unwrap()).collect()
}

fn refused(known: &[&str], asked: &[&str]) {
    let known = registered(known);
    for uri in asked {
        assert_eq!(matched(&known, uri), None, "{uri}");
    }
}

const APP: &[&str] = &["https://app.example/cb"];

#[test]
fn a_registered_uri_is_matched_as_it_stands() {
    let uris =
        ["https://app.example/cb", "https://app.example", "http://localhost/cb", "com.example.app:/cb"];
    for uri in uris {
        assert_eq!(matched(&registered(&uris), uri).unwrap().as_str(), uri);
    }
    assert_eq!(matched(&[], "https://app.example/cb"), None);
}

#[test]
fn r01_a_host_that_begins_or_ends_like_the_registered_one_is_refused() {
    refused(
        APP,
        &[
            "https://app.example.evil.test/cb",
            "https://evil.app.example/cb",
            "https://evilapp.example/cb",
            "https://app.example./cb",
            "https://app.example:8443/cb",
            "https://evil.test/app.example/cb",
        ],
    );
}

#[test]
fn r02_user_names_are_refused() {
    refused(
        APP,
        &[
            "https://app.example@evil.test/cb",
            "https://app.example%40evil.test/cb",
            "https://evil.test@app.example/cb",
            "https://@app.example/cb",
            "https://app.example:443@evil.test/cb",
        ],
    );
}

#[test]
fn r04_fragments_are_refused() {
    refused(APP, &["https://app.example/cb#x", "https://app.example/cb#", "https://app.example/cb%23"]);
}

#[test]
fn r05_the_query_is_the_registered_one() {
    refused(
        APP,
        &["https://app.example/cb?next=evil", "https://app.example/cb?", "https://app.example/cb&a=1"],
    );
    let with_query = &["https://app.example/cb?tenant=1"];
    refused(
        with_query,
        &[
            "https://app.example/cb",
            "https://app.example/cb?tenant=2",
            "https://app.example/cb?tenant=1&next=evil",
            "https://app.example/cb?next=evil&tenant=1",
            "https://app.example/cb?tenant=1&tenant=2",
        ],
    );
}

#[test]
fn r06_letter_case_counts() {
    refused(APP, &["https://app.example/CB", "HTTPS://APP.EXAMPLE/cb", "https://App.example/cb"]);
}

#[test]
fn r07_no_path_leads_elsewhere() {
    refused(
        APP,
        &[
            "https://app.example/cb/../evil",
            "https://app.example/cb/..%2f",
            "https://app.example/cb%252f..%252f",
            "https://app.example/cb/..;/evil",
            "https://app.example/cb//evil",
            "https://app.example/cb\\evil",
            "https://app.example/cb/",
            "https://app.example//cb",
            "https://app.example/./cb",
            "https://app.example/cb/.",
            "https://app.example/c%62",
            "https://app.example/cb;a=1",
        ],
    );
}

#[test]
fn r09_a_dot_is_a_dot() {
    refused(&["https://foo.example.com/cb"], &["https://fooaexample.com/cb", "https://foo.exampleacom/cb"]);
}

#[test]
fn r10_schemes_that_run_something_are_refused() {
    refused(
        APP,
        &[
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "javascript://app.example/cb",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "http://app.example/cb",
            "//app.example/cb",
            "/cb",
            "",
            " https://app.example/cb",
            "https://app.example/cb\r\nX: y",
        ],
    );
}

#[test]
fn r11_on_a_loopback_address_the_port_may_vary() {
    for known in ["http://127.0.0.1/cb", "http://127.0.0.1:8000/cb", "http://127.0.0.1:1/cb"] {
        for asked in ["", ":1", ":80", ":8000", ":51234", ":65535"] {
            let asked = format!("http://127.0.0.1{asked}/cb");
            assert_eq!(matched(&registered(&[known]), &asked).unwrap().as_str(), asked);
        }
    }
    let rows = [
        ("http://[::1]/cb", "http://[::1]:51234/cb"),
        ("http://[::1]:9/cb?a=1", "http://[::1]:51234/cb?a=1"),
        ("http://127.0.0.1", "http://127.0.0.1:51234"),
    ];
    for (known, asked) in rows {
        assert!(matched(&registered(&[known]), asked).is_some(), "{asked}");
    }
}

#[test]
fn r11_on_a_loopback_address_nothing_but_the_port_may_vary() {
    refused(
        &["http://127.0.0.1/cb"],
        &[
            "http://127.0.0.1:51234/other",
            "http://127.0.0.1:51234/cb/",
            "http://127.0.0.1:51234/cb?x=1",
            "http://127.0.0.1:51234/CB",
            "http://127.0.0.1:51234/cb#x",
            "http://127.0.0.1:51234",
            "http://127.0.0.1@evil.test/cb",
            "http://127.0.0.1:80@evil.test/cb",
            "http://127.0.0.1:51234@evil.test/cb",
            "http://x@127.0.0.1:51234/cb",
            "http://127.0.0.1.evil.test/cb",
            "http://127.0.0.1:51234.evil.test/cb",
            "http://localhost/cb",
            "http://localhost:51234/cb",
            "http://[::1]/cb",
            "http://[::1]:51234/cb",
            "http://2130706433/cb",
            "http://127.1:51234/cb",
            "http://127.0.0.2:51234/cb",
            "http://0x7f.0.0.1:51234/cb",
            "http://[::ffff:127.0.0.1]:51234/cb",
            "https://127.0.0.1:51234/cb",
            "HTTP://127.0.0.1:51234/cb",
            "http:/127.0.0.1:51234/cb",
        ],
    );
    for port in
        ["", "0", "00", "080", "65536", "99999", "18446744073709551617", "+80", "-1", " 80", "8x", "８０"]
    {
        refused(&["http://127.0.0.1/cb"], &[&format!("http://127.0.0.1:{port}/cb")]);
    }
}

#[test]
fn r11_the_port_of_every_other_host_stands() {
    let known =
        ["http://localhost/cb", "http://127.0.0.2/cb", "https://127.0.0.1/cb", "https://app.example/cb"];
    for uri in known {
        refused(&[uri], &[&uri.replace("/cb", ":51234/cb")]);
    }
}

#[test]
fn parameters_are_added_to_the_query_that_is_there() {
    let rows = [
        ("https://app.example/cb", "https://app.example/cb?code=a+b%26&iss=https%3A%2F%2Fx"),
        ("https://app.example/cb?t=%31&u", "https://app.example/cb?t=%31&u&code=a+b%26&iss=https%3A%2F%2Fx"),
        ("https://app.example/cb?", "https://app.example/cb?code=a+b%26&iss=https%3A%2F%2Fx"),
        ("com.example.app:/cb", "com.example.app:/cb?code=a+b%26&iss=https%3A%2F%2Fx"),
    ];
    for (uri, expected) in rows {
        let callback = matched(&registered(&[uri]), uri).unwrap();
        assert_eq!(callback.with(&[("code", "a b&"), ("iss", "https://x")]), expected);
        assert_eq!(callback.with(&[]), uri);
        assert_eq!(Callback::stored(uri.to_owned()), callback);
    }
}

#[test]
fn sm_a_06_whatever_the_state_it_comes_back_as_it_was() {
    let states = [" +%20&=#?\"<>\\", "ü→\u{1f512}", "a\r\nSet-Cookie: b", "\u{7f}\t"];
    for state in states {
        let location = Callback::stored("https://app.example/cb?t=1".to_owned()).with(&[("state", state)]);
        assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location}");
        let pairs: Vec<_> = Url::parse(&location).unwrap().query_pairs().into_owned().collect();
        assert_eq!(pairs, [("t".to_owned(), "1".to_owned()), ("state".to_owned(), state.to_owned())]);
    }
}

#[test]
fn a_page_names_the_origin_that_its_form_may_reach() {
    let rows = [
        ("https://app.example/cb?a=https://other.example/", "https://app.example"),
        ("https://app.example", "https://app.example"),
        ("https://app.example?a=1", "https://app.example"),
        ("https://app.example:8443/cb", "https://app.example:8443"),
        ("http://127.0.0.1:51234/cb", "http://127.0.0.1:51234"),
        ("http://localhost/cb", "http://localhost"),
        ("com.example.app:/cb", "com.example.app:"),
        ("com.example.app://host/cb", "com.example.app:"),
        // What a policy cannot write, or would read as its own end.
        ("http://[::1]:51234/cb", "http:"),
        ("https://a;script-src/cb", "https:"),
        ("https://a,b/cb", "https:"),
    ];
    for (uri, origin) in rows {
        assert_eq!(Callback::stored(uri.to_owned()).origin(), origin);
    }
}

#[test]
fn an_address_that_any_app_can_listen_on_is_claimed_by_nobody() {
    let claimed = |text: &str| Callback::stored(text.to_owned()).is_claimed();
    assert!(claimed("https://app.example/cb") && claimed("https://app.example:8443/cb?x=1"));
    for open in [
        "http://127.0.0.1:51234/cb",
        "http://[::1]/cb",
        "http://localhost/cb",
        "https://localhost/cb",
        "https://127.0.0.1/cb",
        "com.example.app:/cb",
    ] {
        assert!(!claimed(open), "{open}");
    }
}
