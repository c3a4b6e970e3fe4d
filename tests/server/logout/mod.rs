//! Signing out: apps send people here, and are told when a session ends.

mod deliveries;
mod endings;
mod places;
mod registration;
mod rp_initiated;

use hilum::oidc::backchannel_logout::EVENT;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use tempfile::TempDir;

use crate::harness::{
    Answer, App, Authority, Browser, Database, Dev, KeyHost, PASSWORD, Page, Person, Saying, World, query,
};
use crate::token::{claims, header, text};

/// Where the app of the tests wants people back.
pub const BACK: &str = "https://app.example/signed-out";

/// A world with an app, a patient, and a browser in which the patient is signed in with the app.
pub struct Scene {
    pub world: World,
    pub app: App,
    pub pat: Person,
    pub browser: Browser,
    pub id_token: String,
}

impl Scene {
    pub async fn begin() -> Self {
        Self::with(json!({})).await
    }

    /// With more in the app's registration.
    pub async fn with(members: Value) -> Self {
        let world = World::start().await;
        let mut all = json!({"post_logout_redirect_uris": [BACK, "https://app.example/out?tenant=1"]});
        for (name, value) in members.as_object().unwrap() {
            all[name] = value.clone();
        }
        let (app, pat) = (App::secret(&world, all).await, world.patient_person().await);
        let mut browser = Browser::new(&world);
        let id_token = id_token(&world, &app, &pat, &mut browser).await;
        Self { world, app, pat, browser, id_token }
    }

    /// Sends the browser to the endpoint with these parameters; what comes back is not followed.
    pub async fn ask(&mut self, parameters: &[(&str, &str)]) -> Page {
        self.browser.get(&address(parameters)).await
    }

    /// Whether the browser is signed in, as an app finds out.
    pub async fn is_signed_in(&self) -> bool {
        is_signed_in(&self.browser, &self.app).await
    }

    /// Answers the question on a page.
    pub async fn agree(&mut self, page: &Page, extent: &str) -> Page {
        let mut form: Vec<(String, String)> = page.fields();
        form.push(("scope_of".to_owned(), extent.to_owned()));
        let form: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.browser.post("/oauth2/logout", &form).await
    }
}

/// The address of the endpoint with these parameters.
pub fn address(parameters: &[(&str, &str)]) -> String {
    let all: Vec<(String, String)> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    format!("/oauth2/logout?{}", query(&all))
}

/// An id token of an app, for whoever is signed in or signs in.
pub async fn id_token(world: &World, app: &App, person: &Person, browser: &mut Browser) -> String {
    let url = app.authorize_with("openid", &[("aud", "")]);
    let code = browser.authorize(&url, person).await.code();
    text(&app.redeem(&world.public(), &code).await.granted(), "id_token").to_owned()
}

/// Whether a browser is signed in, as an app finds out.
pub async fn is_signed_in(browser: &Browser, app: &App) -> bool {
    let url = app.authorize_with("openid", &[("aud", ""), ("prompt", "none")]);
    let page = browser.clone().open(&url).await;
    page.param("error").as_deref() != Some("login_required")
}

/// Signs out while a redemption is under way: it has redeemed, and waits to write its record.
pub async fn sign_out_while(
    world: &World,
    redemption: impl Future<Output = Answer>,
    sign_out: impl Future<Output = Page>,
) -> (Answer, Page) {
    let mut holder = world.database.superuser().await;
    execute(&mut holder, "begin; lock table audit_event in exclusive mode").await;
    let meanwhile = async {
        world.database.locks_awaited(1, "").await;
        let commit = async {
            world.database.locks_awaited(2, "").await;
            execute(&mut holder, "commit").await;
        };
        tokio::join!(sign_out, commit).0
    };
    tokio::join!(redemption, meanwhile)
}

/// Runs a statement.
pub async fn execute(connection: &mut PgConnection, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await.expect("a statement");
}

/// The logout token of the body of a request: `None` when the body is anything else.
pub fn logout_token(body: &str) -> Option<String> {
    let token = body.strip_prefix("logout_token=")?;
    (!token.contains('&')).then(|| token.to_owned())
}

/// What a logout token of these must say and may say (OpenID Connect Back-Channel Logout, 2.4); the answer is its
/// claims.
pub fn is_logout_token(token: &str, (issuer, client): (&str, &str), id_token: &str) -> Value {
    let (head, said, known) = (header(token), claims(token), claims(id_token));
    assert_eq!(head["typ"], "logout+jwt");
    assert_eq!(head["alg"], header(id_token)["alg"]);
    let mut names: Vec<&str> = said.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"], "and no nonce");
    assert_eq!((&said["iss"], &said["aud"]), (&json!(issuer), &json!(client)));
    assert_eq!(said["events"], json!({ EVENT: {} }));
    assert_eq!((&said["sub"], &said["sid"]), (&known["sub"], &known["sid"]));
    assert!(said["sid"].is_string() && said["jti"].is_string());
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 120);
    said
}

/// A `hilum dev`, which may reach this machine, with an app that is told when a session ends.
pub struct Told {
    pub dev: Dev,
    pub host: KeyHost,
    pub app: App,
    pub pat: Person,
    pub database: Database,
    _folder: TempDir,
}

impl Told {
    pub async fn begin() -> Self {
        let (database, folder, authority) =
            (Database::fresh().await, TempDir::new().unwrap(), Authority::new("Hosts"));
        let host = KeyHost::start(&authority, Saying::status("200 OK"));
        let roots = folder.path().join("hosts.pem");
        std::fs::write(&roots, &authority.pem).unwrap();
        let variables = [
            ("DATABASE_URL", database.url()),
            ("HILUM_DATABASE__OWNER_URL", database.owner_url()),
            ("HILUM_OUTBOUND__ALLOW", format!("[\"localhost:{}\"]", host.port)),
            ("HILUM_OUTBOUND__CA_FILE", roots.to_string_lossy().into_owned()),
        ];
        let dev = Dev::start(folder.path(), &variables).await;
        let callback = "https://app.example/cb";
        let document = json!({"client_name": "Growth Chart", "organization": "Chart Makers",
            "redirect_uris": [callback], "grant_types": ["authorization_code"], "scope": "openid",
            "resources": [dev.fixtures["fhir"]], "token_endpoint_auth_method": "none",
            "post_logout_redirect_uris": [BACK], "backchannel_logout_session_required": true,
            "backchannel_logout_uri": format!("https://localhost:{}/logged-out?of=app", host.port)});
        let created =
            dev.command(&["client", "create", "-", "--json"], &document.to_string()).expect_success();
        let created: Value = serde_json::from_str(&created).unwrap();
        let app = App::known(text(&created, "client_id"), callback, &dev.url(""));
        let person = json!({"username": "pat", "organization": "Mercy", "roles": ["patient"],
            "fhir_user": "Patient/rivera", "password": PASSWORD});
        dev.command(&["user", "create", "-"], &person.to_string()).expect_success();
        let pat =
            Person { username: "pat".to_owned(), password: PASSWORD.to_owned(), subject: String::new() };
        Self { dev, host, app, pat, database, _folder: folder }
    }

    /// A browser in which the patient is signed in with the app, and the app's id token.
    pub async fn signed_in(&self) -> (Browser, String) {
        let mut browser = Browser::at(self.dev.public());
        let url = self.app.authorize_with("openid", &[("aud", "")]);
        let code = browser.authorize(&url, &self.pat).await.code();
        let tokens = self.app.redeem(&self.dev.public(), &code).await.granted();
        (browser, text(&tokens, "id_token").to_owned())
    }
}
