//! The scopes of the admin API: one to read and one to write each collection, and one to have scopes explained. What
//! lets clients register themselves belongs to clients.

/// Every scope of the admin API, as tokens separated by spaces.
pub const ALL: &str = "admin/clients.read admin/clients.write admin/resources.read admin/resources.write \
                       admin/users.read admin/users.write admin/keys.read admin/keys.write admin/audit.read \
                       admin/alerts.read admin/scopes.read admin/issuers.read admin/issuers.write \
                       admin/communities.read admin/communities.write admin/certificates.read \
                       admin/certificates.write admin/certificates.approve";

/// The scope that lets a certificate be issued.
pub const APPROVES: &str = "admin/certificates.approve";

/// With one of these somebody can ask for a certificate, for a client or as one.
pub const ASKS: [&str; 2] = [WRITES_CLIENTS, "admin/certificates.write"];

/// The scope whose last holder is not removed.
pub const WRITES_CLIENTS: &str = "admin/clients.write";
