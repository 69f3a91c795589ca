//! Handing a page of the segment over.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{Cause, Error, Pushes, Run};
use crate::connect::{Audience, Newcomer, Person, Session};
use crate::gateway::Disclosed;
use crate::rights::{self, Handed, Handing};
use crate::segments::Member;
use crate::store;
use crate::store::audiences::{self, MemberRow};
use crate::types::{Category, SubjectId, Timestamp};

/// The stream of the counts that names who was handed over.
pub(super) const ADDED: &str = "members";
/// Why somebody is not handed over.
const UNSUBSCRIBED: &str = "they unsubscribed at the vendor";
/// The same.
const NO_ADDRESS: &str = "the segment delivers nothing by which the vendor could be told of them";
/// The same.
const REFUSED: &str = "the vendor does not take the address";

/// What is known before a page is handed over.
pub(super) struct Told<'t> {
    pub(super) cause: &'t Cause,
    /// Who unsubscribed at the vendor, by index, and when if it says so.
    pub(super) gone: &'t HashMap<[u8; 16], Option<Timestamp>>,
    /// When the page was read.
    pub(super) since: Timestamp,
}

/// Somebody who is to be handed over.
struct Fresh {
    subject: SubjectId,
    ix: [u8; 16],
    one: Newcomer,
}

impl Pushes {
    /// Hands a page of the segment over. `seen` learns who the vendor may have.
    pub(super) async fn hand_over(
        &self,
        run: &mut Run,
        (session, audience): (&Session, &Audience),
        members: Vec<Member>,
        told: &Told<'_>,
        seen: &mut HashSet<[u8; 16]>,
    ) -> Result<(), Error> {
        run.counts.stream(ADDED).read += members.len() as u64;
        let mut people = Vec::with_capacity(members.len());
        for member in members {
            let Some(one) = newcomer(member.data, audience.wants_digests()) else {
                run.counts.reject(ADDED, NO_ADDRESS);
                continue;
            };
            let ix = self.rights.member_index(by(&one.who))?;
            let Some(at) = told.gone.get(&ix) else {
                people.push(Fresh { subject: member.subject_id, ix, one });
                continue;
            };
            run.counts.reject(ADDED, UNSUBSCRIBED);
            if at.is_some() {
                self.take_no(told.cause, &run.code, member.subject_id, *at).await?;
            }
        }
        let handing: Vec<_> =
            people.iter().map(|fresh| Handing { subject: fresh.subject, told: by(&fresh.one.who) }).collect();
        let handed = self.rights.hand_over(run.row.source_no, &handing, told.since).await?;
        drop(handing);
        let mut fresh = Vec::new();
        for (one, handed) in people.into_iter().zip(handed) {
            match handed {
                Handed::New(ix) if seen.insert(ix) => fresh.push(one),
                Handed::New(_) => {}
                Handed::There(ix) => {
                    seen.insert(ix);
                    run.counts.stream(ADDED).unchanged += 1;
                }
                Handed::Suppressed => run.counts.stream(ADDED).suppressed += 1,
            }
        }
        let mut fresh = fresh.into_iter().peekable();
        while fresh.peek().is_some() {
            let batch = fresh.by_ref().take(audience.batch()).collect();
            self.tell(run, (session, audience), told, batch).await?;
        }
        Ok(())
    }

    /// Tells the vendor of people who are kept already.
    async fn tell(
        &self,
        run: &mut Run,
        (session, audience): (&Session, &Audience),
        told: &Told<'_>,
        batch: Vec<Fresh>,
    ) -> Result<(), Error> {
        let (kept, people): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|fresh| ((fresh.subject, fresh.ix), fresh.one)).unzip();
        let gone: HashMap<String, Option<Timestamp>> =
            audience.check(session, &people).await?.into_iter().map(|one| (one.email, one.at)).collect();
        let (mut staying, mut told_of, mut not) = (Vec::new(), Vec::new(), Vec::new());
        for ((subject, ix), one) in kept.into_iter().zip(people) {
            let Some(at) = email_of(&one).and_then(|email| gone.get(&email)) else {
                staying.push(ix);
                told_of.push(one);
                continue;
            };
            run.counts.reject(ADDED, UNSUBSCRIBED);
            not.push(ix);
            if at.is_some() {
                self.take_no(told.cause, &run.code, subject, *at).await?;
            }
        }
        let refused = if told_of.is_empty() { Vec::new() } else { audience.add(session, &told_of).await? };
        let mut there = Vec::new();
        for (ix, one) in staying.into_iter().zip(told_of) {
            if email_of(&one).is_some_and(|email| refused.contains(&email)) {
                run.counts.reject(ADDED, REFUSED);
                not.push(ix);
            } else {
                there.push(ix.to_vec());
            }
        }
        run.counts.stream(ADDED).created += there.len() as u64;
        let (source, now) = (run.row.source_no, self.now());
        let step = move |write: &mut store::Write<'_>| {
            audiences::step(write, source, &there, (&[MemberRow::HANDED], MemberRow::THERE), now)
        };
        self.store.write(step).await?;
        let not: Vec<Vec<u8>> = not.into_iter().map(|ix| ix.to_vec()).collect();
        let read = move |read: &mut store::Read| audiences::with_indexes(read.records(), source, &not);
        for row in self.store.read(read).await? {
            self.rights.forget_member(&row).await?;
        }
        Ok(())
    }
}

fn email_of(one: &Newcomer) -> Option<String> {
    one.who.email.as_ref().map(|email| email.to_lowercase())
}

/// By what the vendor is told of somebody.
fn by(who: &Person) -> rights::Told<'_> {
    match &who.email {
        Some(email) => rights::Told::Email(email),
        None => rights::Told::Digests { email: who.email_sha256.as_deref(), phone: who.phone_sha256.as_deref() },
    }
}

/// Somebody without a mail address, or without any digest, cannot be handed over.
#[expect(clippy::disallowed_methods, reason = "the segment's fields go to the destination, as the audit book says")]
fn newcomer(data: Disclosed<Map<String, Value>>, digests: bool) -> Option<Newcomer> {
    let data = data.take();
    let first = |list: &str, name: &str| {
        let point = data.get(Category::Contact.word())?.get(list)?.get(0)?;
        point.get(name)?.as_str().map(str::to_owned)
    };
    let who = if digests {
        Person { email_sha256: first("emails", "sha256"), phone_sha256: first("phones", "sha256"), ..Person::default() }
    } else {
        Person { email: first("emails", "value"), ..Person::default() }
    };
    let known = who.email.is_some() || who.email_sha256.is_some() || who.phone_sha256.is_some();
    known.then(|| Newcomer { who, data: Value::Object(data) })
}
