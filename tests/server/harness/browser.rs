//! A browser: it keeps cookies, follows redirects on the server, fills forms, and stops where it is sent away.

use std::collections::BTreeMap;

use reqwest::Method;

use super::world::Peer;
use super::{Answer, Page, World, encoded};

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
    /// The subject.
    pub subject: String,
}

/// A browser.
#[derive(Clone)]
pub struct Browser {
    /// How it reaches the server.
    pub peer: Peer,
    /// Its cookies, all of the server's host.
    pub cookies: BTreeMap<String, String>,
    /// Headers that it sends with each request.
    pub headers: Vec<(&'static str, String)>,
}

impl Browser {
    /// A new browser at the public listener of the first process.
    pub fn new(world: &World) -> Self {
        Self::at(world.public())
    }

    /// A new browser at a listener.
    pub fn at(peer: Peer) -> Self {
        Self { peer, cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// Opens an address of the server, a path or the whole of it; what comes back is not followed.
    pub async fn get(&mut self, address: &str) -> Page {
        self.send(Method::GET, address, None).await
    }

    /// Sends a form; what comes back is not followed.
    pub async fn post(&mut self, address: &str, form: &[(&str, &str)]) -> Page {
        self.send(Method::POST, address, Some(form)).await
    }

    async fn send(&mut self, method: Method, address: &str, form: Option<&[(&str, &str)]>) -> Page {
        let path = address.strip_prefix(&self.peer.base).unwrap_or(address);
        assert!(path.starts_with('/'), "{address} is not on the server");
        let mut request = self.peer.request(method, path);
        if !self.cookies.is_empty() {
            let all: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", all.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(form) = form {
            request = encoded(request, form);
        }
        let response = request.send().await.expect("an answer");
        let set_cookies = response.headers().get_all("set-cookie").iter();
        let set_cookies = set_cookies.map(|value| value.to_str().expect("text").to_owned()).collect();
        let page = Page { answer: Answer::read(response).await, set_cookies };
        self.keep(&page);
        page
    }

    fn keep(&mut self, page: &Page) {
        for text in &page.set_cookies {
            let (name, value) =
                text.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if text.to_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Follows redirects as long as they stay on the server.
    pub async fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..10 {
            let Some(location) = page.answer.header("location").map(str::to_owned) else { return page };
            if !location.starts_with('/') && !location.starts_with(&format!("{}/", self.peer.base)) {
                return page;
            }
            page = self.get(&location).await;
        }
        panic!("sent in circles: {:?}", page.answer);
    }

    /// Opens an address and follows where it leads.
    pub async fn open(&mut self, address: &str) -> Page {
        let page = self.get(address).await;
        self.follow(page).await
    }

    /// Fills in the sign-in form and sends it; what comes back is not followed.
    pub async fn try_password(&mut self, page: &Page, username: &str, password: &str) -> Page {
        let csrf = page.hidden("csrf");
        // What it is for: an app's request, or the person's own page.
        let purpose = if page.fields().iter().any(|(name, _)| name == "to") { "to" } else { "interaction" };
        let of = page.hidden(purpose);
        let form = [("csrf", csrf.as_str()), (purpose, &of), ("username", username), ("password", password)];
        self.post("/login", &form).await
    }

    /// Signs in and goes on.
    pub async fn sign_in(&mut self, page: &Page, person: &Person) -> Page {
        let answer = self.try_password(page, &person.username, &person.password).await;
        assert_eq!(answer.answer.status, 303, "{:?}", answer.answer);
        self.follow(answer).await
    }

    /// Chooses a patient or an encounter; what comes back is not followed.
    pub async fn choose(&mut self, page: &Page, field: &str, value: &str) -> Page {
        let (csrf, interaction) = (page.hidden("csrf"), page.hidden("interaction"));
        let form = [("csrf", csrf.as_str()), ("interaction", &interaction), (field, value)];
        self.post(&format!("/{field}"), &form).await
    }

    /// Searches by the form of the page on which a patient is chosen.
    pub async fn search(&mut self, page: &Page, words: &str) -> Page {
        let (csrf, interaction) = (page.hidden("csrf"), page.hidden("interaction"));
        let form =
            [("csrf", csrf.as_str()), ("interaction", &interaction), ("q", words), ("search", "words")];
        self.post("/patient", &form).await
    }

    /// Answers the question for consent with these scopes ticked, and every detail as it was; what comes back is
    /// not followed.
    pub async fn decide(&mut self, page: &Page, decision: &str, ticked: &[&str]) -> Page {
        let details = page.choices("authorization_detail");
        let details: Vec<&str> = details.iter().map(String::as_str).collect();
        self.decide_all(page, decision, (ticked, &[], &details)).await
    }

    /// Answers the question for consent with these scopes and these claims ticked, and every detail; what comes back is not followed.
    pub async fn decide_of(
        &mut self,
        page: &Page,
        decision: &str,
        (scopes, claims): (&[&str], &[&str]),
    ) -> Page {
        let details = page.choices("authorization_detail");
        let details: Vec<&str> = details.iter().map(String::as_str).collect();
        self.decide_all(page, decision, (scopes, claims, &details)).await
    }

    /// Answers the question for consent with these scopes, claims and details ticked; what comes back is not followed.
    pub async fn decide_all(
        &mut self,
        page: &Page,
        decision: &str,
        (ticked, claims, details): (&[&str], &[&str], &[&str]),
    ) -> Page {
        let (csrf, interaction) = (page.hidden("csrf"), page.hidden("interaction"));
        let about = page.hidden("about");
        let mut form = vec![
            ("csrf", csrf.as_str()),
            ("interaction", &interaction),
            ("about", &about),
            ("decision", decision),
        ];
        form.extend(ticked.iter().map(|scope| ("scope", *scope)));
        form.extend(claims.iter().map(|claim| ("claim", *claim)));
        form.extend(details.iter().map(|key| ("authorization_detail", *key)));
        self.post("/consent", &form).await
    }

    /// Allows everything that is asked for, and goes on.
    pub async fn allow(&mut self, page: &Page) -> Page {
        let (scopes, claims) = (page.scopes(), page.claims());
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let claims: Vec<&str> = claims.iter().map(String::as_str).collect();
        let answer = self.decide_of(page, "allow", (&scopes, &claims)).await;
        self.follow(answer).await
    }

    /// Opens the person's own page, signing in where it is asked to.
    pub async fn account(&mut self, person: &Person) -> Page {
        let page = self.open("/account").await;
        if page.asks_to_sign_in() { self.sign_in(&page, person).await } else { page }
    }

    /// Ends what an app may do, by its form on the person's own page; what comes back is not followed.
    pub async fn end_access(&mut self, page: &Page, client: &str) -> Page {
        let csrf = page.hidden("csrf");
        self.post("/account", &[("csrf", csrf.as_str()), ("client", client), ("revoke", "all")]).await
    }

    /// Refuses, and goes on.
    pub async fn deny(&mut self, page: &Page) -> Page {
        let answer = self.decide(page, "deny", &[]).await;
        self.follow(answer).await
    }

    /// Goes all the way, signing in and agreeing where it is asked to, until it is sent back to the app.
    pub async fn authorize(&mut self, address: &str, person: &Person) -> Page {
        let mut page = self.open(address).await;
        if page.asks_to_sign_in() {
            page = self.sign_in(&page, person).await;
        }
        if page.asks_for_consent() {
            page = self.allow(&page).await;
        }
        assert!(page.answer.status == 303 || page.posted_to().is_some(), "{:?}", page.answer);
        page
    }

    /// The cookie of its session.
    pub fn session(&self) -> Option<&str> {
        self.cookies.get("__Host-hilum_session").map(String::as_str)
    }
}
