//! Devices without a browser (RFC 8628): what they ask for, the page on which a person enters their code, and the
//! attacks on both.

mod attacks;
mod endpoint;
mod pages;

use serde_json::{Value, json};

use crate::harness::{Answer, App, Browser, Database, FHIR, Page, Person, World};
use crate::token::text;

/// The `grant_type` of devices.
pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// What a device asks for.
pub const SCOPE: &str = "openid fhirUser launch/patient patient/Observation.rs offline_access";
/// What turns the devices on.
pub const ON: &str = "[features]\ndevice_authorization = true";

/// A server that lets devices ask, of so many processes.
pub async fn world_of(processes: usize) -> World {
    World::configured(processes, ON, Database::url).await
}

/// A server that lets devices ask.
pub async fn world() -> World {
    world_of(1).await
}

/// What the registration of a device says.
pub fn members() -> Value {
    json!({"client_name": "Waiting Room Screen", "grant_types": [GRANT, "refresh_token"], "redirect_uris": []})
}

/// A device that proves nothing.
pub async fn public(world: &World) -> App {
    App::public(world, members()).await
}

/// What a device is told when it asks for its codes.
pub async fn ask(world: &World, app: &App, scope: &str) -> Value {
    let form = [("scope", scope), ("aud", FHIR)];
    app.ask(&world.public(), "/oauth2/device", &form).await.granted()
}

/// A device asks whether it was answered.
pub async fn poll(world: &World, app: &App, codes: &Value) -> Answer {
    poll_of(world, 0, app, codes).await
}

/// A device asks one of the processes.
pub async fn poll_of(world: &World, index: usize, app: &App, codes: &Value) -> Answer {
    let form = [("grant_type", GRANT), ("device_code", text(codes, "device_code"))];
    app.ask(&world.public_of(index), "/oauth2/token", &form).await
}

/// Opens the page and enters a code; what comes back is not followed.
pub async fn enter(browser: &mut Browser, code: &str) -> Page {
    let page = browser.get("/device").await;
    page.shows(200);
    send(browser, &page, code).await
}

/// Sends the form of a page with a code.
pub async fn send(browser: &mut Browser, page: &Page, code: &str) -> Page {
    let csrf = page.hidden("csrf");
    browser.post("/device", &[("csrf", csrf.as_str()), ("user_code", code)]).await
}

/// Enters the code of a device and signs in where it is asked; what is shown is the question for consent.
pub async fn question(browser: &mut Browser, codes: &Value, person: &Person) -> Page {
    let page = enter(browser, text(codes, "user_code")).await;
    let mut page = browser.follow(page).await;
    if page.asks_to_sign_in() {
        page = browser.sign_in(&page, person).await;
    }
    assert!(page.shows(200).asks_for_consent(), "{}", page.text());
    page
}

/// A person agrees to all that a device asks for.
pub async fn approve(browser: &mut Browser, codes: &Value, person: &Person) -> Page {
    let question = question(browser, codes, person).await;
    let page = browser.allow(&question).await;
    assert!(page.shows(200).text().contains("Go back to your device"), "{}", page.text());
    page
}

/// Makes the codes of every device as old as they can become.
pub async fn expire(world: &World) {
    let older = "update device_code set issued_at = issued_at - interval '10 minutes',
                        expires_at = expires_at - interval '10 minutes'";
    world.database.execute(older).await;
}
