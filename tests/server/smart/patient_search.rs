//! The patients that a FHIR server finds for a clinician.

use hilum::authorize::Turn;
use hilum::authorize::browser::{Sender, Visit, digest};
use hilum::http::state::State;
use hilum::model::person::{Person, Username};
use hilum::protocol::error::Failure;
use hilum::protocol::params::{PageForm, parse_page};
use hilum::protocol::resource_metadata::ResourceMetadata;
use hilum::smart::patients::{PatientEntry, Relation};
use hilum::store;
use serde_json::{Value, json};

use crate::faults::within;
use crate::harness::{App, Browser, Directory, World};
use crate::token::{claims, header};

/// A FHIR server that is searched, the parts of a server that may ask it, and a clinician.
struct Scene {
    world: World,
    directory: Directory,
    state: State,
    lee: Person,
    signing_in: crate::harness::Person,
}

impl Scene {
    async fn begin() -> Self {
        Box::pin(Self::prepare()).await
    }

    async fn prepare() -> Self {
        let world = World::start().await;
        let directory = Directory::start(&world.authority);
        let roots = world.file("roots.pem");
        std::fs::write(&roots, &world.authority.pem).unwrap();
        let served = std::fs::read_to_string(world.config()).unwrap();
        let text = format!(
            "{served}[outbound]\nallow = [\"{}\"]\nca_file = \"{}\"\n",
            directory.authority(),
            roots.display()
        );
        std::fs::write(world.config(), text).unwrap();
        let state = within::state(&world, None, &world.database.url()).await;
        let patients = json!([{"resource": directory.url, "patient": "own-team", "relation": "care-team",
            "name": "Maria Silva", "birthDate": "1961-04-02"}]);
        let members = json!({"roles": ["clinician"], "fhir_user": "Practitioner/lee", "patients": patients});
        let signing_in = world.person("dr.lee", members).await;
        let name = Username::parse("dr.lee").unwrap();
        let lee = store::person::find_by_username(&state.administration.db, &name).await.unwrap().unwrap();
        Self { world, directory, state, lee, signing_in }
    }

    fn resource(&self, restricted_by: Option<&str>) -> ResourceMetadata {
        let document = json!({"title": "Hospital", "url": self.directory.url, "scope": "patient/*.rs",
            "patients": "search", "patients_restricted_by": restricted_by});
        ResourceMetadata::parse(document.as_object().unwrap()).unwrap()
    }

    async fn search(
        &self,
        restricted_by: Option<&str>,
        words: &str,
    ) -> Result<(Vec<PatientEntry>, bool), Failure> {
        let resource = self.resource(restricted_by);
        let patients = &self.state.authorization.patients;
        let page = patients.search((&self.lee, &resource), words, self.state.clock.now()).await?;
        Ok((page.entries, page.is_cut))
    }

    async fn find(&self, person: &Person, id: &str) -> Option<PatientEntry> {
        let resource = self.resource(Some("general-practitioner"));
        let patients = &self.state.authorization.patients;
        patients.find((person, &resource), id, self.state.clock.now()).await.unwrap()
    }
}

/// An app at the FHIR server, and the clinician signed in for it: the interaction, and what the browser shows.
async fn opened(scene: &Scene) -> (App, String, Visit) {
    let document = json!({"name": "hospital", "title": "Hospital", "url": scene.directory.url,
        "scope": "patient/*.rs", "patients": "search", "patients_restricted_by": "general-practitioner"});
    let created = scene.world.administer(reqwest::Method::POST, "/admin/v1/resources", Some(document)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let app = super::app(&scene.world, json!({"resources": [scene.directory.url]})).await;
    let mut browser = Browser::new(&scene.world);
    let scope = "launch/patient launch/encounter patient/Observation.rs";
    let page = browser.open(&app.authorize_with(scope, &[("aud", &scene.directory.url)])).await;
    let id = page.hidden("interaction");
    let answer = browser.try_password(&page, "dr.lee", &scene.signing_in.password).await;
    assert_eq!(answer.answer.status, 303);
    let shown = browser.cookies.iter().find(|(name, _)| name.contains("browser")).unwrap().1;
    let visit = Visit {
        browser: digest(shown),
        session: digest(browser.session().unwrap()),
        device: None,
        sender: Sender::Own,
        origin: within::request(&[]).evidence.origin,
    };
    (app, id, visit)
}

fn form(csrf: &str, id: &str, (field, value): (&str, &str)) -> PageForm {
    let pairs = [("csrf", csrf), ("interaction", id), (field, value), ("search", "words")];
    let count = if field == "q" { 4 } else { 3 };
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs[..count]).finish();
    parse_page(text.as_bytes()).unwrap()
}

fn page<P>(turn: Turn<P>) -> P {
    match turn {
        Turn::Page(page) => page,
        Turn::GoOn(go_on) => panic!("{go_on:?}"),
    }
}

#[tokio::test]
async fn s07_the_fhir_server_is_asked_once_for_a_page_and_each_search_is_recorded_without_its_words() {
    let scene = Scene::begin().await;
    let (app, id, visit) = opened(&scene).await;
    let flow = &scene.state.authorization;
    let encounter =
        json!({"resourceType": "Encounter", "id": "e-1", "subject": {"reference": "Patient/p-2"}});
    scene.directory.say(200, &bundle(&[found("p-2"), found("p-3"), encounter]));
    let asked = || scene.directory.heard().len();
    let view = page(flow.patient_view(&id, &visit).await.unwrap());
    assert_eq!((view.page.entries.len(), asked()), (3, 1), "the page is searched once");
    let csrf = view.asking.csrf;
    let words = form(&csrf, &id, ("q", "Marianne Q. 1961-04"));
    page(flow.search_patients(&words, &visit).await.unwrap());
    assert_eq!(asked(), 1, "the words alone are searched");
    flow.choose_patient(&form(&csrf, &id, ("patient", "p-2")), &visit).await.unwrap();
    assert_eq!(asked(), 1, "the patient is found, and nobody else looked up");
    let visits = page(flow.encounter_view(&id, &visit).await.unwrap());
    assert_eq!((visits.encounters.len(), asked()), (1, 2), "the patient and the visits");
    page(flow.patient_view(&id, &visit).await.unwrap());
    assert_eq!(asked(), 1, "who chooses again searches once");
    let chosen = form(&visits.asking.csrf, &id, ("encounter", "e-1"));
    flow.choose_encounter(&chosen, &visit).await.unwrap();
    assert_eq!(asked(), 2);

    let records = scene.world.audit("patient.search").await;
    assert_eq!(records.len(), 3, "{records:?}");
    for record in &records {
        for (name, value) in [
            ("outcome", "granted"),
            ("person", &scene.signing_in.subject),
            ("client", &app.id),
            ("audience", &scene.directory.url),
            ("detail", "found: 2"),
        ] {
            assert_eq!(record[name], value, "{record}");
        }
        assert!(!record.to_string().contains("Marianne") && !record.to_string().contains("1961"), "{record}");
    }
    let chosen = &scene.world.audit("patient.choose").await[0];
    assert_eq!((&chosen["outcome"], &chosen["patient"]), (&json!("granted"), &json!("p-2")));
    assert_eq!(scene.world.audit("encounter.choose").await[0]["patient"], "p-2");
}

fn bundle(resources: &[Value]) -> Value {
    let entries: Vec<Value> =
        resources.iter().map(|one| json!({"resource": one, "search": {"mode": "match"}})).collect();
    let own =
        json!([{"relation": "self", "url": "Patient?general-practitioner=Practitioner%2Flee&_count=21"}]);
    json!({"resourceType": "Bundle", "type": "searchset", "link": own, "entry": entries})
}

fn found(id: &str) -> Value {
    json!({"resourceType": "Patient", "id": id, "birthDate": "1987-12-19",
        "name": [{"use": "official", "family": "Silva", "given": ["Maria", "Ana"]}],
        "identifier": [{"value": "x"}, {"type": {"coding": [{"code": "MR"}]}, "value": "M2"}]})
}

#[tokio::test]
async fn sm_l_08_a_clinician_searches_the_fhir_server_and_finds_no_more_than_it_lets_them() {
    let scene = Scene::begin().await;
    scene.directory.say(200, &bundle(&[found("p-2"), found("own-team"), found("a/b")]));
    let (entries, is_cut) =
        scene.search(Some("general-practitioner"), "Maria silva, 1987-12-19").await.unwrap();
    let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!((ids, is_cut), (vec!["p-2", "own-team"], false), "what is no id is left out");
    let expected = PatientEntry {
        id: "p-2".to_owned(),
        name: "Maria Ana Silva".to_owned(),
        birth_date: Some("1987-12-19".to_owned()),
        identifier: Some("M2".to_owned()),
        relation: Relation::Found,
    };
    // Those who are registered here come first, and only once.
    let (entries, _) = scene.search(Some("general-practitioner"), "maria").await.unwrap();
    assert_eq!((entries[0].id.as_str(), entries[0].relation), ("own-team", Relation::CareTeam));
    assert_eq!(entries[1..], [expected]);

    let heard = scene.directory.heard();
    let line = heard[0].lines().next().unwrap();
    assert_eq!(
        line,
        "GET /r4/Patient?name=Maria&name=silva&birthdate=1987-12-19&general-practitioner=Practitioner%2Flee\
         &_elements=name%2CbirthDate%2Cidentifier&_count=21 HTTP/1.1"
    );
    assert!(heard[0].to_lowercase().contains("prefer: handling=strict"), "{}", heard[0]);

    // Unrestricted, nobody is shown unasked; restricted, the clinician's own are.
    assert_eq!(scene.search(None, " ").await.unwrap().0.len(), 1);
    for nothing in ["", ",", " , ,, "] {
        assert!(
            scene.search(None, nothing).await.unwrap().1 && scene.directory.heard().is_empty(),
            "{nothing}"
        );
    }
    scene.search(Some("general-practitioner"), "").await.unwrap();
    assert!(
        scene.directory.heard()[0]
            .starts_with("GET /r4/Patient?general-practitioner=Practitioner%2Flee&_elements")
    );
    scene.search(None, "M,2$|\\&_id=7").await.unwrap();
    let heard = scene.directory.heard();
    assert!(
        heard[0].starts_with("GET /r4/Patient?name=M&identifier=2%5C%24%5C%7C%5C%5C%26_id%3D7&_elements"),
        "{heard:?}"
    );
}

#[tokio::test]
async fn s07_a_patient_is_found_again_at_the_server_and_only_by_clinicians() {
    let scene = Scene::begin().await;
    scene.directory.say(200, &bundle(&[found("p-2")]));
    assert_eq!(scene.find(&scene.lee, "p-2").await.unwrap().relation, Relation::Found);
    let heard = scene.directory.heard();
    assert!(
        heard[0].starts_with("GET /r4/Patient?_id=p-2&general-practitioner=Practitioner%2Flee&"),
        "{heard:?}"
    );
    assert_eq!(scene.find(&scene.lee, "p-3").await, None, "whoever else is in the answer");
    assert_eq!(scene.find(&scene.lee, "own-team").await.unwrap().relation, Relation::CareTeam);
    assert_eq!(scene.find(&scene.lee, "p/2").await, None);
    scene.directory.heard();
    let without = Person { fhir_user: None, ..scene.lee.clone() };
    let no_clinician = Person { roles: Vec::new(), ..scene.lee.clone() };
    for person in [&without, &no_clinician] {
        assert_eq!(scene.find(person, "p-2").await, None);
    }
    assert!(scene.directory.heard().is_empty());

    let visit = |id: &str, patient: &str| {
        json!({"resourceType": "Encounter", "id": id, "subject": {"reference": patient}, "type": [{"text": "Check-up"}],
            "period": {"start": "2026-01-07T09:00:00Z"}})
    };
    let visits = [
        visit("e-1", "Patient/own-team"),
        visit("e-2", "Patient/p-9"),
        visit("e-3", "https://other.example/r4/Patient/own-team"),
        visit("e-4", &format!("{}/Patient/own-team", scene.directory.url)),
    ];
    scene.directory.say(200, &bundle(&visits));
    let resource = scene.resource(Some("general-practitioner"));
    let patients = &scene.state.authorization.patients;
    let now = scene.state.clock.now();
    let found = patients.encounters((&scene.lee, &resource), "own-team", now).await.unwrap();
    assert_eq!(found.iter().map(|visit| visit.id.as_str()).collect::<Vec<_>>(), ["e-1", "e-4"]);
    assert_eq!((found[0].title.as_str(), found[0].date.as_deref()), ("Check-up", Some("2026-01-07")));
    let one = |id: &'static str| patients.encounter((&scene.lee, &resource), ("own-team", id), now);
    assert!(one("e-1").await.unwrap().is_some() && one("e-2").await.unwrap().is_none());
}

#[tokio::test]
async fn the_token_of_this_server_is_for_that_fhir_server_short_and_told_by_introspection() {
    let scene = Scene::begin().await;
    scene.directory.say(200, &bundle(&[]));
    scene.search(None, "maria").await.unwrap();
    let heard = scene.directory.heard();
    let bearer =
        heard[0].lines().find(|line| line.to_lowercase().starts_with("authorization: bearer ")).unwrap();
    let token = bearer.rsplit(' ').next().unwrap();
    let said = claims(token);
    assert_eq!(header(token)["typ"], "at+jwt");
    for (name, value) in [
        ("iss", json!(scene.world.issuer())),
        ("aud", json!(scene.directory.url)),
        ("sub", json!("hilum")),
        ("client_id", json!("hilum")),
        ("scope", json!("system/Patient.rs system/Encounter.rs")),
    ] {
        assert_eq!(said[name], value);
    }
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 60);

    let document =
        json!({"name": "hospital", "title": "Hospital", "url": scene.directory.url, "scope": "patient/*.rs"});
    let created = scene.world.administer(reqwest::Method::POST, "/admin/v1/resources", Some(document)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let members = json!({"introspects": [scene.directory.url]});
    let own =
        crate::harness::Backend::register(&scene.world, hilum::jose::algorithm::Algorithm::Es256, members)
            .await;
    let told = own.introspect(&scene.world, &scene.world.public(), token).await.active();
    assert_eq!((&told["client_id"], &told["scope"]), (&json!("hilum"), &said["scope"]));
    crate::token::fhir_server(&scene.world)
        .await
        .introspect(&scene.world, &scene.world.public(), token)
        .await
        .inactive();
    let admin = scene.world.mtls(&scene.world.admin);
    for path in ["/admin/v1/users", "/oauth2/userinfo"] {
        let refused = admin.send(reqwest::Method::GET, path, Some(token), None).await;
        assert!(matches!(refused.status, 401 | 403), "{path}: {}", refused.status);
    }
}

#[tokio::test]
async fn a_fhir_server_that_fails_or_answers_with_something_else_is_a_fault_and_finds_nobody() {
    let scene = Scene::begin().await;
    let outcome = json!({"resourceType": "OperationOutcome"});
    for (status, document) in [
        (500, outcome.clone()),
        (401, outcome.clone()),
        (200, outcome),
        (200, json!([])),
        (200, json!({"resourceType": "Bundle", "entry": 7})),
    ] {
        scene.directory.say(status, &document);
        let failed = scene.search(None, "maria").await;
        assert!(matches!(failed, Err(Failure::Fault(_))), "{status} {document}: {failed:?}");
    }
    // A server that refuses what was typed has found nobody; what nobody has typed it must not refuse.
    let own = Some("general-practitioner");
    for status in [400, 422] {
        scene.directory.say(status, &json!({"resourceType": "OperationOutcome"}));
        assert_eq!(scene.search(None, "zoe").await.unwrap(), (Vec::new(), false), "{status}");
        assert_eq!(scene.find(&scene.lee, "p-2").await, None);
        assert!(scene.search(own, "").await.is_err());
    }
    // A server that has overlooked the restriction shows everybody, and so nobody is shown.
    let everybody = json!({"resourceType": "Bundle", "entry": [{"resource": found("p-2")}],
        "link": [{"relation": "self", "url": format!("{}/Patient?name=maria", scene.directory.url)}]});
    scene.directory.say(200, &everybody);
    let failed = scene.search(own, "maria").await;
    let Err(Failure::Fault(fault)) = failed else { panic!("{failed:?}") };
    assert!(fault.to_string().contains("does not repeat general-practitioner=Practitioner/lee"), "{fault}");
    assert_eq!(scene.search(None, "zoe").await.unwrap().0[0].id, "p-2");
    let many: Vec<Value> = (0..40).map(|at| found(&format!("p-{at}"))).collect();
    scene.directory.say(200, &bundle(&many));
    let (entries, is_cut) = scene.search(None, "maria").await.unwrap();
    assert_eq!((entries.len(), is_cut), (20, true));
    let long = json!({"resourceType": "Patient", "id": "p-2", "name": [{"text": "x".repeat(5000)}], "birthDate": "soon"});
    scene.directory.say(200, &bundle(&[long, json!({"resourceType": "Practitioner", "id": "x"}), json!(7)]));
    let (entries, _) = scene.search(None, "x").await.unwrap();
    assert_eq!((entries.len(), entries[0].name.chars().count(), &entries[0].birth_date), (1, 121, &None));
    scene.directory.say(200, &json!({"resourceType": "Bundle", "text": "x".repeat(600_000)}));
    assert!(scene.search(None, "maria").await.is_err());
}
