//! What SMART App Launch adds for EHRs and for those who choose a patient.

pub mod launch;
pub mod patients;
