//! Handing a page of the segment over.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::hear::Block;
use super::{Cause, Error, Pushes, Run};
use crate::connect::{Audience, Newcomer, Person, Session};
use crate::gateway::Disclosed;
use crate::rights::{Handed, Handing, ToldBy};
use crate::segments::Member;
use crate::store;
use crate::store::audiences::{self, MemberRow};
use crate::types::{Category, SubjectId, Timestamp};

/// The stream of the counts that names who was handed over.
pub const ADDED: &str = "members";
/// Why somebody is not handed over.
const NO_ADDRESS: &str = "the segment delivers nothing by which the vendor could be told of them";
/// The same.
const REFUSED: &str = "the vendor does not take the address";
/// The same.
const UNREADABLE: &str = "what the vendor says of them or of others of the same call cannot be read";

/// What is known before a page is handed over.
pub(super) struct Known<'k> {
    pub(super) cause: &'k Cause,
    /// To whom the vendor sends nothing, by index.
    pub(super) gone: &'k HashMap<[u8; 16], Block>,
    /// What was recorded from then on may not have been read with the page.
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
        known: &Known<'_>,
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
            let Some(block) = known.gone.get(&ix) else {
                people.push(Fresh { subject: member.subject_id, ix, one });
                continue;
            };
            run.counts.reject(ADDED, block.reason());
            if block.held {
                // Who is there stays there.
                seen.insert(ix);
            }
            self.take_dated_no(known.cause, &run.code, (member.subject_id, &ix), *block).await?;
        }
        let handing: Vec<_> =
            people.iter().map(|fresh| Handing { subject: fresh.subject, by: by(&fresh.one.who) }).collect();
        let handed = self.rights.hand_over(run.row.source_no, &handing, known.since).await?;
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
            self.tell(run, (session, audience), known, batch).await?;
        }
        Ok(())
    }

    /// Tells the vendor of people who are kept already.
    async fn tell(
        &self,
        run: &mut Run,
        (session, audience): (&Session, &Audience),
        known: &Known<'_>,
        batch: Vec<Fresh>,
    ) -> Result<(), Error> {
        let (kept, people): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|fresh| ((fresh.subject, fresh.ix), fresh.one)).unzip();
        let heard = audience.check(session, &people).await?;
        let unreadable = heard.unread > 0;
        let gone: HashMap<String, Block> =
            heard.people.into_iter().map(|one| (one.email.clone(), Block::of(&one))).collect();
        let (mut staying, mut not) = (Vec::new(), Vec::new());
        for ((subject, ix), one) in kept.into_iter().zip(people) {
            match email_of(&one).and_then(|email| gone.get(&email)) {
                Some(block) => {
                    run.counts.reject(ADDED, block.reason());
                    not.push(ix.to_vec());
                    self.take_dated_no(known.cause, &run.code, (subject, &ix), *block).await?;
                }
                // Who it is that the vendor does not want to be added is not known.
                None if unreadable => {
                    run.counts.reject(ADDED, UNREADABLE);
                    not.push(ix.to_vec());
                }
                None => staying.push((ix, one)),
            }
        }
        let refused = self.add(run, (session, audience), staying).await?;
        let (source, now) = (run.row.source_no, self.now());
        let both = [not.clone(), refused].concat();
        let read = move |read: &mut store::Read| audiences::with_indexes(read.records(), source, &both);
        let (told, untold): (Vec<_>, Vec<_>) =
            self.store.read(read).await?.into_iter().partition(|row| row.settles_at.is_set() && not.contains(&row.ix));
        for row in untold {
            self.rights.forget_member(&row).await?;
        }
        // An earlier call, whose answer was lost, may have added them.
        let told: Vec<Vec<u8>> = told.into_iter().map(|row| row.ix).collect();
        let step = (&MemberRow::PRESENT[..], MemberRow::LEAVING);
        self.store.write(move |write| audiences::step(write, source, &told, step, now)).await?;
        Ok(())
    }

    /// Lets the vendor add people, but for those who are to be taken off by now. Answers whom it refused.
    async fn add(
        &self,
        run: &mut Run,
        (session, audience): (&Session, &Audience),
        people: Vec<([u8; 16], Newcomer)>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let source = run.row.source_no;
        let all: Vec<Vec<u8>> = people.iter().map(|(ix, _)| ix.to_vec()).collect();
        let settles_at = audience.settles_before(self.now());
        let told = self.store.write(move |write| audiences::tell(write, source, &all, settles_at)).await?;
        let told: HashSet<Vec<u8>> = told.into_iter().collect();
        let (told_of, leaving): (Vec<_>, Vec<_>) = people.into_iter().partition(|(ix, _)| told.contains(&ix[..]));
        run.counts.stream(ADDED).suppressed += leaving.len() as u64;
        if told_of.is_empty() {
            return Ok(Vec::new());
        }
        let (ixs, newcomers): (Vec<[u8; 16]>, Vec<Newcomer>) = told_of.into_iter().unzip();
        let mut failed = None;
        let answer = audience
            .add(session, &newcomers, async || {
                if let Err(error) = self.take_off(run, session, audience).await {
                    failed = Some(error);
                }
            })
            .await;
        let refused = answer.as_deref().unwrap_or_default();
        let is_refused = |one: &Newcomer| email_of(one).is_some_and(|email| refused.contains(&email));
        let (mut there, mut not) = (Vec::new(), Vec::new());
        for (ix, one) in ixs.into_iter().zip(&newcomers) {
            if is_refused(one) { &mut not } else { &mut there }.push(ix.to_vec());
        }
        let (now, is_there) = (self.now(), answer.is_ok());
        let (settles_at, added) = (audience.settles_after(is_there, now), there.len() as u64);
        let answered = move |write: &mut store::Write<'_>| {
            audiences::settle(write, source, &there, settles_at, now)?;
            if is_there {
                audiences::step(write, source, &there, (&[MemberRow::HANDED], MemberRow::THERE), now)?;
            }
            Ok::<_, store::Error>(())
        };
        self.store.write(answered).await?;
        answer?;
        run.counts.stream(ADDED).created += added;
        not.iter().for_each(|_| run.counts.reject(ADDED, REFUSED));
        failed.map_or(Ok(not), Err)
    }
}

fn email_of(one: &Newcomer) -> Option<String> {
    one.who.email.as_ref().map(|email| email.to_lowercase())
}

/// By what the vendor is told of somebody.
fn by(who: &Person) -> ToldBy<'_> {
    match &who.email {
        Some(email) => ToldBy::Email(email),
        None => ToldBy::Digests { email: who.email_sha256.as_deref(), phone: who.phone_sha256.as_deref() },
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
