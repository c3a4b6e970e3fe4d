//! The operations that are measured, and how a round of each is made ready on either side.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use hilum::jose::{SigningKey, base64url};
use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::browser::{Browser, Person, address};
use crate::drive::{CONNECTIONS, Chain, Load, Source, Supply, Writer, expect};
use crate::processes::Watched;
use crate::wire::{Target, basic};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long codes are collected at most: they live 60 s.
const COLLECTING: Duration = Duration::from_secs(35);
/// How many tokens are introspected in turn.
const TOKENS: usize = 256;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Operation {
    Secret,
    Es384,
    Rs384,
    Introspection,
    Refresh,
    Code,
    Discovery,
    Jwks,
}

/// All of them, in the order of the report.
pub(crate) const OPERATIONS: [Operation; 8] = [
    Operation::Secret,
    Operation::Es384,
    Operation::Rs384,
    Operation::Introspection,
    Operation::Refresh,
    Operation::Code,
    Operation::Discovery,
    Operation::Jwks,
];

impl Operation {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Secret => "client_credentials, secret",
            Self::Es384 => "client_credentials, private_key_jwt ES384, certificate-bound",
            Self::Rs384 => "client_credentials, private_key_jwt RS384",
            Self::Introspection => "introspection",
            Self::Refresh => "refresh with rotation",
            Self::Code => "code exchange",
            Self::Discovery => "discovery",
            Self::Jwks => "JWKS",
        }
    }

    /// The word that the command line knows it by.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Es384 => "es384",
            Self::Rs384 => "rs384",
            Self::Introspection => "introspection",
            Self::Refresh => "refresh",
            Self::Code => "code",
            Self::Discovery => "discovery",
            Self::Jwks => "jwks",
        }
    }

    /// Whether each request is made ahead and can be sent only once.
    pub(crate) const fn spends(self) -> bool {
        matches!(self, Self::Es384 | Self::Rs384 | Self::Code)
    }
}

/// A client with a secret.
#[derive(Clone, Default)]
pub(crate) struct SecretClient {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) scope: String,
}

/// A client with a key.
pub(crate) struct Signer {
    pub(crate) id: String,
    pub(crate) key: SigningKey,
    pub(crate) kid: String,
    pub(crate) scope: String,
}

/// An app that people use, and who uses it.
pub(crate) struct App {
    pub(crate) client: SecretClient,
    pub(crate) redirect_uri: String,
    pub(crate) resource: String,
    pub(crate) person: Person,
}

/// One of the two servers that are measured.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) watched: Watched,
    pub(crate) public: Target,
    pub(crate) mtls: Target,
    pub(crate) paths: Paths,
    pub(crate) secret: SecretClient,
    pub(crate) es384: Signer,
    pub(crate) rs384: Signer,
    pub(crate) introspector: SecretClient,
    /// What a token asks for in order to be one that can be introspected.
    pub(crate) introspectable: Vec<(&'static str, String)>,
    pub(crate) app: App,
}

/// Where the endpoints are, from discovery.
pub(crate) struct Paths {
    issuer: String,
    token: String,
    introspect: String,
    authorize: String,
    jwks: String,
}

pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";

impl Paths {
    pub(crate) fn discover(target: &Target) -> Outcome<Self> {
        let answer = target.connect()?.ask(&target.get(DISCOVERY, ""))?;
        expect(&answer, "\"issuer\"")?;
        let told = answer.json()?;
        // Endpoints that are not there yet fail when they are asked, by the usual path.
        let path = |member: &str, usual: &str| {
            let url = told.get(member).and_then(Value::as_str).and_then(|url| url::Url::parse(url).ok());
            url.map_or_else(|| usual.to_owned(), |url| url.path().to_owned())
        };
        let issuer = told.get("issuer").and_then(Value::as_str).ok_or("discovery without issuer")?;
        Ok(Self {
            issuer: issuer.to_owned(),
            token: path("token_endpoint", "/oauth2/token"),
            introspect: path("introspection_endpoint", "/oauth2/introspect"),
            authorize: path("authorization_endpoint", "/oauth2/authorize"),
            jwks: path("jwks_uri", "/oauth2/jwks"),
        })
    }
}

impl Side {
    /// Makes a round ready: signs, collects or registers what it needs, `wanted` requests of it.
    pub(crate) fn prepare(&self, operation: Operation, wanted: usize) -> Outcome<Load> {
        let marker = match operation {
            Operation::Introspection => "\"active\":true",
            Operation::Discovery => "\"issuer\"",
            Operation::Jwks => "\"keys\"",
            Operation::Refresh => "\"refresh_token\"",
            Operation::Secret | Operation::Es384 | Operation::Rs384 | Operation::Code => "\"access_token\"",
        };
        let target = if operation == Operation::Es384 { &self.mtls } else { &self.public };
        let sources = match operation {
            Operation::Secret => alike(vec![self.ask_with_secret(&[])]),
            Operation::Es384 => shared(self.sign(&self.mtls, &self.es384, wanted)?),
            Operation::Rs384 => shared(self.sign(&self.public, &self.rs384, wanted)?),
            Operation::Introspection => alike(self.introspections()?),
            Operation::Refresh => self.chains()?,
            Operation::Code => shared(self.codes(wanted)?),
            Operation::Discovery => alike(vec![self.public.get(DISCOVERY, "")]),
            Operation::Jwks => alike(vec![self.public.get(&self.paths.jwks, "")]),
        };
        Ok(Load { target: target.clone(), sources, marker })
    }

    fn ask_with_secret(&self, further: &[(&'static str, String)]) -> Vec<u8> {
        let SecretClient { id, secret, scope } = &self.secret;
        let mut form = vec![("grant_type", "client_credentials"), ("scope", scope.as_str())];
        form.extend(further.iter().map(|(name, value)| (*name, value.as_str())));
        self.public.post(&self.paths.token, &basic(id, secret), &form)
    }

    /// Token requests with an assertion each, signed on all processors.
    fn sign(&self, target: &Target, signer: &Signer, wanted: usize) -> Outcome<Vec<Vec<u8>>> {
        let threads = thread::available_parallelism()?.get();
        let share = wanted.div_ceil(threads);
        let pieces: Vec<Outcome<Vec<Vec<u8>>>> = thread::scope(|scope| {
            let work = || (0..share).map(|_| self.with_assertion(target, signer)).collect();
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| Err("signing failed".into())))
                .collect()
        });
        Ok(pieces.into_iter().collect::<Outcome<Vec<_>>>()?.concat())
    }

    fn with_assertion(&self, target: &Target, signer: &Signer) -> Outcome<Vec<u8>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let claims = json!({
            "iss": signer.id, "sub": signer.id, "aud": self.paths.issuer,
            "iat": now, "exp": now + 240, "jti": unique("assertion"),
        });
        let claims: Map<String, Value> = claims.as_object().cloned().unwrap_or_default();
        let assertion = signer.key.sign(&signer.kid, "JWT", &claims)?;
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", &signer.scope),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        Ok(target.post(&self.paths.token, "", &form))
    }

    fn introspections(&self) -> Outcome<Vec<Vec<u8>>> {
        let mut connection = self.public.connect()?;
        let request = self.ask_with_secret(&self.introspectable);
        let asks = basic(&self.introspector.id, &self.introspector.secret);
        (0..TOKENS)
            .map(|_| {
                let told = connection.ask(&request)?.json()?;
                let token = told.get("access_token").and_then(Value::as_str);
                let token = token.ok_or_else(|| format!("no token to introspect: {told}"))?;
                Ok(self.public.post(&self.paths.introspect, &asks, &[("token", token)]))
            })
            .collect()
    }

    /// A family of refresh tokens for each connection.
    fn chains(&self) -> Outcome<Vec<Source>> {
        let codes = self.codes(CONNECTIONS)?;
        if codes.len() < CONNECTIONS {
            return Err("too few codes to begin with".into());
        }
        let mut connection = self.public.connect()?;
        let (target, path) = (self.public.clone(), self.paths.token.clone());
        let header = basic(&self.app.client.id, &self.app.client.secret);
        let request: Writer = Arc::new(move |token| {
            target.post(&path, &header, &[("grant_type", "refresh_token"), ("refresh_token", token)])
        });
        let chain = |code: &Vec<u8>| {
            let answer = connection.ask(code)?;
            expect(&answer, "\"refresh_token\"")?;
            let told = answer.json()?;
            let token = told.get("refresh_token").and_then(Value::as_str).unwrap_or_default().to_owned();
            Ok(Source::Chain(Chain { token, request: request.clone() }))
        };
        codes.iter().take(CONNECTIONS).map(chain).collect()
    }

    /// Requests that redeem codes, collected as browsers do, as many as come before they grow too old.
    fn codes(&self, wanted: usize) -> Outcome<Vec<Vec<u8>>> {
        let mut first = Browser::new(&self.public, BTreeMap::new())?;
        let mut codes = vec![self.code(&mut first)?];
        let (taken, begin) = (AtomicUsize::new(1), Instant::now());
        let collect = |cookies: BTreeMap<String, String>| -> Outcome<Vec<Vec<u8>>> {
            let mut browser = Browser::new(&self.public, cookies)?;
            let mut own = Vec::new();
            while begin.elapsed() < COLLECTING && taken.fetch_add(1, Ordering::Relaxed) < wanted {
                own.push(self.code(&mut browser)?);
            }
            Ok(own)
        };
        let pieces: Vec<Outcome<Vec<Vec<u8>>>> = thread::scope(|scope| {
            let collect = &collect;
            let threads: Vec<_> = (0..CONNECTIONS)
                .map(|_| {
                    let cookies = first.cookies();
                    scope.spawn(move || collect(cookies))
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| Err("collecting failed".into())))
                .collect()
        });
        for piece in pieces {
            codes.extend(piece?);
        }
        Ok(codes)
    }

    /// One authorization, and the request that redeems its code.
    fn code(&self, browser: &mut Browser) -> Outcome<Vec<u8>> {
        let App { client, redirect_uri, resource, person } = &self.app;
        // PKCE wants 43 characters at least.
        let verifier = format!("{}-and-as-long-as-a-verifier-has-to-be-at-least", unique("verifier"));
        let challenge = base64url::encode(digest(&SHA256, verifier.as_bytes()).as_ref());
        let path = address(
            &self.paths.authorize,
            &[
                ("response_type", "code"),
                ("client_id", &client.id),
                ("redirect_uri", redirect_uri),
                ("scope", &client.scope),
                ("state", "a-state-that-is-not-looked-at"),
                ("aud", resource),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ],
        );
        let code = browser.authorize(&path, redirect_uri, person)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", &verifier),
        ];
        Ok(self.public.post(&self.paths.token, &basic(&client.id, &client.secret), &form))
    }
}

/// A text that no other call of this run is given.
pub(crate) fn unique(kind: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{kind}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn alike(requests: Vec<Vec<u8>>) -> Vec<Source> {
    vec![Source::Cycle(Arc::new(requests)); CONNECTIONS]
}

fn shared(requests: Vec<Vec<u8>>) -> Vec<Source> {
    vec![Source::Supply(Supply::of(requests)); CONNECTIONS]
}
