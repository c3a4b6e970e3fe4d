//! How answers travel: by form (OAuth 2.0 Form Post Response Mode), and what is refused.

use serde_json::json;

use super::{PATIENT_SCOPE, field, names, posted, reasons, told_by_form};
use crate::harness::{App, Browser, World};

const FORM: (&str, &str) = ("response_mode", "form_post");

#[tokio::test]
async fn a_code_comes_by_form_with_its_state_and_its_issuer() {
    let world = World::start().await;
    let pat = world.patient_person().await;
    for app in [App::public(&world, json!({})).await, App::secret(&world, json!({})).await] {
        let mut browser = Browser::new(&world);
        let page = browser.authorize(&app.authorize_with(PATIENT_SCOPE, &[FORM]), &pat).await;
        let fields = posted(&page, &app);
        assert_eq!(names(&fields), ["code", "state", "iss"], "each once, and nothing else");
        assert_eq!(
            (field(&fields, "state"), field(&fields, "iss")),
            (app.state.clone(), world.issuer().to_owned())
        );
        assert!(
            page.text().contains("<b><bdi>app.example</bdi></b>")
                && page.text().contains(">Continue</button>")
        );
        let tokens = app.redeem(&world.public(), &field(&fields, "code")).await.granted();
        assert_eq!(tokens["patient"], "rivera");
        // Opened once more, it is over: another code would be for whoever kept the link.
        let again = browser.open(&app.authorize_with(PATIENT_SCOPE, &[FORM])).await;
        let again = if again.asks_for_consent() { browser.allow(&again).await } else { again };
        let id = again.answer.header("x-request-id").map(str::to_owned);
        assert!(id.is_some() && field(&posted(&again, &app), "code").starts_with("hac_"));
    }
    // A callback with a query keeps it.
    let app = App::public(&world, json!({"redirect_uris": ["https://app.example/cb?tenant=1&x=%26"]})).await;
    let page = Browser::new(&world).authorize(&app.authorize_with(PATIENT_SCOPE, &[FORM]), &pat).await;
    assert_eq!(names(&posted(&page, &app)), ["code", "state", "iss"]);
}

#[tokio::test]
async fn the_page_is_answered_once() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_with(PATIENT_SCOPE, &[FORM])).await;
    let question = browser.sign_in(&page, &pat).await;
    let scopes = question.scopes();
    let ticked: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let decided = browser.decide(&question, "allow", &ticked).await;
    assert!(names(&posted(&browser.get(decided.location()).await, &app)).contains(&"code"));
    let over = browser.get(decided.location()).await;
    assert_eq!(over.shows(400).posted_to(), None);
    assert_eq!(world.database.count("select count(*) from authorization_code").await, 1);
}

#[tokio::test]
async fn x01_is_01_every_error_comes_the_way_that_was_asked_for() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let without = App::secret(&world, json!({"grant_types": []})).await;
    let mut browser = Browser::new(&world);
    let state = Some(app.state.as_str());
    let silent = [FORM, ("prompt", "none")];
    for (change, error) in [
        (&[FORM, ("response_type", "token")][..], "unsupported_response_type"),
        (&[FORM, ("response_type", "")], "invalid_request"),
        (&[FORM, ("code_challenge", "")], "invalid_request"),
        (&[FORM, ("scope", "system/*.rs")], "invalid_scope"),
        (&[FORM, ("aud", "https://evil.test")], "invalid_request"),
        (&[FORM, ("request", "e30.e30.")], "invalid_request_object"),
        (&[FORM, ("nonce", "1"), ("nonce", "2")], "invalid_request"),
        (&silent, "login_required"),
    ] {
        let page = browser.open(&app.authorize_with(PATIENT_SCOPE, change)).await;
        told_by_form(&page, &app, error, state);
        assert_eq!(field(&posted(&page, &app), "iss"), world.issuer());
    }
    let page = browser.get(&without.authorize_with("openid", &[FORM])).await;
    told_by_form(&page, &without, "unauthorized_client", Some(&without.state));
    // The state is not sent back when it was said twice.
    let twice = app.authorize_with(PATIENT_SCOPE, &[FORM, ("state", "a"), ("state", "b")]);
    told_by_form(&browser.get(&twice).await, &app, "invalid_request", None);

    let page = browser.open(&app.authorize_with(PATIENT_SCOPE, &[FORM])).await;
    let page = browser.sign_in(&page, &pat).await;
    let denied = browser.deny(&page).await;
    told_by_form(&denied, &app, "access_denied", state);
    let page = browser.open(&app.authorize_with(PATIENT_SCOPE, &silent)).await;
    told_by_form(&page, &app, "consent_required", state);

    world.database.execute("alter table interaction rename to gone").await;
    let page = browser.get(&app.authorize_with(PATIENT_SCOPE, &[FORM])).await;
    told_by_form(&page, &app, "server_error", state);
    world.database.execute("alter table gone rename to interaction").await;
}

#[tokio::test]
async fn x04_sm_a_06_the_state_is_echoed_byte_for_byte_and_is_never_markup() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let longest = "s".repeat(4096);
    for state in [
        "\"><script>alert(1)</script>",
        "' onfocus=alert(1) autofocus x='",
        "&lt;b&gt;&amp;&#34;&quot",
        "javascript:alert(1)",
        " a b+c%20&=# ",
        "ünï→\u{1f512}\u{feff}\u{202e}",
        "{{ 7*7 }}",
        &longest,
    ] {
        let address = app.authorize_with(PATIENT_SCOPE, &[FORM, ("state", state)]);
        let page = browser.authorize(&address, &pat).await;
        assert_eq!(field(&posted(&page, &app), "state"), state);
        assert_eq!(page.text().matches("<script").count(), 1, "the page's own");
        assert!(!page.text().contains("alert(1)<") && !page.text().contains("<b>&"), "{}", page.text());
        let wrong = app.authorize_with(PATIENT_SCOPE, &[FORM, ("state", state), ("response_type", "token")]);
        told_by_form(&browser.get(&wrong).await, &app, "unsupported_response_type", Some(state));
    }
    // What browsers would write anew is refused, and not sent back changed.
    for state in ["line\r\nbreak", "\n", "a\rb", "a\tb", "\u{7f}", "\u{85}"] {
        let address = app.authorize_with(PATIENT_SCOPE, &[FORM, ("state", state)]);
        told_by_form(&browser.get(&address).await, &app, "invalid_request", None);
    }
    assert!(reasons(&world, "authorize.begin").await.contains(&"state_not_for_a_form".to_owned()));
}

#[tokio::test]
async fn f08_h12_x11_x03_the_form_leads_to_the_callback_alone_and_one_script_of_our_own_sends_it() {
    let world = World::start().await;
    let pat = world.patient_person().await;
    for (uri, origin) in [
        ("https://app.example/cb", "https://app.example"),
        ("https://app.example:4443/cb?a=1", "https://app.example:4443"),
        ("http://127.0.0.1:51234/cb", "http://127.0.0.1:51234"),
    ] {
        let app = App::public(&world, json!({"redirect_uris": [uri]})).await;
        let granted = Browser::new(&world).authorize(&app.authorize_with(PATIENT_SCOPE, &[FORM]), &pat).await;
        let wrong = app.authorize_with(PATIENT_SCOPE, &[FORM, ("response_type", "x")]);
        for page in [granted, Browser::new(&world).get(&wrong).await] {
            posted(&page, &app);
            let header = |name: &str| page.answer.header(name).unwrap_or_default().to_owned();
            let expected = format!(
                "default-src 'none'; style-src 'self'; script-src 'self'; form-action {origin}; \
                 frame-ancestors 'none'; base-uri 'none'"
            );
            assert_eq!(header("content-security-policy"), expected);
            assert_eq!((header("cache-control"), header("pragma")), ("no-store".into(), "no-cache".into()));
            assert_eq!(
                (header("referrer-policy"), header("x-frame-options")),
                ("no-referrer".into(), "DENY".into())
            );
            assert!(page.set_cookies.is_empty() && header("access-control-allow-origin").is_empty());
            // One script with an address of this server, and no handler in the markup.
            let script = page.text().split_once("<script ").unwrap().1.split('>').next().unwrap();
            let path = script.strip_prefix("src=\"").and_then(|rest| rest.split('"').next()).unwrap();
            assert!(
                path.starts_with("/assets/form-post-") && !page.text().contains(" on"),
                "{}",
                page.text()
            );
            let answer = world.public().get(path).await;
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (200, Some("text/javascript; charset=utf-8"))
            );
            assert!(answer.header("cache-control").unwrap().contains("immutable"));
        }
    }
}

#[tokio::test]
async fn what_is_not_offered_is_told_in_the_query() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    let mut browser = Browser::new(&world);
    for mode in ["fragment", "fragment.jwt", "web_message", "FORM_POST", "form_post ", "none"] {
        let page = browser.get(&app.authorize_with(PATIENT_SCOPE, &[("response_mode", mode)])).await;
        page.told(&app.callback, "invalid_request", Some(&app.state));
        assert!(!page.location().contains('#'), "{mode}");
    }
    let twice = [FORM, ("response_mode", "jwt")];
    let page = browser.get(&app.authorize_with(PATIENT_SCOPE, &twice)).await;
    page.told(&app.callback, "invalid_request", Some(&app.state));
}

#[tokio::test]
async fn r10_a_form_goes_to_no_scheme_of_an_apps_own_and_such_a_scheme_is_told_in_the_query() {
    let world = World::start().await;
    let pat = world.patient_person().await;
    let app = App::public(&world, json!({"redirect_uris": ["com.example.app:/cb"]})).await;
    let mut browser = Browser::new(&world);
    let page = browser.get(&app.authorize_with(PATIENT_SCOPE, &[FORM])).await;
    page.told(&app.callback, "invalid_request", Some(&app.state));
    let page = browser.get(&app.authorize_with(PATIENT_SCOPE, &[("response_mode", "form_post.jwt")])).await;
    assert_eq!((page.posted_to(), page.answer.status), (None, 303));
    assert!(page.location().starts_with("com.example.app:/cb?response="), "{}", page.location());
    assert_eq!(reasons(&world, "authorize.begin").await, ["form_to_private_scheme"; 2]);
    browser.authorize(&app.authorize_url(PATIENT_SCOPE), &pat).await.code();
    // Where nobody may be sent, nothing is posted either.
    for uri in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "https://evil.test/cb",
    ] {
        let page = browser.get(&app.authorize_with(PATIENT_SCOPE, &[FORM, ("redirect_uri", uri)])).await;
        assert_eq!(page.shows(400).posted_to(), None);
        assert!(!page.text().contains("<form"), "{uri}");
    }
}
