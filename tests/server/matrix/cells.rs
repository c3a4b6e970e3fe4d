//! The ways to get a parameter, a header or a body wrong.

use super::endpoints::{Endpoint, Life, Param, Place, Told};
use super::scene::Ask;

/// One change of a right request.
pub struct Cell {
    /// What is changed.
    pub what: String,
    /// The answers that are right.
    pub expected: String,
    change: Box<dyn Fn(&mut Ask)>,
}

/// The cells of one parameter.
pub struct Row {
    /// The parameter.
    pub name: String,
    /// Its cells.
    pub cells: Vec<Cell>,
}

/// A text of no meaning anywhere, which must not come back as markup.
pub const MARK: &str = "<matrix>";

/// The two parameters that may stand more than once (RFC 8707, 2; RFC 8693, 2.1), and what is ticked on a page.
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// The sizes of what is too much.
const LONG: usize = 20_000;
const TOO_LARGE: usize = 400_000;

impl Cell {
    fn new(what: &str, expected: &str, change: impl Fn(&mut Ask) + 'static) -> Self {
        Self { what: what.to_owned(), expected: expected.to_owned(), change: Box::new(change) }
    }

    /// Makes a right request wrong.
    pub fn apply(&self, ask: &mut Ask) {
        (self.change)(ask);
    }
}

/// All cells of an endpoint, row by row.
pub fn rows(endpoint: &Endpoint) -> Vec<Row> {
    let params = endpoint.params.iter().copied().flatten();
    let mut rows: Vec<Row> = params.map(|param| row(endpoint, param)).collect();
    if endpoint.told != Told::Page {
        rows.extend([authorization(endpoint), proof(endpoint)]);
    }
    rows.extend([passed_over(endpoint), origin(endpoint)]);
    if matches!(endpoint.place, Place::Form | Place::Json) {
        rows.extend([content_type(endpoint), body(endpoint)]);
    }
    rows
}

fn row(endpoint: &Endpoint, param: &'static Param) -> Row {
    let mut cells = match endpoint.place {
        Place::Query | Place::Form => in_form(endpoint, param),
        Place::Json => in_json(endpoint, param),
        Place::Nowhere => Vec::new(),
    };
    // What is passed over is granted, which takes long where the right request is good for once.
    if param.name == "unknown" && endpoint.life != Life::Lasts {
        cells.retain(|cell| ["garbage", "too long", "twice", "%ff"].contains(&cell.what.as_str()));
    }
    Row { name: param.name.to_owned(), cells }
}

/// What is told where a place that decides where the answer goes stands twice.
fn twice(endpoint: &Endpoint, param: &Param) -> String {
    let is_where = endpoint.told == Told::Callback && ["client_id", "redirect_uri"].contains(&param.name);
    if is_where {
        "page 400".to_owned()
    } else if endpoint.told == Told::Callback && param.name.starts_with("request") {
        // Neither what is signed nor where it stands is known.
        "page 400|invalid_request".to_owned()
    } else if endpoint.told != Told::Page && REPEATABLE.contains(&param.name) {
        format!("fine|{}|{}", param.wrong, param.absent)
    } else if endpoint.told == Told::Page && param.name == "scope" {
        format!("fine|{}", param.wrong)
    } else {
        endpoint.twice.to_owned()
    }
}

fn in_form(endpoint: &Endpoint, param: &'static Param) -> Vec<Cell> {
    let name = param.name;
    let mut cells = Vec::new();
    let mut add = |what: &str, expected: &str, change: Box<dyn Fn(&mut Ask)>| {
        cells.push(Cell { what: what.to_owned(), expected: expected.to_owned(), change });
    };
    add("missing", param.absent, Box::new(move |ask| ask.remove(name)));
    add("empty", param.absent, Box::new(move |ask| ask.set(name, b"")));
    add("as a list", param.absent, Box::new(move |ask| ask.rename(name, &format!("{name}[]"))));
    add("in capitals", param.absent, Box::new(move |ask| ask.rename(name, &name.to_uppercase())));
    let twice = twice(endpoint, param);
    add(
        "twice the same",
        &twice,
        Box::new(move |ask| {
            let value = ask.value(name);
            ask.set(name, &value);
            ask.push(name, &value);
        }),
    );
    add(
        "twice",
        &twice,
        Box::new(move |ask| {
            ask.set(name, &ask.value(name));
            ask.push(name, b"other");
        }),
    );
    add(
        "twice, once empty",
        &twice,
        Box::new(move |ask| {
            ask.set(name, &ask.value(name));
            ask.push(name, b"");
        }),
    );
    let blank = format!("{}|{}", param.absent, param.wrong);
    add("blank", &blank, Box::new(move |ask| ask.set(name, b"+")));
    let wrong = [
        ("a number", "-12345678901234567890123".to_owned()),
        ("a truth", "true".to_owned()),
        ("an array", "%5B%22x%22%5D".to_owned()),
        ("an object", "%7B%22x%22%3A1%7D".to_owned()),
        ("garbage", "%3Cmatrix%3E%22%5C%F0%9F%92%A9%27--".to_owned()),
        ("a line break", "x%0D%0Amatrix-header%3A+x".to_owned()),
    ];
    for (what, value) in wrong {
        add(what, param.wrong, Box::new(move |ask| ask.set(name, value.as_bytes())));
    }
    let long = format!("{}|{}", param.wrong, param.absent);
    add("too long", &long, Box::new(move |ask| ask.set(name, "x".repeat(LONG).as_bytes())));
    let broken = ["%ff", "%c0%af", "%ed%a0%80", "%00", "a%00b", "%zz", "%", "%u0041", "%e2%82"];
    for broken in broken {
        add(broken, endpoint.unreadable, Box::new(move |ask| ask.set(name, broken.as_bytes())));
    }
    if endpoint.place == Place::Form {
        add("bytes", endpoint.unreadable, Box::new(move |ask| ask.set(name, b"\xff\xfe")));
    }
    cells
}

fn in_json(endpoint: &Endpoint, param: &'static Param) -> Vec<Cell> {
    let name = param.name;
    let mut cells = Vec::new();
    let mut add = |what: &str, expected: &str, change: Box<dyn Fn(&mut Ask)>| {
        cells.push(Cell { what: what.to_owned(), expected: expected.to_owned(), change });
    };
    let blank = format!("{}|{}", param.absent, param.wrong);
    add("missing", param.absent, Box::new(move |ask| ask.remove(name)));
    for (what, value) in [("null", "null"), ("empty", "\"\""), ("no members", "[]"), ("blank", "\" \"")] {
        add(what, &blank, Box::new(move |ask| ask.set(name, value.as_bytes())));
    }
    let twice = endpoint.twice;
    add(
        "twice",
        twice,
        Box::new(move |ask| {
            let value = ask.value(name);
            ask.set(name, &value);
            ask.push(name, &value);
        }),
    );
    add(
        "twice, spelled otherwise",
        twice,
        Box::new(move |ask| {
            let value = ask.value(name);
            ask.set(name, &value);
            let spelled: Vec<String> =
                name.chars().map(|sign| format!("\\u{:04x}", u32::from(sign))).collect();
            let spelled = spelled.concat();
            ask.push(&spelled, &value);
        }),
    );
    let long = format!("\"{}\"", "x".repeat(LONG));
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let wrong = [
        ("a number", "-7".to_owned()),
        ("a large number", "1e400".to_owned()),
        ("a truth", "true".to_owned()),
        ("an object", "{\"x\":1}".to_owned()),
        ("an array", "[7]".to_owned()),
        ("arrays", "[[\"x\"]]".to_owned()),
        ("garbage", "\"<matrix>\\\"\\\\\u{1f4a9}'--\"".to_owned()),
        ("a list of garbage", "[\"<matrix>\\\"\\\\\u{1f4a9}'--\"]".to_owned()),
        ("a line break", "\"x\\r\\nmatrix-header: x\"".to_owned()),
        ("a NUL", "\"a\\u0000b\"".to_owned()),
        ("a list of NULs", "[\"a\\u0000b\"]".to_owned()),
        ("too long", long),
        ("too deep", deep),
    ];
    let unread = format!("{}|{}", param.wrong, endpoint.unreadable);
    for (what, value) in wrong {
        // A number that is none, and what is too deep, is not JSON to this server.
        add(what, &unread, Box::new(move |ask| ask.set(name, value.as_bytes())));
    }
    let broken: [(&str, &[u8]); 7] = [
        ("%ff", b"\"\xff\""),
        ("overlong", b"\"\xc0\xaf\""),
        ("a coded surrogate", b"\"\xed\xa0\x80\""),
        ("half a surrogate", b"\"\\ud800\""),
        ("a bare NUL", b"\"\0\""),
        ("no value", b""),
        ("single quotes", b"'x'"),
    ];
    for (what, value) in broken {
        add(what, endpoint.unreadable, Box::new(move |ask| ask.set(name, value)));
    }
    cells
}

/// A header with these values, one after the other.
fn header(name: &'static str, expected: &str, values: &[(&'static str, &'static [u8])]) -> Row {
    let one = |(what, value): &(&'static str, &'static [u8])| {
        let value = *value;
        Cell::new(what, expected, move |ask: &mut Ask| ask.set_header(name, value))
    };
    Row { name: format!("header {name}"), cells: values.iter().map(one).collect() }
}

const GARBAGE: &[(&str, &[u8])] = &[
    ("empty", b""),
    ("garbage", b"<matrix>"),
    ("three parts", b"a.b.c"),
    ("bytes", b"\xff\xfe"),
    ("commas", b",,,"),
    ("quoted", b"\"x"),
];

fn authorization(endpoint: &Endpoint) -> Row {
    let values: [(&str, &[u8]); 10] = [
        ("no credentials", b"Basic"),
        ("no Base64", b"Basic %%%"),
        ("no colon", b"Basic eA=="),
        ("no name", b"Basic Og=="),
        ("not UTF-8", b"Basic /zr/"),
        ("no form encoding", b"Basic JXp6OiV6eg=="),
        ("no token", b"Bearer"),
        ("two tokens", b"Bearer x y"),
        ("no token of ours", b"Bearer <matrix>"),
        ("a token of the other scheme", b"DPoP x"),
    ];
    let expected = endpoint.headers.0;
    let mut row = header("authorization", expected, &values);
    row.cells.extend(header("authorization", &format!("fine|{expected}"), GARBAGE).cells);
    row.cells.push(Cell::new("long", expected, |ask| {
        ask.set_header("authorization", format!("Bearer {}", "x".repeat(LONG)).as_bytes());
    }));
    row.cells.push(Cell::new("twice", expected, |ask| ask.push_header("authorization", b"Bearer x")));
    if matches!(endpoint.told, Told::Bearer | Told::Problem) && endpoint.name != "userinfo by form" {
        row.cells.push(Cell::new("missing", expected, |ask| ask.remove_header("authorization")));
    }
    row
}

fn proof(endpoint: &Endpoint) -> Row {
    let expected = endpoint.headers.1;
    let mut row = header("dpop", expected, GARBAGE);
    row.cells.push(Cell::new("long", expected, |ask| ask.set_header("dpop", "x".repeat(LONG).as_bytes())));
    row.cells.push(Cell::new("twice", expected, |ask| {
        ask.set_header("dpop", b"a.b.c");
        ask.push_header("dpop", b"a.b.c");
    }));
    row
}

/// What browsers and others send, and decides nothing.
fn passed_over(endpoint: &Endpoint) -> Row {
    let is_chosen = endpoint.name == "introspection";
    let expected = if is_chosen { "fine|406 invalid_request" } else { "fine" };
    let mut row = header("accept", expected, GARBAGE);
    row.cells.extend(header("accept", expected, &[("nothing that there is", b"image/png")]).cells);
    // All at once: none of them is looked at for what is answered.
    let others = ["accept-language", "referer", "user-agent", "x-request-id", "if-match", "x-forwarded-for"];
    let more: &[&str] = if endpoint.told == Told::Page { &["authorization", "dpop"] } else { &["cookie"] };
    for (what, value) in GARBAGE.iter().copied().chain([("long", &[b'x'; 5000][..])]) {
        row.cells.push(Cell::new(what, "fine", move |ask| {
            others.iter().chain(more).for_each(|name| ask.set_header(name, value));
        }));
    }
    if endpoint.life != Life::Lasts {
        row.cells.retain(|cell| ["garbage", "bytes", "long"].contains(&cell.what.as_str()));
    }
    "headers that decide nothing".clone_into(&mut row.name);
    row
}

fn origin(endpoint: &Endpoint) -> Row {
    let is_form = endpoint.told == Told::Page && endpoint.place == Place::Form;
    let expected = if is_form { "fine|page 403|page 200|page 303" } else { "fine" };
    let mut row = header("origin", expected, GARBAGE);
    let others: [(&str, &[u8]); 2] = [("nobody", b"null"), ("another", b"https://evil.example")];
    row.cells.extend(header("origin", expected, &others).cells);
    if endpoint.life != Life::Lasts {
        row.cells.retain(|cell| ["bytes", "nobody", "another"].contains(&cell.what.as_str()));
    }
    row
}

fn content_type(endpoint: &Endpoint) -> Row {
    let expected = match endpoint.told {
        Told::Callback | Told::Page => "page 415",
        Told::OAuth | Told::Bearer | Told::Problem => "415 invalid_request",
    };
    let other: &[u8] = match endpoint.place {
        Place::Json => b"application/x-www-form-urlencoded",
        Place::Form | Place::Query | Place::Nowhere => b"application/json",
    };
    let mut row = header("content-type", expected, GARBAGE);
    row.cells.push(Cell::new("the other", expected, move |ask| ask.set_header("content-type", other)));
    row.cells.push(Cell::new("twice", expected, move |ask| ask.push_header("content-type", other)));
    row.cells.push(Cell::new("another charset", expected, |ask| {
        let mut kind = ask.header("content-type");
        kind.extend(b"; charset=utf-16");
        ask.set_header("content-type", &kind);
    }));
    // A request without a body of its own is one that shows its token elsewhere.
    let missing = if endpoint.told == Told::Bearer && endpoint.place == Place::Form {
        "invalid_token"
    } else {
        expected
    };
    row.cells.push(Cell::new("missing", missing, |ask| ask.remove_header("content-type")));
    row
}

fn body(endpoint: &Endpoint) -> Row {
    let (large, wrong) = match endpoint.told {
        // A form without an answer is a link: the person is asked.
        Told::Page if endpoint.name == "logout form" => ("page 413", "fine"),
        Told::Callback | Told::Page => ("page 413", "page 400|page 403|page 200"),
        Told::OAuth => ("413 invalid_request", "invalid_request|invalid_client"),
        Told::Bearer | Told::Problem => {
            ("413 invalid_request", "invalid_request|invalid_client_metadata|invalid_token")
        }
    };
    let mut cells = vec![Cell::new("too large", large, |ask| ask.set("padding", &[b'x'; TOO_LARGE]))];
    let bodies: [(&str, &[u8]); 6] = [
        ("empty", b""),
        ("signs", b"&&&==="),
        ("JSON", b"[]"),
        ("half", b"{"),
        ("bytes", b"\xff\xfe\0"),
        ("a text", b"\"x\""),
    ];
    for (what, body) in bodies {
        let is_form = endpoint.place == Place::Form;
        let expected = if is_form && what == "bytes" { endpoint.unreadable } else { wrong };
        cells.push(Cell::new(what, expected, move |ask| ask.body = Some(body.to_vec())));
    }
    if endpoint.place == Place::Form {
        if endpoint.told != Told::Page {
            cells.push(Cell::new("too many", endpoint.unreadable, |ask| {
                (0..101).for_each(|index| ask.push(&format!("p{index}"), b"x"));
            }));
        }
        let beside =
            if matches!(endpoint.told, Told::Callback | Told::Page) { "page 400" } else { "invalid_request" };
        cells.push(Cell::new("beside the address", beside, |ask| ask.path.push_str("?x=1")));
    }
    Row { name: "the body".to_owned(), cells }
}
