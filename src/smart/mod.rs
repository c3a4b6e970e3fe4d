//! What SMART App Launch adds for EHRs and for those who choose a patient, and what payers report.

pub mod decisions;
pub mod launch;
pub mod patients;
