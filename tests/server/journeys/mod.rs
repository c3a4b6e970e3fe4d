//! Whole flows as stories.

mod backend;
mod capabilities;
mod five_commands;
mod withheld;
