//! `hilum pki community`: what `/admin/v1/communities` does, from a terminal.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::admin::Administration;
use crate::admin::communities::Target;
use crate::commands::output::{Failed, cell, lines, print, print_json, table};
use crate::commands::terminal::{self, Terminal, TerminalOptions};
use crate::http::admin::communities::show;
use crate::model::community::DEFAULT;
use crate::model::page::Page;
use crate::protocol::ids::CommunityName;

/// Options of `hilum pki community`.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    terminal: TerminalOptions,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// List the trust communities of the database; that of the configuration is called default
    List,
    /// Register a trust community
    Add(Box<New>),
    /// Show one trust community
    Show(Which),
    /// Remove a trust community that no client is bound to
    Remove(Which),
}

/// Which trust community it is about.
#[derive(Args, Debug)]
struct Which {
    /// The trust community, as `hilum pki community list` names it
    name: String,
}

/// A trust community to register.
#[derive(Args, Debug)]
struct New {
    /// Its short name: lower-case letters, digits and inner hyphens
    name: String,
    /// The certificates of its authorities, as one PEM file
    #[arg(long, value_name = "FILE")]
    anchors: PathBuf,
    /// What people call it
    #[arg(long)]
    title: Option<String>,
    /// Kinds of names by which clients may be known: subject_dn, san_dns, san_uri, san_ip, san_email [default: all]
    #[arg(long, value_delimiter = ',')]
    names: Vec<String>,
    /// What the KeyUsage of certificates must name, such as digitalSignature
    #[arg(long = "key-usage", value_delimiter = ',')]
    key_usages: Vec<String>,
    /// Object identifiers that ExtendedKeyUsage must name beside clientAuth
    #[arg(long = "extended-key-usage", value_delimiter = ',')]
    extended_key_usages: Vec<String>,
    /// Object identifiers of certificate policies, of which one must hold for the whole path
    #[arg(long = "policy", value_delimiter = ',')]
    policies: Vec<String>,
    /// The smallest RSA keys, in bits [default: 2048]
    #[arg(long)]
    least_rsa_bits: Option<u32>,
    /// The smallest keys of elliptic curves, in bits [default: 256]
    #[arg(long)]
    least_curve_bits: Option<u32>,
    /// Whether what cannot be shown not to be revoked is refused: required or none
    #[arg(long, default_value = "required")]
    revocation: String,
    /// Addresses of revocation lists, beside those that certificates name
    #[arg(long = "crl-url", value_name = "URL")]
    crl_urls: Vec<String>,
}

/// Runs `hilum pki community`.
pub fn run(options: Options) -> Result<(), Failed> {
    let json = options.terminal.json;
    let shown = terminal::with(&options.terminal, |terminal| perform(terminal, options.what))?;
    match shown.as_array() {
        _ if json => print_json(&shown),
        Some(communities) => {
            let row = |community: &Value| {
                let kept = ["name", "title", "revocation"].map(|member| cell(community, member));
                kept.into_iter().chain([cell(community, "names"), cell(community, "subjects")]).collect()
            };
            let rows: Vec<Vec<String>> = communities.iter().map(row).collect();
            print(&table(&["name", "title", "revocation", "names", "anchors"], &rows));
        }
        None => print(&lines(&shown)),
    }
    Ok(())
}

async fn perform(terminal: Terminal, what: What) -> Result<Value, Failed> {
    let Terminal { administration, caller } = terminal;
    Ok(match what {
        What::List => return list(&administration).await,
        What::Add(new) => show(&administration.create_community(&caller, new.document()?).await?),
        What::Show(which) => show(&administration.find_community(&target(&which)?.name).await?),
        What::Remove(which) => {
            administration.delete_community(&caller, target(&which)?).await?;
            json!({"removed": which.name})
        }
    })
}

impl New {
    fn document(self) -> Result<Map<String, Value>, Failed> {
        let file = self.anchors.display();
        let anchors = std::fs::read_to_string(&self.anchors)
            .map_err(|error| Failed(format!("{file} cannot be read: {error}")))?;
        let mut document = Map::from_iter([
            ("name".to_owned(), json!(self.name)),
            ("anchors".to_owned(), json!(anchors)),
            ("names".to_owned(), json!(self.names)),
            ("key_usages".to_owned(), json!(self.key_usages)),
            ("extended_key_usages".to_owned(), json!(self.extended_key_usages)),
            ("policies".to_owned(), json!(self.policies)),
            ("revocation".to_owned(), json!(self.revocation)),
            ("crl_urls".to_owned(), json!(self.crl_urls)),
        ]);
        let numbers = [("least_rsa_bits", self.least_rsa_bits), ("least_curve_bits", self.least_curve_bits)];
        for (name, bits) in numbers {
            if let Some(bits) = bits {
                document.insert(name.to_owned(), json!(bits));
            }
        }
        if let Some(title) = self.title {
            document.insert("title".to_owned(), json!(title));
        }
        Ok(document)
    }
}

/// Every trust community, page by page.
async fn list(administration: &Administration) -> Result<Value, Failed> {
    let mut all = Vec::new();
    let mut page = Page { after: None, limit: 200 };
    loop {
        let communities = administration.list_communities(&page).await?;
        let Some(last) = communities.last() else { return Ok(Value::Array(all)) };
        page.after = Some(last.name.clone());
        all.extend(communities.iter().map(show));
    }
}

fn target(Which { name }: &Which) -> Result<Target, Failed> {
    if name == DEFAULT {
        let says =
            "is the trust community of the configuration (tls.client_anchors_file): hilum check shows it";
        return Err(Failed(format!("{DEFAULT} {says}")));
    }
    let name = CommunityName::parse(name)
        .ok_or_else(|| Failed(format!("{name:?} is not the name of a trust community")))?;
    Ok(Target { name, version: None })
}
