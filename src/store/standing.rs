//! What of the table `person` matters to what was issued in a person's name, in rows of other tables.

use uuid::Uuid;

use crate::model::person::{PersonStatus, Role};
use crate::model::standing::Standing;
use crate::moment::Timestamp;
use crate::protocol::error::Fault;

use super::meaningless;

/// The columns of a person that stand in a row of another table.
pub(in crate::store) struct Columns {
    pub(in crate::store) subject: Uuid,
    pub(in crate::store) organization: String,
    pub(in crate::store) roles: Vec<String>,
    pub(in crate::store) fhir_user: Option<String>,
    pub(in crate::store) status: String,
    pub(in crate::store) not_before: Timestamp,
    pub(in crate::store) version: i64,
    pub(in crate::store) acts_for: Option<String>,
}

impl TryFrom<Columns> for Standing {
    type Error = Fault;

    fn try_from(row: Columns) -> Result<Self, Fault> {
        let key = row.subject.to_string();
        let roles: Option<Vec<Role>> = row.roles.iter().map(|role| Role::parse(role)).collect();
        Ok(Self {
            subject: row.subject,
            organization: row.organization,
            roles: roles.ok_or_else(|| meaningless("person", "roles", &key))?,
            fhir_user: row.fhir_user,
            status: PersonStatus::parse(&row.status).ok_or_else(|| meaningless("person", "status", &key))?,
            not_before: row.not_before,
            version: row.version,
            acts_for: row.acts_for,
        })
    }
}
