//! A small client of EST, made of nothing but curl and openssl, as one in a device is.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::{Identity, World};

/// What an enrollee shows of itself.
#[derive(Clone, Copy)]
pub enum Shows<'a> {
    /// Nothing.
    Nothing,
    /// Its name and secret.
    Secret(&'a str, &'a str),
    /// A certificate with its key, by the name under which it keeps them.
    Certificate(&'a str),
}

/// A client with a folder for its keys and certificates.
pub struct Enrollee {
    folder: TempDir,
    authority: PathBuf,
    public: String,
    mtls: String,
}

/// An answer as curl prints it.
#[derive(Debug)]
pub struct Said {
    /// The status.
    pub status: u16,
    /// The lines of the header, in lower case.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
}

impl Enrollee {
    /// One that trusts the server of a world.
    pub fn of(world: &World) -> Self {
        let folder = TempDir::new().expect("a folder");
        let authority = folder.path().join("server.pem");
        std::fs::write(&authority, &world.authority.pem).expect("a file");
        let [public, mtls] = [world.public().base, world.mtls_of(0, None).base];
        Self { folder, authority, public, mtls }
    }

    /// A file of its own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a key on P-256.
    pub fn make_key(&self, name: &str) {
        let curve = "ec_paramgen_curve:P-256";
        let out = self.text(&format!("{name}.key"));
        openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", curve, "-out", &out]);
    }

    /// A request that is signed with a key, for a subject and with these extensions, in base64.
    pub fn request(&self, key: &str, subject: &str, extensions: &[&str]) -> String {
        let (key, out) = (self.text(&format!("{key}.key")), self.text("request.der"));
        let mut arguments =
            vec!["req", "-new", "-key", &key, "-subj", subject, "-outform", "DER", "-out", &out];
        for extension in extensions {
            arguments.extend(["-addext", extension]);
        }
        openssl(&arguments);
        openssl(&["base64", "-in", &out])
    }

    /// A request in PEM.
    pub fn request_in_pem(&self, key: &str, subject: &str) -> String {
        openssl(&["req", "-new", "-key", &self.text(&format!("{key}.key")), "-subj", subject])
    }

    /// A request for the certificate that follows one, signed with another key.
    pub fn request_for_next(&self, certificate: &str, key: &str) -> String {
        let found = self.text(&format!("{certificate}.pem"));
        let subject = openssl(&["x509", "-in", &found, "-noout", "-subject", "-nameopt", "RFC2253"]);
        let names = openssl(&["x509", "-in", &found, "-noout", "-ext", "subjectAltName"]);
        let uri = names.split("URI:").nth(1).expect("a URI").trim();
        let common = subject.trim().split("CN=").nth(1).expect("a name").to_owned();
        self.request(key, &format!("/CN={common}"), &[&format!("subjectAltName=URI:{uri}")])
    }

    /// Gets a document.
    pub fn get(&self, path: &str) -> Said {
        self.curl(path, Shows::Nothing, &[])
    }

    /// Sends a request for a certificate.
    pub fn ask(&self, operation: &str, shows: Shows<'_>, request: &str) -> Said {
        self.send(operation, shows, ("application/pkcs10", request.as_bytes()))
    }

    /// Sends anything.
    pub fn send(&self, operation: &str, shows: Shows<'_>, (kind, body): (&str, &[u8])) -> Said {
        std::fs::write(self.file("body"), body).expect("a file");
        let (body, kind) = (format!("@{}", self.text("body")), format!("content-type: {kind}"));
        let path = format!("/.well-known/est/{operation}");
        self.curl(&path, shows, &["-H", &kind, "--data-binary", &body])
    }

    /// Runs curl. With a certificate, it goes to the listener that asks for one.
    pub fn curl(&self, path: &str, shows: Shows<'_>, more: &[&str]) -> Said {
        let base = if matches!(shows, Shows::Certificate(_)) { &self.mtls } else { &self.public };
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--include", "--http1.1", "--noproxy", "*", "--cacert"]);
        command.arg(&self.authority).args(more).arg(format!("{base}{path}"));
        match shows {
            Shows::Nothing => {}
            Shows::Secret(id, secret) => drop(command.args(["--user", &format!("{id}:{secret}")])),
            Shows::Certificate(name) => {
                command.args(["--cert", &self.text(&format!("{name}.pem"))]);
                command.args(["--key", &self.text(&format!("{name}.key"))]);
            }
        }
        let printed = ran(&mut command);
        // What says that there is more to come is not the answer.
        let printed = printed.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&printed);
        let (head, body) = printed.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let headers = head.lines().skip(1).map(str::to_lowercase).collect();
        Said { status, headers, body: body.to_owned() }
    }

    /// Keeps the certificates of an answer under a name, as openssl reads them.
    pub fn keep(&self, name: &str, said: &Said) -> String {
        assert_eq!(said.status, 200, "{said:?}");
        assert!(said.has("content-type: application/pkcs7-mime; smime-type=certs-only"), "{said:?}");
        assert!(said.has("content-transfer-encoding: base64"), "{said:?}");
        let (encoded, der) = (self.text("answer.b64"), self.text("answer.der"));
        std::fs::write(&encoded, &said.body).expect("a file");
        openssl(&["base64", "-d", "-in", &encoded, "-out", &der]);
        let pem = openssl(&["pkcs7", "-inform", "DER", "-in", &der, "-print_certs"]);
        std::fs::write(self.file(&format!("{name}.pem")), &pem).expect("a file");
        pem
    }

    /// What it shows at a handshake: its certificate, and that of the authority that issued it.
    pub fn identity(&self, name: &str, authorities: &str) -> Identity {
        let read = |file: String| std::fs::read_to_string(self.file(&file)).expect("a file");
        let certificate = read(format!("{name}.pem"));
        let der = self.text("identity.der");
        openssl(&["x509", "-in", &self.text(&format!("{name}.pem")), "-outform", "DER", "-out", &der]);
        let der = std::fs::read(der).expect("a file");
        Identity { certificate: format!("{certificate}{authorities}"), key: read(format!("{name}.key")), der }
    }

    /// The path of a file of its own.
    pub fn text(&self, name: &str) -> String {
        self.file(name).to_string_lossy().into_owned()
    }
}

impl Said {
    /// Whether a line of the header is there.
    pub fn has(&self, line: &str) -> bool {
        self.headers.iter().any(|header| header == line)
    }

    /// A refusal: a status, and a text for whoever looks after it.
    #[track_caller]
    pub fn refused(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.has("content-type: text/plain; charset=utf-8"), "{self:?}");
        assert!(self.has("cache-control: no-store"), "{self:?}");
        assert!(self.body.len() > 10, "says nothing: {self:?}");
        let challenged = self.headers.iter().any(|line| line.starts_with("www-authenticate: basic realm="));
        assert_eq!(challenged, status == 401, "{self:?}");
    }
}

/// Runs openssl.
pub fn openssl(arguments: &[&str]) -> String {
    ran(Command::new("openssl").args(arguments))
}

fn ran(command: &mut Command) -> String {
    let output = command.output().expect("curl and openssl, which scripts/test installs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
