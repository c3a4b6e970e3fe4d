//! `[secrets]`: the master key, under which everything is sealed that must be read back.

use std::path::PathBuf;

use toml::{Table, Value};

use super::Withhold;
use super::hsm::Hsm;
use super::key_material::KeyMaterial;
use super::source::Section;

/// The longest command line of a master key, in words.
const LONGEST_COMMAND: usize = 32;
/// The longest label of a key, in bytes.
const LONGEST_LABEL: usize = 255;

/// The section `[secrets]`.
#[derive(Debug)]
pub struct Secrets {
    /// The master key that seals, and opens what it has sealed.
    pub master_key: MasterKeySource,
    /// Further ones, that only open: the former ones, while what they sealed is re-wrapped.
    pub former: Vec<MasterKeySource>,
}

/// Where a master key is.
#[derive(Debug, Clone)]
pub enum MasterKeySource {
    /// In a file: `secrets.master_key_file`.
    File(PathBuf),
    /// In a variable: `HILUM_SECRETS__MASTER_KEY`.
    Variable(KeyMaterial),
    /// In the hardware security module of `[hsm]`, under this label: `secrets.master_key_token`.
    Token(String),
    /// Behind a command, which wraps and unwraps data keys: `secrets.master_key_command`.
    Command(Vec<String>),
}

/// The keys that give the one master key, and those that give the further ones.
const FORMS: [(&str, &str); 4] = [
    ("master_key_file", "former_master_key_files"),
    ("master_key", "former_master_keys"),
    ("master_key_token", "former_master_key_tokens"),
    ("master_key_command", "former_master_key_commands"),
];

const NOT_A_KEY: &str =
    "is not a key: give 32 random bytes as 64 hexadecimal digits or as base64 (openssl rand -hex 32)";

impl Secrets {
    pub(super) fn parse(section: &mut Section<'_>, hsm: Option<&Hsm>) -> Option<Self> {
        let given: Vec<&str> =
            FORMS.iter().map(|(one, _)| *one).filter(|key| section.is_given(key)).collect();
        let material = |text: &str| KeyMaterial::parse(text.as_bytes()).ok_or(NOT_A_KEY);
        let forms = [
            section.file("master_key_file").map(MasterKeySource::File),
            section.parsed_from_variable("master_key", material).map(MasterKeySource::Variable),
            section.parsed("master_key_token", label).map(MasterKeySource::Token),
            section.words("master_key_command", command).map(MasterKeySource::Command),
        ];
        let former = Self::parse_former(section);
        for key in ["master_key_token", "former_master_key_tokens"] {
            if hsm.is_none() && section.is_given(key) {
                section.refuse(key, "is the label of a key in the token of [hsm]: give that section too");
            }
        }
        match given.as_slice() {
            [] => section.refuse(
                "master_key_file",
                "is missing; give the name of a file that holds 32 random bytes (openssl rand -hex 32)",
            ),
            [_] => {}
            [_, another, ..] => section.refuse(
                another,
                "is one master key too many: give one of master_key_file, HILUM_SECRETS__MASTER_KEY, \
                 master_key_token and master_key_command",
            ),
        }
        let master_key = forms.into_iter().flatten().next()?;
        Some(Self { master_key, former })
    }

    fn parse_former(section: &mut Section<'_>) -> Vec<MasterKeySource> {
        let material = |text: &str| KeyMaterial::parse(text.as_bytes()).ok_or(NOT_A_KEY);
        let files = section.list("former_master_key_files", |text| Ok(PathBuf::from(text)));
        let variables = section.list_from_variable("former_master_keys", material);
        let tokens = section.list("former_master_key_tokens", label);
        let commands = section.lists("former_master_key_commands", command);
        let mut former = Vec::new();
        former.extend(files.unwrap_or_default().into_iter().map(MasterKeySource::File));
        former.extend(variables.unwrap_or_default().into_iter().map(MasterKeySource::Variable));
        former.extend(tokens.unwrap_or_default().into_iter().map(MasterKeySource::Token));
        former.extend(commands.unwrap_or_default().into_iter().map(MasterKeySource::Command));
        former
    }

    /// Keys that came by a variable are never written: the variable gives them again.
    pub(super) fn to_table(&self, withhold: Withhold) -> Table {
        let mut table = Table::new();
        if let Some(value) = self.master_key.shown(withhold) {
            table.insert(self.master_key.key().to_owned(), value);
        }
        for source in &self.former {
            let Some(value) = source.shown(withhold) else { continue };
            let list = table.entry(source.former_key()).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(value);
            }
        }
        table
    }
}

impl MasterKeySource {
    /// The key of `[secrets]` that gives one of this form.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        self.keys().0
    }

    /// The key of `[secrets]` that lists further ones of this form.
    #[must_use]
    pub const fn former_key(&self) -> &'static str {
        self.keys().1
    }

    const fn keys(&self) -> (&'static str, &'static str) {
        let [file, variable, token, command] = FORMS;
        match self {
            Self::File(_) => file,
            Self::Variable(_) => variable,
            Self::Token(_) => token,
            Self::Command(_) => command,
        }
    }

    fn shown(&self, withhold: Withhold) -> Option<Value> {
        match self {
            Self::File(path) => Some(super::tls::path(path)),
            Self::Variable(_) => (withhold == Withhold::Secrets).then(|| Value::from("withheld")),
            Self::Token(label) => Some(Value::from(label.as_str())),
            Self::Command(words) => Some(Value::from(words.clone())),
        }
    }
}

/// The label of a key in a hardware security module. Unlike a token's it has no bound of its own, and no padding.
fn label(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() || text.len() > LONGEST_LABEL || text.contains(char::is_control) {
        return Err("give the label of a key: at most 255 bytes, no control characters");
    }
    Ok(text.to_owned())
}

/// A command line, whose program has a whole path: a name would be looked up in whatever `PATH` there is.
fn command(words: Vec<String>) -> Result<Vec<String>, &'static str> {
    let program = words.first().map(String::as_str).unwrap_or_default();
    if !program.starts_with('/') {
        return Err(
            "give the program by its whole path, then its arguments: [\"/usr/local/bin/kms\", \"…\"]",
        );
    }
    if words.len() > LONGEST_COMMAND || words.iter().any(|word| word.contains('\0')) {
        return Err("is not a command line");
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::config::problem::ConfigError;

    const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
    const OTHER: &str = "DypVgKvWASxXgq3YBC9ahbDbBzJdiLPeCTVgi7bhDDc=";
    const BARE: &str = "[issuer]\nurl = 'https://auth.example.org'\n[secrets]\n";
    const HSM: [(&str, &str); 3] = [
        ("HILUM_HSM__MODULE_FILE", "/lib/p11.so"),
        ("HILUM_HSM__TOKEN", "hilum"),
        ("HILUM_HSM__PIN_FILE", "/etc/hilum/pin"),
    ];
    const VARIABLE: [(&str, &str); 1] = [("HILUM_SECRETS__MASTER_KEY", KEY)];

    /// What the section says, the variables, and the keys that are wrong.
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

    fn parse(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::parse(file, owned)
    }

    #[test]
    fn a_master_key_is_given_in_one_of_four_forms_and_a_secret_never_in_the_file() {
        let shown = |more: &str, variables: &[(&str, &str)]| {
            let config = parse(&format!("{BARE}{more}"), variables).unwrap();
            let shown = config.shown();
            assert!(
                !format!("{config:?}{shown}").contains("0f1e2d3c") && !shown.contains("DypVgKvW"),
                "{shown}"
            );
            shown.split_once("[secrets]\n").unwrap().1.split_once("\n[").unwrap().0.trim().to_owned()
        };
        assert_eq!(shown("", &VARIABLE), "master_key = \"withheld\"");
        assert_eq!(shown("", &[("HILUM_SECRETS__MASTER_KEY", OTHER)]), "master_key = \"withheld\"");
        assert_eq!(shown("master_key_token = 'seal'", &HSM), "master_key_token = \"seal\"");
        let command = "master_key_command = [\"/bin/kms\", \"1\"]";
        assert_eq!(shown(command, &[]), command);
        let list = format!("['{KEY}', '{OTHER}']");
        let former = shown(
            "master_key_file = 'a'\nformer_master_key_files = ['b', 'c']\nformer_master_key_tokens = 'd'\n\
         former_master_key_commands = [['/bin/kms'], ['/bin/kms', '2']]",
            &[HSM[0], HSM[1], HSM[2], ("HILUM_SECRETS__FORMER_MASTER_KEYS", &list)],
        );
        for line in [
            "former_master_key_files = [\"b\", \"c\"]",
            "former_master_keys = [\"withheld\", \"withheld\"]",
            "former_master_key_tokens = [\"d\"]",
            "former_master_key_commands = [[\"/bin/kms\"], [\"/bin/kms\", \"2\"]]",
        ] {
            assert!(former.lines().any(|found| found == line), "{former}");
        }
    }

    #[test]
    fn what_is_no_master_key_and_more_than_one_is_refused_unquoted() {
        let rows: [Row<'_>; 12] = [
            ("", &[], &["secrets.master_key_file"]),
            ("master_key = '0f1e'", &[], &["secrets.master_key"]),
            ("", &[("HILUM_SECRETS__MASTER_KEY", "passw0rd")], &["secrets.master_key"]),
            ("master_key_file = 'a'", &VARIABLE, &["secrets.master_key"]),
            ("master_key_file = 'a'\nmaster_key_token = 'b'", &HSM, &["secrets.master_key_token"]),
            ("master_key_token = 'b'", &[], &["secrets.master_key_token"]),
            ("master_key_token = \"a\\tb\"", &HSM, &["secrets.master_key_token"]),
            (
                "master_key_file = 'a'\nformer_master_key_tokens = ['']",
                &HSM,
                &["secrets.former_master_key_tokens"],
            ),
            ("master_key_command = ['kms']", &[], &["secrets.master_key_command"]),
            ("master_key_command = []", &[], &["secrets.master_key_command"]),
            ("master_key_file = 'a'\nformer_master_keys = ['b']", &[], &["secrets.former_master_keys"]),
            (
                "master_key_file = 'a'\nformer_master_key_commands = ['/bin/kms']",
                &[],
                &["secrets.former_master_key_commands"],
            ),
        ];
        for (more, variables, keys) in rows {
            let error = parse(&format!("{BARE}{more}"), variables).unwrap_err();
            assert!(
                !error.to_string().contains("passw0rd") && !error.to_string().contains("0f1e"),
                "{error}"
            );
            let found: Vec<String> = error.problems.into_iter().map(|problem| problem.key).collect();
            assert_eq!(found, keys, "{more} {variables:?}");
        }
    }
}
