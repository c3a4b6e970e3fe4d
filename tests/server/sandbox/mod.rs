//! The sandbox of `hilum dev`, as an outsider meets it.

mod api;
mod enforcement;
mod pages;
mod scene;

use scene::Scene;
