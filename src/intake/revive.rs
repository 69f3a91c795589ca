//! Who is merged into whom once a group was taken out of a person: as it was before they were one.

use std::collections::BTreeSet;

use super::Error;
use super::leaving::Group;
use super::separate::Work;
use crate::store::{Write, subjects};
use crate::types::{SubjectId, Timestamp};

/// Merges are followed at most this far, as everywhere.
const STEPS: usize = 64;

impl Work<'_> {
    /// `other` lives again. Who of the group came to the person beside them is merged into them, and who was merged through them and
    /// stays, into the person. Whoever is merged into somebody who goes the same way stays so: what the one they are all merged into
    /// in the end said before that was never said for them, and they have their own way back.
    pub(super) fn revive(&self, write: &mut Write<'_>, group: &Group, other: SubjectId) -> Result<(), Error> {
        let mut through = BTreeSet::new();
        for part in group.revived.iter().chain([&other]) {
            through.extend(subjects::merged_into(write.records(), *part)?);
        }
        through.retain(|part| !group.revived.contains(part) && *part != other);
        // Of whom nothing is left goes wherever they are merged into.
        through.retain(|part| self.records().iter().any(|record| record.sealed_for == *part));
        let (stays, leaves) = (through, |part: SubjectId| part == other || group.revived.contains(&part));
        let since = climb(write, other, |part| part == self.person)?.map_or(Timestamp::UNSET, |(_, at)| at);
        let mut moves = Vec::new();
        for part in group.revived.iter().copied().filter(|part| *part != other) {
            let beside = |above: SubjectId| above == self.person || stays.contains(&above);
            let Some((above, _)) = climb(write, part, |above| leaves(above) || beside(above))? else { continue };
            if leaves(above) {
                continue;
            }
            // The two are one since both were the person's, or since the one came to the other.
            let found = climb(write, part, |above| above == other || above == self.person)?;
            let Some((above, at)) = found else { continue };
            moves.push((part, other, if above == other { at } else { at.max(since) }));
        }
        for part in stays.iter().copied() {
            let goes_back = |above: SubjectId| above == self.person || leaves(above);
            let Some((above, _)) = climb(write, part, |above| goes_back(above) || stays.contains(&above))? else {
                continue;
            };
            if goes_back(above)
                // What the person said counts for them since they came to the person, and not since they came to who leaves.
                && let Some((_, at)) = climb(write, part, |above| above == self.person)?
            {
                moves.push((part, self.person, at));
            }
        }
        if group.revived.contains(&other) {
            subjects::revive(write, other)?;
        }
        moves.into_iter().try_for_each(|(part, into, at)| Ok(subjects::merge(write, part, into, at)?))
    }
}

/// The first of those somebody was merged into, one through another, who is the one looked for, and since when they are one with that
/// one.
fn climb(
    write: &mut Write<'_>,
    part: SubjectId,
    is_it: impl Fn(SubjectId) -> bool,
) -> Result<Option<(SubjectId, Timestamp)>, Error> {
    let (mut at, mut since) = (part, Timestamp::UNSET);
    for _ in 0..STEPS {
        let Some(row) = subjects::find(write.records(), at)? else { return Ok(None) };
        let Some(into) = row.merged_into else { return Ok(None) };
        (at, since) = (SubjectId::from_slice(&into).map_err(crate::store::Error::from)?, since.max(row.merged_at));
        if is_it(at) {
            return Ok(Some((at, since)));
        }
    }
    Ok(None)
}
