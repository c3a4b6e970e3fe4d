//! The `hilum` program: reads the arguments, runs one command, sets the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    hilum::commands::run(std::env::args_os().collect())
}
