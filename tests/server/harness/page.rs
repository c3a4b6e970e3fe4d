//! What a browser was shown: an answer, and the cookies and forms in it.

use super::Answer;

/// What a browser was shown.
#[derive(Debug)]
pub struct Page {
    /// The answer.
    pub answer: Answer,
    /// Each `Set-Cookie` header.
    pub set_cookies: Vec<String>,
}

impl Page {
    /// Where the browser is sent.
    #[track_caller]
    pub fn location(&self) -> &str {
        self.answer.header("location").unwrap_or_else(|| panic!("no location: {:?}", self.answer))
    }

    /// A parameter of where the browser is sent.
    #[track_caller]
    pub fn param(&self, name: &str) -> Option<String> {
        let base = url::Url::parse("https://base.example").expect("a base");
        let url = base.join(self.location()).expect("a location");
        url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// The code that the client gets.
    #[track_caller]
    pub fn code(&self) -> String {
        assert_eq!(self.param("error"), None, "{}", self.location());
        self.param("code").unwrap_or_else(|| panic!("no code: {:?}", self.answer))
    }

    /// The client is told an error at its callback, with the state and the issuer beside it.
    #[track_caller]
    pub fn told(&self, callback: &str, error: &str, state: Option<&str>) {
        assert_eq!(self.answer.status, 303, "{:?}", self.answer);
        assert!(self.location().starts_with(callback), "{} is not at {callback}", self.location());
        assert_eq!(self.param("error").as_deref(), Some(error), "{}", self.location());
        assert_eq!(self.param("state").as_deref(), state, "{}", self.location());
        assert!(self.param("iss").is_some() && self.param("code").is_none(), "{}", self.location());
        let said = self.param("error_description").unwrap_or_default();
        let allowed = |c: char| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
        assert!(said.chars().all(allowed), "OA-01: {said}");
    }

    /// Where the form goes that brings an answer to the client.
    pub fn posted_to(&self) -> Option<String> {
        let form = self.answer.text.split_once(r#"<form id="answer" "#)?.1.split('>').next()?;
        assert!(form.contains(r#"method="post""#), "{form}");
        attribute(form, "action")
    }

    /// Something is told on a page, and the browser is sent nowhere.
    #[track_caller]
    pub fn shows(&self, status: u16) -> &Self {
        assert_eq!(self.answer.status, status, "{:?}", self.answer);
        assert_eq!(self.answer.header("location"), None);
        assert_eq!(self.answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(self.answer.header("cache-control"), Some("no-store"));
        self
    }

    /// The text of the page.
    pub fn text(&self) -> &str {
        &self.answer.text
    }

    /// Whether the sign-in form is shown.
    pub fn asks_to_sign_in(&self) -> bool {
        self.answer.text.contains(r#"name="password""#)
    }

    /// Whether the question for consent is shown.
    pub fn asks_for_consent(&self) -> bool {
        self.answer.text.contains(r#"name="decision""#)
    }

    /// Whether the person is to choose a patient.
    pub fn asks_for_patient(&self) -> bool {
        self.answer.text.contains(r#"action="/patient""#)
    }

    /// Whether the person is to choose an encounter.
    pub fn asks_for_encounter(&self) -> bool {
        self.answer.text.contains(r#"action="/encounter""#)
    }

    /// The values that a field of the form can have.
    pub fn choices(&self, name: &str) -> Vec<String> {
        self.fields().into_iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect()
    }

    /// The values of the fields of the form that stand in it, hidden or ticked, by name.
    pub fn fields(&self) -> Vec<(String, String)> {
        let inputs = self.answer.text.split("<input ").skip(1).filter_map(|rest| rest.split_once('>'));
        let read = |(tag, _): (&str, &str)| Some((attribute(tag, "name")?, attribute(tag, "value")?));
        inputs.filter_map(read).collect()
    }

    /// A hidden field of the form.
    #[track_caller]
    pub fn hidden(&self, name: &str) -> String {
        let found = self.fields().into_iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no {name} in {}", self.answer.text)).1
    }

    /// The scopes that the person is asked for: they are ticked when the page comes.
    pub fn scopes(&self) -> Vec<String> {
        self.boxes("scope", |tag| tag.contains(" checked"))
    }

    /// The claims about the person that are asked for one by one: they are ticked when the page comes.
    pub fn claims(&self) -> Vec<String> {
        self.boxes("claim", |tag| tag.contains(" checked"))
    }

    /// The scopes that the person could give instead: they are not ticked.
    pub fn parts(&self) -> Vec<String> {
        self.boxes("scope", |tag| !tag.contains(" checked"))
    }

    fn boxes(&self, name: &str, are_meant: impl Fn(&str) -> bool) -> Vec<String> {
        let inputs = self.answer.text.split("<input ").skip(1).filter_map(|rest| rest.split_once('>'));
        let named = format!(r#" name="{name}""#);
        let boxes = inputs.filter(|(tag, _)| tag.contains(&named) && are_meant(tag));
        boxes.filter_map(|(tag, _)| attribute(tag, "value")).collect()
    }

    /// The page without what is new each time: the token of its form and the name of the request.
    pub fn without_nonces(&self) -> String {
        let mut text = self.answer.text.clone();
        for name in ["csrf", "interaction"] {
            if let Some((_, value)) = self.fields().into_iter().find(|(known, _)| known == name) {
                text = text.replace(&value, name);
            }
        }
        match self.answer.header("x-request-id") {
            Some(id) => text.replace(id, "request"),
            None => text,
        }
    }
}

/// The value of an attribute of a tag, unescaped.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!("{name}=\""))? + name.len() + 2;
    let value = tag.get(start..)?.split('"').next()?;
    let signs = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    Some(signs.iter().fold(value.to_owned(), |text, (coded, sign)| text.replace(coded, sign)))
}

/// A text as pages write it.
pub fn escaped(text: &str) -> String {
    let signs = [("&", "&#38;"), ("\"", "&#34;"), ("'", "&#39;"), ("<", "&#60;"), (">", "&#62;")];
    signs.iter().fold(text.to_owned(), |text, (sign, coded)| text.replace(sign, coded))
}
