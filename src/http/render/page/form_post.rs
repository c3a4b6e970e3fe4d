//! The page that brings an answer to the client in a form (OAuth 2.0 Form Post Response Mode).

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::{Frame, asset, asset_path, page_with, stylesheet_path, tame, writable};

const SCRIPT: &str = include_str!("../../../../templates/form_post.js");

/// The form, which a script sends at once, and whoever has none by its button.
#[derive(Template)]
#[template(path = "form_post.html")]
pub struct FormPost {
    /// What stands on every page.
    pub frame: Frame,
    /// What the person knows the callback by.
    pub destination: String,
    /// The callback.
    pub action: String,
    /// What is sent, by name.
    pub fields: Vec<(&'static str, String)>,
}

impl FormPost {
    /// The page, which sends its form to the origin of the callback and nowhere else.
    #[must_use]
    pub fn answer(&self, target: &str) -> HttpResponse {
        let target = writable(target).next().unwrap_or("'none'");
        page_with(self, StatusCode::OK, target, " script-src 'self';")
    }
}

/// The script that sends the form. Its path changes with it, so it may be kept for ever.
pub async fn script() -> HttpResponse {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

/// Where [`script`] is.
pub fn script_path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| asset_path("form-post", SCRIPT, "js"));
    &PATH
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::http::header;
    use uuid::Uuid;

    use super::*;

    fn page(value: &str) -> FormPost {
        FormPost {
            frame: Frame { host: "auth.example.org".to_owned(), request: Uuid::nil() },
            destination: value.to_owned(),
            action: format!("https://app.example/cb?x={value}"),
            fields: vec![("state", value.to_owned())],
        }
    }

    #[actix_web::test]
    async fn x04_nothing_that_is_sent_steers_the_page() {
        let hostile = "\"><script>alert(1)</script>'&amp;<img src=x onerror=alert(1)>";
        let body = to_bytes(page(hostile).answer("https://app.example").into_body()).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!(text.matches("<script").count(), 1, "its own: {text}");
        assert!(!text.contains("<img") && !text.contains("'&amp;"), "{text}");
        let coded = "&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#39;&#38;amp;&#60;img src=x onerror=alert(1)&#62;";
        assert!(text.contains(&format!(r#"name="state" value="{coded}""#)), "{text}");
    }

    #[actix_web::test]
    async fn a_form_goes_to_the_callback_or_nowhere() {
        for (target, source) in [
            ("https://app.example", "https://app.example"),
            ("http://127.0.0.1:80", "http://127.0.0.1:80"),
            ("https://app.example;script-src", "'none'"),
            ("'self'", "'none'"),
            ("", "'none'"),
        ] {
            let answer = page("s").answer(target);
            let policy = answer.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
            assert!(policy.contains(&format!("; form-action {source}; ")), "{policy}");
        }
    }
}
