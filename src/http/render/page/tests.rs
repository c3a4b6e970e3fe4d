//! What pages say and do not say.

use actix_web::body::to_bytes;
use actix_web::http::{StatusCode, header};

use super::logout::{SignOut, SignedOut};
use super::*;

const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'\u{202E}\u{2069}\r\n\u{0}gpj";

fn frame() -> Frame {
    Frame { host: "auth.example.org".to_owned(), request: Uuid::nil() }
}

fn sign_in(client_name: &str, notice: Option<Notice>) -> SignIn {
    SignIn {
        frame: frame(),
        app: Some(AskingApp {
            name: client_name.to_owned(),
            organization: client_name.to_owned(),
            interaction: "interaction-1".to_owned(),
        }),
        csrf: "csrf-1".to_owned(),
        username: client_name.to_owned(),
        notice,
    }
}

fn line(scope: &str, caution: Option<&str>) -> ScopeLine {
    ScopeLine {
        scope: scope.to_owned(),
        title: format!("title of {scope}"),
        detail: format!("detail of {scope}"),
        caution: caution.map(ToOwned::to_owned),
        choices: Vec::new(),
    }
}

fn choice(scope: &str, detail: Option<&str>, rank: Rank) -> ChoiceLine {
    let detail = detail.map(ToOwned::to_owned);
    ChoiceLine { scope: scope.to_owned(), title: format!("title of {scope}"), detail, rank }
}

fn consent(client_name: &str, scopes: Vec<ScopeLine>) -> Consent {
    Consent {
        frame: frame(),
        client_name: client_name.to_owned(),
        organization: client_name.to_owned(),
        is_approved: true,
        links: Vec::new(),
        destination: client_name.to_owned(),
        person: client_name.to_owned(),
        username: "dr.adams".to_owned(),
        resource: Some(client_name.to_owned()),
        patient: Some(client_name.to_owned()),
        scopes,
        claims: Vec::new(),
        details: Vec::new(),
        duration: Lasting::Token { seconds: 900 },
        about: "about-1".to_owned(),
        interaction: "interaction-1".to_owned(),
        csrf: "csrf-1".to_owned(),
        device: None,
    }
}

#[actix_web::test]
async fn x03_r20_an_app_that_registered_itself_is_told_of_and_its_pages_are_links_that_tell_it_nothing() {
    let links = vec![AppLink {
        title: "Its terms",
        uri: "https://app.example/t?a=1&b='2'".to_owned(),
        host: HOSTILE.to_owned(),
    }];
    let question = Consent { is_approved: false, links, ..consent("Growth Chart", Vec::new()) };
    let page = text(question.answer(StatusCode::OK, "")).await;
    assert!(page.contains("Nobody here has checked it") && !page.contains("Vouched for"), "{page}");
    assert!(page.contains(r#"target="_blank" rel="noopener noreferrer">Its terms</a>"#), "{page}");
    assert!(!page.contains("<img") && !page.contains("b='2'"), "{page}");
    let page = text(consent("Growth Chart", Vec::new()).answer(StatusCode::OK, "")).await;
    assert!(page.contains("Vouched for") && !page.contains("noreferrer"), "{page}");
}

fn sign_out(person: &str) -> SignOut {
    SignOut {
        frame: frame(),
        person: person.to_owned(),
        app: None,
        csrf: "csrf-1".to_owned(),
        fields: Vec::new(),
    }
}

const WRONG: ErrorPage = ErrorPage {
    frame: Frame { host: String::new(), request: Uuid::nil() },
    title: "This link does not work",
    says: "Go back to the app and begin again.",
};

async fn text(answer: HttpResponse) -> String {
    let bytes = to_bytes(answer.into_body()).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn said(answer: &HttpResponse, name: header::HeaderName) -> &str {
    answer.headers().get(name).unwrap().to_str().unwrap()
}

async fn every_page(name: &str) -> Vec<String> {
    let ok = StatusCode::OK;
    let choices = vec![choice(name, Some(name), Rank::Whole), choice(name, None, Rank::Part)];
    let scopes = vec![ScopeLine { choices, ..line(name, Some(name)) }, line("openid", None)];
    let mut pages = vec![
        text(consent(name, scopes).answer(ok, "")).await,
        text(WRONG.answer(ok)).await,
        text(sign_out(name).answer(ok, "")).await,
        text(SignedOut { frame: frame(), back: None }.answer(ok)).await,
    ];
    let waiting = Consent { device: Some("WDJB-MJHT".to_owned()), ..consent(name, Vec::new()) };
    pages.push(text(waiting.answer(ok, "")).await);
    for notice in [None, Some(device::Notice::Unknown), Some(device::Notice::Wait { seconds: 30 })] {
        let form =
            device::UserCode { frame: frame(), csrf: "csrf-1".to_owned(), code: name.to_owned(), notice };
        pages.push(text(form.answer(ok)).await);
    }
    for is_allowed in [true, false] {
        let answered = device::Answered { frame: frame(), client_name: name.to_owned(), is_allowed };
        pages.push(text(answered.answer(ok)).await);
    }
    for notice in [None, Some(Notice::Wrong), Some(Notice::Wait { seconds: 30 }), Some(Notice::Again)] {
        pages.push(text(sign_in(name, notice).answer(ok, "")).await);
    }
    pages
}

#[actix_web::test]
async fn h12_a_page_is_not_kept() {
    let answer = sign_in("Growth Chart", None).answer(StatusCode::UNAUTHORIZED, "");
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(said(&answer, header::CACHE_CONTROL), "no-store");
    assert_eq!(said(&answer, header::PRAGMA), "no-cache");
    assert_eq!(said(&answer, header::CONTENT_TYPE), "text/html; charset=utf-8");
}

#[actix_web::test]
async fn f08_a_page_loads_its_style_alone_and_its_form_leads_to_the_callback() {
    for (targets, sources) in [
        ("https://app.example.org", "'self' https://app.example.org"),
        ("com.example.app:", "'self' com.example.app:"),
        ("", "'self'"),
        ("https://app.example.org;script-src *", "'self' *"),
        ("'unsafe-inline' https://a.example,b", "'self'"),
        ("https://a.example\r\nset-cookie:a=b", "'self' https://a.example set-cookie:a=b"),
    ] {
        let answer = sign_out("Dr. Lee").answer(StatusCode::OK, targets);
        assert_eq!(
            said(&answer, header::CONTENT_SECURITY_POLICY),
            format!(
                "default-src 'none'; style-src 'self'; form-action {sources}; frame-ancestors 'none'; base-uri 'none'"
            )
        );
    }
    let answer = WRONG.answer(StatusCode::BAD_REQUEST);
    assert!(said(&answer, header::CONTENT_SECURITY_POLICY).contains("form-action 'none';"));
}

#[actix_web::test]
async fn x03_a_hostile_name_is_text_on_every_page() {
    for page in every_page(HOSTILE).await {
        assert!(!page.contains("<img"), "{page}");
        let shown = page.replace(['\n', '\r'], "");
        // The value of a field goes back as it came; whatever is shown is tame.
        let shown: String =
            shown.split("value=\"").map(|part| part.split_once('"').map_or(part, |p| p.1)).collect();
        assert!(!shown.contains('\u{202E}') && !shown.contains('\0'), "{shown}");
        assert_eq!(shown.matches('\u{2068}').count(), shown.matches('\u{2069}').count());
    }
}

#[actix_web::test]
async fn no_page_has_a_script_or_a_style_of_its_own() {
    for page in every_page("Growth Chart").await {
        for word in
            ["<script", "<style", " style=", "javascript:", " onclick", "http://", "https://", "data:"]
        {
            assert!(!page.contains(word), "{word} in {page}");
        }
        assert_eq!(page.matches("<h1").count(), 1);
        assert!(page.contains(stylesheet_path()) && page.contains("<html lang=\"en\">"));
        assert!(page.contains("00000000-0000-0000-0000-000000000000"));
    }
}

#[actix_web::test]
async fn the_sign_in_form_is_a_plain_form() {
    let page = text(sign_in("dr.adams", None).answer(StatusCode::OK, "")).await;
    for part in [
        r#"<form method="post" action="/login">"#,
        r#"<input type="hidden" name="csrf" value="csrf-1">"#,
        r#"<input type="hidden" name="interaction" value="interaction-1">"#,
        r#"name="username" type="text" value="dr.adams" autocomplete="username""#,
        r#"name="password" type="password" autocomplete="current-password" required autofocus>"#,
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("id=\"notice\""));
}

#[actix_web::test]
async fn signing_in_without_an_app_names_the_account() {
    let alone = SignIn { app: None, ..sign_in("dr.adams", Some(Notice::Wrong)) };
    let page = text(alone.answer(StatusCode::OK, "")).await;
    for part in [
        r#"<input type="hidden" name="to" value="account">"#,
        "Sign in to your account",
        "Which apps may act",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains(r#"name="interaction""#) && !page.contains("Vouched for"));
}

#[actix_web::test]
async fn a_notice_is_tied_to_the_fields() {
    for (notice, says, invalid) in [
        (Notice::Wrong, "The username or the password is not right", 2),
        (Notice::Wait { seconds: 300 }, "Wait 5 minutes, then try again", 0),
        (Notice::Again, "Please sign in again", 0),
    ] {
        let alert = usize::from(notice != Notice::Again);
        let page = text(sign_in("dr.adams", Some(notice)).answer(StatusCode::OK, "")).await;
        assert!(page.contains(says), "{page}");
        assert_eq!(page.matches(r#" aria-describedby="notice""#).count(), 2);
        assert_eq!(page.matches(r#" aria-invalid="true""#).count(), invalid);
        assert_eq!(page.matches(r#"role="alert""#).count(), alert);
        assert_eq!(page.matches("<title>Error: ").count(), alert);
    }
}

#[actix_web::test]
async fn s14_consent_shows_every_scope_ticked_with_its_caution() {
    let scopes = vec![line("patient/*.rs?a=1&b=2", Some("everything")), line("openid", None)];
    let page = text(consent("Growth Chart", scopes).answer(StatusCode::OK, "")).await;
    assert_eq!(page.matches(r#"type="checkbox""#).count(), 2);
    assert_eq!(page.matches(" checked ").count(), 2);
    for part in [
        r#"<form method="post" action="/consent">"#,
        r#"name="scope" value="patient/*.rs?a=1&#38;b=2""#,
        r#"aria-labelledby="t1" aria-describedby="d1 c1""#,
        r#"aria-labelledby="t2" aria-describedby="d2""#,
        r#"name="decision" value="allow""#,
        r#"name="decision" value="deny""#,
        r#"name="csrf" value="csrf-1""#,
        r#"name="interaction" value="interaction-1""#,
        "<b>Caution:</b> everything",
        "15 minutes; then it has to ask here again",
        "and registered with auth.example.org",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(page.find(r#"formmethod="dialog" hidden"#).unwrap() < page.find("decision").unwrap());
}

#[actix_web::test]
async fn each_claim_that_is_asked_for_by_itself_is_named_and_ticked() {
    let claims = vec![ClaimLine { claim: "email".to_owned(), called: "your e-mail address" }];
    let page = Consent { claims, ..consent("Growth Chart", vec![line("openid", None)]) };
    let page = text(page.answer(StatusCode::OK, "")).await;
    assert_eq!((page.matches(r#"type="checkbox""#).count(), page.matches(" checked ").count()), (2, 2));
    for part in
        [r#"name="claim" value="email" checked aria-labelledby="ct-email""#, "Know your e-mail address<"]
    {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[actix_web::test]
async fn s14_forty_granular_scopes_are_shown_one_by_one() {
    let scope = |n| format!("patient/Observation.rs?code=http://loinc.org|{n}");
    let scopes = (0..40).map(|n| line(&scope(n), None)).collect();
    let page = text(consent("Growth Chart", scopes).answer(StatusCode::OK, "")).await;
    assert_eq!(page.matches(r#"type="checkbox""#).count(), 40);
    assert_eq!(page.matches(" checked ").count(), 40);
    assert!(!page.contains("<details"), "what is ticked is never folded away");
    for n in 0..40 {
        assert!(page.contains(&format!(r#"value="{}""#, scope(n))), "{n}");
        assert!(page.contains(&format!("title of {}<", scope(n))), "{n}");
    }
}

#[actix_web::test]
async fn on_07_choices_are_folded_under_their_scope_and_not_ticked() {
    let choices = vec![
        choice("patient/Observation.rs", Some("results"), Rank::Whole),
        choice("patient/Observation.rs?category=laboratory", None, Rank::Part),
    ];
    let scopes = vec![line("openid", None), ScopeLine { choices, ..line("patient/*.rs", None) }];
    let page = text(consent("Growth Chart", scopes).answer(StatusCode::OK, "")).await;
    let (before, folded) = page.split_once("<details>").unwrap();
    let (folded, after) = folded.split_once("</details>").unwrap();
    assert_eq!((before.matches(" checked ").count(), folded.matches(" checked ").count()), (2, 0));
    assert!(!after.contains("checkbox") && page.matches("<details>").count() == 1);
    for part in [
        r#"<summary aria-describedby="t2">"#,
        r#"name="scope" value="patient/Observation.rs" aria-labelledby="t2-1" aria-describedby="d2-1">"#,
        r#"name="scope" value="patient/Observation.rs?category=laboratory" aria-labelledby="t2-2">"#,
        r#"<li class="part"><label for="s2-2">"#,
        "<b>untick it</b> and tick those kinds",
        ">results</span>",
    ] {
        assert!(folded.contains(part), "{part} in {folded}");
    }
}

#[actix_web::test]
async fn sm_s_11_consent_says_how_long() {
    for (duration, says) in [
        (Lasting::Token { seconds: 300 }, "<dd>5 minutes; then it has to ask here again</dd>"),
        (
            Lasting::Session { seconds: 60 },
            "<dd>Until you sign out here. If you untick that below: 60 seconds</dd>",
        ),
        (
            Lasting::Offline { unused_days: 100, seconds: 900 },
            "<dd>Also when you are not using the app, until you withdraw it on <a href=\"/account\" \
             target=\"_blank\" rel=\"noopener\">your account page</a> here or it goes unused for 100 days. \
             If you untick that below: 15 minutes</dd>",
        ),
        (Lasting::Offline { unused_days: 1, seconds: 900 }, "unused for 1 day. If"),
    ] {
        let question = Consent { duration, ..consent("Growth Chart", vec![line("openid", None)]) };
        let page = text(question.answer(StatusCode::OK, "")).await;
        assert!(page.contains(says), "{says} in {page}");
    }
}

#[actix_web::test]
async fn signing_out_asks_how_far() {
    let page = text(sign_out("Dr. Lee").answer(StatusCode::OK, "")).await;
    for part in [
        r#"<form method="post" action="/oauth2/logout">"#,
        r#"name="csrf" value="csrf-1""#,
        r#"name="scope_of" value="here""#,
        r#"name="scope_of" value="everywhere""#,
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[actix_web::test]
async fn the_style_is_small_and_kept_under_a_path_of_its_own() {
    let answer = stylesheet().await;
    assert_eq!(said(&answer, header::CONTENT_TYPE), "text/css; charset=utf-8");
    assert_eq!(said(&answer, header::CACHE_CONTROL), "public, max-age=31536000, immutable");
    assert!(text(answer).await.len() < 12_000);
    let hash = stylesheet_path().strip_prefix("/assets/hilum-").unwrap().strip_suffix(".css").unwrap();
    assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn a_wait_is_never_told_shorter_than_it_is() {
    for (seconds, says) in [
        (-5, "1 second"),
        (1, "1 second"),
        (30, "30 seconds"),
        (90, "90 seconds"),
        (91, "2 minutes"),
        (301, "6 minutes"),
        (5_400, "90 minutes"),
        (5_401, "2 hours"),
        (i64::MAX, "2562047788015216 hours"),
    ] {
        assert_eq!(wait(&seconds), says);
    }
}

#[test]
fn a_name_is_tamed_but_stays_legible() {
    for (name, shown) in [
        ("Growth  Chart\n", "Growth Chart"),
        ("مخطط النمو", "مخطط النمو"),
        ("evil\u{202E}ppA", "evilppA"),
        ("\u{200F}\u{2068} ", "(no name)"),
        ("", "(no name)"),
    ] {
        assert_eq!(tame(name), shown);
    }
}
