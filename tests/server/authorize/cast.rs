//! What these tests share.

use crate::harness::World;

/// What a patient's app asks for.
pub const PATIENT_SCOPE: &str = "openid fhirUser launch/patient patient/Observation.rs";

/// Why an action was refused, the oldest first.
pub async fn reasons(world: &World, action: &str) -> Vec<String> {
    let records = world.audit(action).await;
    let refused = records.iter().rev().filter(|record| record["outcome"] == "refused");
    refused.map(|record| record["reason"].as_str().expect("a reason").to_owned()).collect()
}
