//! The request that a proof is for: a method, and the addresses at which it can be made.

use url::Url;

/// The method and the addresses of a request. The addresses come from the configuration: what a request says of its
/// host is its sender's word.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The method.
    pub method: String,
    /// Every address at which this request may be made, in normal form.
    urls: Vec<String>,
}

impl Target {
    /// A request of a method to one of these addresses.
    #[must_use]
    pub fn new(method: &str, urls: &[String]) -> Self {
        Self { method: method.to_owned(), urls: urls.iter().filter_map(|url| normal(url)).collect() }
    }

    /// Whether an address in normal form is one of these.
    #[must_use]
    pub fn is_at(&self, url: &str) -> bool {
        self.urls.iter().any(|own| own == url)
    }
}

/// The normal form of an address: without query and fragment (RFC 9449, 4.3), scheme and host in lower case, without
/// the port that the scheme implies, without dot segments, and with nothing percent-encoded that need not be
/// (RFC 3986, 6.2.2 and 6.2.3). What is no plain address of HTTP has none.
#[must_use]
pub fn normal(text: &str) -> Option<String> {
    if text.contains(|c: char| !c.is_ascii_graphic() || c == '\\') {
        return None;
    }
    let mut url = Url::parse(text).ok()?;
    let is_plain = matches!(url.scheme(), "https" | "http")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none();
    if !is_plain {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = shortest(url.path())?;
    url.set_path(&path);
    Some(url.into())
}

/// A path in which unreserved letters stand for themselves, and escapes are in upper case; `None` where an escape is
/// none (RFC 3986, 2.1).
fn shortest(path: &str) -> Option<String> {
    let mut parts = path.split('%');
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // The numbers of the standard library may have a sign.
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = u8::from_str_radix(digits?, 16).ok()?;
        if is_unreserved(byte) {
            result.push(char::from(byte));
        } else {
            result.push('%');
            result.push_str(&digits?.to_ascii_uppercase());
        }
        result.push_str(part.get(2..)?);
    }
    Some(result)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dp_02_addresses_that_mean_the_same_are_the_same() {
        let own = normal("https://as.example/oauth2/token").unwrap();
        for same in [
            "https://as.example/oauth2/token",
            "HTTPS://AS.Example/oauth2/token",
            "https://as.example:443/oauth2/token",
            "https://as.example/oauth2/token?a=b",
            "https://as.example/oauth2/token#c",
            "https://as.example/oauth2/token?a=b#c",
            "https://as.example/oauth2/%74oken",
            "https://as.example/oauth2/./x/../token",
        ] {
            assert_eq!(normal(same).as_ref(), Some(&own), "{same}");
        }
        for other in [
            "https://as.example/oauth2/token/",
            "https://as.example/oauth2/Token",
            "https://as.example:8443/oauth2/token",
            "http://as.example/oauth2/token",
            "https://as.example.evil.example/oauth2/token",
            "https://as.example/oauth2%2Ftoken",
            "https://as.example/",
        ] {
            assert_ne!(normal(other), None, "{other}");
            assert_ne!(normal(other).as_ref(), Some(&own), "{other}");
        }
    }

    #[test]
    fn what_is_no_plain_address_has_no_normal_form() {
        for bad in [
            "https://as.example/%%4a",
            "https://as.example/%%44a4",
            "https://as.example/%4",
            "https://as.example/%zz",
            "https://as.example/%+1",
            "",
            "/oauth2/token",
            "as.example/oauth2/token",
            "https://user@as.example/oauth2/token",
            "https://user:pass@as.example/oauth2/token",
            "https://as.example\\oauth2\\token",
            "https://as.example/oauth2/ token",
            "https://as.example/oauth2/\ttoken",
            "ftp://as.example/oauth2/token",
            "mailto:as@example",
            "https://",
            "https://ás.example/",
        ] {
            assert_eq!(normal(bad), None, "{bad}");
        }
    }

    #[test]
    fn escapes_are_kept_where_they_mean_something_and_refused_where_they_are_none() {
        for (path, expected) in [
            ("/a%2fb", Some("/a%2Fb")),
            ("/%7Ea", Some("/~a")),
            ("/%41%42", Some("/AB")),
            ("/a%", None),
            ("/a%4", None),
            ("/a%zz", None),
            ("/%+1a", None),
            ("/%%4a", None),
        ] {
            assert_eq!(shortest(path).as_deref(), expected, "{path}");
        }
    }
}
