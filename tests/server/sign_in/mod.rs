//! Signing in: who is let in, who is told what, how often one may try, and how long it lasts.

pub mod in_process;
mod outcomes;
mod passwords;
mod races;
mod sessions;
mod throttling;
