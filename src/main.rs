//! The `obhut` program.

use std::process::ExitCode;

/// The hub allocates many small pieces on several threads; the allocator of the C library spends a tenth of a read on
/// them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    obhut::app::run(obhut::cli::Cli::of_this_process())
}
