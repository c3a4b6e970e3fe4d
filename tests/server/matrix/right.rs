//! The right request of each endpoint, and how what is good for once is had anew.

use hilum::discovery::endpoints as at;
use reqwest::Method;
use serde_json::{Value, json};

use super::endpoints::{Endpoint, Place, Told};
use super::scene::{Ask, BACK, CALLBACK, CHOICE_SCOPE, Held, SCOPE, Scene, tokens};
use crate::device;
use crate::harness::{ASSERTION_TYPE, App, Assertion, Backend, Browser, FHIR, Page};
use crate::token::jwt_bearer::{ISSUER, JWT_BEARER};
use crate::token::text;
use crate::token::token_exchange::{ACCESS_TOKEN, DOWNSTREAM, EXCHANGE};

type Pairs = Vec<(String, String)>;

fn owned(pairs: &[(&str, &str)]) -> Pairs {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn coded(text: &str) -> Vec<u8> {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().into_bytes()
}

/// These fields of a form, as they stand in it.
fn fields(page: &Page, names: &[&str], more: &[(&str, &str)]) -> Pairs {
    let mut pairs: Pairs = names.iter().map(|name| ((*name).to_owned(), page.hidden(name))).collect();
    pairs.extend(owned(more));
    pairs
}

impl Scene {
    /// The right request.
    pub fn right(&mut self, endpoint: &Endpoint) -> Ask {
        let mut headers = Vec::new();
        let mut head = |name: &str, value: &str| headers.push((name.to_owned(), value.as_bytes().to_vec()));
        match endpoint.place {
            Place::Form => head("content-type", "application/x-www-form-urlencoded"),
            Place::Json => head("content-type", "application/json"),
            Place::Query | Place::Nowhere => {}
        }
        if matches!(endpoint.told, Told::Bearer | Told::Problem) && endpoint.name != "userinfo by form" {
            head("authorization", &format!("Bearer {}", self.token(endpoint)));
        }
        if let Some(browser) = self.held.browser.as_ref().filter(|_| endpoint.told == Told::Page) {
            let cookies = browser.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            head("cookie", &cookies.collect::<Vec<_>>().join("; "));
        }
        let path = if self.held.path.is_empty() { endpoint.path } else { &self.held.path };
        let pairs = if endpoint.place == Place::Json {
            let document = self.document(endpoint);
            let members = document.as_object().unwrap().iter();
            members.map(|(name, value)| (name.clone(), value.to_string().into_bytes())).collect()
        } else {
            let pairs = self.pairs(endpoint);
            pairs.into_iter().map(|(name, value)| (name, coded(&value))).collect()
        };
        Ask { path: path.to_owned(), pairs, headers, body: None, issuer: self.world.issuer().to_owned() }
    }

    fn token(&self, endpoint: &Endpoint) -> &str {
        match endpoint.path {
            at::USERINFO => &self.person_token,
            at::REGISTRATION => &self.invitation,
            at::LAUNCH => &self.launch_token,
            at::DECISIONS => &self.decision_token,
            _ => &self.held.token,
        }
    }

    fn document(&self, endpoint: &Endpoint) -> Value {
        match endpoint.path {
            at::LAUNCH => json!({"client_id": self.chart.id, "user": "dr.lee", "patient": "silva-1961"}),
            at::DECISIONS => crate::token::authorization_details::decision("silva-1961"),
            _ => {
                let mut document = json!({"client_name": "Growth Chart", "redirect_uris": [CALLBACK],
                    "grant_types": ["authorization_code"], "token_endpoint_auth_method": "none"});
                if endpoint.method == "PUT" {
                    let id = self.held.path.rsplit('/').next().unwrap_or_default();
                    document["client_id"] = json!(id);
                }
                document
            }
        }
    }

    fn with_secret(app: &App, form: &[(&str, &str)]) -> Pairs {
        let secret = Self::secret_of(app);
        owned(&[form, &[("client_id", &app.id), ("client_secret", &secret)]].concat())
    }

    fn with_assertion(&self, client: &Backend, form: &[(&str, &str)]) -> Pairs {
        let assertion = client.assertion(&self.world).sign(&client.key);
        owned(
            &[form, &[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)]].concat(),
        )
    }

    fn pairs(&self, endpoint: &Endpoint) -> Pairs {
        let (id, secret) = &self.machine;
        let machine = |form: &[(&str, &str)]| {
            owned(&[form, &[("client_id", id.as_str()), ("client_secret", secret)]].concat())
        };
        match endpoint.name {
            "client_credentials" => {
                machine(&[("grant_type", "client_credentials"), ("scope", "capacity.read")])
            }
            "client_credentials by assertion" => self.with_assertion(
                &self.backend,
                &[("grant_type", "client_credentials"), ("scope", "system/Claim.rs")],
            ),
            "token_exchange" => self.with_assertion(
                &self.service,
                &[
                    ("grant_type", EXCHANGE),
                    ("subject_token", &self.person_token),
                    ("subject_token_type", ACCESS_TOKEN),
                    ("resource", DOWNSTREAM),
                ],
            ),
            "jwt_bearer" => {
                let token_endpoint = self.world.issuer_url(at::TOKEN);
                let assertion =
                    Assertion::of(ISSUER, &token_endpoint, &self.idp, "idp-1").claim("sub", json!("pat"));
                let assertion = assertion.sign(&self.idp);
                Self::with_secret(&self.app, &[("grant_type", JWT_BEARER), ("assertion", &assertion)])
            }
            // RFC 7009, 2.2: what is not the client's own is answered alike.
            "introspection" | "revocation" => machine(&[("token", &self.person_token)]),
            "pushed" => {
                let mut pairs = self.app.request(SCOPE);
                pairs.push(("client_secret".to_owned(), Self::secret_of(&self.app)));
                pairs
            }
            "device authorization" => {
                Self::with_secret(&self.device, &[("scope", device::SCOPE), ("aud", FHIR)])
            }
            "userinfo by form" => owned(&[("access_token", &self.person_token)]),
            "logout of an app" | "logout of an app by form" => owned(&[
                ("id_token_hint", &self.id_token),
                ("client_id", &self.app.id),
                ("post_logout_redirect_uri", BACK),
                ("state", "xyz"),
            ]),
            _ if endpoint.told == Told::Callback => self.app.request(SCOPE),
            _ => self.held.pairs.clone(),
        }
    }

    /// Gets anew what is good for once.
    pub async fn renew(&mut self, endpoint: &Endpoint) {
        self.held = match endpoint.path {
            at::TOKEN => self.grant(endpoint).await,
            path if path.starts_with(at::REGISTRATION) && path != at::REGISTRATION => self.own().await,
            _ if endpoint.told == Told::Page => self.page(endpoint).await,
            _ => Held::default(),
        };
    }

    async fn own(&self) -> Held {
        let document = json!({"client_name": "Own", "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code"], "token_endpoint_auth_method": "none"});
        let peer = self.world.public();
        let made =
            peer.send(Method::POST, at::REGISTRATION, Some(&self.invitation), Some(document)).await.json();
        let path =
            text(&made, "registration_client_uri").strip_prefix(self.world.issuer()).unwrap().to_owned();
        let token = text(&made, "registration_access_token").to_owned();
        Held { path, token, ..Held::default() }
    }

    async fn grant(&mut self, endpoint: &Endpoint) -> Held {
        let pairs = match endpoint.name {
            "refresh_token" => {
                let tokens = tokens(&self.world, &self.app, &mut self.pats, &self.pat).await;
                let form =
                    [("grant_type", "refresh_token"), ("refresh_token", text(&tokens, "refresh_token"))];
                Self::with_secret(&self.app, &form)
            }
            "device_code" => {
                let form = Self::with_secret(&self.device, &[("scope", device::SCOPE), ("aud", FHIR)]);
                let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
                let codes = self.world.public().post(at::DEVICE_AUTHORIZATION, &form).await.granted();
                device::approve(&mut self.pats, &codes, &self.pat).await;
                let form = [("grant_type", device::GRANT), ("device_code", text(&codes, "device_code"))];
                Self::with_secret(&self.device, &form)
            }
            name if name.starts_with("authorization_code") => {
                let code = self.app.code(&mut self.pats, &self.pat, SCOPE).await;
                let form = [
                    ("grant_type", "authorization_code"),
                    ("code", &*code),
                    ("redirect_uri", CALLBACK),
                    ("code_verifier", &*self.app.verifier),
                ];
                Self::with_secret(&self.app, &form)
            }
            _ => Pairs::new(),
        };
        Held { pairs, ..Held::default() }
    }

    /// Goes as far as the page, in a browser.
    async fn page(&mut self, endpoint: &Endpoint) -> Held {
        if [at::LOGIN, at::DEVICE].contains(&endpoint.path) {
            self.world.database.execute("delete from sign_in_attempts").await;
        }
        let of_chart = self.chart.authorize_with(CHOICE_SCOPE, &[("prompt", "consent")]);
        let mut browser = match endpoint.path {
            at::LOGIN | at::DEVICE => Browser::new(&self.world),
            at::PATIENT | at::ENCOUNTER => self.lees.clone(),
            _ => self.pats.clone(),
        };
        let pairs = match endpoint.path {
            at::LOGIN => {
                let page = browser.open(&self.app.authorize_url(SCOPE)).await;
                let person = [("username", &*self.pat.username), ("password", &*self.pat.password)];
                fields(&page, &["csrf", "interaction"], &person)
            }
            at::CONSENT => {
                let page = browser.open(&self.app.authorize_with(SCOPE, &[("prompt", "consent")])).await;
                fields(&page, &["csrf", "interaction", "about", "scope"], &[("decision", "allow")])
            }
            at::PATIENT | at::ENCOUNTER => {
                let mut page = browser.open(&of_chart).await;
                if page.asks_to_sign_in() {
                    page = browser.sign_in(&page, &self.lee).await;
                    self.lees = browser.clone();
                }
                if endpoint.path == at::ENCOUNTER {
                    let answer = browser.choose(&page, "patient", "silva-1961").await;
                    page = browser.follow(answer).await;
                    fields(&page, &["csrf", "interaction"], &[("encounter", "e-1")])
                } else {
                    fields(&page, &["csrf", "interaction"], &[("patient", "silva-1961")])
                }
            }
            at::DEVICE => {
                let form = Self::with_secret(&self.device, &[("scope", device::SCOPE), ("aud", FHIR)]);
                let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
                let codes = self.world.public().post(at::DEVICE_AUTHORIZATION, &form).await.granted();
                let page = browser.open(at::DEVICE).await;
                fields(&page, &["csrf"], &[("user_code", text(&codes, "user_code"))])
            }
            at::ACCOUNT => {
                tokens(&self.world, &self.app, &mut browser, &self.pat).await;
                let page = browser.account(&self.pat).await;
                fields(&page, &["csrf"], &[("client", &self.app.id), ("revoke", "all")])
            }
            at::LOGOUT => self.signed_in_again(endpoint, &mut browser).await,
            _ => {
                let page = browser.get(&self.app.authorize_with(SCOPE, &[("prompt", "consent")])).await;
                let to = page.location().split_once("i=").map(|(_, id)| id.to_owned()).unwrap_or_default();
                owned(&[("interaction", &to)])
            }
        };
        let of_page = |pairs: Pairs| -> Pairs {
            let named =
                pairs.into_iter().filter(|(name, _)| ["interaction", "user_code"].contains(&name.as_str()));
            named
                .map(|(name, value)| (if name == "interaction" { "i".to_owned() } else { name }, value))
                .collect()
        };
        let pairs = if endpoint.place == Place::Query { of_page(pairs) } else { pairs };
        Held { pairs, browser: Some(browser), ..Held::default() }
    }

    /// A browser of its own, to be signed out by hand; or none, for what an app says of a session that is over.
    async fn signed_in_again(&self, endpoint: &Endpoint, browser: &mut Browser) -> Pairs {
        *browser = Browser::new(&self.world);
        if endpoint.name != "logout form" {
            return Pairs::new();
        }
        let page = browser.account(&self.pat).await;
        assert!(page.text().contains("csrf"), "{}", page.text());
        let page = browser.get(at::LOGOUT).await;
        fields(&page, &["csrf"], &[("scope_of", "here")])
    }
}
