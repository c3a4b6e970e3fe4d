//! The recipes of `docs/proxies.md`, run as they stand there but for folders and ports.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Scene, escaped, sequence};
use crate::harness::{Answer, Identity, Peer, encoded, eventually, free_ports};
use crate::token::claims;

/// The recipe in a language.
fn recipe(language: &str) -> String {
    let text = std::fs::read_to_string("docs/proxies.md").expect("docs/proxies.md");
    let (_, rest) = text.split_once(&format!("```{language}\n")).expect("a recipe");
    rest.split_once("```").expect("its end").0.to_owned()
}

/// A proxy that runs.
struct Running(Child);

impl Running {
    fn start(mut command: Command, package: &str, log: &Path) -> Self {
        let file = std::fs::File::create(log).unwrap();
        let command = command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn();
        Self(child.unwrap_or_else(|error| panic!("{error}: install the package {package}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The folder of the recipes, with what they name in it.
fn write_files(scene: &Scene, folder: &Path) {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let together = |identity: &Identity| format!("{}{}", identity.certificate, identity.key);
    for name in ["auth", "mtls"] {
        let server = scene.world.authority.server();
        write(&format!("{name}.pem"), &together(&server));
        write(&format!("{name}.key"), &server.key);
    }
    let own = scene.proxy(|_| {});
    write("proxy.pem", &together(&own));
    write("proxy.key", &own.key);
    write("hilum-ca.pem", &scene.world.authority.pem);
    write("client-anchors.pem", &scene.world.authority.pem);
}

fn nginx(text: &str, folder: &Path) -> Running {
    let shown = folder.display();
    // Where nginx keeps bodies on their way; the folders of its package belong to root.
    let kept: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {shown}/{kind};\n"))
        .concat();
    let text = text
        .replace("/run/nginx.pid", &format!("{shown}/nginx.pid"))
        .replace("/var/log/nginx/error.log", "stderr")
        .replace("http {\n", &format!("http {{\n{kept}"));
    let file = folder.join("nginx.conf");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&file).args(["-e", "stderr", "-g", "daemon off; master_process off;"]);
    command.env("PATH", path());
    Running::start(command, "nginx-light", &folder.join("nginx.log"))
}

fn haproxy(text: &str, folder: &Path) -> Running {
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(&file).env("PATH", path());
    Running::start(command, "haproxy", &folder.join("haproxy.log"))
}

/// Where programs of administrators are, which people's own `PATH` may not name.
fn path() -> String {
    let known = hilum::config::machine("PATH").unwrap_or_default();
    format!("{known}:/usr/local/sbin:/usr/sbin:/sbin")
}

/// How a proxy is started with a configuration, in a folder.
type Start = fn(&str, &Path) -> Running;

#[tokio::test]
async fn mt_09_m08_the_recipes_hand_on_what_clients_prove_and_strip_what_they_only_say() {
    let mut scene = Scene::start("x-ssl-client-cert").await;
    let folder = scene.folder.path().to_owned();
    write_files(&scene, &folder);
    let recipes: [(&str, &str, Start); 2] =
        [("nginx", "x-ssl-client-cert", nginx), ("haproxy", "client-cert", haproxy)];
    let mut before = "x-ssl-client-cert";
    for (language, header, start) in recipes {
        if header != before {
            scene.restart_with(before, header).await;
            before = header;
        }
        let [issuer, mtls, _] = free_ports();
        let text = recipe(language)
            .replace("127.0.0.1:8444", &format!("127.0.0.1:{}", scene.world.processes[0].mtls))
            .replace("listen 443 ", &format!("listen 127.0.0.1:{issuer} "))
            .replace("listen 9443 ", &format!("listen 127.0.0.1:{mtls} "))
            .replace("bind :443 ", &format!("bind 127.0.0.1:{issuer} "))
            .replace("bind :9443 ", &format!("bind 127.0.0.1:{mtls} "))
            .replace("/etc/proxy/", &format!("{}/", folder.display()));
        let _running = start(&text, &folder);
        let log = || std::fs::read_to_string(folder.join(format!("{language}.log"))).unwrap_or_default();
        let up = eventually("the proxy listens", Duration::from_mins(2), || async {
            std::net::TcpStream::connect(("127.0.0.1", mtls)).is_ok().then_some(())
        });
        tokio::time::timeout(Duration::from_mins(1), up)
            .await
            .unwrap_or_else(|_| panic!("{language}: {}", log()));
        hands_on(&scene, language, (issuer, mtls)).await;
    }
}

/// What stands behind a proxy sees each client as it is.
async fn hands_on(scene: &Scene, language: &str, (issuer, mtls): (u16, u16)) {
    let world = &scene.world;
    let at = |port: u16, identity: Option<&Identity>| Peer::at(port, &world.authority.pem, identity);
    let form = scene.form();
    let (victim, stranger) = (&scene.client, Identity::self_signed("anybody"));
    let own = at(mtls, Some(victim));
    for _ in 0..2 {
        let token = own.post("/oauth2/token", &form).await.token();
        assert_eq!(claims(&token)["cnf"], json!({"x5t#S256": victim.thumbprint()}), "{language}");
    }
    let record = &world.audit("token.issue").await[1];
    assert_eq!((&record["outcome"], &record["peer_address"]), (&json!("granted"), &json!("127.0.0.1")));
    // A new connection, which may resume the session of the first.
    at(mtls, Some(victim)).post("/oauth2/token", &form).await.granted();

    let foreign = world.authority.client("https://thief.example/");
    let spoofs = [
        ("Client-Cert", sequence(victim)),
        ("client-cert", sequence(victim)),
        ("X-SSL-Client-Cert", escaped(victim)),
        ("X_SSL_Client_Cert", escaped(victim)),
        ("X-Forwarded-Client-Cert", format!("Cert=\"{}\"", escaped(victim))),
    ];
    let peers = [
        ("the issuer's name", at(issuer, None)),
        ("no certificate", at(mtls, None)),
        ("another client's", at(mtls, Some(&foreign))),
        ("one that nobody issued", at(mtls, Some(&stranger))),
    ];
    for (name, peer) in peers {
        let mut all = peer.request(Method::POST, "/oauth2/token");
        for (header, value) in &spoofs {
            all = all.header(*header, value).header(*header, value);
        }
        all = all.header("X-Forwarded-For", "198.51.100.66");
        let answer = Answer::read(encoded(all, &form).send().await.unwrap()).await;
        assert_eq!(answer.status, 401, "{language}, {name}: {}", answer.text);
        answer.invalid_client();
        assert_eq!(
            world.audit("token.issue").await[1]["peer_address"],
            json!("127.0.0.1"),
            "{language}, {name}"
        );
    }
    // Whoever shows another certificate beside the header is that other one.
    let spoofed = own.with("Client-Cert", &sequence(&foreign)).with("Client-Cert-Chain", &sequence(&foreign));
    spoofed.with("X-SSL-Client-Cert", &escaped(&foreign)).post("/oauth2/token", &form).await.granted();
    // Nobody need have issued what a token is only bound to: the proxy lets it pass.
    let records = world.audit("token.issue").await;
    let shown = |identity: &Identity| {
        records.iter().any(|record: &Value| record["certificate_thumbprint"] == json!(identity.thumbprint()))
    };
    assert!(shown(&stranger) && shown(&foreign), "{language}");
    assert_eq!(at(issuer, None).get("/oauth2/jwks").await.status, 200);
}
