//! The sector within which a client knows people by names of its own (OpenID Connect Core, 8.1).

use url::Url;

use super::client_metadata::ClientMetadata;
use super::redirect_uri::{RedirectUri, is_loopback};

/// Why a registration names no sector.
pub const UNCLEAR: &str = "pairwise needs redirect_uris of one host that is not this machine's own, or a \
                           sector_identifier_uri (OpenID Connect Core, 8.1)";

impl ClientMetadata {
    /// The host that names the sector of the client: that of its `sector_identifier_uri`, or else the one host of
    /// its redirect URIs. `None` where there is no such host, or more than one.
    #[must_use]
    pub fn sector(&self) -> Option<String> {
        let host = |text: &str| Some(Url::parse(text).ok()?.host_str()?.to_owned());
        if let Some(uri) = &self.sector_identifier_uri {
            return host(uri);
        }
        let of_callback = |uri: &RedirectUri| {
            // Every app on a machine can say that it is at home there.
            let url = Url::parse(uri.as_str()).ok().filter(|url| !is_loopback(url))?;
            url.host_str().map(str::to_owned)
        };
        let mut hosts = self.redirect_uris.iter().map(of_callback);
        let first = hosts.next().flatten()?;
        hosts.all(|other| other.as_ref() == Some(&first)).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sector(redirect_uris: &Value, uri: Option<&str>) -> Option<String> {
        let document = json!({"client_name": "a", "organization": "b", "token_endpoint_auth_method": "none",
            "redirect_uris": redirect_uris, "sector_identifier_uri": uri});
        ClientMetadata::parse(document.as_object().unwrap()).unwrap().sector()
    }

    #[test]
    fn a_sector_is_one_host() {
        let of_one = json!(["https://a.example/cb", "https://a.example:8443/other"]);
        assert_eq!(sector(&of_one, None).as_deref(), Some("a.example"));
        assert_eq!(sector(&of_one, Some("https://s.example/list.json")).as_deref(), Some("s.example"));
        for none in [
            json!([]),
            json!(["https://a.example/cb", "https://b.example/cb"]),
            json!(["com.example.app:/cb"]),
            json!(["https://a.example/cb", "com.example.app:/cb"]),
            json!(["http://127.0.0.1/cb"]),
            json!(["http://localhost/cb"]),
        ] {
            assert_eq!(sector(&none, None), None, "{none}");
        }
    }
}
