//! What people give instead of all that was asked for (SM-S-10, SM-S-11, ON-07).

use serde_json::json;

use crate::harness::{App, Browser, World};

const LABORATORY: &str =
    "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
const SURVEY: &str =
    "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|survey";

#[tokio::test]
async fn on_07_a_patient_gives_one_kind_of_what_was_asked_and_is_asked_again_for_more() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url("openid patient/Observation.rs")).await;
    let page = browser.sign_in(&page, &pat).await;
    assert_eq!(page.scopes(), ["openid", "patient/Observation.rs"]);
    assert_eq!(page.parts().len(), 6);
    for part in ["Laboratory results", "Vital signs", "Clinical tests", "Only some of it"] {
        assert!(page.text().contains(part), "{part}");
    }
    let answer = browser.decide(&page, "allow", &["openid", LABORATORY]).await;
    let sent = browser.follow(answer).await;
    let token = app.redeem(&world.public(), &sent.code()).await;
    assert_eq!(token.granted()["scope"], format!("openid {LABORATORY}"), "{token:?}");
    assert_eq!(world.audit("consent.give").await[0]["scopes_granted"], format!("openid {LABORATORY}"));

    // Remembered for exactly that, however it is written, and asked again for anything more.
    let encoded = LABORATORY.replace('|', "%7C").replace('/', "%2F").replacen("%2F", "/", 1);
    for covered in [LABORATORY, &encoded, &LABORATORY.replace(".rs?", ".r?")] {
        browser.open(&app.authorize_url(&format!("openid {covered}"))).await.code();
    }
    for more in ["patient/Observation.rs", "patient/Observation.read", SURVEY, "patient/*.rs"] {
        let page = browser.open(&app.authorize_url(&format!("openid {more}"))).await;
        assert!(page.asks_for_consent(), "{more}");
    }
    let more = LABORATORY.replace(".rs?", ".crs?");
    assert!(browser.open(&app.authorize_url(&more)).await.asks_for_consent());
}

#[tokio::test]
async fn sm_s_11_the_whole_record_is_given_type_by_type() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url("launch/patient patient/*.read")).await;
    let page = browser.sign_in(&page, &pat).await;
    assert!(page.text().contains("now and in future"));
    for choice in ["patient/Patient.read", "patient/Immunization.read", LABORATORY] {
        assert!(page.parts().iter().any(|known| known == choice), "{choice} in {:?}", page.parts());
    }
    let ticked = ["launch/patient", LABORATORY, "patient/Immunization.read", "patient/Patient.read"];
    let answer = browser.decide(&page, "allow", &ticked).await;
    let token = app.redeem(&world.public(), &browser.follow(answer).await.code()).await;
    let given = format!("launch/patient patient/Patient.read {LABORATORY} patient/Immunization.read");
    assert_eq!(token.granted()["scope"], given, "{token:?}");
    assert_eq!(token.granted()["patient"], "rivera");
}

#[tokio::test]
async fn the_whole_counts_where_a_part_is_ticked_too_and_what_was_not_offered_does_not() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let asked = "openid patient/Condition.rs patient/Observation.r patient/Observation.s";
    let page = browser.open(&app.authorize_url(asked)).await;
    let page = browser.sign_in(&page, &pat).await;
    let condition = page.parts().iter().find(|one| one.contains("health-concern")).expect("a choice").clone();
    for (ticked, given) in [
        // The shortest form of what was ticked.
        (vec!["openid", "patient/Condition.rs", &condition], "openid patient/Condition.rs"),
        (vec!["patient/Observation.s", "patient/Observation.r"], "patient/Observation.rs"),
        (vec!["patient/Observation.r"], "patient/Observation.r"),
        (vec![condition.as_str()], condition.as_str()),
        // Wider, other or unheard-of scopes are no choices of what was offered.
        (vec!["openid", "patient/*.rs", "patient/Goal.rs", "patient/Observation.cruds"], "openid"),
        (vec!["openid", "patient/Condition.rs?clinical-status=active", "user/Condition.rs"], "openid"),
    ] {
        let page = browser.open(&app.authorize_with(asked, &[("prompt", "consent")])).await;
        let answer = browser.decide(&page, "allow", &ticked).await;
        let token = app.redeem(&world.public(), &browser.follow(answer).await.code()).await;
        assert_eq!(token.granted()["scope"], given, "{ticked:?}");
    }
    let page = browser.open(&app.authorize_with(asked, &[("prompt", "consent")])).await;
    let answer = browser.decide(&page, "allow", &["patient/Goal.rs"]).await;
    browser.follow(answer).await.told(&app.callback, "access_denied", Some(&app.state));
}

#[tokio::test]
async fn what_is_unticked_is_not_given_by_another_line() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let asked = "openid patient/*.rs patient/Observation.rs patient/Condition.read";
    let page = browser.open(&app.authorize_url(asked)).await;
    let page = browser.sign_in(&page, &pat).await;
    // One line for the whole record: a line for a part of it could be unticked in vain.
    assert_eq!(page.scopes(), ["openid", "patient/*.rs"]);
    let answer = browser.decide(&page, "allow", &["openid", "patient/Goal.rs"]).await;
    let token = app.redeem(&world.public(), &browser.follow(answer).await.code()).await;
    assert_eq!(token.granted()["scope"], "openid patient/Goal.rs");
}

#[tokio::test]
async fn a_clinician_is_asked_scope_by_scope() {
    let world = World::start().await;
    let app = App::secret(&world, json!({})).await;
    let (lee, kim) = (
        world.clinician().await,
        world.person("kim", json!({"roles": ["clinician", "patient"], "fhir_user": "Patient/kim"})).await,
    );
    let asked = "openid user/Observation.rs";
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url(asked)).await;
    let page = browser.sign_in(&page, &lee).await;
    assert_eq!((page.scopes().join(" ").as_str(), page.parts().len()), (asked, 0));
    assert!(!page.text().contains("<details"));

    // Whoever is a patient too chooses as a patient.
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url("openid patient/Observation.rs")).await;
    assert_eq!(browser.sign_in(&page, &kim).await.parts().len(), 6);
}

#[tokio::test]
async fn s14_forty_granular_scopes_are_shown_and_given_as_they_were_asked() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let one = |n: usize| format!("patient/Observation.rs?code=http://loinc.org|{n:05}-0");
    let asked = (0..40).map(one).collect::<Vec<_>>().join(" ");
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url(&asked)).await;
    let page = browser.sign_in(&page, &pat).await;
    assert_eq!(page.scopes().join(" "), asked);
    assert!(page.parts().is_empty());
    assert_eq!(page.text().matches("only where code is").count(), 40);
    let token = app.redeem(&world.public(), &browser.allow(&page).await.code()).await;
    assert_eq!(token.granted()["scope"], asked);
}

#[tokio::test]
async fn sm_s_11_offline_access_is_told_in_words() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    for (scope, says) in [
        ("openid offline_access", ["Even when you are not using the app", "/account", "for 100 days"]),
        ("openid online_access", ["As long as you stay signed in here", "Until you sign out", "15 minutes"]),
        ("openid", ["15 minutes; then", "Vouched for by", "registered with"]),
    ] {
        let mut page = browser.open(&app.authorize_with(scope, &[("prompt", "consent")])).await;
        if page.asks_to_sign_in() {
            page = browser.sign_in(&page, &pat).await;
        }
        for part in says {
            assert!(page.text().contains(part), "{part} for {scope} in {}", page.text());
        }
    }
}
