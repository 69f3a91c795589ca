//! Keeps keys out of core dumps, away from debuggers, and files away from other users.

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask};

/// Turns core dumps off and makes the process undumpable: no core file is written, and other processes of the same
/// user can neither attach to it nor read `/proc/<pid>/mem`. Call it before the first key is read.
///
/// # Errors
/// If the kernel refuses. The hub must then not go on.
pub fn harden() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // Whatever file this process makes, nobody else may read it.
    umask(Mode::RWXG | Mode::RWXO);
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustix::process::{dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn a_hardened_process_writes_no_core() {
        harden().unwrap();
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
