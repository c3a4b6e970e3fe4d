//! A request to sign somebody out (OpenID Connect RP-Initiated Logout 1.0, 2). `logout_hint` and `ui_locales` are
//! taken and change nothing: the browser itself shows who is signed in.

/// What an app asks for when it sends somebody here to be signed out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LogoutRequest {
    /// An id token that the app was given.
    pub id_token_hint: Option<String>,
    /// The app.
    pub client_id: Option<String>,
    /// Where the browser is to go afterwards.
    pub post_logout_redirect_uri: Option<String>,
    /// What the app gets back there.
    pub state: Option<String>,
}

impl std::fmt::Debug for LogoutRequest {
    /// Names alone: an id token speaks of a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.fields().iter().map(|(name, _)| name)).finish()
    }
}

impl LogoutRequest {
    /// Reads a request from its parameters.
    pub fn read<'a>(parameter: impl Fn(&str) -> Option<&'a str>) -> Self {
        let text = |name: &str| parameter(name).map(str::to_owned);
        Self {
            id_token_hint: text("id_token_hint"),
            client_id: text("client_id"),
            post_logout_redirect_uri: text("post_logout_redirect_uri"),
            state: text("state"),
        }
    }

    /// The parameters that have a value, as a form repeats them.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("id_token_hint", &self.id_token_hint),
            ("client_id", &self.client_id),
            ("post_logout_redirect_uri", &self.post_logout_redirect_uri),
            ("state", &self.state),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lo_01_a_request_is_read_as_its_fields_are_written_and_prints_no_value() {
        let sent =
            [("id_token_hint", "a.b.c"), ("state", "s&="), ("logout_hint", "pat"), ("client_id", "app")];
        let find = |name: &str| sent.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let request = LogoutRequest::read(find);
        assert_eq!(request.fields(), [("id_token_hint", "a.b.c"), ("client_id", "app"), ("state", "s&=")]);
        let written = request.fields();
        let again = LogoutRequest::read(|name| {
            written.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
        });
        assert_eq!(again, request);
        assert_eq!(format!("{request:?}"), r#"{"id_token_hint", "client_id", "state"}"#);
    }
}
