//! The page on which people see which apps may act for them, and end it (SMART App Launch 2.2,
//! `management_endpoint`).

mod listed;
mod many;
mod preapproved;
mod races;
mod sign_in;
mod waits;
mod withdrawn;

use crate::harness::{App, Browser};
use crate::token::refresh_token::{Scene, Tokens};

/// Nothing of what an app was given is any good on any process.
pub async fn is_dead(scene: &Scene, app: &App, tokens: &Tokens) {
    assert!(!scene.is_alive(tokens).await);
    for index in 0..scene.world.processes.len() {
        let peer = scene.world.public_of(index);
        let told = peer.send(reqwest::Method::GET, "/oauth2/userinfo", Some(tokens.access()), None).await;
        told.refused(401, "invalid_token");
        if tokens.0.get("refresh_token").is_some() {
            app.refresh(&peer, tokens.refresh()).await.refused(400, "invalid_grant");
        }
    }
}

/// A browser in which the patient of a scene is signed in, at one of its processes.
pub async fn signed_in(scene: &Scene, index: usize) -> Browser {
    let mut browser = Browser::at(scene.world.public_of(index));
    browser.account(&scene.pat).await.shows(200);
    browser
}
