//! What attackers would do with registrations of their own.

use reqwest::Method;
use serde_json::json;

use super::redirects::approve_seen;
use super::{Own, REGISTER, invited, not_authorized, world};
use crate::harness::{Answer, App, Browser, escaped};

const HOSTILE: &str = r#"<img src=x onerror="alert(1)">'{{7*7}}"#;

#[tokio::test]
async fn i05_the_tokens_of_registration_open_nothing_else() {
    let world = world().await;
    let initial = invited(&world, json!({})).await;
    let own = Own::registered(&world, json!({})).await;
    let (public, app) = (world.public(), App::known(&own.id, "https://app.example/cb", world.issuer()));
    for token in [initial.as_str(), own.token.as_str()] {
        for (grant, name) in [("refresh_token", "refresh_token"), ("authorization_code", "code")] {
            let verifier = app.verifier.clone();
            let form = [
                ("grant_type", grant),
                (name, token),
                ("client_id", own.id.as_str()),
                ("redirect_uri", "https://app.example/cb"),
                ("code_verifier", &verifier),
            ];
            public.post("/oauth2/token", &form).await.refused(400, "invalid_grant");
        }
        let form = [("grant_type", "client_credentials")];
        public.post_basic("/oauth2/token", (&own.id, token), &form).await.invalid_client();
        for path in ["/oauth2/userinfo", "/admin/v1/clients"] {
            let answer = public.send(Method::GET, path, Some(token), None).await;
            assert_eq!(answer.status, 401, "{path}");
        }
        let members = json!({"introspects": [crate::harness::FHIR], "scope": "capacity.read"});
        let server = world.register_whole(crate::harness::registration("client_secret_basic", members)).await;
        let (id, secret) = (server["client_id"].as_str().unwrap(), server["client_secret"].as_str().unwrap());
        public.post_basic("/oauth2/introspect", (id, secret), &[("token", token)]).await.inactive();
    }
    // And in the address or the body they are not heard.
    let address = format!("{REGISTER}?access_token={initial}");
    not_authorized(&public.send(Method::POST, &address, None, Some(super::app(json!({})))).await);
    let form = [("access_token", initial.as_str())];
    public.post(REGISTER, &form).await.refused(415, "invalid_request");
}

#[tokio::test]
async fn a09_no_secret_and_no_token_is_kept_or_shown_again() {
    let world = world().await;
    let initial = invited(&world, json!({})).await;
    let answer =
        super::register(&world, Some(&initial), super::app(json!({"token_endpoint_auth_method": null})))
            .await;
    let own = Own::of(&world, &answer);
    let secret = own.document["client_secret"].as_str().unwrap();
    own.put(&world, json!({"token_endpoint_auth_method": null, "client_secret": "wrong"})).await;
    let mut texts = Vec::new();
    for path in ["/admin/v1/clients", super::INVITATIONS, "/admin/v1/audit?limit=200"] {
        texts.push(world.administer(Method::GET, path, None).await.text);
    }
    texts.push(world.administer(Method::GET, &format!("/admin/v1/clients/{}", own.id), None).await.text);
    texts.push(std::fs::read_to_string(world.file(&format!("{}.log", world.processes[0].public))).unwrap());
    for table in ["client", "client_secret", "client_registration", "initial_access_token", "audit_event"] {
        let whole = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        texts.push(world.database.text(&whole).await);
    }
    for text in texts {
        for hidden in [secret, &own.token, &initial] {
            assert!(!text.contains(hidden), "{text}");
        }
    }
    let read = own.send(&world, Method::GET, None).await;
    assert!(!read.text.contains(secret));
}

#[tokio::test]
async fn x03_dc_05_what_a_client_says_of_itself_is_text() {
    let world = world().await;
    let members = json!({"client_name": HOSTILE, "contacts": [HOSTILE], "client_uri": "https://app.example/?a=1&b=2",
        "policy_uri": "https://app.example/policy", "tos_uri": "https://app.example/terms",
        "logo_uri": "https://app.example/logo.png"});
    let own = Own::registered(&world, members).await;
    let (app, pat) =
        (App::known(&own.id, "https://app.example/cb", world.issuer()), world.patient_person().await);
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url("openid launch/patient patient/Patient.rs")).await;
    assert!(!page.text().contains("<img"));
    let page = browser.sign_in(&page, &pat).await;
    assert!(page.asks_for_consent() && !page.text().contains("<img"), "{}", page.text());
    assert!(page.text().contains("&#38;b=2") || page.text().contains("&amp;b=2"), "{}", page.text());
    for address in ["https://app.example/policy", "https://app.example/terms"] {
        let link = format!(r#"<a href="{address}" target="_blank" rel="noopener noreferrer">"#);
        assert!(page.text().contains(&link), "{}", page.text());
    }
    assert!(!page.text().contains("logo.png"), "no logo is fetched or shown");
    let policy = page.answer.header("content-security-policy").unwrap();
    assert!(!policy.contains("unsafe-inline"), "{policy}");
    assert!(page.text().contains("Nobody here has checked it") && !page.text().contains("Vouched for"));
    assert!(page.text().contains("Acme Health") && !page.text().contains(&escaped("Mercy Bank")));
    browser.allow(&page).await.code();
    let account = browser.open("/account").await;
    assert!(!account.text().contains("<img"));

    let read = world.administer(Method::GET, &format!("/admin/v1/clients/{}", own.id), None).await;
    let approved = approve_seen(&world, &own, read.header("etag")).await;
    assert!(approved.status == 200 && approved.json()["approved_at"].is_i64());
    assert_eq!(approved.header("content-type"), Some("application/json"));
    let page = browser
        .open(&app.authorize_with("openid launch/patient patient/Patient.rs", &[("prompt", "consent")]))
        .await;
    assert!(page.asks_for_consent() && page.text().contains("Vouched for"), "{}", page.text());
    assert!(!page.text().contains("Nobody here has checked it"));
}

#[tokio::test]
async fn registration_is_not_for_pages_of_other_origins() {
    let world = world().await;
    let own = Own::registered(&world, json!({})).await;
    for path in [REGISTER, own.path.as_str()] {
        for method in [Method::OPTIONS, Method::GET, Method::POST] {
            let request = world.public().request(method, path).header("origin", "https://app.example");
            let request = request.bearer_auth(&own.token).header("access-control-request-method", "POST");
            let answer = Answer::read(request.send().await.unwrap()).await;
            assert!(
                answer.headers.keys().all(|name| !name.starts_with("access-control-")),
                "{:?}",
                answer.headers
            );
        }
    }
}
