//! What a registration must say beyond its form: methods and grants that this server has, resource
//! servers that are registered, a `jwks_uri` that may be fetched. The same for every create, replace
//! and patch.

use crate::config::outbound::Outbound as Rules;
use crate::grants;
use crate::platform::outbound::OutboundUrl;
use crate::protocol::client_metadata::{ClientMetadata, Keys};
use crate::protocol::error::{ErrorCode, FieldProblem, Reason, Refusal};
use crate::scope::dialects;
use crate::scope::set::ScopeSet;

use crate::clients::methods;

/// Judges a registration against what this server has; `resources` are the URLs of those registered.
pub fn judge(metadata: &ClientMetadata, resources: &[String], rules: &Rules) -> Result<(), Refusal> {
    let mut problems = Vec::new();
    let mut problem =
        |field: String, says: &str| problems.push(FieldProblem { field, says: says.to_owned() });

    match methods::find(&metadata.token_endpoint_auth_method) {
        None => problem("token_endpoint_auth_method".to_owned(), "is not a method of this server"),
        Some(method) => {
            if let Err(FieldProblem { field, says }) = method.accepts(metadata) {
                problem(field, &says);
            }
        }
    }
    for (index, grant) in metadata.grant_types.iter().enumerate() {
        if grants::find(grant).is_none() {
            problem(format!("grant_types[{index}]"), "is not a grant of this server");
        }
    }
    let has = |grant: &str| metadata.grant_types.iter().any(|registered| registered == grant);
    if has("authorization_code") && metadata.redirect_uris.is_empty() {
        problem("redirect_uris".to_owned(), "authorization_code needs at least one (SMART App Launch 2.2)");
    }
    if has("refresh_token") && !has("authorization_code") {
        problem("grant_types".to_owned(), "refresh_token comes with authorization_code");
    }
    for (member, urls) in [("resources", &metadata.resources), ("introspects", &metadata.introspects)] {
        for (index, url) in urls.iter().enumerate() {
            if !resources.contains(url) {
                problem(format!("{member}[{index}]"), "is not the URL of a registered resource server");
            }
        }
    }
    if let Keys::At(uri) = &metadata.keys
        && let Err(says) = OutboundUrl::parse(uri, rules)
    {
        problem("jwks_uri".to_owned(), says);
    }
    for says in unread(&metadata.scope) {
        problem("scope".to_owned(), &says);
    }
    if problems.is_empty() { Ok(()) } else { Err(refusal(problems)) }
}

/// What is wrong with scopes that no dialect reads.
pub fn unread(scope: &ScopeSet) -> impl Iterator<Item = String> {
    let unread = scope.iter().filter(|token| dialects::read(token).is_none());
    unread.map(|token| format!("{token} is not a scope that is known here"))
}

/// The refusal of a registration: `invalid_redirect_uri` when that alone is at fault (RFC 7591, 3.2.2).
#[must_use]
pub fn refusal(problems: Vec<FieldProblem>) -> Refusal {
    let redirect = problems.iter().all(|problem| problem.field.starts_with("redirect_uris"));
    let code = if redirect { ErrorCode::InvalidRedirectUri } else { ErrorCode::InvalidClientMetadata };
    let named: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    let named = named.join(" ");
    let refusal = Refusal::new(
        code,
        "the registration cannot be accepted as it is",
        Reason::new("invalid_registration"),
    );
    refusal.detail(named).fields(problems)
}
