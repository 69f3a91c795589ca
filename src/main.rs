//! The `obhut` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    obhut::app::run(obhut::cli::Cli::of_this_process())
}
