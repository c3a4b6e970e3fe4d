//! The files of `hilum dev`: all in one folder that its owner alone may read.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::commands::output::Failed;
use crate::platform::entropy::Entropy;
use crate::protocol::error::Doing;

use super::Options;
use super::database::Urls;

/// The folder `data/dev`.
#[derive(Clone, Debug)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// The files inside a data folder, which is made where it is missing.
    pub fn at(data: &Path) -> Result<Self, Failed> {
        let folder = data.join("dev");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| Failed(format!("{}: {error}", folder.display())))?;
        let folder = folder.canonicalize()?;
        Ok(Self { folder })
    }

    /// The path of a file.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path("hilum.toml")
    }

    /// Reads a file; `None` when it is not there.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    /// Writes a file that its owner alone may read, whole or not at all.
    pub fn write(&self, name: &str, content: &str) -> Result<(), Failed> {
        let path = self.path(name);
        let new = self.path(&format!("{name}.new"));
        let named = |error: std::io::Error| Failed(format!("{}: {error}", path.display()));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .map_err(named)?;
        file.write_all(content.as_bytes()).and_then(|()| file.sync_all()).map_err(named)?;
        fs::rename(&new, &path).map_err(named)
    }

    /// Makes the master key of this data folder, once.
    pub fn write_master_key(&self) -> Result<(), Failed> {
        if self.path("master.key").exists() {
            return Ok(());
        }
        let key: [u8; 32] = Entropy::system().bytes().doing("making the master key")?;
        let digits: Vec<String> = key.iter().map(|byte| format!("{byte:02x}")).collect();
        self.write("master.key", &digits.concat())
    }

    /// Writes the configuration that the options stand for; the other commands read it too.
    pub fn write_config(&self, options: &Options, urls: &Urls) -> Result<(), Failed> {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let file = |name: &str| quoted(&self.path(name).to_string_lossy());
        let Options { issuer, public, mtls, ops, .. } = options;
        let text = format!(
            "# Written by `hilum dev` at each start; for development alone.\n\
             [issuer]\nurl = {issuer}\n\n\
             [http]\npublic = \"{public}\"\nmtls = \"{mtls}\"\nops = \"{ops}\"\n\n\
             [tls]\ncertificate_file = {certificate}\nkey_file = {key}\n\
             client_anchors_file = {anchors}\nclient_crl_files = [{lists}]\n\n\
             [database]\nurl = {url}\n\n\
             [features]\ndevice_authorization = true\ndynamic_registration = true\n\n\
             [pki]\nfour_eyes = false\n\n\
             [secrets]\nmaster_key_file = {master}\n\n\
             [log]\nformat = \"pretty\"\nlevel = \"warn,hilum=info\"\n",
            issuer = quoted(issuer.as_str()),
            certificate = file("server.pem"),
            key = file("server.key"),
            anchors = file("ca.pem"),
            lists = file("ca.crl.pem"),
            url = quoted(&urls.runtime),
            master = file("master.key"),
        );
        self.write("hilum.toml", &text)
    }
}
