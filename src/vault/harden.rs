//! Keeps keys out of core dumps and away from debuggers.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Turns core dumps off and makes the process undumpable: no core file is written, and other processes of the same
/// user can neither attach to it nor read `/proc/<pid>/mem`. Call it before the first key is read.
///
/// # Errors
/// If the kernel refuses. The hub must then not go on.
pub fn harden() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
