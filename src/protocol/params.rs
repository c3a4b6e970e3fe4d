//! Request parameters: a form body, each name at most once (RFC 6749, 3.1 and 3.2).

use std::collections::{BTreeMap, BTreeSet};

use url::form_urlencoded;

use super::error::{Reason, Refusal};

/// How many parameters a request may carry.
const MOST: usize = 100;

/// How many fields a form of this server's own pages may carry: each scope has a box of its own.
const MOST_OF_A_PAGE: usize = 2048;

/// The two names that may stand in a request more than once (RFC 8707, 2; RFC 8693, 2.1).
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// The names that may stand in a form of this server's own pages more than once.
const REPEATABLE_OF_A_PAGE: [&str; 3] = ["scope", "claim", "authorization_detail"];

type Values = BTreeMap<String, Vec<String>>;

/// The parameters of one request. Those without a value count as omitted (RFC 6749, 3.1).
pub struct Params(Values);

impl std::fmt::Debug for Params {
    /// Names alone: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Params {
    /// Reads an `application/x-www-form-urlencoded` body.
    ///
    /// Refuses a name that stands twice, text that is not UTF-8, a NUL, and too many parameters.
    pub fn parse_form(body: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(each_once(read(body, MOST)?, &REPEATABLE)?))
    }

    /// The value of a parameter, if it was sent.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str)
    }

    /// The value of a parameter without which the request is invalid.
    pub fn require(&self, name: &'static str) -> Result<&str, Refusal> {
        self.optional(name).ok_or_else(|| {
            Refusal::invalid_request("a required parameter is missing", "missing_parameter")
                .detail(name.to_owned())
        })
    }

    /// The names of the parameters that have a value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// All values of a parameter that may be repeated.
    #[must_use]
    pub fn repeated(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The parameters of a request whose answer, errors included, goes where the request says: they are read
/// first, so that what is said once can be judged before what is said twice is refused.
#[derive(Debug)]
pub struct Tolerant {
    /// What was said once. What was said twice is not here, and so neither used nor sent back.
    pub params: Params,
    /// The names that stand in the request more than once.
    pub repeated: BTreeSet<String>,
}

/// Reads an `application/x-www-form-urlencoded` text as [`Params::parse_form`] does, but sets what is
/// repeated aside instead of refusing it.
pub fn parse_tolerant(text: &[u8]) -> Result<Tolerant, Refusal> {
    let mut values = read(text, MOST)?;
    let repeated = said_twice(&values, &REPEATABLE);
    values.retain(|name, _| !repeated.contains(name));
    Ok(Tolerant { params: Params(with_value(values)), repeated })
}

impl Tolerant {
    /// Parameters that were said elsewhere than in a form, each once but for those that may be repeated.
    ///
    /// Refuses what a form is refused for: a NUL, and too many parameters.
    pub fn of_pairs(pairs: Vec<(String, String)>) -> Result<Self, Refusal> {
        if pairs.len() > MOST {
            return Err(too_many());
        }
        let mut values = Values::new();
        for (name, value) in pairs {
            if name.contains('\0') || value.contains('\0') {
                let told = "a parameter is not encoded as a form";
                return Err(Refusal::invalid_request(told, "bad_encoding"));
            }
            values.entry(name).or_default().push(value);
        }
        Ok(Self { params: Params(with_value(values)), repeated: BTreeSet::new() })
    }

    /// Parameters that were read strictly, without some of them.
    #[must_use]
    pub fn without(params: &Params, left_out: &[&str]) -> Self {
        let kept = params.0.iter().filter(|(name, _)| !left_out.contains(&name.as_str()));
        let params = Params(kept.map(|(name, values)| (name.clone(), values.clone())).collect());
        Self { params, repeated: BTreeSet::new() }
    }

    /// The parameters with one more, if there is room for it.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, Refusal> {
        if self.params.0.values().map(Vec::len).sum::<usize>() >= MOST {
            return Err(too_many());
        }
        self.params.0.insert(name.to_owned(), vec![value.to_owned()]);
        Ok(self)
    }

    /// The parameters as a form, which [`parse_tolerant`] reads back.
    #[must_use]
    pub fn to_form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, values) in &self.params.0 {
            for value in values {
                form.append_pair(name, value);
            }
        }
        form.finish()
    }
}

/// The fields of a form of this server's own pages: boxes of one name come as that name repeated.
pub struct PageForm(Params);

impl std::fmt::Debug for PageForm {
    /// Names alone: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl PageForm {
    /// The value of a field, if it was filled in.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.optional(name)
    }

    /// All values of a field that may be repeated.
    #[must_use]
    pub fn repeated(&self, name: &str) -> &[String] {
        self.0.repeated(name)
    }
}

/// Reads the body of a form of this server's own pages, in which what is ticked may be repeated.
pub fn parse_page(body: &[u8]) -> Result<PageForm, Refusal> {
    Ok(PageForm(Params(each_once(read(body, MOST_OF_A_PAGE)?, &REPEATABLE_OF_A_PAGE)?)))
}

/// Decodes the pairs of a form.
fn read(body: &[u8], most: usize) -> Result<Values, Refusal> {
    let mut values = Values::new();
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    for (count, pair) in pairs.enumerate() {
        if count >= most {
            return Err(too_many());
        }
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        let value = decode(halves.next().unwrap_or_default())?;
        let known = values.entry(name).or_default();
        known.push(value);
    }
    Ok(values)
}

const fn too_many() -> Refusal {
    Refusal::invalid_request("the request has too many parameters", "too_many_parameters")
}

/// The names that stand more than once, with or without a value, and may not.
fn said_twice(values: &Values, repeatable: &[&str]) -> BTreeSet<String> {
    let twice = |(name, all): &(&String, &Vec<String>)| all.len() > 1 && !repeatable.contains(&name.as_str());
    values.iter().filter(twice).map(|(name, _)| name.clone()).collect()
}

fn each_once(values: Values, repeatable: &[&str]) -> Result<Values, Refusal> {
    if said_twice(&values, repeatable).is_empty() {
        Ok(with_value(values))
    } else {
        Err(Refusal::invalid_request("a parameter stands in the request twice", "repeated_parameter"))
    }
}

/// Leaves out what has no value.
fn with_value(mut values: Values) -> Values {
    for all in values.values_mut() {
        all.retain(|value| !value.is_empty());
    }
    values.retain(|_, all| !all.is_empty());
    values
}

/// Decodes one half of a pair: `+` is a space, `%XX` a byte; the whole must be UTF-8 without NUL.
fn decode(half: &[u8]) -> Result<String, Refusal> {
    percent_decode(half, Plus::IsSpace)
        .filter(|text| !text.contains('\0'))
        .ok_or_else(|| Refusal::invalid_request("a parameter is not encoded as a form", "bad_encoding"))
}

/// What a plus sign stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Plus {
    /// A space, as in forms.
    IsSpace,
    /// Itself.
    IsPlus,
}

/// Decodes percent-encoded UTF-8 text; `None` when it is not.
#[must_use]
pub fn percent_decode(encoded: &[u8], plus: Plus) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(*rest.next()?)? * 16 + hex(*rest.next()?)?,
            b'+' if plus == Plus::IsSpace => b' ',
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl Refusal {
    /// An `invalid_request` with the reason that the audit record gets.
    #[must_use]
    pub const fn invalid_request(told: &'static str, reason: &'static str) -> Self {
        Self::new(super::error::ErrorCode::InvalidRequest, told, Reason::new(reason))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(body: &str) -> Result<Params, Refusal> {
        Params::parse_form(body.as_bytes())
    }

    #[test]
    fn a_form_is_decoded_once() {
        let params = parse("scope=system%2FPatient.rs+openid&x=%2525&empty=&&a=b=c").unwrap();
        assert_eq!(params.optional("scope"), Some("system/Patient.rs openid"));
        assert_eq!(params.optional("x"), Some("%25"));
        assert_eq!(params.optional("a"), Some("b=c"));
    }

    #[test]
    fn a_parameter_without_a_value_counts_as_omitted() {
        let params = parse("scope=&grant_type").unwrap();
        assert_eq!(params.optional("scope"), None);
        assert_eq!(params.require("grant_type").unwrap_err().reason().code(), "missing_parameter");
    }

    #[test]
    fn h01_a_repeated_parameter_is_refused_even_when_empty() {
        for body in ["a=1&a=2", "a=1&a=1", "a=&a=1", "scope=x&client_id=c&scope=x", "%61=1&a=2"] {
            assert_eq!(parse(body).err().unwrap().reason().code(), "repeated_parameter", "{body}");
        }
        assert_eq!(parse("resource=a&resource=b").unwrap().repeated("resource").len(), 2);
    }

    #[test]
    fn c10_text_that_is_not_a_form_is_refused() {
        for body in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=%00", "%c3%28=1"] {
            assert_eq!(parse(body).err().unwrap().reason().code(), "bad_encoding", "{body}");
        }
        let many = "a=1&".repeat(MOST + 1);
        assert_eq!(parse(&many).err().unwrap().reason().code(), "too_many_parameters");
    }

    #[test]
    fn h01_what_is_repeated_is_named_and_never_used() {
        let rows: [(&str, &[&str], &[&str]); 6] = [
            ("a=1&b=2", &[], &["a", "b"]),
            ("a=1&a=2&b=2", &["a"], &["b"]),
            ("a=1&a=1", &["a"], &[]),
            ("a=&a=1&%61=2&b&b", &["a", "b"], &[]),
            ("redirect_uri=x&redirect_uri=y&state=z", &["redirect_uri"], &["state"]),
            ("resource=a&resource=b&audience=c&audience=d", &[], &["audience", "resource"]),
        ];
        for (text, repeated, left) in rows {
            let found = parse_tolerant(text.as_bytes()).unwrap();
            assert!(found.repeated.iter().eq(repeated), "{text}");
            assert!(found.params.names().eq(left.iter().copied()), "{text}");
        }
        for (text, reason) in [("a=%ff", "bad_encoding"), (&"a=1&".repeat(MOST + 1), "too_many_parameters")] {
            assert_eq!(parse_tolerant(text.as_bytes()).unwrap_err().reason().code(), reason);
        }
    }

    #[test]
    fn a_page_repeats_scope_and_nothing_else() {
        let form = parse_page(b"csrf=x&scope=openid&scope=patient%2F*.rs&decision=allow&empty=").unwrap();
        assert_eq!(form.repeated("scope"), ["openid", "patient/*.rs"]);
        assert_eq!(form.optional("decision"), Some("allow"));
        assert_eq!(form.optional("empty"), None);
        assert_eq!(form.repeated("other"), [""; 0]);
        assert!(!format!("{form:?}").contains("allow"));
        for body in ["decision=allow&decision=deny", "resource=a&resource=b", "csrf=a&csrf="] {
            assert_eq!(
                parse_page(body.as_bytes()).unwrap_err().reason().code(),
                "repeated_parameter",
                "{body}"
            );
        }
        assert_eq!(parse_page("scope=a&".repeat(1000).as_bytes()).unwrap().repeated("scope").len(), 1000);
        let many = "scope=a&".repeat(MOST_OF_A_PAGE + 1);
        assert_eq!(parse_page(many.as_bytes()).unwrap_err().reason().code(), "too_many_parameters");
    }

    proptest! {
        #[test]
        fn no_body_makes_the_parser_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Params::parse_form(&body);
            let _ = parse_page(&body);
        }

        #[test]
        fn both_readings_agree_on_what_is_said_once(body in "[ab=&%61]{0,40}") {
            let tolerant = parse_tolerant(body.as_bytes());
            match (Params::parse_form(body.as_bytes()), tolerant) {
                (Ok(params), Ok(tolerant)) => {
                    prop_assert!(tolerant.repeated.is_empty());
                    prop_assert_eq!(params.0, tolerant.params.0);
                }
                (Err(_), Ok(tolerant)) => prop_assert!(!tolerant.repeated.is_empty()),
                (strict, tolerant) => prop_assert!(strict.is_err() && tolerant.is_err()),
            }
        }
    }
}
