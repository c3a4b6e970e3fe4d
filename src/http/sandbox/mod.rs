//! How the sandbox of `hilum dev` is spoken to.

pub mod fhir;
pub mod pages;
