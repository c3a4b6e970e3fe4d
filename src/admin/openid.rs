//! What a registration says of OpenID Connect, judged against what this server has (OpenID Connect Registration, 2;
//! OpenID Connect Core, 8.1).

use serde_json::Value;

use crate::config::outbound::Outbound as Rules;
use crate::platform::outbound::{Outbound, OutboundUrl};
use crate::protocol::acr;
use crate::protocol::client_metadata::{ClientMetadata, SubjectType};
use crate::protocol::error::{Failure, FieldProblem};
use crate::protocol::sector::UNCLEAR;

use super::registration;

/// What is wrong with what a registration says of OpenID Connect.
pub fn problems(metadata: &ClientMetadata, rules: &Rules) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let mut problem = |field: String, says: &str| problems.push(field_problem(field, says));
    if metadata.subject_type == SubjectType::Pairwise && metadata.sector().is_none() {
        problem("subject_type".to_owned(), UNCLEAR);
    }
    if metadata.sector_identifier_uri.is_some() && metadata.redirect_uris.is_empty() {
        // Nothing would show that the client is one of the sector.
        problem(SECTOR.to_owned(), "needs redirect_uris, which it must list");
    }
    if let Some(uri) = &metadata.sector_identifier_uri {
        match OutboundUrl::parse(uri, rules) {
            Err(says) => problem(SECTOR.to_owned(), says),
            Ok(_) if !uri.starts_with("https://") => problem(SECTOR.to_owned(), "must be an https URL"),
            Ok(_) => {}
        }
    }
    for (index, value) in metadata.default_acr_values.iter().enumerate() {
        if !acr::SUPPORTED.contains(&value.as_str()) {
            problem(format!("default_acr_values[{index}]"), "is no acr that a sign-in here attains");
        }
    }
    problems
}

/// Fetches the addresses of a client's sector, among which must be all of its own: nobody else may take a client
/// into his sector, or himself into another's. What is fetched is what was registered, by the rules of the one door
/// out; it is asked for when a registration is made or its addresses change.
pub async fn check_sector(
    metadata: &ClientMetadata,
    before: Option<&ClientMetadata>,
    (outbound, rules): (&Outbound, &Rules),
) -> Result<(), Failure> {
    let Some(uri) = &metadata.sector_identifier_uri else { return Ok(()) };
    let is_same = |before: &ClientMetadata| {
        before.sector_identifier_uri.as_ref() == Some(uri) && before.redirect_uris == metadata.redirect_uris
    };
    if before.is_some_and(is_same) {
        return Ok(());
    }
    let refused =
        |says: &str| Err(registration::refusal(vec![field_problem(SECTOR.to_owned(), says)]).into());
    let url = match OutboundUrl::parse(uri, rules) {
        Ok(url) => url,
        Err(says) => return refused(says),
    };
    let listed = match outbound.fetch_json(&url).await {
        Ok(fetched) => fetched.body,
        Err(error) => return refused(&format!("cannot be fetched: {error}")),
    };
    let Some(listed) = listed.as_array() else {
        return refused("must answer with a JSON array of redirect_uris");
    };
    let is_listed = |uri: &str| listed.iter().filter_map(Value::as_str).any(|known| known == uri);
    if metadata.redirect_uris.iter().all(|uri| is_listed(uri.as_str())) {
        Ok(())
    } else {
        refused("does not list every one of redirect_uris")
    }
}

const SECTOR: &str = "sector_identifier_uri";

fn field_problem(field: String, says: &str) -> FieldProblem {
    FieldProblem { field, says: says.to_owned() }
}
