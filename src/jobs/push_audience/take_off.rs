//! Taking people off.

use super::{Error, Pushes, Run};
use crate::audit::{Act, Line};
use crate::connect::{Audience, Person, Session, StepReport};
use crate::gateway::Disclosure;
use crate::store;
use crate::store::audiences::{self, MemberRow};
use crate::types::Category;

/// The stream of the counts that names who was taken off.
pub(super) const REMOVED: &str = "taken_off";
/// After so many in a row who could not be taken off, the rest waits for the next time.
const MOST_IN_VAIN: usize = 10;

impl Pushes {
    /// Takes off everybody who is to be taken off. One who fails does not keep the others from it. Answers how many failed.
    pub(super) async fn take_off(&self, run: &mut Run, session: &Session, audience: &Audience) -> Result<usize, Error> {
        let (source, mut after, mut left, mut in_vain) = (run.row.source_no, Vec::new(), 0, 0);
        'pages: loop {
            let from = after.clone();
            let leaving = Some(MemberRow::LEAVING);
            let read = move |read: &mut store::Read| audiences::members(read.records(), source, leaving, &from, 100);
            let page = self.store.read(read).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.ix);
            for row in page {
                let errand = self.rights.open_member(&row).await?;
                let Some(who) = errand.as_deref().and_then(told) else {
                    // Nothing tells any more whom to take off; an erasure at the vendor has its own errand.
                    tracing::error!(destination = run.code, "it is not known any more who is to be taken off");
                    self.rights.forget_member(&row).await?;
                    continue;
                };
                run.counts.stream(REMOVED).read += 1;
                let report = audience.remove(session, &who).await;
                let failed =
                    |step: &StepReport| (step.failure.is_some() && !step.unasked) || step.verified == Some(false);
                if let Some(step) = report.steps.iter().find(|step| failed(step)) {
                    (left, in_vain) = (left + 1, in_vain + 1);
                    run.counts.reject(REMOVED, step.failure.as_deref().unwrap_or("the vendor still has them"));
                    if in_vain >= MOST_IN_VAIN {
                        break 'pages;
                    }
                    continue;
                }
                in_vain = 0;
                self.rights.forget_member(&row).await?;
                run.counts.stream(REMOVED).updated += 1;
            }
        }
        let gone = run.counts.stream(REMOVED).updated;
        if gone > 0 {
            let line = Line::new(Act::RecipientTold).to(format!("destination {}", run.code));
            let count = usize::try_from(gone).unwrap_or(usize::MAX);
            self.book.note(line.object("taken off").count(count)).await?;
        }
        Ok(left)
    }
}

/// By what the vendor was told of somebody.
#[expect(clippy::disallowed_methods, reason = "it goes to the vendor that was told of it, to be taken off there")]
fn told(errand: &Disclosure) -> Option<Person> {
    let first = |list: &str| {
        let mut parts = errand.records().iter().filter_map(|record| record.part(Category::Contact));
        parts.find_map(|part| Some(part.look().get(list)?.get(0)?.as_str()?.to_owned()))
    };
    let who = Person {
        email: first("emails"),
        email_sha256: first("emails_sha256"),
        phone_sha256: first("phones_sha256"),
        ..Person::default()
    };
    (who.email.is_some() || who.email_sha256.is_some() || who.phone_sha256.is_some()).then_some(who)
}
