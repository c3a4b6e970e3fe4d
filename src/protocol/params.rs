//! Request parameters: a form body, each name at most once (RFC 6749, 3.1 and 3.2).

use std::collections::BTreeMap;

use super::error::{Reason, Refusal};

/// How many parameters a request may carry.
const MOST: usize = 100;

/// The two names that may stand in a request more than once (RFC 8707, 2; RFC 8693, 2.1).
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// The parameters of one request. Those without a value count as omitted (RFC 6749, 3.1).
pub struct Params(BTreeMap<String, Vec<String>>);

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
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        for (count, pair) in pairs.enumerate() {
            if count >= MOST {
                return Err(Refusal::invalid_request(
                    "the request has too many parameters",
                    "too_many_parameters",
                ));
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            let known = values.entry(name).or_default();
            known.push(value);
        }
        let twice = |(name, values): (&String, &Vec<String>)| {
            values.len() > 1 && !REPEATABLE.contains(&name.as_str())
        };
        if values.iter().any(twice) {
            return Err(Refusal::invalid_request(
                "a parameter stands in the request twice",
                "repeated_parameter",
            ));
        }
        for all in values.values_mut() {
            all.retain(|value| !value.is_empty());
        }
        values.retain(|_, all| !all.is_empty());
        Ok(Self(values))
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
    pub fn invalid_request(told: &'static str, reason: &'static str) -> Self {
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

    proptest! {
        #[test]
        fn no_body_makes_the_parser_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Params::parse_form(&body);
        }
    }
}
