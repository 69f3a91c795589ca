//! How many connections there may be at once: each takes a file descriptor, and up to a quarter of a megabyte while a long body comes.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for all else: databases and their logs, the audit book, vendors, files that come in.
const OTHERS: usize = 512;

/// Has the system let the process open as many descriptors as `wanted` connections take, and says for how many there is room.
pub(super) fn room_for(wanted: usize) -> usize {
    let needed = wanted.saturating_add(OTHERS);
    let allowed = allow(u64::try_from(needed).unwrap_or(u64::MAX));
    let room = room(wanted, allowed.map(|allowed| usize::try_from(allowed).unwrap_or(usize::MAX)));
    if room < wanted {
        tracing::warn!(room, wanted, "fewer connections than wanted: the system allows too few open files (ulimit -n)");
    }
    room
}

/// Raises the limit of descriptors to `needed`, as far as that is allowed. None is no limit.
fn allow(needed: u64) -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let now = current?;
    if now >= needed {
        return current;
    }
    let more = maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(more), maximum });
    Some(if raised.is_ok() { more } else { now })
}

/// Where the system allows little, half of it is kept for all else.
fn room(wanted: usize, allowed: Option<usize>) -> usize {
    let Some(allowed) = allowed else { return wanted };
    wanted.min(allowed.saturating_sub(OTHERS).max(allowed / 2)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_what_the_system_allows() {
        assert_eq!(room(4_096, None), 4_096);
        assert_eq!(room(4_096, Some(4_608)), 4_096);
        assert_eq!(room(4_096, Some(1_024)), 512);
        assert_eq!(room(4_096, Some(64)), 32);
        assert_eq!(room(0, Some(1)), 1);
    }

    #[test]
    fn as_many_files_may_be_opened_as_are_needed() {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let allowed = allow(1_100);
        assert!(allowed.is_none_or(|allowed| allowed >= maximum.unwrap_or(u64::MAX).min(1_100)), "{allowed:?}");
        assert_eq!(getrlimit(Resource::Nofile).current, allowed);
    }
}
