//! In which form an answer is wanted (RFC 9110, 12.5.1).

use actix_web::HttpRequest;
use actix_web::http::header;

/// What an `Accept` header says.
pub struct Accept(Vec<Range>);

/// A media range and its weight in thousandths.
struct Range {
    kind: String,
    weight: u16,
}

/// How much a media type is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Its weight in thousandths; nothing when it is not acceptable.
    pub weight: u16,
    /// Whether it is named itself, and not by a wildcard alone.
    pub is_named: bool,
}

impl Accept {
    /// Reads the header of a request; `None` when it has none that can be read: then everything is welcome.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let values = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
        let ranges: Vec<Range> = values.flat_map(|text| text.split(',')).filter_map(Range::parse).collect();
        (!ranges.is_empty()).then_some(Self(ranges))
    }

    /// How much a media type, in lower case, is wanted: what names it best decides.
    #[must_use]
    pub fn wants(&self, media_type: &str) -> Wanted {
        let of_kind = media_type.split_once('/').map(|(kind, _)| format!("{kind}/*")).unwrap_or_default();
        for (range, is_named) in [(media_type, true), (&of_kind, false), ("*/*", false)] {
            if let Some(found) =
                self.0.iter().filter(|found| found.kind == range).max_by_key(|found| found.weight)
            {
                return Wanted { weight: found.weight, is_named };
            }
        }
        Wanted::default()
    }
}

impl Range {
    /// Reads a media range; parameters other than the weight make no difference here.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().filter(|kind| kind.contains('/'))?.to_ascii_lowercase();
        let mut pairs = parts.filter_map(|part| part.split_once('='));
        let weight = match pairs.find(|(name, _)| name.eq_ignore_ascii_case("q")) {
            Some((_, text)) => weight(text)?,
            None => 1000,
        };
        Some(Self { kind, weight })
    }
}

/// Reads a weight: at most one, with at most three decimals.
fn weight(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_read = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok().filter(|_| is_read)?;
    match (whole, thousandths) {
        ("0", some) => Some(some),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn wants(accept: &str, media_type: &str) -> (u16, bool) {
        let request = TestRequest::default().insert_header((header::ACCEPT, accept)).to_http_request();
        let wanted = Accept::of(&request).expect("a header").wants(media_type);
        (wanted.weight, wanted.is_named)
    }

    #[test]
    fn what_names_a_type_best_decides_how_much_it_is_wanted() {
        let accept = "text/*;q=0.3, Text/HTML;level=1;q=0.7, */*;q=0.5, text/plain;Q=0";
        for (media_type, expected) in [
            ("text/html", (700, true)),
            ("text/plain", (0, true)),
            ("text/css", (300, false)),
            ("image/png", (500, false)),
        ] {
            assert_eq!(wants(accept, media_type), expected, "{media_type}");
        }
        assert_eq!(wants("application/json", "image/png"), (0, false));
        assert_eq!(wants("application/json", "application/json"), (1000, true));
    }

    #[test]
    fn a_weight_is_at_most_one_with_three_decimals() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1", Some(1000)),
            ("1.000", Some(1000)),
            ("0.05", Some(50)),
            ("0.", Some(0)),
            ("1.001", None),
            ("2", None),
            ("0.0001", None),
            ("-1", None),
            ("0.+1", None),
            ("", None),
            ("NaN", None),
        ] {
            assert_eq!(weight(text), expected, "{text}");
        }
    }

    #[test]
    fn a_header_that_cannot_be_read_is_none() {
        for accept in ["", "nonsense", ", ,", "text/html;q=x", ";q=1"] {
            let request = TestRequest::default().insert_header((header::ACCEPT, accept)).to_http_request();
            assert!(Accept::of(&request).is_none(), "{accept}");
        }
        assert!(Accept::of(&TestRequest::default().to_http_request()).is_none());
    }
}
