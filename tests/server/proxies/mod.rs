//! Clients whose TLS a proxy has ended: what is believed of it, and of nobody else.

mod direct;
mod recipes;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, SanType};
use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Authority, Database, Identity, World, registration};

/// The name of the proxies.
const PROXY: &str = "proxy.example.org";
/// The name in the client's certificate.
const URI: &str = "https://payer.example/system";

/// A world with an authority of proxies, and a client known by its certificate.
struct Scene {
    world: World,
    proxies: Authority,
    folder: TempDir,
    /// The client.
    id: String,
    /// Its certificate.
    client: Identity,
}

impl Scene {
    async fn start(header: &str) -> Self {
        let (folder, proxies) = (TempDir::new().unwrap(), Authority::new("Proxies"));
        let anchors = folder.path().join("proxy-anchors.pem");
        std::fs::write(&anchors, &proxies.pem).unwrap();
        let more = format!(
            "[proxy]\nanchors_file = \"{}\"\nnames = [\"{PROXY}\"]\nheader = \"{header}\"\n\
             client_address = \"x-forwarded-for\"\nrevocation = \"none\"\n",
            anchors.display()
        );
        let world = World::configured(1, &more, Database::url).await;
        let id =
            world.register(registration("tls_client_auth", json!({"tls_client_auth_san_uri": URI}))).await;
        let client = world.authority.client(URI);
        Self { world, proxies, folder, id, client }
    }

    /// Starts the server again for another form of header.
    async fn restart_with(&mut self, before: &str, header: &str) {
        self.restart_where("header", before, header).await;
    }

    /// Starts the server again with another value of a key.
    async fn restart_where(&mut self, key: &str, before: &str, value: &str) {
        let text = std::fs::read_to_string(self.world.config()).unwrap();
        let text = text.replace(&format!("\n{key} = \"{before}\""), &format!("\n{key} = \"{value}\""));
        std::fs::write(self.world.config(), text).unwrap();
        self.world.processes[0].kill();
        self.world.restart(0).await;
    }

    /// A certificate of a proxy, changed before it is signed.
    fn proxy(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        self.proxies.client_with("https://unused.example/", |params| {
            params.subject_alt_names = vec![SanType::DnsName(PROXY.try_into().unwrap())];
            change(params);
        })
    }

    /// The form of a token request of the client.
    fn form(&self) -> [(&'static str, &str); 3] {
        [("grant_type", "client_credentials"), ("client_id", &self.id), ("scope", "system/Claim.rs")]
    }
}

/// As RFC 9440 writes it.
fn sequence(identity: &Identity) -> String {
    format!(":{}:", STANDARD.encode(&identity.der))
}

/// As nginx and Envoy write it.
fn escaped(identity: &Identity) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let sign = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    identity.certificate.bytes().map(sign).collect()
}
