//! How an answer travels to the client: in the query of a redirect (RFC 6749, 4.1.2), or in a form that the browser
//! posts (OAuth 2.0 Form Post Response Mode); and either of them signed (JARM).

use std::sync::Arc;

use serde_json::{Map, Value, json};
use time::Duration;

use crate::jose::algorithm::Algorithm;
use crate::keys::keyring::KeyRing;
use crate::model::client::Client;
use crate::moment::{Timestamp, seconds};
use crate::protocol::authorization_request::{AuthorizationRequest, mode_of, state_of};
use crate::protocol::client_metadata::Profile;
use crate::protocol::error::{Failure, Fault, Refusal};
use crate::protocol::ids::ClientId;
use crate::protocol::params::Tolerant;
use crate::protocol::redirect_uri::Callback;
use crate::protocol::response_mode::ResponseMode;

use super::AuthorizationFlow;

/// How long a signed answer is good for: longer than the code in it, so that a clock may be wrong by some minutes, and
/// within the ten minutes that JARM recommends (2.1).
const LIFE: Duration = Duration::minutes(5);

/// The `typ` of signed answers. JARM names none, and clients read no other. An id token has it too, but that has a
/// `sub`, and this has none.
const TYPE: &str = "JWT";

/// An answer, ready to travel.
pub enum Answer {
    /// The browser is sent to this address.
    Redirect(String),
    /// The browser posts a form.
    Form {
        /// Where to.
        action: Callback,
        /// What stands in it, by name.
        fields: Vec<(&'static str, String)>,
    },
}

/// What a request says of the answer to it.
pub(super) struct Told {
    /// What the client gets back.
    pub(super) state: Option<String>,
    /// How the answer travels.
    pub(super) mode: ResponseMode,
}

/// Where the answer goes: a callback that was proved, and what every answer to it carries.
#[derive(Clone)]
pub struct ReturnAddress {
    callback: Callback,
    state: Option<String>,
    mode: ResponseMode,
    client: ClientId,
    algorithm: Algorithm,
    issuer: Arc<str>,
    at: Timestamp,
}

impl std::fmt::Debug for ReturnAddress {
    /// The state may be a secret of the client.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReturnAddress")
            .field("callback", &self.callback)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl ReturnAddress {
    /// The address of the answers that are given at a time. A mode in which the client can be told nothing gives way
    /// to the next one: what [`may_be_answered`] refuses has to be told, too.
    pub(super) fn new(
        (client, callback): (&Client, &Callback),
        Told { state, mode }: Told,
        issuer: Arc<str>,
        at: Timestamp,
    ) -> Self {
        let mode = if callback.takes_forms() { mode } else { mode.in_query() };
        let mode = if is_told_signed(client) { mode.signed() } else { mode };
        Self {
            callback: callback.clone(),
            state: state.filter(|state| mode != ResponseMode::FormPost || survives_a_form(state)),
            mode,
            client: client.id.clone(),
            algorithm: client.metadata.signed_with(client.metadata.authorization_signed_response_alg),
            issuer,
            at,
        }
    }

    /// The answer that carries a code.
    pub(super) async fn granted(&self, code: &str, keys: &KeyRing) -> Result<Answer, Fault> {
        self.answer(&[("code", code)], keys).await
    }

    /// The answer when there is no code. What was our fault is told as that and no more.
    async fn refused(&self, failure: &Failure, keys: &KeyRing) -> Result<Answer, Fault> {
        let (error, told) = match failure {
            Failure::Refusal(refusal) => (refusal.code().word(), refusal.told()),
            Failure::Fault(fault) if fault.is_overload() => {
                ("temporarily_unavailable", "there is too much to do at the moment: try again")
            }
            Failure::Fault(_) => ("server_error", "the request could not be answered: try again"),
        };
        self.answer(&[("error", error), ("error_description", told)], keys).await
    }

    /// Every answer repeats the state byte for byte and names its issuer: beside the rest, or where it is signed with
    /// the rest and not twice (RFC 9207, 2; JARM, 2.1).
    async fn answer(&self, members: &[(&'static str, &str)], keys: &KeyRing) -> Result<Answer, Fault> {
        let state = self.state.iter().map(|state| ("state", state.as_str()));
        let said = members.iter().copied().chain(state);
        let fields: Vec<(&'static str, String)> = if self.mode.is_signed() {
            vec![("response", self.sign(said, keys).await?)]
        } else {
            let issuer = ("iss", self.issuer.as_ref());
            said.chain([issuer]).map(|(name, value)| (name, value.to_owned())).collect()
        };
        Ok(match self.mode {
            ResponseMode::Query | ResponseMode::QueryJwt => {
                let pairs: Vec<(&str, &str)> =
                    fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                Answer::Redirect(self.callback.with(&pairs))
            }
            ResponseMode::FormPost | ResponseMode::FormPostJwt => {
                Answer::Form { action: self.callback.clone(), fields }
            }
        })
    }

    /// The answer as a JWT for the client alone (JARM, 2.1).
    async fn sign<'a>(
        &self,
        said: impl Iterator<Item = (&'static str, &'a str)>,
        keys: &KeyRing,
    ) -> Result<String, Fault> {
        let mut claims: Map<String, Value> =
            said.map(|(name, value)| (name.to_owned(), json!(value))).collect();
        claims.insert("iss".to_owned(), json!(self.issuer.as_ref()));
        claims.insert("aud".to_owned(), json!(self.client.as_str()));
        claims.insert("exp".to_owned(), json!(seconds(self.at + LIFE)));
        keys.sign(self.algorithm, TYPE, &claims, self.at).await
    }
}

impl AuthorizationFlow {
    /// Where the answer to a request goes, as far as the request can be read by then.
    pub(super) fn return_address(
        &self,
        to: (&Client, &Callback),
        said: &Tolerant,
        at: Timestamp,
    ) -> ReturnAddress {
        let told = Told { state: state_of(said).map(str::to_owned), mode: mode_of(said) };
        ReturnAddress::new(to, told, self.issuer.clone(), at)
    }

    /// The answer that tells a client why it gets no code.
    pub async fn refused(&self, address: &ReturnAddress, failure: &Failure) -> Result<Answer, Fault> {
        address.refused(failure, &self.signing).await
    }
}

/// Whether a client can be answered in the way that it asks for.
pub fn may_be_answered(
    (client, callback): (&Client, &Callback),
    request: &AuthorizationRequest,
) -> Result<(), Refusal> {
    let mode = request.response_mode;
    if !mode.is_signed() && is_told_signed(client) {
        let told = "response_mode must be jwt: this client is registered for signed answers";
        return Err(Refusal::invalid_request(told, "response_mode_unsigned"));
    }
    // At registration nothing says yet which mode is meant, and the same app may have a web address as well.
    if mode.is_form() && !callback.takes_forms() {
        let told =
            "an app with a scheme of its own can be sent no form: response_mode must be query or query.jwt";
        return Err(Refusal::invalid_request(told, "form_to_private_scheme"));
    }
    if mode == ResponseMode::FormPost && !request.state.as_deref().is_none_or(survives_a_form) {
        let told = "state has control characters, which a form does not send as they are";
        return Err(Refusal::invalid_request(told, "state_not_for_a_form"));
    }
    Ok(())
}

/// Whether a client is told nothing that is not signed: one of FAPI 2.0 that is registered for signed answers (FAPI 2.0
/// Message Signing, 5.4). Any other asks for them by the mode.
fn is_told_signed(client: &Client) -> bool {
    client.metadata.profile == Profile::Fapi2 && client.metadata.authorization_signed_response_alg.is_some()
}

/// Whether a form sends a text as it is: browsers write line ends in their own way, and a NUL is lost (HTML, form
/// submission; tokenization). RFC 6749 has none of them in a state (appendix A.5).
fn survives_a_form(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::client::ClientStatus;
    use crate::model::registration::Provenance;
    use crate::protocol::client_metadata::ClientMetadata;
    use crate::protocol::params::parse_tolerant;
    use crate::protocol::redirect_uri::matched;

    const WEB: &str = "https://app.example/cb";
    const PRIVATE: &str = "com.example.app:/cb";

    fn client(members: &Value) -> Client {
        let mut registration = json!({"client_name": "a", "organization": "b", "token_endpoint_auth_method": "none",
            "redirect_uris": [WEB, PRIVATE, "http://127.0.0.1/cb"]});
        for (name, value) in members.as_object().unwrap() {
            registration[name] = value.clone();
        }
        let epoch = Timestamp::UNIX_EPOCH;
        Client {
            id: ClientId::parse("c").unwrap(),
            status: ClientStatus::Active,
            provenance: Provenance::ADMINISTRATOR,
            metadata: ClientMetadata::parse(registration.as_object().unwrap()).unwrap(),
            version: 1,
            tokens_not_before: epoch,
            created_at: epoch,
            updated_at: epoch,
        }
    }

    /// Why a request of a client is refused, and how it is told.
    fn judged(client: &Client, uri: &str, (mode, state): (&str, &str)) -> (&'static str, &'static str) {
        let callback = matched(&client.metadata.redirect_uris, uri).unwrap();
        let text = format!(
            "response_type=code&scope=openid&code_challenge_method=S256&code_challenge={}&state={state}&response_mode={mode}",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        let request =
            AuthorizationRequest::parse(&parse_tolerant(text.as_bytes()).unwrap(), client.metadata.profile)
                .unwrap();
        let told = Told { state: request.state.clone(), mode: request.response_mode };
        let address = ReturnAddress::new((client, &callback), told, Arc::from("i"), Timestamp::UNIX_EPOCH);
        let refused = may_be_answered((client, &callback), &request).err();
        (refused.map_or("", |refusal| refusal.reason().code()), address.mode.as_str())
    }

    #[test]
    fn a_client_is_answered_as_it_asks_where_that_can_be() {
        let anybody = client(&json!({"authorization_signed_response_alg": "ES256"}));
        for (uri, mode, state, expected) in [
            (WEB, "", "s", ("", "query")),
            (WEB, "form_post", "s", ("", "form_post")),
            (WEB, "jwt", "s", ("", "query.jwt")),
            (WEB, "form_post.jwt", "s%0A", ("", "form_post.jwt")),
            (WEB, "query", "s%0A", ("", "query")),
            (WEB, "form_post", "s%0A", ("state_not_for_a_form", "form_post")),
            (WEB, "form_post", "s%0D", ("state_not_for_a_form", "form_post")),
            ("http://127.0.0.1:1/cb", "form_post", "s", ("", "form_post")),
            (PRIVATE, "", "s", ("", "query")),
            (PRIVATE, "jwt", "s", ("", "query.jwt")),
            (PRIVATE, "form_post", "s", ("form_to_private_scheme", "query")),
            (PRIVATE, "form_post.jwt", "s", ("form_to_private_scheme", "query.jwt")),
        ] {
            assert_eq!(judged(&anybody, uri, (mode, state)), expected, "{uri} {mode} {state}");
        }
    }

    #[test]
    fn a_client_of_fapi_that_is_registered_for_signed_answers_is_told_nothing_else() {
        let plain = client(&json!({"profile": "fapi2"}));
        assert_eq!(judged(&plain, WEB, ("form_post", "s")), ("", "form_post"));
        let signed = client(&json!({"profile": "fapi2", "authorization_signed_response_alg": "RS256"}));
        for (mode, expected) in [
            ("", ("response_mode_unsigned", "query.jwt")),
            ("query", ("response_mode_unsigned", "query.jwt")),
            ("form_post", ("response_mode_unsigned", "form_post.jwt")),
            ("jwt", ("", "query.jwt")),
            ("form_post.jwt", ("", "form_post.jwt")),
        ] {
            assert_eq!(judged(&signed, WEB, (mode, "s")), expected, "{mode}");
        }
    }
}
