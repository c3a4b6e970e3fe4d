//! Attacks on devices and on the people who answer them (F13; RFC 8628, 5).

use futures_util::future::join_all;
use serde_json::json;

use super::{SCOPE, approve, ask, enter, members, poll, poll_of, public, question, send, world, world_of};
use crate::harness::{App, Browser, Page, World};
use crate::logout::sign_out_while;
use crate::token::{reasons, text};

const FOREIGN: [&[(&str, &str)]; 4] = [
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("origin", "https://evil.test")],
    &[("origin", "null"), ("sec-fetch-site", "cross-site")],
];

async fn interactions(world: &World) -> i64 {
    world.database.count("select count(*) from interaction").await
}

#[tokio::test]
async fn f13_a_link_with_the_code_in_it_does_nothing_before_the_person_sends_it_and_agrees() {
    let world = world().await;
    let (app, pat) = (App::secret(&world, super::members()).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let codes = ask(&world, &app, SCOPE).await;
    approve(&mut browser, &codes, &pat).await;
    poll(&world, &app, &codes).await.granted();
    // An attacker asks for codes and sends the victim, who is signed in and has agreed before, the link.
    let codes = ask(&world, &app, SCOPE).await;
    let before = interactions(&world).await;
    let link = text(&codes, "verification_uri_complete");
    let page = browser.open(link).await;
    page.shows(200);
    assert!(page.text().contains("Is this the code on your device?"), "{}", page.text());
    assert_eq!(page.hidden("user_code"), text(&codes, "user_code"));
    assert_eq!(interactions(&world).await, before, "the link has begun nothing");
    let sent = send(&mut browser, &page, text(&codes, "user_code")).await;
    let page = browser.follow(sent).await;
    assert!(page.shows(200).asks_for_consent(), "a remembered decision does not answer");
    assert!(page.text().contains(text(&codes, "user_code")));
    poll(&world, &app, &codes).await.refused(400, "authorization_pending");
    // What a link brings is a code, or nothing.
    for odd in ["%3Cscript%3E", "WDJB-MJH", "\"onfocus=alert(1)"] {
        let page = browser.get(&format!("/device?user_code={odd}")).await;
        page.shows(200);
        assert_eq!(page.hidden("user_code"), "");
    }
}

#[tokio::test]
async fn f01_f02_f13_a_form_of_another_site_or_another_browser_enters_nothing() {
    let world = world().await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let codes = ask(&world, &app, SCOPE).await;
    let code = text(&codes, "user_code");
    let mut victim = Browser::new(&world);
    victim.account(&pat).await;
    let form = victim.get("/device").await;
    let before = interactions(&world).await;
    let refused = |page: Page| page.shows(403).set_cookies.is_empty();
    for headers in FOREIGN {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        assert!(refused(send(&mut Browser { headers, ..victim.clone() }, &form, code).await));
    }
    let mut attacker = Browser::new(&world);
    let own = attacker.get("/device").await;
    assert!(refused(send(&mut victim, &own, code).await), "the attacker's form in the victim's browser");
    assert!(refused(send(&mut attacker, &form, code).await));
    assert!(refused(send(&mut Browser::new(&world), &form, code).await));
    assert!(refused(victim.post("/device", &[("user_code", code)]).await));
    // The form for signing in is another one.
    let login = Browser::new(&world).get("/login?to=account").await;
    assert!(refused(send(&mut victim, &login, code).await));
    assert_eq!(interactions(&world).await, before);
    assert_eq!(world.database.count("select count(*) from sign_in_attempts where failures > 0").await, 0);
    approve(&mut victim, &codes, &pat).await;
}

#[tokio::test]
async fn f13_a_device_is_answered_once_whoever_has_its_code() {
    let world = world().await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let sam = world.person("sam", json!({"name": "Sam", "fhir_user": "Patient/sam"})).await;
    let codes = ask(&world, &app, SCOPE).await;
    let (mut first, mut second) = (Browser::new(&world), Browser::new(&world));
    let (of_first, of_second) =
        (question(&mut first, &codes, &pat).await, question(&mut second, &codes, &sam).await);
    // The form of one in the browser of the other.
    second.decide(&of_first, "allow", &["openid"]).await.shows(403);
    let done = first.allow(&of_first).await;
    done.shows(200);
    let late = second.allow(&of_second).await;
    late.shows(403);
    assert!(late.text().contains("answered before"), "{}", late.text());
    first.decide(&of_first, "deny", &[]).await.shows(403);
    let tokens = poll(&world, &app, &codes).await.granted();
    assert_eq!(tokens["patient"], "rivera");
    assert!(reasons(&world, "device.approve").await.contains(&"device_answered".to_owned()));
    // Coming back changes nothing and says the same.
    let id = of_first.hidden("interaction");
    for address in [format!("/device?i={id}"), format!("/oauth2/continue?i={id}")] {
        let page = first.open(&address).await;
        assert!(page.shows(200).text().contains("Go back to your device"));
        second.open(&address).await.shows(400);
    }
}

#[tokio::test]
async fn f13_two_people_who_agree_at_once_are_one_answer() {
    let world = world_of(2).await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let codes = ask(&world, &app, SCOPE).await;
    let mut agreed = Vec::new();
    for index in 0..6_usize {
        let mut browser = Browser::at(world.public_of(index % 2));
        let question = question(&mut browser, &codes, &pat).await;
        let scopes = question.scopes();
        let ticked: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let next = browser.decide(&question, "allow", &ticked).await;
        assert_eq!(next.answer.status, 303);
        agreed.push((browser, next));
    }
    let all =
        agreed.into_iter().map(|(mut browser, next)| async move { browser.follow(next).await.answer.status });
    let mut answers = join_all(all).await;
    answers.sort_unstable();
    assert_eq!(answers[0], 200);
    assert!(answers[1..].iter().all(|status| *status == 403), "{answers:?}");
}

#[tokio::test]
async fn f13_the_code_of_one_device_is_nothing_in_the_hands_of_another() {
    let world = world().await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let other = App::public(&world, super::members()).await;
    let codes = ask(&world, &app, SCOPE).await;
    for is_answered in [false, true] {
        if is_answered {
            approve(&mut Browser::new(&world), &codes, &pat).await;
        }
        poll(&world, &other, &codes).await.refused(400, "invalid_grant");
    }
    for unknown in ["hdc_x", text(&codes, "user_code")] {
        poll(&world, &app, &json!({"device_code": unknown})).await.refused(400, "invalid_grant");
    }
    poll(&world, &app, &codes).await.granted();
    poll(&world, &other, &codes).await.refused(400, "invalid_grant");
    assert_eq!(world.database.count("select count(*) from family where revoked_at is not null").await, 0);
}

#[tokio::test]
async fn f13_codes_cannot_be_guessed_from_one_browser() {
    let world = world().await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let codes = ask(&world, &app, SCOPE).await;
    let mut browser = Browser::new(&world);
    for _ in 0..4 {
        enter(&mut browser, "BBBB-BBBB").await.shows(400);
    }
    let hold =
        "update sign_in_attempts set blocked_until = now() + interval '1 hour' where blocked_until > 'epoch'";
    world.database.execute(hold).await;
    let page = enter(&mut browser, text(&codes, "user_code")).await;
    page.shows(429);
    let wait: i64 = page.answer.header("retry-after").unwrap().parse().unwrap();
    assert!((3_000..=3_660).contains(&wait), "{wait}");
    assert!(page.text().contains("Too many attempts"), "{}", page.text());
    assert!(reasons(&world, "device.enter").await.contains(&"user_code_throttled".to_owned()));
    // Who signs in is held by nothing of this, and another browser is not either.
    browser.account(&pat).await.shows(200);
    approve(&mut Browser::new(&world), &codes, &pat).await;
}

#[tokio::test]
async fn f13_codes_cannot_be_guessed_from_one_network() {
    let world = world_of(2).await;
    let app = public(&world).await;
    let codes = ask(&world, &app, SCOPE).await;
    let mut forms = Vec::new();
    for index in 0..120_usize {
        let mut browser = Browser::at(world.public_of(index % 2));
        let form = browser.get("/device").await;
        forms.push((browser, form));
    }
    // A machine that is too busy says so with 503, and is asked again. It may have counted the attempt by then.
    let all = forms.into_iter().map(|(mut browser, form)| async move {
        let mut busy = 0_usize;
        loop {
            let status = send(&mut browser, &form, "CCCC-CCCC").await.answer.status;
            if status != 503 {
                return (status, busy);
            }
            busy += 1;
        }
    });
    let answers = join_all(all).await;
    let count = |wanted: u16| answers.iter().filter(|(status, _)| *status == wanted).count();
    let busy: usize = answers.iter().map(|(_, busy)| busy).sum();
    assert_eq!(count(400) + count(429), 120, "{answers:?}");
    assert!(count(400) <= 100 && count(400) + busy >= 100, "{answers:?}");
    let page = enter(&mut Browser::new(&world), text(&codes, "user_code")).await;
    page.shows(429);
    let wait: i64 = page.answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=600).contains(&wait), "{wait}");
}

/// Makes so many codes of the one that waits, but for who asks and from where.
async fn fill(world: &World, app: &App, (network, codes): (&str, usize)) {
    let more = format!(
        "insert into device_code (digest, user_code, client_id, request, asked_from, network, interval_seconds,
                                  issued_at, expires_at)
         select sha256(convert_to(n || ' of ' || {network}::text, 'UTF8')),
                sha256(convert_to({network}::text || ' of ' || n, 'UTF8')),
                d.client_id, d.request, d.asked_from, {network}::inet, d.interval_seconds, d.issued_at, d.expires_at
           from (select * from device_code where client_id = '{}' limit 1) d, generate_series(1, {codes}) n",
        app.id
    );
    world.database.execute(&more).await;
}

#[tokio::test]
async fn f13_strangers_fill_neither_the_table_of_devices_nor_the_audit_trail() {
    let world = world().await;
    let (app, other) = (public(&world).await, public(&world).await);
    let proven = App::secret(&world, super::members()).await;
    let form = [("scope", SCOPE), ("aud", crate::harness::FHIR)];
    let peer = world.public();
    let has_no_room = async |app: &App| {
        let answer = app.ask(&peer, "/oauth2/device", &form).await;
        answer.refused(429, "temporarily_unavailable");
        assert_eq!(answer.header("retry-after"), Some("60"));
    };
    let codes = ask(&world, &app, SCOPE).await;
    fill(&world, &app, ("d.network", 98)).await;
    ask(&world, &other, SCOPE).await;
    for app in [&app, &other] {
        has_no_room(app).await;
    }
    // Whoever proves who they are is counted for themselves, and what is answered waits no longer.
    ask(&world, &proven, SCOPE).await;
    approve(&mut Browser::new(&world), &codes, &world.patient_person().await).await;
    ask(&world, &app, SCOPE).await;
    has_no_room(&app).await;

    world.database.execute(&format!("delete from device_code where client_id <> '{}'", app.id)).await;
    world.database.execute("update device_code set network = '10.0.0.0' where approved_at is null").await;
    fill(&world, &app, ("'10.0.1.0'", 1_000)).await;
    has_no_room(&app).await;
    ask(&world, &other, SCOPE).await;
    super::expire(&world).await;
    ask(&world, &app, SCOPE).await;
    let found = reasons(&world, "device.begin").await;
    assert!(!found.is_empty() && found.iter().all(|reason| reason == "too_many_devices_wait"), "{found:?}");
    let granted = "select count(*) from audit_event where action = 'device.begin' and outcome = 'granted'";
    assert_eq!(world.database.count(granted).await, 0);
}

#[tokio::test]
async fn f03_a_link_into_the_middle_opens_nothing_in_another_browser() {
    let world = world().await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let codes = ask(&world, &app, SCOPE).await;
    let mut attacker = Browser::new(&world);
    let entered = enter(&mut attacker, text(&codes, "user_code")).await;
    let id = entered.param("i").unwrap();
    let mut victim = Browser::new(&world);
    victim.account(&pat).await;
    for path in ["/oauth2/continue", "/login", "/consent", "/device"] {
        for browser in [&mut victim, &mut Browser::new(&world)] {
            let page = browser.get(&format!("{path}?i={id}")).await;
            page.shows(400);
            assert!(!page.text().contains("Waiting Room Screen"));
        }
    }
    assert!(attacker.open(&format!("/device?i={id}")).await.asks_to_sign_in());
    poll_of(&world, 0, &app, &codes).await.refused(400, "authorization_pending");
}

#[tokio::test]
async fn lo_02_whoever_signs_out_while_a_device_redeems_its_code_has_its_app_told() {
    let world = world().await;
    let mut told = members();
    told["backchannel_logout_uri"] = json!("https://app.example/told");
    let (app, pat) = (App::secret(&world, told).await, world.patient_person().await);
    let (mut browser, codes) = (Browser::new(&world), ask(&world, &app, SCOPE).await);
    approve(&mut browser, &codes, &pat).await;
    let page = browser.get("/oauth2/logout").await;
    let form = [("csrf", page.hidden("csrf")), ("scope_of", "here".to_owned())];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let sign_out = browser.post("/oauth2/logout", &form);
    let (redeemed, page) = sign_out_while(&world, poll(&world, &app, &codes), sign_out).await;
    redeemed.granted();
    page.shows(200);
    let notices = format!("select count(*) from backchannel_logout where client_id = '{}'", app.id);
    assert_eq!(world.database.count(&notices).await, 1);
}
