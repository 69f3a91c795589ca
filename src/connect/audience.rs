//! [`Audience`]: handing people to a vendor, and taking them off again.

use serde_json::{Map, Value, json};

use super::call::{At, Call};
use super::erase::{Erase, Erasure, Person};
use super::filter::Filter;
use super::job::Job;
use super::link::Link;
use super::manifest::audience::{AudienceSpec, Means, Remains, UnsubscribedSpec};
use super::manifest::erase::{By, EraseSpec};
use super::manifest::unsubscribe::UnsubscribeStepSpec;
use super::mapping::{exact, value};
use super::pull::instant;
use super::session::Session;
use super::template::Variables;
use super::{Error, Fault};
use crate::types::Timestamp;

/// How often it is asked how far a job is: this many times, each time after a longer pause, half an hour in all.
const LOOKS: u32 = 70;
/// Pages of those who unsubscribed; more is no list of people.
const PAGES: usize = 20_000;
/// The longest a call that adds people takes, with all its tries and the wait for a job.
const CALL: i64 = 90 * 60 * Timestamp::SECOND;

/// How people are handed to a vendor and taken off.
pub struct Audience {
    note: String,
    by: Means,
    remains: Remains,
    settles: i64,
    batch: usize,
    add: Call,
    refused: Option<Filter>,
    job: Option<Job>,
    unsubscribed: Vec<Listing>,
    check: Option<(Call, Filter)>,
    remove: Erase,
    withdraw: Option<Erase>,
}

struct Listing {
    call: Call,
    size: u32,
    objects: Filter,
    people: Filter,
    next_url: Option<Filter>,
}

/// Somebody to be handed over: by what the vendor is told, and the fields of the segment. It is personal: it lives as long as the
/// call.
pub struct Newcomer {
    /// What the vendor is told the person by.
    pub who: Person,
    /// The fields of the segment, by category.
    pub data: Value,
}

/// Somebody who unsubscribed at the vendor. It is personal, too.
pub struct Unsubscribed {
    /// The mail address, in lower case.
    pub email: String,
    /// When, if the vendor says it.
    pub at: Option<Timestamp>,
    /// Did they not say no themselves? The vendor sends them nothing all the same.
    pub held: bool,
}

/// What a vendor told of people, and how many of them could not be read.
#[derive(Default)]
pub struct Heard {
    /// Those that could.
    pub people: Vec<Unsubscribed>,
    /// How many others it told of.
    pub unread: u64,
}

/// A place in the lists of those who unsubscribed.
pub struct Spot {
    list: usize,
    turn: Turn,
}

enum Turn {
    Page { number: u64, offset: u64 },
    Url(String),
}

const FIRST: Turn = Turn::Page { number: 0, offset: 0 };

impl Audience {
    pub(super) fn load(spec: AudienceSpec, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let mut known = link.names();
        if spec.batch <= 1 {
            known.push("email");
        }
        let (wanted, word) = match spec.by {
            Means::Email => (&[By::Email][..], "email"),
            Means::Digests => (&[By::EmailSha256, By::PhoneSha256][..], "email_sha256 and by phone_sha256"),
        };
        // Whoever is known by one of them alone must be taken off too.
        let each = wanted.iter().all(|by| spec.remove.iter().any(|step| step.by == *by));
        if !each || spec.remove.iter().any(|step| !wanted.contains(&step.by)) {
            let message = format!("say how somebody is taken off by {word}; who cannot be must not be handed over");
            return Err(at.wrong("remove:", message));
        }
        if let Some(step) = spec.withdraw.iter().find(|step| !wanted.contains(&step.by)) {
            let message = format!("people are known there by {word} alone; look for them by that");
            return Err(at.wrong(&step.name, message));
        }
        if let Some(step) = spec.withdraw.iter().find(|step| step.act.is_empty()) {
            return Err(at.wrong(&step.name, "say with `act` which call tells the vendor of the no"));
        }
        if let Some(step) = spec.withdraw.iter().find(|step| !step.purposes.is_empty()) {
            return Err(at.wrong(&step.name, "which purposes a list serves its segment says; leave `purposes` out"));
        }
        let withdraw = (!spec.withdraw.is_empty()).then(|| {
            let steps = spec.withdraw.into_iter().map(UnsubscribeStepSpec::step).collect();
            let steps = EraseSpec { note: spec.note.clone(), steps, without_steps: None };
            Erase::load_as(steps, "audience.withdraw", link, at.within(&["withdraw"]))
        });
        let remove = EraseSpec { note: spec.note.clone(), steps: spec.remove, without_steps: None };
        let job = spec.job.map(|job| Job::load(&job, "audience.job", link, at));
        let lists = spec.unsubscribed.into_iter().map(|list| Listing::load(list, link, at));
        let check = spec.check.map(|check| {
            let mut known = known.clone();
            known.push("emails");
            let call = Call::load(&check.request, "audience.check.request", at, &known)?;
            Ok::<_, Error>((call, at.filter(&check.people, "audience.check.people")?))
        });
        Ok(Self {
            by: spec.by,
            remains: spec.leaves,
            settles: i64::from(spec.settles_minutes) * 60 * Timestamp::SECOND,
            batch: usize::from(spec.batch.max(1)),
            add: Call::load(&spec.add, "audience.add", at, &known)?,
            refused: spec.refused.map(|code| at.filter(&code, "audience.refused")).transpose()?,
            job: job.transpose()?,
            unsubscribed: lists.collect::<Result<_, Error>>()?,
            check: check.transpose()?,
            remove: Erase::load_as(remove, "audience.remove", link, at.within(&["remove"]))?,
            withdraw: withdraw.transpose()?,
            note: spec.note,
        })
    }

    /// What this makes of people at the vendor, and what is left when they are taken off.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Are people told by digests, as networks want it, and not by their mail address?
    #[must_use]
    pub fn wants_digests(&self) -> bool {
        self.by == Means::Digests
    }

    /// Does the vendor still know somebody who was taken off?
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.remains != Remains::Nothing
    }

    /// Until when the vendor may be at adding people of whom it is told now.
    #[must_use]
    pub fn settles_before(&self, now: Timestamp) -> Timestamp {
        now.plus(CALL.max(self.settles))
    }

    /// The same when the call is over: `done` says that the vendor took it.
    #[must_use]
    pub fn settles_after(&self, done: bool, now: Timestamp) -> Timestamp {
        match (done, &self.job) {
            // Its job ended.
            (true, Some(_)) => now,
            (true, None) => now.plus(self.settles),
            (false, _) => self.settles_before(now),
        }
    }

    /// How many people one call may hold.
    #[must_use]
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// A page of those who unsubscribed at the vendor, and where the next one is; none at the end. Begins without a place.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub async fn unsubscribed(&self, session: &Session, place: Option<Spot>) -> Result<(Heard, Option<Spot>), Fault> {
        let Spot { list: at, turn } = place.unwrap_or(Spot { list: 0, turn: FIRST });
        let Some(list) = self.unsubscribed.get(at) else { return Ok((Heard::default(), None)) };
        let (heard, next) = list.page(session, turn).await?;
        let next = match next {
            Some(turn) => Some(Spot { list: at, turn }),
            None => self.unsubscribed.get(at + 1).map(|_| Spot { list: at + 1, turn: FIRST }),
        };
        Ok((heard, next))
    }

    /// Who of these people must not be added. It is asked just before, where the manifest says so.
    ///
    /// # Errors
    /// Why it cannot be told; then nobody may be added.
    pub async fn check(&self, session: &Session, people: &[Newcomer]) -> Result<Heard, Fault> {
        let Some((call, filter)) = &self.check else { return Ok(Heard::default()) };
        let mut words = words_of(session, people);
        let quoted = people.iter().filter_map(|one| Some(json!(one.who.email.as_ref()?).to_string()));
        words.insert("emails".to_owned(), quoted.collect::<Vec<_>>().join(",").into());
        let answer = session.call(call, &words, None).await?;
        let input = json!({"reply": answer.json, "parameters": session.variables()});
        let mut heard = Heard::default();
        for one in filter.run(value(&input)) {
            heard.add(one.ok().and_then(exact).as_ref());
        }
        Ok(heard)
    }

    /// Hands people over in one call, at most [`Audience::batch`] of them, and waits for the vendor's job where it makes one, for
    /// half an hour if it must; `meanwhile` is done again and again while it waits. Answers the mail addresses the vendor did not
    /// take, in lower case.
    ///
    /// # Errors
    /// Why the call failed; then nobody knows whom the vendor took.
    pub async fn add(
        &self,
        session: &Session,
        people: &[Newcomer],
        meanwhile: impl AsyncFnMut(),
    ) -> Result<Vec<String>, Fault> {
        let mut words = words_of(session, people);
        if let [Newcomer { who: Person { email: Some(email), .. }, .. }] = people {
            words.insert("email".to_owned(), json!(email));
        }
        let answer = session.call(&self.add, &words, None).await?;
        if let Some(job) = &self.job {
            job.wait(session, &answer.json, LOOKS, meanwhile).await?;
        }
        let Some(refused) = &self.refused else { return Ok(Vec::new()) };
        let failed = || Fault::Filter("audience.refused".to_owned());
        refused
            .run(value(&answer.json))
            .map(|one| {
                let one = one.ok().and_then(exact).ok_or_else(failed)?;
                one.as_str().map(str::to_lowercase).ok_or_else(failed)
            })
            .collect()
    }

    /// Can the vendor be told that somebody said no?
    #[must_use]
    pub const fn hears_no(&self) -> bool {
        self.withdraw.is_some()
    }

    /// Tells the vendor that somebody said no, and looks whether it stopped; none where it cannot be told.
    pub async fn withdraw(&self, session: &Session, who: &Person) -> Option<Erasure> {
        match &self.withdraw {
            Some(withdraw) => Some(withdraw.run(session, who).await),
            None => None,
        }
    }

    /// Takes somebody off, and looks whether the vendor did.
    pub async fn remove(&self, session: &Session, who: &Person) -> Erasure {
        self.remove.run(session, who).await
    }
}

fn words_of(session: &Session, people: &[Newcomer]) -> Variables {
    let member = |one: &Newcomer| {
        let mut member = one.data.as_object().cloned().unwrap_or_default();
        member.extend(one.who.words().into_iter().map(|(name, value)| (name.to_owned(), value)));
        Value::Object(member)
    };
    Map::from_iter([
        ("members".to_owned(), people.iter().map(member).collect()),
        ("now".to_owned(), json!(session.now().micros() / Timestamp::SECOND)),
    ])
}

impl Listing {
    fn load(list: UnsubscribedSpec, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let mut known = link.names();
        known.extend(["limit", "offset", "page"]);
        let next = list.next_url.map(|code| at.filter(&code, "audience.unsubscribed.next_url"));
        Ok(Self {
            call: Call::load(&list.request, "audience.unsubscribed.request", at, &known)?,
            size: list.size.max(1),
            objects: at.filter(&list.objects, "audience.unsubscribed.objects")?,
            people: at.filter(&list.people, "audience.unsubscribed.people")?,
            next_url: next.transpose()?,
        })
    }

    async fn page(&self, session: &Session, turn: Turn) -> Result<(Heard, Option<Turn>), Fault> {
        let failed = |what: &str| Fault::Filter(format!("audience.unsubscribed.{what}"));
        let (number, offset, next) = match turn {
            Turn::Page { number, offset } => (number, offset, None),
            Turn::Url(url) => (0, 0, Some(url)),
        };
        let mut words = Variables::new();
        for (name, number) in [("limit", u64::from(self.size)), ("page", number), ("offset", offset)] {
            words.insert(name.to_owned(), number.into());
        }
        let answer = session.call(&self.call, &words, next.as_deref()).await?;
        let parameters = Value::Object(session.variables());
        let (mut heard, mut count) = (Heard::default(), 0);
        for object in self.objects.run(value(&answer.json)) {
            let found = object.ok().and_then(exact).ok_or_else(|| failed("objects"))?;
            let input = json!({"found": found, "parameters": parameters});
            count += 1;
            if let Some(one) = self.people.run(value(&input)).next() {
                heard.add(one.ok().and_then(exact).as_ref());
            }
        }
        let turned = self.call.needs().any(|name| name == "offset" || name == "page");
        let next = match &self.next_url {
            Some(follow) => match follow.run(value(&answer.json)).next().map(|yielded| yielded.map(exact)) {
                None | Some(Ok(Some(Value::Null))) => None,
                Some(Ok(Some(Value::String(url)))) if next.as_ref() == Some(&url) => return Err(Fault::Repeats),
                Some(Ok(Some(Value::String(url)))) => Some(Turn::Url(url)),
                _ => return Err(failed("next_url")),
            },
            None if count == 0 || !turned => None,
            None if usize::try_from(number).is_ok_and(|number| number >= PAGES) => return Err(Fault::Repeats),
            None => Some(Turn::Page { number: number + 1, offset: offset + count }),
        };
        Ok((heard, next))
    }
}

impl Heard {
    /// One row of what the vendor told, or one that could not even be taken out.
    pub(super) fn add(&mut self, row: Option<&Value>) {
        match row.and_then(somebody) {
            Some(one) => self.people.push(one),
            None => self.unread += 1,
        }
    }
}

/// Reads `{email, at, held}`. A time that cannot be read is none: the no counts, as undated.
fn somebody(one: &Value) -> Option<Unsubscribed> {
    let email = one.get("email")?.as_str()?.trim().to_lowercase();
    let at = one.get("at").and_then(|at| instant(&value(at)));
    let held = one.get("held").and_then(Value::as_bool).unwrap_or(false);
    (!email.is_empty()).then_some(Unsubscribed { email, at, held })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_vendors_write_it_and_one_that_cannot_be_is_none() {
        let at = |at: Value| somebody(&json!({"email": " A@Example.org", "at": at})).map(|one| (one.email, one.at));
        let known = Timestamp::parse("2026-03-07T13:40:01Z").ok();
        for read in [json!("2026-03-07T13:40:01Z"), json!("2026-03-07T13:40:01"), json!(1_772_890_801)] {
            assert_eq!(at(read), Some(("a@example.org".to_owned(), known)));
        }
        for unreadable in [json!("soon"), json!(null), json!({}), json!("")] {
            assert_eq!(at(unreadable), Some(("a@example.org".to_owned(), None)));
        }
        let mut heard = Heard::default();
        [Some(&json!({"at": 1})), Some(&json!({"email": 5})), None].into_iter().for_each(|row| heard.add(row));
        assert_eq!((heard.people.len(), heard.unread), (0, 3));
    }
}
