//! The world outside: time, chance, what is fetched from elsewhere, what is logged and measured;
//! and the work that must be bounded.

pub mod clock;
pub mod entropy;
pub mod hsm;
pub mod master_key;
pub mod outbound;
pub mod passwords;
pub mod seal;
pub mod telemetry;
pub mod tls;
