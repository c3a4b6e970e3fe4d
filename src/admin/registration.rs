//! What a registration must say beyond its form: methods and grants that this server has, resource
//! servers that are registered, a `jwks_uri` that may be fetched. The same for every create, replace
//! and patch.

use crate::config::features::Features;
use crate::config::outbound::Outbound as Rules;
use crate::grants;
use crate::model::device_code;
use crate::pki::NameKind;
use crate::platform::outbound::OutboundUrl;
use crate::policy::{DECISION_WRITE, LAUNCH_WRITE};
use crate::protocol::allowance::Allowance;
use crate::protocol::client_metadata::{ClientMetadata, Keys, Profile};
use crate::protocol::error::{ErrorCode, Failure, Fault, FieldProblem, Reason, Refusal};
use crate::protocol::ids::CommunityName;
use crate::scope::dialects;
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;
use crate::store;

use crate::clients::methods;

use super::{Administration, fapi, openid};

/// What a registration may name.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The URLs of the resource servers that are registered.
    pub resources: Vec<String>,
    /// The types of authorization details that there are.
    pub details_types: Vec<String>,
    /// The trust communities, and the kinds of names that each takes.
    pub communities: Vec<(CommunityName, Vec<NameKind>)>,
}

impl Known {
    /// The same, and what a registration names already.
    #[must_use]
    pub fn and(mut self, before: &ClientMetadata) -> Self {
        self.resources.extend(before.resources.iter().chain(&before.introspects).cloned());
        self.details_types.extend(before.authorization_details_types.iter().cloned());
        self
    }
}

/// Judges a registration against what this server has.
pub fn judge(
    metadata: &ClientMetadata,
    known: &Known,
    rules: &Rules,
    features: &Features,
) -> Result<(), Refusal> {
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
        if grants::find(grant, features).is_none() {
            problem(format!("grant_types[{index}]"), "is not a grant of this server");
        }
    }
    let has = |grant: &str| metadata.grant_types.iter().any(|registered| registered == grant);
    if has("authorization_code") && metadata.redirect_uris.is_empty() {
        problem("redirect_uris".to_owned(), "authorization_code needs at least one (SMART App Launch 2.2)");
    }
    if has("refresh_token") && !has("authorization_code") && !has(device_code::GRANT) {
        let says = "refresh_token comes with authorization_code, or with the grant of devices";
        problem("grant_types".to_owned(), says);
    }
    // What such a client asks for must have been pushed (FAPI 2.0 Security Profile, 5.3.2.2).
    if has(device_code::GRANT) && metadata.profile == Profile::Fapi2 {
        problem("grant_types".to_owned(), "the grant of devices is not for clients of the profile fapi2");
    }
    for (member, urls) in [("resources", &metadata.resources), ("introspects", &metadata.introspects)] {
        for (index, url) in urls.iter().enumerate() {
            if !known.resources.contains(url) {
                problem(format!("{member}[{index}]"), "is not the URL of a registered resource server");
            }
        }
    }
    for (index, kind) in metadata.authorization_details_types.iter().enumerate() {
        if !known.details_types.contains(kind) {
            let says = "is not a type of authorization details that this server has";
            problem(format!("authorization_details_types[{index}]"), says);
        }
    }
    for FieldProblem { field, says } in metadata.about.misplaced(&metadata.redirect_uris) {
        problem(field, &says);
    }
    if metadata.backchannel_logout_session_required && metadata.backchannel_logout_uri.is_none() {
        let says = "comes with backchannel_logout_uri";
        problem("backchannel_logout_session_required".to_owned(), says);
    }
    for says in unread(&metadata.scope) {
        problem("scope".to_owned(), &says);
    }
    problems.extend(of_community(metadata, known));
    problems.extend(out_of_reach(metadata, rules));
    problems.extend(openid::problems(metadata, rules));
    if metadata.profile == Profile::Fapi2 {
        problems.extend(fapi::problems(metadata));
    }
    if problems.is_empty() { Ok(()) } else { Err(refusal(problems)) }
}

/// What is wrong with the trust community that a registration names: only certificates that somebody else has issued
/// are judged by one.
fn of_community(metadata: &ClientMetadata, known: &Known) -> Option<FieldProblem> {
    let problem =
        |field: &str, says: &str| Some(FieldProblem { field: field.to_owned(), says: says.to_owned() });
    let name = metadata.trust_community.as_ref()?;
    let issued = match metadata.token_endpoint_auth_method.as_str() {
        methods::TLS_CLIENT_AUTH => true,
        methods::SELF_SIGNED => false,
        _ => metadata.certificate_bound,
    };
    if !issued {
        let says = "comes with tls_client_auth, or with tls_client_certificate_bound_access_tokens and a certificate \
                    that an authority has issued";
        return problem("trust_community", says);
    }
    let Some((_, names)) = known.communities.iter().find(|(known, _)| known == name) else {
        return problem("trust_community", "is not a trust community of this server");
    };
    let identity = metadata.certificate_identity.as_ref()?;
    if names.contains(&identity.kind()) {
        return None;
    }
    problem(identity.field(), "is a kind of name that the trust community does not take")
}

/// The addresses that this server would ask, and may not: only what is registered is ever asked, by the same rules
/// (OpenID Connect Back-Channel Logout, 2.2).
fn out_of_reach(metadata: &ClientMetadata, rules: &Rules) -> Vec<FieldProblem> {
    let keys = match &metadata.keys {
        Keys::At(uri) => Some(uri),
        Keys::Inline(_) | Keys::None => None,
    };
    let asked = [("jwks_uri", keys), ("backchannel_logout_uri", metadata.backchannel_logout_uri.as_ref())];
    let judged = asked.into_iter().filter_map(|(field, uri)| {
        let says = OutboundUrl::parse(uri?, rules).err()?;
        Some(FieldProblem { field: field.to_owned(), says: says.to_owned() })
    });
    judged.collect()
}

impl Administration {
    /// What registrations may name.
    pub(crate) async fn known(&self) -> Result<Known, Fault> {
        let mut resources = store::resource::find_urls(&self.db).await?;
        resources.push(self.audience.clone());
        self.communities.refresh().await?;
        let communities = self.communities.names();
        Ok(Known { resources, details_types: self.details_types().await?, communities })
    }

    /// Judges what clients may be at most that register themselves. Never administrators, nor EHRs, nor payers.
    pub(super) async fn judge_allowance(&self, allowance: &Allowance) -> Result<(), Failure> {
        let mut problems = Vec::new();
        let mut problem =
            |field: String, says: &str| problems.push(FieldProblem { field, says: says.to_owned() });
        for (index, grant) in allowance.grant_types.iter().enumerate() {
            if grants::find(grant, &self.features).is_none() {
                problem(format!("grant_types[{index}]"), "is not a grant of this server");
            }
        }
        let known = store::resource::find_urls(&self.db).await?;
        for (index, url) in allowance.resources.iter().enumerate() {
            if !known.contains(url) {
                problem(format!("resources[{index}]"), "is not the URL of a registered resource server");
            }
        }
        for says in unread(&allowance.scope) {
            problem("scope".to_owned(), &says);
        }
        for token in allowance.scope.iter().map(ScopeToken::as_str) {
            if token.starts_with("admin/") || [LAUNCH_WRITE, DECISION_WRITE].contains(&token) {
                let says = format!(
                    "admin/ scopes, {LAUNCH_WRITE} and {DECISION_WRITE} are given by administrators alone"
                );
                problem("scope".to_owned(), &says);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(refusal(problems).into()) }
    }
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
