//! What people are told of the apps that may act for them.

use actix_web::body::to_bytes;
use actix_web::http::header;
use uuid::Uuid;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_timestamp(1_795_000_000 + seconds).unwrap()
}

fn extent(name: &str, lasting: Lasting) -> Extent {
    Extent {
        resource: Some(name.to_owned()),
        patient: Some(name.to_owned()),
        known_as: None,
        since: at(0),
        used_at: (lasting != Lasting::Remembered).then(|| at(3_600)),
        lasting,
        claims: vec!["your e-mail address"],
        details: Vec::new(),
        scopes: vec![ScopeLine {
            scope: "patient/Observation.rs".to_owned(),
            title: format!("title {name}"),
            detail: format!("detail {name}"),
            caution: None,
            choices: Vec::new(),
        }],
    }
}

fn app(name: &str, condition: Condition, extents: Vec<Extent>) -> App {
    let organization = (condition != Condition::Removed).then(|| name.to_owned());
    App { client: "client-1".to_owned(), name: name.to_owned(), organization, condition, extents }
}

fn account(name: &str, apps: Vec<App>) -> Account {
    Account {
        frame: Frame { host: "auth.example.org".to_owned(), request: Uuid::nil() },
        person: name.to_owned(),
        username: "pat".to_owned(),
        apps,
        is_cut: false,
        ended: None,
        csrf: "csrf-1".to_owned(),
        csrf_of_logout: "csrf-2".to_owned(),
    }
}

async fn text(account: &Account) -> String {
    let bytes = to_bytes(account.answer(StatusCode::OK).into_body()).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[actix_web::test]
async fn on_04_an_app_is_told_with_what_where_since_when_and_how_long() {
    let extents = vec![extent("rivera", Lasting::WhileAway)];
    let page = text(&account("Pat Rivera", vec![app("Growth Chart", Condition::Active, extents)])).await;
    has(
        &page,
        &[
            r#"<h3 class="name" id="a1"><bdi>Growth Chart</bdi></h3>"#,
            "Vouched for by <bdi>Growth Chart</bdi>",
            "Patient <bdi>rivera</bdi>",
            r#"<time datetime="2026-11-18T11:06:40Z">18 November 2026</time>"#,
            r#"<time datetime="2026-11-18T12:06:40Z">18 November 2026, 12:06 UTC</time>"#,
            "Yes, until you end it here",
            "title rivera",
            "detail rivera",
            r#"<form method="post" action="/account">"#,
            r#"name="csrf" value="csrf-1""#,
            r#"name="client" value="client-1""#,
            r#"name="revoke" value="all" aria-describedby="a1""#,
        ],
    );
    for gone in ["Stopped.", "Removed.", "No app may act", "Access ended"] {
        assert!(!page.contains(gone), "{gone} in {page}");
    }
}

#[actix_web::test]
async fn on_04_how_long_is_told_for_each_kind_of_access() {
    for (lasting, says) in [
        (Lasting::Remembered, "No. It has no access now"),
        (Lasting::Short, "No. Its access ends by itself"),
        (Lasting::WhileHere, "No. It may go on only while you stay signed in"),
        (Lasting::WhileAway, "Yes, until you end it"),
    ] {
        let apps = vec![app("Growth Chart", Condition::Active, vec![extent("rivera", lasting)])];
        let page = text(&account("Pat Rivera", apps)).await;
        has(&page, &[says]);
        assert_eq!(page.contains("Not lately"), lasting == Lasting::Remembered);
    }
}

#[actix_web::test]
async fn on_04_an_app_that_was_stopped_or_removed_is_told_so() {
    for (condition, says) in
        [(Condition::Stopped, "<b>Stopped.</b>"), (Condition::Removed, "<b>Removed.</b>")]
    {
        let apps = vec![app(NAMELESS, condition, vec![extent("rivera", Lasting::WhileAway)])];
        let page = text(&account("Pat Rivera", apps)).await;
        has(&page, &[says, "What it may do", r#"name="revoke""#]);
        assert!(!page.contains("While you are away"), "nothing is promised for it");
        assert_eq!(page.contains("Vouched for"), condition == Condition::Stopped);
    }
}

#[actix_web::test]
async fn on_04_what_was_ended_is_told_and_an_empty_list_is_kind() {
    let ended = Account { ended: Some("Growth Chart".to_owned()), ..account("Pat Rivera", Vec::new()) };
    let page = text(&ended).await;
    has(
        &page,
        &[
            r#"<div class="notice" role="status">"#,
            "<bdi>Growth Chart</bdi> can no longer act for you.",
            "No app may act for you at the moment.",
            r#"<form method="post" action="/oauth2/logout">"#,
            r#"name="csrf" value="csrf-2""#,
            r#"name="scope_of" value="here""#,
            r#"name="scope_of" value="everywhere""#,
        ],
    );
    assert!(!page.contains("action=\"/account\""));
}

#[actix_web::test]
async fn x03_h12_hostile_names_are_text_and_the_page_is_not_kept() {
    let hostile = "<img src=x onerror=alert(1)>\"'\u{202E}\u{2069}\r\n\u{0}gpj";
    let extents = vec![extent(hostile, Lasting::WhileAway), extent(hostile, Lasting::Remembered)];
    let shown = Account {
        ended: Some(hostile.to_owned()),
        ..account(hostile, vec![app(hostile, Condition::Active, extents)])
    };
    let page = text(&shown).await;
    for word in ["<img", "\u{202E}", "\0", "<script", "<style", " style=", "http://", "https://"] {
        assert!(!page.contains(word), "{word} in {page}");
    }
    assert_eq!(page.matches("<h1").count(), 1);
    let answer = shown.answer(StatusCode::OK);
    assert_eq!(answer.headers().get(header::CACHE_CONTROL).unwrap(), "no-store");
    let policy = answer.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
    assert!(policy.contains("form-action 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
}
