//! Who is supposed to sign in, and whose record is supposed to be open, when a request is explained.

use uuid::Uuid;

use crate::model::authorization::OnBehalf;
use crate::model::delegation::{Particulars, SignIn};
use crate::model::person::{Person, PersonStatus, Role};
use crate::model::standing::Standing;
use crate::moment::Timestamp;
use crate::protocol::error::Fault;
use crate::protocol::launch_context::LaunchContext;
use crate::protocol::resource_metadata::{PatientSource, ResourceMetadata};
use crate::store::relationship::Wanted;
use crate::store::{self, Db};

/// A patient who is not known yet; no id of FHIR.
pub(super) const SOMEBODY: &str = "*";

/// How an app is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// By an EHR, which vouches for the patient to those who treat patients.
    ByEhr,
    /// By itself.
    Alone,
}

/// Whose record would be open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// The patient who is named, or who alone can be meant.
    Patient(String),
    /// The patient who is named, for whom the EHR that opens the app vouches.
    Vouched(String),
    /// Whoever is chosen, or opened in the EHR.
    Chosen,
    /// Nobody: there is no patient for whom the person may act.
    Nobody,
    /// A patient for whom the person may not act.
    Foreign,
}

impl Meant {
    /// Finds out whose record a person would open at a FHIR server, when the app is opened in this way.
    pub(super) async fn of(
        db: &Db,
        (user, named): (Option<&Person>, Option<&str>),
        (resource, opened): (&ResourceMetadata, Opened),
    ) -> Result<Self, Fault> {
        let Some(user) = user else { return Ok(Self::Chosen) };
        if opened == Opened::ByEhr && user.has_role(Role::Clinician) {
            return Ok(named.map_or(Self::Chosen, |named| Self::Vouched(named.to_owned())));
        }
        let own = user.own_patient_at(&resource.url);
        let searches =
            matches!(resource.patients, PatientSource::Search { .. }) && user.has_role(Role::Clinician);
        if let Some(named) = named {
            let known = (resource.url.as_str(), named);
            let is_related = store::relationship::find(db, &user.subject, known).await?.is_some();
            let may = own == Some(named) || is_related || searches;
            return Ok(if may { Self::Patient(named.to_owned()) } else { Self::Foreign });
        }
        let wanted = Wanted { subject: user.subject, audience: &resource.url, words: &[], most: 2 };
        let mut all = store::relationship::find_matching(db, &wanted).await?;
        all.retain(|one| own != Some(one.patient.as_str()));
        Ok(match (own, all.as_slice()) {
            _ if searches => Self::Chosen,
            (Some(own), []) => Self::Patient(own.to_owned()),
            (None, [only]) => Self::Patient(only.patient.clone()),
            (None, []) => Self::Nobody,
            (Some(_) | None, _) => Self::Chosen,
        })
    }

    /// What is in context then, as far as rules look at it.
    fn context(&self) -> LaunchContext {
        LaunchContext::of_patient(match self {
            Self::Patient(patient) | Self::Vouched(patient) => Some(patient.clone()),
            Self::Chosen => Some(SOMEBODY.to_owned()),
            Self::Nobody | Self::Foreign => None,
        })
    }
}

/// The person, as if signed in just now; somebody without any right where nobody is named.
pub(super) fn supposed(user: Option<&Person>, meant: &Meant, now: Timestamp) -> OnBehalf {
    let standing = user.map_or_else(
        || Standing {
            subject: Uuid::nil(),
            organization: String::new(),
            roles: Vec::new(),
            fhir_user: None,
            status: PersonStatus::Active,
            not_before: Timestamp::UNIX_EPOCH,
            version: 0,
            acts_for: None,
        },
        Standing::from,
    );
    OnBehalf {
        standing,
        context: meant.context(),
        sign_in: SignIn { session: Uuid::nil(), methods: Vec::new(), at: now },
        grant: Uuid::nil(),
        particulars: Particulars::default(),
    }
}
