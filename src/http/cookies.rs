//! The cookies: each of this host alone, over TLS alone, out of reach of scripts (ASVS 3.3).

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie as Built, SameSite};
use actix_web::http::header;

use crate::authorize::browser::{self, Cookie, CookieKind, Sender, Visit};
use crate::protocol::secret::Secret;

use super::evidence;
use super::state::State;

/// How long a device is known.
const YEAR: Duration = Duration::days(365);

/// What a request shows of its browser.
#[must_use]
pub fn visit(request: &HttpRequest, state: &State) -> Visit {
    let value = |kind| request.cookie(name(kind)).map(|cookie| cookie.value().to_owned());
    let digest = |kind| value(kind).as_deref().and_then(browser::digest);
    Visit {
        browser: digest(CookieKind::Browser),
        session: digest(CookieKind::Session),
        device: value(CookieKind::Device).map(Secret::new),
        sender: sender(request, &state.addresses.issuer.origin()),
        origin: evidence::of(request, state).origin,
    }
}

/// A cookie as it is set.
#[must_use]
pub fn set(cookie: &Cookie) -> Built<'static> {
    let value = cookie.value.as_ref().map(|value| value.expose().to_owned());
    let is_forgotten = value.is_none();
    let built = Built::build(name(cookie.kind), value.unwrap_or_default())
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax);
    let life = match cookie.kind {
        _ if is_forgotten => Some(Duration::ZERO),
        CookieKind::Device => Some(YEAR),
        // Until the browser ends.
        CookieKind::Browser | CookieKind::Session => None,
    };
    match life {
        Some(life) => built.max_age(life).finish(),
        None => built.finish(),
    }
}

/// The prefix keeps every other host, and every answer without TLS, from setting it (RFC 6265bis, 4.1.3.2).
const fn name(kind: CookieKind) -> &'static str {
    match kind {
        CookieKind::Browser => "__Host-hilum_browser",
        CookieKind::Session => "__Host-hilum_session",
        CookieKind::Device => "__Host-hilum_device",
    }
}

/// Who sent a form, as the browser tells. Pages that ask for no referrer send `Origin: null` (Fetch, 3.2), so
/// that says nothing; older browsers say nothing at all, and the token of the form decides.
fn sender(request: &HttpRequest, own: &str) -> Sender {
    let says = |name: &str, good: &[&str]| {
        let mut values = request.headers().get_all(name);
        values.all(|value| value.to_str().is_ok_and(|value| good.contains(&value)))
    };
    let site = says("sec-fetch-site", &["same-origin", "none"]);
    let origin = says(header::ORIGIN.as_str(), &[own, "null"]);
    if site && origin { Sender::Own } else { Sender::Foreign }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn f10_every_cookie_is_of_this_host_over_tls_and_out_of_reach_of_scripts() {
        for kind in [CookieKind::Browser, CookieKind::Session, CookieKind::Device] {
            for value in [Some("x"), None] {
                let value = value.map(|value| Secret::new(value.to_owned()));
                let text = set(&Cookie { kind, value }).to_string();
                for part in ["__Host-hilum_", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
                    assert!(text.contains(part), "{part} in {text}");
                }
                assert!(!text.to_lowercase().contains("domain"));
            }
        }
        let forgotten = set(&Cookie { kind: CookieKind::Session, value: None }).to_string();
        assert!(
            forgotten.starts_with("__Host-hilum_session=;") && forgotten.contains("Max-Age=0"),
            "{forgotten}"
        );
    }

    #[test]
    fn f01_a_form_of_another_site_is_known_by_what_the_browser_says() {
        let own = "https://auth.example";
        let of = |headers: &[(&'static str, &'static str)]| {
            let mut request = TestRequest::post();
            for (name, value) in headers {
                request = request.append_header((*name, *value));
            }
            sender(&request.to_http_request(), own)
        };
        let rows: [(&[(&str, &str)], Sender); 10] = [
            (&[], Sender::Own),
            (&[("origin", "https://auth.example"), ("sec-fetch-site", "same-origin")], Sender::Own),
            (&[("origin", "null"), ("sec-fetch-site", "same-origin")], Sender::Own),
            (&[("origin", "null")], Sender::Own),
            (&[("sec-fetch-site", "none")], Sender::Own),
            (&[("origin", "null"), ("sec-fetch-site", "cross-site")], Sender::Foreign),
            (&[("sec-fetch-site", "same-site")], Sender::Foreign),
            (&[("origin", "https://auth.example:8443")], Sender::Foreign),
            (&[("origin", "https://evil.test"), ("sec-fetch-site", "same-origin")], Sender::Foreign),
            (&[("origin", "https://auth.example"), ("origin", "https://evil.test")], Sender::Foreign),
        ];
        for (headers, expected) in rows {
            assert_eq!(of(headers), expected, "{headers:?}");
        }
    }
}
