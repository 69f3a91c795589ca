//! Letting go of whom retention ended: a vendor that kept them after they left its list is made to forget them (Art. 5(1)(e), 28(3)(g)
//! GDPR).
//!
//! An erasure has an errand of its own at the vendor and leaves nobody here. Whose mailbox is somebody's who lives is left alone there:
//! the contact is theirs as well, and their erasure ends it.

use super::take_off::{failure, told};
use super::{Error, Pushes, Run};
use crate::audit::{Act, Line};
use crate::connect::{Erase, Session};
use crate::gateway::Kept;
use crate::rights::Heir;
use crate::store::audiences::MemberRow;
use crate::types::Timestamp;

/// The stream of the counts that names who was forgotten there.
const ENDED: &str = "ended";
/// After so many in a row whom the vendor did not forget, the rest waits for the next push.
const MOST_IN_VAIN: usize = 10;
/// Days after which it is left to somebody.
const PATIENCE: i64 = 60;

/// Whom the hub cannot have forgotten there.
const BY_HAND: &str = "the vendor is to be told by hand";

/// What became of one of them.
enum Ended {
    /// The vendor was told, and did it.
    Told,
    /// It was told, or could not be, and is told again; why.
    InVain(String),
    /// It cannot be told: there is no call for it, or nobody knows by what any more.
    ByHand,
}

impl Pushes {
    /// Has the vendor forget those of these people whom nobody is any more. One who fails is tried again at the next push, and after 60
    /// days left to somebody.
    pub(super) async fn end_the_dead(
        &self,
        run: &mut Run,
        session: &Session,
        rows: Vec<MemberRow>,
    ) -> Result<(), Error> {
        if run.in_vain >= MOST_IN_VAIN {
            return Ok(());
        }
        let dead = self.rights.the_dead(rows).await?;
        if dead.is_empty() {
            return Ok(());
        }
        let connector = session.connector().clone();
        let erase = connector.erase().filter(|_| connector.can_erase());
        // The line first: what is done at the vendor must be on record even if this process ends.
        self.note_ended(run, "intended", dead.len()).await?;
        let (mut done, mut withheld, mut by_hand) = (0, 0, 0);
        for row in dead {
            run.counts.stream(ENDED).read += 1;
            // As it is now: calls take their time, and somebody may have come meanwhile.
            let ended = match self.rights.heir(&row).await? {
                Heir::Settled => continue,
                Heir::Somebody => {
                    run.counts.stream(ENDED).unchanged += 1;
                    withheld += 1;
                    continue;
                }
                Heir::Nobody => self.end_one(&row, session, erase).await?,
            };
            match ended {
                Ended::Told => {
                    self.rights.forget_member(&row).await?;
                    run.counts.stream(ENDED).updated += 1;
                    (done, run.in_vain) = (done + 1, 0);
                }
                Ended::ByHand => {
                    self.rights.forget_member(&row).await?;
                    run.counts.reject(ENDED, BY_HAND);
                    by_hand += 1;
                }
                Ended::InVain(why) => {
                    run.counts.reject(ENDED, &why);
                    run.in_vain += 1;
                    if row.changed_at.plus(PATIENCE * Timestamp::DAY) <= self.now() {
                        self.rights.forget_member(&row).await?;
                        by_hand += 1;
                    }
                    if run.in_vain >= MOST_IN_VAIN {
                        break;
                    }
                }
            }
        }
        for (count, word) in [(done, "done"), (withheld, "withheld"), (by_hand, "manual_task")] {
            if count > 0 {
                self.note_ended(run, word, count).await?;
            }
        }
        Ok(())
    }

    /// Has the vendor forget one of them.
    async fn end_one(&self, row: &MemberRow, session: &Session, erase: Option<&Erase>) -> Result<Ended, Error> {
        let Some(erase) = erase else { return Ok(Ended::ByHand) };
        match self.rights.open_member(row).await? {
            Kept::Opened(errand) => match told(&errand) {
                Some(who) => Ok(failure(&erase.run(session, &who).await).map_or(Ended::Told, Ended::InVain)),
                None => Ok(Ended::ByHand),
            },
            Kept::Refused => Ok(Ended::InVain(super::take_off::NOT_READABLE.to_owned())),
            Kept::Destroyed => Ok(Ended::ByHand),
        }
    }

    async fn note_ended(&self, run: &Run, word: &str, count: usize) -> Result<(), Error> {
        let line = Line::new(Act::RecipientTold).to(format!("destination {}", run.code));
        Ok(self.book.note(line.object("ended by retention").reasons(vec![word.to_owned()]).count(count)).await?)
    }
}
