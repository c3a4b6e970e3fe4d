//! The pages of the sandbox: there in development, as strict as any page, and nowhere in production.

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Dev, World};

const HTML: &str = "text/html; charset=utf-8";
const PAGES: [&str; 3] = ["/sandbox", "/sandbox/app/launch", "/sandbox/app/callback"];
const POLICY: [&str; 8] = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
];

/// What the pages and their modules load, found in their own text.
fn loaded(text: &str) -> Vec<String> {
    let names = text.split(['"', '\'']).filter_map(|part| {
        let name = part.strip_prefix("/sandbox/").or_else(|| part.strip_prefix("./"))?;
        let is_file = [".js", ".css"].iter().any(|end| name.ends_with(end));
        is_file.then(|| format!("/sandbox/{name}"))
    });
    names.collect()
}

#[tokio::test]
async fn the_sandbox_is_served_in_development_with_a_strict_policy_and_its_secrets_stay_here() {
    let folder = TempDir::new().unwrap();
    let dev = Dev::start(folder.path(), &[]).await;
    let mut files = Vec::new();
    for path in PAGES {
        let page = dev.public().get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some(HTML)), "{path}");
        let policy: Vec<&str> =
            page.header("content-security-policy").unwrap().split(';').map(str::trim).collect();
        assert_eq!(policy, POLICY, "{path}");
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
        assert!(!page.text.contains("<style") && !page.text.contains(" style="), "{path}");
        assert!(!page.text.contains(" onclick=") && !page.text.contains("<script>"), "{path}");
        files.extend(loaded(&page.text));
    }
    // Every module is there, and so is what it imports.
    let mut at = 0;
    while let Some(path) = files.get(at).cloned() {
        let file = dev.public().get(&path).await;
        let kind = if path.split('.').any(|part| part == "css") { "text/css" } else { "text/javascript" };
        let kind = format!("{kind}; charset=utf-8");
        assert_eq!((file.status, file.header("content-type")), (200, Some(kind.as_str())), "{path}");
        let new: Vec<String> =
            loaded(&file.text).into_iter().filter(|found| !files.contains(found)).collect();
        files.extend(new);
        at += 1;
    }
    assert!(files.len() > 10, "{files:?}");
    for path in ["/sandbox/nothing.js", "/sandbox/index.html", "/sandbox/..%2fCargo.toml", "/sandbox/"] {
        assert_eq!(dev.public().get(path).await.status, 404, "{path}");
    }
    assert_eq!(dev.public().send(Method::POST, "/sandbox", None, None).await.status, 405);
    the_configuration_is_for_own_pages_alone(&dev).await;
}

async fn the_configuration_is_for_own_pages_alone(dev: &Dev) {
    let cookie = the_address_that_is_printed_gives_its_key_as_a_cookie(dev).await;
    let cookie = cookie.as_str();
    let request = |site: Option<&'static str>, cookie: Option<&str>| {
        let mut request = dev.public().request(Method::GET, "/sandbox/config.json");
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        cookie.map(|cookie| request.try_clone().unwrap().header("cookie", cookie)).unwrap_or(request)
    };
    let own = request(Some("same-origin"), Some(cookie)).send().await.unwrap();
    assert_eq!(own.status(), 200);
    let header = |name: &str| own.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(header("content-type").as_deref(), Some("application/json"));
    assert!(own.headers().keys().all(|name| !name.as_str().starts_with("access-control-")));
    let told: Value = serde_json::from_str(&own.text().await.unwrap()).unwrap();
    assert_eq!(told["clients"]["ehr"], dev.fixtures["clients"]["ehr"]);
    assert_eq!(told["users"][0], dev.fixtures["users"][0]);
    // No page needs those who could change the server.
    assert!(told["clients"]["admin-cli"].is_null(), "{told}");
    let admin = told["users"].as_array().unwrap().iter().any(|user| user["username"] == "admin");
    assert!(!admin && told["database_url"].is_null(), "{told}");

    let wrong = format!("__Host-hilum_sandbox={}", "A".repeat(43));
    for (site, cookie, words) in [
        (Some("cross-site"), Some(cookie), "own pages"),
        (Some("same-site"), Some(cookie), "own pages"),
        (Some("none"), Some(cookie), "own pages"),
        // A program of anybody on this machine, which can say what it likes but does not know the key.
        (None, Some(cookie), "own pages"),
        (None, None, "own pages"),
        (Some("same-origin"), None, "hilum dev printed"),
        (Some("same-origin"), Some("__Host-hilum_sandbox="), "hilum dev printed"),
        (Some("same-origin"), Some(wrong.as_str()), "hilum dev printed"),
    ] {
        let foreign = request(site, cookie).send().await.unwrap();
        assert_eq!(foreign.status(), 403, "{site:?} {cookie:?}");
        assert!(foreign.headers().keys().all(|name| !name.as_str().starts_with("access-control-")));
        let told = foreign.text().await.unwrap();
        assert!(told.contains(words) && !told.contains("client_id"), "{site:?} {cookie:?}: {told}");
    }
}

/// Opens the address of the fixtures, and answers with the cookie as a browser sends it.
async fn the_address_that_is_printed_gives_its_key_as_a_cookie(dev: &Dev) -> String {
    let address = dev.fixtures["sandbox"].as_str().unwrap();
    let path = address.strip_prefix(&dev.url("")).unwrap();
    let (_, key) = path.split_once("/sandbox?key=").unwrap();
    assert_eq!(key.len(), 43, "{key}");
    let answer = dev.public().get(path).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sandbox")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let cookie = answer.header("set-cookie").unwrap();
    let mut parts: Vec<&str> = cookie.split("; ").collect();
    parts.sort_unstable();
    let named = format!("__Host-hilum_sandbox={key}");
    assert_eq!(parts, ["HttpOnly", "Path=/", "SameSite=Strict", "Secure", &named]);
    let wrong = dev.public().get("/sandbox?key=wrong").await;
    assert_eq!((wrong.status, wrong.header("location")), (303, Some("/sandbox")));
    assert_eq!(wrong.header("set-cookie"), None);
    named
}

#[tokio::test]
async fn hilum_serve_has_no_sandbox() {
    let world = World::start().await;
    for path in PAGES.into_iter().chain(["/sandbox/config.json", "/sandbox/index.js", "/sandbox/sandbox.css"])
    {
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let answer = world.public().send(method.clone(), path, None, None).await;
            assert_eq!(answer.status, 404, "{method} {path}");
        }
    }
}
