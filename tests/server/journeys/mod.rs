//! Whole flows as stories.

mod backend;
