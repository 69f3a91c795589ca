//! Letting go of whom retention ended: a vendor that kept them after they left its list is made to forget them (Art. 5(1)(e), 28(3)(g)
//! GDPR).
//!
//! An erasure has an errand of its own at the vendor and leaves nobody here. Whose mailbox is somebody's who lives is left alone there:
//! the contact is theirs as well.

use super::take_off::{failure, told};
use super::{Error, Pushes, Run};
use crate::audit::{Act, Line};
use crate::connect::{Erase, Session};
use crate::gateway::Kept;
use crate::store::audiences::MemberRow;
use crate::types::Timestamp;

/// The stream of the counts that names who was forgotten there.
const ENDED: &str = "ended";
/// After so many in a row whom the vendor did not forget, the rest waits for the next push.
const MOST_IN_VAIN: usize = 10;
/// Days after which it is left to somebody.
const PATIENCE: i64 = 60;

impl Pushes {
    /// Has the vendor forget those of these people whom nobody is any more. One who fails is tried again at the next push, and after 60
    /// days left to somebody.
    pub(super) async fn end_the_dead(
        &self,
        run: &mut Run,
        session: &Session,
        rows: Vec<MemberRow>,
    ) -> Result<(), Error> {
        let dead = self.rights.the_dead(rows).await?;
        if dead.is_empty() {
            return Ok(());
        }
        let connector = session.connector().clone();
        let erase = connector.erase().filter(|_| connector.can_erase());
        // The line first: what is done at the vendor must be on record even if this process ends.
        self.note_ended(run, "intended", dead.len()).await?;
        let (mut done, mut by_hand, mut in_vain) = (0, 0, 0);
        for (row, shared) in dead {
            run.counts.stream(ENDED).read += 1;
            let failed = match erase {
                Some(erase) if !shared => self.end_one(&row, session, erase).await?,
                _ => None,
            };
            let Some(why) = failed else {
                self.rights.forget_member(&row).await?;
                run.counts.stream(ENDED).updated += 1;
                (done, in_vain) = (done + 1, 0);
                continue;
            };
            run.counts.reject(ENDED, &why);
            in_vain += 1;
            if row.changed_at.plus(PATIENCE * Timestamp::DAY) <= self.now() {
                self.rights.forget_member(&row).await?;
                by_hand += 1;
            }
            if in_vain >= MOST_IN_VAIN {
                break;
            }
        }
        for (count, word) in [(done, "done"), (by_hand, "manual_task")] {
            if count > 0 {
                self.note_ended(run, word, count).await?;
            }
        }
        Ok(())
    }

    /// Has the vendor forget one of them. Answers why it did not.
    async fn end_one(&self, row: &MemberRow, session: &Session, erase: &Erase) -> Result<Option<String>, Error> {
        match self.rights.open_member(row).await? {
            Kept::Opened(errand) => match told(&errand) {
                Some(who) => Ok(failure(&erase.run(session, &who).await)),
                None => Ok(None),
            },
            Kept::Refused => Ok(Some(super::take_off::NOT_READABLE.to_owned())),
            Kept::Destroyed => Ok(None),
        }
    }

    async fn note_ended(&self, run: &Run, word: &str, count: usize) -> Result<(), Error> {
        let line = Line::new(Act::RecipientTold).to(format!("destination {}", run.code));
        Ok(self.book.note(line.object("ended by retention").reasons(vec![word.to_owned()]).count(count)).await?)
    }
}
