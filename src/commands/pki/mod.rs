//! `hilum pki`: certificates of clients, and who vouches for them.

pub mod authorities;
pub mod certificates;
pub mod community;
pub mod enroll;
pub mod issuance;

use clap::{Args, Subcommand};

use super::output::Failed;

/// Options of `hilum pki`.
#[derive(Args, Debug)]
#[command(
    after_help = "Each of them takes --config FILE [default: hilum.toml, or data/dev/hilum.toml where there \
                        is none], and --json to print JSON instead of a table"
)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Register, read and remove trust communities: whose certificates are believed for which clients
    Community(community::Options),
    /// Register a new back-end, and ask for its certificate; somebody else approves it
    Enroll(enroll::Options),
    #[command(flatten)]
    Issuance(issuance::What),
    /// Have another authority issue from now on (a CA key rollover); what was issued stays good until it expires
    Rollover(authorities::RolloverOptions),
    /// Revoke an authority that another has replaced, because its key may be known, and all that it has issued
    RevokeAuthority(authorities::RevokeOptions),
    /// List every certificate that the server knows, those that end first first
    Certificates(certificates::Options),
}

/// Runs `hilum pki`.
pub fn run(options: Options) -> Result<(), Failed> {
    match options.what {
        What::Community(options) => community::run(options),
        What::Enroll(options) => enroll::run(options),
        What::Issuance(what) => issuance::run(what),
        What::Rollover(options) => authorities::roll_over(&options),
        What::RevokeAuthority(options) => authorities::revoke(&options),
        What::Certificates(options) => certificates::run(options),
    }
}
