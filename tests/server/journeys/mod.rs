//! Whole flows as stories.

mod backend;
mod capabilities;
mod withheld;
