//! The FHIR REST API of the sandbox (FHIR R4, 3.1 and 3.1.1).

use reqwest::Method;
use serde_json::json;

use super::Scene;
use super::scene::{found, refused};
use crate::harness::{Answer, encoded};

#[tokio::test]
async fn everybody_is_told_what_the_server_can_do_and_where_tokens_come_from() {
    let scene = Scene::start().await;
    let statement = scene.public.get("/sandbox/fhir/metadata").await;
    assert_eq!((statement.status, statement.header("content-type")), (200, Some("application/fhir+json")));
    let statement = statement.json();
    assert_eq!(
        (&statement["resourceType"], &statement["fhirVersion"]),
        (&json!("CapabilityStatement"), &json!("4.0.1"))
    );
    let security = &statement["rest"][0]["security"];
    assert_eq!(security["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
    let uris = security["extension"][0]["extension"].as_array().unwrap();
    let token = uris.iter().find(|uri| uri["url"] == "token").unwrap();
    assert_eq!(token["valueUri"], scene.dev.url("/oauth2/token"));
    let smart = scene.public.get("/sandbox/fhir/.well-known/smart-configuration").await;
    let same = scene.public.get("/r/sandbox/.well-known/smart-configuration").await;
    assert_eq!((smart.status, smart.json()), (200, same.json()));
}

#[tokio::test]
async fn searches_find_by_name_identifier_and_references_page_by_page() {
    let scene = Scene::start().await;
    let token = scene.system_token("system/*.rs").await;
    for (search, ids) in [
        ("Patient?name=smith", vec!["smith-1950", "smith-1991"]),
        ("Patient?name=smith&birthdate=1991-08-30", vec!["smith-1991"]),
        ("Patient?name=NUNEZ", vec!["garcia"]),
        ("Patient?name=n%C3%BA%C3%B1&given=jos", vec!["garcia"]),
        ("Patient?name=mull,okaf", vec!["muller", "okafor"]),
        ("Patient?family=pat", vec![]),
        ("Patient?identifier=https://mercy.example/record-numbers|M10001", vec!["rivera"]),
        ("Patient?identifier=M10001", vec!["rivera"]),
        ("Patient?identifier=M1000", vec![]),
        ("Patient?general-practitioner=Practitioner/adams&gender=female", vec!["nguyen", "rivera"]),
        ("Patient?_id=rivera,cohen", vec!["cohen", "rivera"]),
        ("Practitioner?name=ada", vec!["adams"]),
        ("Condition?patient=rivera&category=health-concern", vec!["rivera-concern-1"]),
        ("Condition?subject=Patient/rivera&code=http://snomed.info/sct|38341003", vec!["rivera-problem-1"]),
        ("Condition?encounter=Encounter/rivera-encounter-1", vec!["rivera-concern-1", "rivera-diagnosis-1"]),
        ("Observation?patient=rivera&category=sdoh", vec!["rivera-sdoh-1"]),
        ("Encounter?patient=nguyen&date=ge2024", vec!["nguyen-encounter-1"]),
        ("Encounter?patient=nguyen&status=planned", vec![]),
        ("Observation?patient=silva", vec![]),
        ("ClaimResponse?request=Claim/rivera-claim", vec!["rivera-response"]),
    ] {
        assert_eq!(found(&scene.get(&token, search).await), ids, "{search}");
    }
    let absolute = format!("Coverage?patient={}/Patient/rivera", scene.fhir);
    assert_eq!(found(&scene.get(&token, &absolute).await), ["rivera-coverage"]);
    let form =
        scene.public.request(Method::POST, "/sandbox/fhir/Patient/_search?_count=5").bearer_auth(&token);
    let posted = encoded(form, &[("name", "smith")]).send().await.unwrap();
    assert_eq!(found(&Answer::read(posted).await), ["smith-1950", "smith-1991"]);

    let mut page = scene.get(&token, "Patient?_count=5").await;
    let mut ids = found(&page);
    assert_eq!((ids.len(), &page.json()["total"]), (5, &json!(12)));
    assert_eq!(page.json()["entry"][0]["fullUrl"], format!("{}/Patient/{}", scene.fhir, ids[0]));
    for _ in 0..2 {
        let links = page.json()["link"].as_array().unwrap().clone();
        let next =
            links.iter().find(|link| link["relation"] == "next").unwrap()["url"].as_str().unwrap().to_owned();
        page = scene.get(&token, next.strip_prefix(&format!("{}/", scene.fhir)).unwrap()).await;
        ids.extend(found(&page));
    }
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), page.json()["link"].as_array().unwrap().len()), (12, 1));
    assert!(page.json()["link"][0]["relation"] == "self");
    assert!(scene.get(&token, "Patient?name=nobody").await.json().get("entry").is_none());
}

#[tokio::test]
async fn what_cannot_be_read_is_told_as_an_operation_outcome() {
    let scene = Scene::start().await;
    let token = scene.system_token("system/*.cruds").await;
    for (method, path, body, status, code) in [
        (Method::GET, "Patient?nmae=smith", None, 400, "invalid"),
        (Method::GET, "Patient?name:exact=smith", None, 400, "invalid"),
        (Method::GET, "Patient?birthdate=yesterday", None, 400, "invalid"),
        (Method::GET, "Patient?_count=-1", None, 400, "invalid"),
        (Method::GET, "Patient?_format=xml", None, 406, "not-supported"),
        (Method::GET, "Patient/rivera?_elements=id", None, 400, "invalid"),
        (Method::GET, "Device", None, 404, "not-supported"),
        (Method::GET, "Device/x", None, 404, "not-supported"),
        (Method::GET, "Patient/nobody", None, 404, "not-found"),
        (Method::GET, "Patient/rivera/_history", None, 404, "not-found"),
        (Method::PATCH, "Patient/rivera", None, 405, "not-supported"),
        (Method::PUT, "Patient", None, 405, "not-supported"),
        (Method::POST, "Patient", Some(json!({"resourceType": "Group"})), 400, "invalid"),
        (Method::POST, "Patient", Some(json!([])), 400, "invalid"),
        (Method::PUT, "Patient/rivera", Some(json!({"resourceType": "Patient", "id": "x"})), 400, "invalid"),
        (Method::PUT, "Patient/x", Some(json!({"resourceType": "Patient", "id": "x"})), 404, "not-found"),
        (Method::POST, "Patient/_search", Some(json!({})), 415, "not-supported"),
    ] {
        let answer = scene.send(method.clone(), &token, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        refused(&answer, status, code, None);
    }
    let xml = scene.public.request(Method::POST, "/sandbox/fhir/Patient").bearer_auth(&token);
    let xml = xml.header("content-type", "application/fhir+xml").body("<Patient/>").send().await.unwrap();
    refused(&Answer::read(xml).await, 415, "not-supported", None);
}

#[tokio::test]
async fn any_origin_may_call_and_none_with_credentials() {
    let scene = Scene::start().await;
    for path in ["/sandbox/fhir/metadata", "/sandbox/fhir/Patient", "/sandbox/fhir/Patient/rivera"] {
        let asked = scene.public.request(Method::OPTIONS, path).header("origin", "https://any.example");
        let answer = Answer::read(asked.send().await.unwrap()).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some("*")));
        let headers = answer.header("access-control-allow-headers").unwrap();
        let headers: Vec<&str> = headers.split(',').map(str::trim).collect();
        let sent = ["authorization", "content-type", "accept", "prefer"];
        let conditional = ["if-match", "if-none-match", "if-none-exist"];
        assert!(sent.iter().chain(&conditional).all(|name| headers.contains(name)), "{headers:?}");
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
}
