//! A person's browser, as far as an authorization needs one: cookies, redirects and plain forms.

use std::collections::BTreeMap;

use crate::Outcome;
use crate::wire::{Answer, Connection, Target, encode_form, headers};

/// The most steps from the authorization request to the code.
const STEPS: usize = 20;

/// Who signs in.
#[derive(Clone, Default)]
pub(crate) struct Person {
    pub(crate) username: String,
    pub(crate) password: String,
}

/// A browser on one connection.
pub(crate) struct Browser {
    connection: Connection,
    target: Target,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new(target: &Target, cookies: BTreeMap<String, String>) -> Outcome<Self> {
        Ok(Self { connection: target.connect()?, target: target.clone(), cookies })
    }

    /// What it remembers: whoever has these cookies is signed in.
    pub(crate) fn cookies(&self) -> BTreeMap<String, String> {
        self.cookies.clone()
    }

    /// Follows an authorization request to the code that is brought to `redirect_uri`.
    pub(crate) fn authorize(&mut self, path: &str, redirect_uri: &str, person: &Person) -> Outcome<String> {
        let mut here = path.to_owned();
        let mut request = self.target.get(&here, &self.headers());
        for _ in 0..STEPS {
            let answer = self.connection.ask(&request)?;
            self.remember(&answer);
            let aimed = match answer.status {
                301..=303 | 307 | 308 => answer.header("location").ok_or("a redirect to nowhere")?.to_owned(),
                200 => {
                    let page = String::from_utf8_lossy(&answer.body).into_owned();
                    let form =
                        Form::read(&page).ok_or_else(|| format!("no form at {here}: {}", answer.told()))?;
                    let sent = form.fill(person);
                    here = form.action.map_or(Ok(here.clone()), |action| self.path_of(&here, &action))?;
                    let pairs: Vec<(&str, &str)> =
                        sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                    let origin =
                        format!("Origin: {}\r\nSec-Fetch-Site: same-origin\r\n", self.target.origin());
                    request = self.target.post(&here, &(self.headers() + &origin), &pairs);
                    continue;
                }
                _ => {
                    let place = here.split('?').next().unwrap_or_default();
                    return Err(format!("at {place}: {}", answer.told()).into());
                }
            };
            if aimed.starts_with(redirect_uri) {
                let url = url::Url::parse(&aimed)?;
                let code = url.query_pairs().find(|(name, _)| name == "code");
                return code
                    .map(|(_, code)| code.into_owned())
                    .ok_or_else(|| format!("no code in {aimed}").into());
            }
            here = self.path_of(&here, &aimed)?;
            request = self.target.get(&here, &self.headers());
        }
        Err(format!("no code after {STEPS} steps, the last at {here}").into())
    }

    fn headers(&self) -> String {
        if self.cookies.is_empty() {
            return String::new();
        }
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("Cookie: {}\r\n", pairs.join("; "))
    }

    fn remember(&mut self, answer: &Answer) {
        for (_, line) in headers(&answer.head).filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            let attributes = attributes.to_ascii_lowercase();
            if value.is_empty()
                || attributes.contains("max-age=0")
                || attributes.contains("expires=thu, 01 jan 1970")
            {
                self.cookies.remove(name.trim());
            } else {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }

    /// Path and query of an address that a page names.
    fn path_of(&self, here: &str, address: &str) -> Outcome<String> {
        let origin = self.target.origin();
        let url = url::Url::parse(&format!("{origin}{here}"))?.join(address)?;
        if url.origin().ascii_serialization() != origin {
            return Err(format!("sent from {here} to {address}, which is another server").into());
        }
        Ok(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
    }
}

/// The address of an authorization request.
pub(crate) fn address(endpoint: &str, parameters: &[(&str, &str)]) -> String {
    format!("{endpoint}?{}", encode_form(parameters))
}

/// A form that is posted, with its fields as they stand on the page.
struct Form {
    action: Option<String>,
    fields: Vec<BTreeMap<String, String>>,
}

impl Form {
    /// The first form of a page that is posted.
    fn read(page: &str) -> Option<Self> {
        page.split("<form").skip(1).find_map(|rest| {
            let form = rest.split("</form").next().unwrap_or_default();
            let (opening, inside) = form.split_once('>')?;
            let form = attributes(opening);
            let posted = form.get("method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
            let tags = ["<input", "<button"].iter().flat_map(|tag| inside.split(tag).skip(1));
            let fields = tags.map(|tag| attributes(tag.split('>').next().unwrap_or_default())).collect();
            posted.then(|| Self {
                action: form.get("action").filter(|action| !action.is_empty()).cloned(),
                fields,
            })
        })
    }

    /// What a person would send who agrees to everything.
    fn fill(&self, person: &Person) -> Vec<(String, String)> {
        let mut sent: Vec<(String, String)> = Vec::new();
        for field in &self.fields {
            let of = |name: &str| field.get(name).map(String::as_str).unwrap_or_default();
            let name = of("name");
            let value = match (of("type"), name) {
                (_, "username") => person.username.as_str(),
                (_, "password") => person.password.as_str(),
                ("hidden" | "checkbox", _) => of("value"),
                // The first choice, once.
                ("radio", _) if !sent.iter().any(|(before, _)| before == name) => of("value"),
                (_, "decision") if of("value") == "allow" => "allow",
                _ => continue,
            };
            sent.push((name.to_owned(), value.to_owned()));
        }
        sent
    }
}

/// The attributes of a tag whose name and brackets are gone. Those without a value are not needed.
fn attributes(tag: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = tag;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.split_whitespace().last().unwrap_or_default().to_ascii_lowercase();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, further) = match quote {
            Some(quote) => after.get(1..).and_then(|text| text.split_once(quote)).unwrap_or((after, "")),
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        found.insert(name, plain(value));
        rest = further;
    }
    found
}

/// Text without the character references that pages are written with.
fn plain(text: &str) -> String {
    let pairs = [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&lt;", "<"),
        ("&#60;", "<"),
        ("&gt;", ">"),
        ("&#62;", ">"),
        ("&#x2F;", "/"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    pairs.iter().fold(text.to_owned(), |text, (reference, character)| text.replace(reference, character))
}
