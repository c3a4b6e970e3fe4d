//! SMART App Launch: EHRs that launch, and people who choose.

mod context_kept;
mod ehr_launch;
mod launch_api;
mod launch_bounds;
mod launch_stolen;
mod vouching;
mod patient_search;
mod patients;

use serde_json::{Value, json};

use crate::harness::{App, LAUNCH_URL, World};

/// The scopes of an app that an EHR opens.
pub const EHR_SCOPE: &str = "launch openid fhirUser patient/Observation.rs";

/// An app that EHRs open.
pub async fn app(world: &World, members: Value) -> App {
    let mut all = json!({"launch_urls": [LAUNCH_URL], "scope": "openid profile fhirUser offline_access online_access \
        launch launch/patient launch/encounter patient/*.cruds user/*.cruds"});
    for (name, value) in members.as_object().expect("an object") {
        all[name] = value.clone();
    }
    App::public(world, all).await
}
