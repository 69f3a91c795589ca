//! Taking people off.

use super::{Error, Pushes, Run};
use crate::audit::{Act, Line};
use crate::connect::{Audience, Erasure, Person, Session, StepReport};
use crate::gateway::{Disclosure, Kept};
use crate::jobs::sync::spread;
use crate::rights::DIGESTS;
use crate::store;
use crate::store::audiences::{self, MemberRow};
use crate::types::{Category, Timestamp};

/// The stream of the counts that names who was taken off.
pub const REMOVED: &str = "taken_off";
/// After so many in a row who could not be taken off, the rest waits for the next time.
const MOST_IN_VAIN: usize = 10;
/// People looked at in one step.
const PAGE: i64 = 100;
/// The shortest pause before somebody is tried again; it grows with the time they wait.
const PAUSE: i64 = 60 * Timestamp::SECOND;
/// The longest.
const LONGEST_PAUSE: i64 = 6 * 3_600 * Timestamp::SECOND;
/// So long a no is told before somebody is taken off a list that keeps nothing of them, where the vendor does not take it.
const TOLD_BEFORE: i64 = 3_600 * Timestamp::SECOND;
/// When it is looked again whether a vendor carried out a no it took in.
const SOON: i64 = 600 * Timestamp::SECOND;
/// So long after it took a no in a vendor may be at carrying it out.
const CARRIED_OUT: i64 = Timestamp::DAY;
/// Why somebody is not taken off by the hub any more.
const BY_HAND: &str = "nothing tells any more who is to be taken off; look there by hand";

/// What came of taking somebody off.
enum Off {
    /// The vendor took them off, or does not have them; was it told of a no?
    Done { told: bool },
    /// The same, but it may still be at adding them.
    Again,
    /// The same, and it took their no in, but shows them as if they had said none: it may carry it out later.
    Soon,
    /// It did not.
    Failed(String),
    /// What was kept to tell it by is destroyed.
    Lost,
}

impl Pushes {
    /// Takes off everybody who is to be taken off by now, who waits longest first. One who fails does not keep the others from it.
    pub(super) async fn take_off(&self, run: &mut Run, session: &Session, audience: &Audience) -> Result<(), Error> {
        let (source, begun, mut in_vain) = (run.row.source_no, self.now(), 0);
        while in_vain < MOST_IN_VAIN {
            let read = move |read: &mut store::Read| audiences::leaving(read.records(), source, begun, PAGE);
            let page = self.store.read(read).await?;
            if page.is_empty() {
                break;
            }
            // The line first: what is done at the vendor must be on record even if this process ends.
            self.note_taken_off(run, "intended", page.len()).await?;
            let (mut done, mut by_hand) = (0, 0);
            for row in page {
                run.counts.stream(REMOVED).read += 1;
                match self.take_one_off(&row, session, audience).await? {
                    Off::Done { told } => {
                        // Who is known there as somebody who said no is known there.
                        let keeps = audience.keeps() || (row.state == MemberRow::REFUSING && audience.hears_no());
                        self.rights.let_member_go(&row, keeps, told).await?;
                        run.counts.stream(REMOVED).updated += 1;
                        (done, in_vain) = (done + 1, 0);
                    }
                    Off::Again => {
                        let _ = self.rights.try_member_later(&row, row.settles_at).await?;
                        run.counts.stream(REMOVED).unchanged += 1;
                        in_vain = 0;
                    }
                    Off::Soon => {
                        let _ = self.rights.try_member_later(&row, self.now().plus(SOON)).await?;
                        run.counts.stream(REMOVED).unchanged += 1;
                        in_vain = 0;
                    }
                    Off::Failed(why) => {
                        (run.left, in_vain) = (run.left + 1, in_vain + 1);
                        run.counts.reject(REMOVED, &why);
                        let (now, waits) = (self.now(), self.now().micros() - row.changed_at.micros());
                        let pause = waits.clamp(PAUSE, LONGEST_PAUSE);
                        let late = spread(pause / Timestamp::SECOND, &*self.vendors.surroundings.entropy);
                        if self.rights.try_member_later(&row, now.plus(pause + late)).await? {
                            by_hand += 1;
                        }
                    }
                    Off::Lost => {
                        self.rights.forget_member(&row).await?;
                        run.counts.reject(REMOVED, BY_HAND);
                        by_hand += 1;
                    }
                }
                if in_vain >= MOST_IN_VAIN {
                    break;
                }
            }
            for (count, word) in [(done, "done"), (by_hand, "manual_task")] {
                if count > 0 {
                    self.note_taken_off(run, word, count).await?;
                }
            }
        }
        Ok(())
    }

    async fn take_one_off(&self, row: &MemberRow, session: &Session, audience: &Audience) -> Result<Off, Error> {
        let who = match self.rights.open_member(row).await? {
            Kept::Opened(errand) => told(&errand),
            Kept::Refused => None,
            // An erasure at the vendor has its own errand.
            Kept::Destroyed => return Ok(Off::Lost),
        };
        let Some(who) = who else { return Ok(Off::Failed(NOT_READABLE.to_owned())) };
        // Of the no first: once they are off the list, some vendors find them nowhere.
        let refuses = row.state == MemberRow::REFUSING && self.rights.still_refuses(row).await?;
        let told = if refuses { audience.withdraw(session, &who).await } else { None };
        let waits = self.now().micros() - row.changed_at.micros();
        let later = waits < CARRIED_OUT && told.as_ref().is_some_and(is_taken_in);
        let unheard = if later { None } else { told.as_ref().and_then(failure) };
        // Where nothing is left of them off the list, the no would reach nobody any more: it is told for a while before.
        if let (Some(why), false, true) = (&unheard, audience.keeps(), waits < TOLD_BEFORE) {
            return Ok(Off::Failed(why.clone()));
        }
        let report = audience.remove(session, &who).await;
        let failed = unheard.or_else(|| failure(&report));
        Ok(match failed {
            Some(why) => Off::Failed(why),
            // Not found, or found and taken off: either way it may still be added.
            None if row.settles_at > self.now() => Off::Again,
            None if later => Off::Soon,
            None => Off::Done { told: told.is_some() },
        })
    }

    async fn note_taken_off(&self, run: &Run, word: &str, count: usize) -> Result<(), Error> {
        let line = Line::new(Act::RecipientTold).to(format!("destination {}", run.code));
        Ok(self.book.note(line.object("taken off").reasons(vec![word.to_owned()]).count(count)).await?)
    }
}

/// Why whom a vendor was told of cannot be told by now.
pub(super) const NOT_READABLE: &str =
    "the purpose subject_access does not let the hub read by what the vendor knows them; configure it as it was";

/// Why somebody was not taken off. A vendor that was asked nothing did nothing.
pub(super) fn failure(report: &Erasure) -> Option<String> {
    let failed = |step: &&StepReport| (step.failure.is_some() && !step.unasked) || step.verified == Some(false);
    let step = match report.steps.iter().find(failed) {
        None if !report.steps.iter().all(|step| step.unasked) => return None,
        Some(step) => Some(step),
        None => report.steps.first(),
    };
    let why = step.and_then(|step| step.failure.clone());
    Some(why.unwrap_or_else(|| "the vendor still has them".to_owned()))
}

/// Did the vendor take everything in, and not all of it shows yet?
fn is_taken_in(report: &Erasure) -> bool {
    let unverified = report.steps.iter().any(|step| step.verified == Some(false));
    unverified && report.steps.iter().all(|step| step.failure.is_none())
}

/// By what the vendor was told of somebody.
#[expect(clippy::disallowed_methods, reason = "it goes to the vendor that was told of it, to be taken off there")]
pub(super) fn told(errand: &Disclosure) -> Option<Person> {
    let mut parts = errand.records().iter().filter_map(|record| record.part(Category::Contact));
    parts.find_map(|part| {
        let text = |value: &serde_json::Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        if let Some(email) = part.look().get("emails").and_then(|all| text(all.get(0)?)) {
            return Some(Person { email: Some(email), ..Person::default() });
        }
        let pair = part.look().get(DIGESTS)?.get(0)?;
        let digest = |at: usize| pair.get(at).and_then(text);
        let who = Person { email_sha256: digest(0), phone_sha256: digest(1), ..Person::default() };
        (who.email_sha256.is_some() || who.phone_sha256.is_some()).then_some(who)
    })
}
