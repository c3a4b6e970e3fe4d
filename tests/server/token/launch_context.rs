//! Launch context in the token response, and the scopes of SMART App Launch 2.2 in every notation.

use serde_json::json;

use super::{agreed, claims, fhir_server, text};
use crate::harness::{App, Browser, Ehr, FHIR, World};

#[tokio::test]
async fn sm_c_01_sm_c_02_sm_c_07_the_patient_stands_beside_the_tokens_when_a_scope_asks_for_it_and_only_then()
{
    let world = World::start().await;
    let (app, fhir) = (App::public(&world, json!({})).await, fhir_server(&world).await);
    let relative = world.patient_person().await;
    let members =
        json!({"fhir_user": "https://fhir.example/r4/Patient/p-2.b", "roles": ["patient", "clinician"]});
    let absolute = world.person("both", members).await;
    for (person, scope, patient) in [
        (&relative, "openid launch/patient", Some("rivera")),
        (&relative, "patient/Observation.rs", Some("rivera")),
        (&relative, "patient/Observation.read launch/patient", Some("rivera")),
        (&absolute, "launch/patient user/Patient.rs", Some("p-2.b")),
        (&absolute, "openid fhirUser user/Patient.rs", None),
        (&relative, "openid fhirUser profile", None),
    ] {
        // What the client says of a patient itself counts for nothing.
        let forged = [("patient", "somebody-else"), ("encounter", "e-1")];
        let page = Browser::new(&world).authorize(&app.authorize_with(scope, &forged), person).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &page.code()),
            ("redirect_uri", &app.callback),
            ("code_verifier", &app.verifier),
            ("patient", "somebody-else"),
        ];
        let tokens = app.ask(&world.public(), "/oauth2/token", &form).await.granted();
        assert_eq!(tokens["scope"], scope);
        assert_eq!(tokens.get("patient"), patient.map(|id| json!(id)).as_ref(), "{scope}: {tokens}");
        let token = text(&tokens, "access_token");
        assert_eq!(claims(token).get("patient"), tokens.get("patient"), "{scope}");
        let told = fhir.introspect(&world, &world.public(), token).await.active();
        assert_eq!(told.get("patient"), tokens.get("patient"), "SM-I-02: {scope}");
        for absent in ["encounter", "need_patient_banner", "fhirContext", "intent", "tenant"] {
            assert!(tokens.get(absent).is_none() && told.get(absent).is_none(), "{absent}: {tokens}");
        }
    }
}

#[tokio::test]
async fn sm_s_03_sm_s_04_what_is_asked_in_version_1_is_granted_in_version_1_as_far_as_it_can_be() {
    let world = World::start().await;
    let pat = world.patient_person().await;
    let v2 =
        App::public(&world, json!({"scope": "openid launch/patient patient/*.rs patient/Claim.cud"})).await;
    let v1 =
        App::public(&world, json!({"scope": "openid launch/patient patient/*.read patient/Claim.write"}))
            .await;
    for app in [&v1, &v2] {
        for (asked, granted) in [
            ("patient/Observation.read", "patient/Observation.read"),
            ("patient/*.read", "patient/*.read"),
            ("patient/Claim.write", "patient/Claim.write"),
            ("patient/Claim.*", "patient/Claim.*"),
            (
                "patient/Observation.read patient/Condition.rs",
                "patient/Observation.read patient/Condition.rs",
            ),
            ("patient/Observation.*", "patient/Observation.read"),
            ("patient/Observation.cruds", "patient/Observation.rs"),
            ("patient/Observation.rs patient/Observation.write", "patient/Observation.rs"),
        ] {
            let tokens = agreed(&world, app, &pat, asked).await;
            assert_eq!(tokens["scope"], granted, "{asked}");
            assert_eq!(claims(text(&tokens, "access_token"))["scope"], granted, "{asked}");
        }
    }
}

#[tokio::test]
async fn sm_s_12_fhir_user_is_an_absolute_url_and_falls_without_openid() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    let (pat, lee) = (world.patient_person().await, world.clinician().await);
    let elsewhere = "https://directory.example/fhir/Practitioner/adams";
    let adams = json!({"roles": ["clinician"], "fhir_user": elsewhere});
    let adams = world.person("dr.adams", adams).await;
    let nobody = world.person("clerk", json!({"roles": ["clinician"], "fhir_user": null})).await;
    for (person, scope, fhir_user) in [
        (&pat, "openid fhirUser launch/patient", Some(format!("{FHIR}/Patient/rivera"))),
        (&lee, "openid fhirUser user/Patient.rs", Some(format!("{FHIR}/Practitioner/lee"))),
        (&adams, "openid fhirUser user/Patient.rs", Some(elsewhere.to_owned())),
        (&nobody, "openid fhirUser user/Patient.rs", None),
        (&lee, "openid user/Patient.rs", None),
    ] {
        let tokens = agreed(&world, &app, person, scope).await;
        assert_eq!(tokens["scope"], scope);
        let expected = fhir_user.map(|url| json!(url));
        assert_eq!(claims(text(&tokens, "id_token")).get("fhirUser"), expected.as_ref(), "{scope}");
        assert_eq!(claims(text(&tokens, "access_token")).get("fhirUser"), expected.as_ref(), "{scope}");
        assert!(tokens.get("fhirUser").is_none(), "a claim, no launch context");
    }
    let tokens = agreed(&world, &app, &lee, "fhirUser profile user/Patient.rs").await;
    assert_eq!(tokens["scope"], "user/Patient.rs");
    assert!(tokens.get("id_token").is_none(), "{tokens}");
    assert!(claims(text(&tokens, "access_token")).get("fhirUser").is_none());
    let page = Browser::new(&world).open(&app.authorize_url("fhirUser profile")).await;
    page.told(&app.callback, "invalid_scope", Some(&app.state));
}

#[tokio::test]
async fn sm_s_14_scopes_as_uris_mean_what_their_short_forms_mean_and_are_granted_as_they_were_asked() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let (openid, smart) =
        ("http://openid.net/specs/openid-connect-core-1_0#", "http://smarthealthit.org/fhir/scopes/");
    let asked = format!(
        "{openid}openid {smart}fhirUser {openid}offline_access {smart}launch/patient {smart}patient/Observation.rs \
         {smart}patient/Condition.read"
    );
    let tokens = agreed(&world, &app, &pat, &asked).await;
    assert_eq!(tokens["scope"], asked);
    assert_eq!(tokens["patient"], "rivera");
    assert!(tokens["refresh_token"].is_string(), "{tokens}");
    assert_eq!(claims(text(&tokens, "id_token"))["fhirUser"], format!("{FHIR}/Patient/rivera"));
    let token = tokens["access_token"].as_str();
    let me = world.public().send(reqwest::Method::GET, "/oauth2/userinfo", token, None).await;
    assert_eq!(me.granted()["sub"], json!(pat.subject));

    // In this notation too, levels are what they are.
    let mut browser = Browser::new(&world);
    for scope in [format!("{smart}system/Observation.rs"), format!("{openid}openid {smart}system/*.read")] {
        let page = browser.open(&app.authorize_url(&scope)).await;
        page.told(&app.callback, "invalid_scope", Some(&app.state));
    }
    let page =
        browser.open(&app.authorize_with(&format!("{smart}patient/Observation.rs"), &[("state", "")])).await;
    page.told(&app.callback, "invalid_request", None);
    let narrow = App::public(&world, json!({"scope": "launch/patient patient/Observation.rs"})).await;
    let tokens = agreed(&world, &narrow, &pat, &format!("{smart}patient/Observation.cruds")).await;
    assert_eq!(tokens["scope"], format!("{smart}patient/Observation.rs"));
}

#[tokio::test]
async fn sm_l_06_a_role_that_nobody_here_knows_changes_nothing_of_the_context_that_is_asked_for() {
    let world = World::start().await;
    let app = crate::smart::app(&world, json!({})).await;
    let pat = world.patient_person().await;
    let ehr = Ehr::register(&world, json!({})).await;
    let scope = "launch/patient?role=unheard-of patient/Observation.rs";
    let tokens = agreed(&world, &app, &pat, scope).await;
    assert_eq!((&tokens["scope"], &tokens["patient"]), (&json!(scope), &json!("rivera")));

    let open = json!({"patient": "rivera", "encounter": "e-1"});
    let launch = ehr.launch(&world, (&app.id, "pat"), open).await;
    let scope = "launch launch/encounter?role=https://app.example/r patient/Observation.rs";
    let asked = app.authorize_with(scope, &[("launch", &launch)]);
    let page = Browser::new(&world).authorize(&asked, &pat).await;
    let tokens = app.redeem(&world.public(), &page.code()).await.granted();
    assert_eq!((&tokens["scope"], &tokens["encounter"]), (&json!(scope), &json!("e-1")));
}
