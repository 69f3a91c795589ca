//! [`Audience`]: handing people to a vendor, and taking them off again.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::call::{At, Call};
use super::erase::{Erase, Erasure, Person};
use super::filter::Filter;
use super::link::Link;
use super::manifest::audience::{AudienceSpec, Told};
use super::manifest::erase::{By, EraseSpec};
use super::mapping::{exact, value};
use super::session::Session;
use super::template::Variables;
use super::{Error, Fault};
use crate::types::Timestamp;

/// How often it is asked how far a job is: this many times, each time after a longer pause, half an hour in all.
const LOOKS: u32 = 70;
/// The longest pause between two looks.
const LONGEST_PAUSE: u32 = 30;
/// Pages of those who unsubscribed; more is no list of people.
const PAGES: usize = 20_000;

/// How people are handed to a vendor and taken off.
pub struct Audience {
    note: String,
    by: Told,
    batch: usize,
    add: Call,
    refused: Option<Filter>,
    job: Option<Job>,
    unsubscribed: Option<Listing>,
    check: Option<(Call, Filter)>,
    remove: Erase,
}

struct Job {
    id: Filter,
    call: Call,
    done: Filter,
    failed: Option<Filter>,
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
}

/// A place in the list of those who unsubscribed.
pub struct Spot(Turn);

enum Turn {
    Page { number: u64, offset: u64 },
    Url(String),
}

impl Audience {
    pub(super) fn load(spec: AudienceSpec, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let mut known = link.names();
        if spec.batch <= 1 {
            known.push("email");
        }
        let (wanted, word) = match spec.by {
            Told::Email => (&[By::Email][..], "email"),
            Told::Digests => (&[By::EmailSha256, By::PhoneSha256][..], "email_sha256 and phone_sha256"),
        };
        if spec.remove.is_empty() || spec.remove.iter().any(|step| !wanted.contains(&step.by)) {
            let message = format!("say how somebody is taken off by {word}; who cannot be must not be handed over");
            return Err(at.wrong("remove:", message));
        }
        let remove = EraseSpec { note: spec.note.clone(), steps: spec.remove, without_steps: None };
        let job = spec.job.map(|job| {
            let mut known = link.names();
            known.push("job");
            let failed = job.failed.map(|code| at.filter(&code, "audience.job.failed"));
            Ok::<_, Error>(Job {
                id: at.filter(&job.id, "audience.job.id")?,
                call: Call::load(&job.request, "audience.job.request", at, &known)?,
                done: at.filter(&job.done, "audience.job.done")?,
                failed: failed.transpose()?,
            })
        });
        let unsubscribed = spec.unsubscribed.map(|list| {
            let mut known = link.names();
            known.extend(["limit", "offset", "page"]);
            let next = list.next_url.map(|code| at.filter(&code, "audience.unsubscribed.next_url"));
            Ok::<_, Error>(Listing {
                call: Call::load(&list.request, "audience.unsubscribed.request", at, &known)?,
                size: list.size.max(1),
                objects: at.filter(&list.objects, "audience.unsubscribed.objects")?,
                people: at.filter(&list.people, "audience.unsubscribed.people")?,
                next_url: next.transpose()?,
            })
        });
        let check = spec.check.map(|check| {
            let mut known = known.clone();
            known.push("emails");
            let call = Call::load(&check.request, "audience.check.request", at, &known)?;
            Ok::<_, Error>((call, at.filter(&check.people, "audience.check.people")?))
        });
        Ok(Self {
            by: spec.by,
            batch: usize::from(spec.batch.max(1)),
            add: Call::load(&spec.add, "audience.add", at, &known)?,
            refused: spec.refused.map(|code| at.filter(&code, "audience.refused")).transpose()?,
            job: job.transpose()?,
            unsubscribed: unsubscribed.transpose()?,
            check: check.transpose()?,
            remove: Erase::load_as(remove, "audience.remove", link, at)?,
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
        self.by == Told::Digests
    }

    /// Does the vendor tell who unsubscribed there?
    #[must_use]
    pub const fn hears_unsubscribed(&self) -> bool {
        self.unsubscribed.is_some()
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
    pub async fn unsubscribed(
        &self,
        session: &Session,
        place: Option<Spot>,
    ) -> Result<(Vec<Unsubscribed>, Option<Spot>), Fault> {
        let Some(list) = &self.unsubscribed else { return Ok((Vec::new(), None)) };
        let failed = |what: &str| Fault::Filter(format!("audience.unsubscribed.{what}"));
        let (number, offset) = match &place {
            Some(Spot(Turn::Page { number, offset })) => (*number, *offset),
            _ => (0, 0),
        };
        let mut words = Variables::new();
        for (name, number) in [("limit", u64::from(list.size)), ("page", number), ("offset", offset)] {
            words.insert(name.to_owned(), number.into());
        }
        let next = if let Some(Spot(Turn::Url(url))) = &place { Some(url.as_str()) } else { None };
        let answer = session.call(&list.call, &words, next).await?;
        let parameters = Value::Object(session.variables());
        let (mut people, mut count) = (Vec::new(), 0);
        for object in list.objects.run(value(&answer.json)) {
            let found = object.ok().and_then(exact).ok_or_else(|| failed("objects"))?;
            let input = json!({"found": found, "parameters": parameters});
            count += 1;
            if let Some(one) = list.people.run(value(&input)).next() {
                people.push(one.ok().and_then(exact).as_ref().and_then(somebody).ok_or_else(|| failed("people"))?);
            }
        }
        let turned = list.call.needs().any(|name| name == "offset" || name == "page");
        let next = match &list.next_url {
            Some(follow) => match follow.run(value(&answer.json)).next().map(|yielded| yielded.map(exact)) {
                None | Some(Ok(Some(Value::Null))) => None,
                Some(Ok(Some(Value::String(url)))) if next == Some(url.as_str()) => return Err(Fault::Repeats),
                Some(Ok(Some(Value::String(url)))) => Some(Spot(Turn::Url(url))),
                _ => return Err(failed("next_url")),
            },
            None if count == 0 || !turned => None,
            None if usize::try_from(number).is_ok_and(|number| number >= PAGES) => return Err(Fault::Repeats),
            None => Some(Spot(Turn::Page { number: number + 1, offset: offset + count })),
        };
        Ok((people, next))
    }

    /// Who of these people unsubscribed at the vendor. It is asked just before they are added, where the manifest says so.
    ///
    /// # Errors
    /// Why it cannot be told; then nobody may be added.
    pub async fn check(&self, session: &Session, people: &[Newcomer]) -> Result<Vec<Unsubscribed>, Fault> {
        let Some((call, filter)) = &self.check else { return Ok(Vec::new()) };
        let mut words = words_of(session, people);
        let quoted = people.iter().filter_map(|one| Some(json!(one.who.email.as_ref()?).to_string()));
        words.insert("emails".to_owned(), quoted.collect::<Vec<_>>().join(",").into());
        let answer = match session.call(call, &words, None).await {
            Ok(answer) => answer,
            Err(Fault::NotFound(_)) => return Ok(Vec::new()),
            Err(fault) => return Err(fault),
        };
        let failed = || Fault::Filter("audience.check.people".to_owned());
        let input = json!({"reply": answer.json, "parameters": session.variables()});
        let one = |one: Result<_, String>| one.ok().and_then(exact).as_ref().and_then(somebody).ok_or_else(failed);
        filter.run(value(&input)).map(one).collect()
    }

    /// Hands people over in one call, at most [`Audience::batch`] of them, and waits for the vendor's job where it makes one.
    /// Answers the mail addresses the vendor did not take, in lower case.
    ///
    /// # Errors
    /// Why the call failed; then nobody knows whom the vendor took.
    pub async fn add(&self, session: &Session, people: &[Newcomer]) -> Result<Vec<String>, Fault> {
        let mut words = words_of(session, people);
        if let [Newcomer { who: Person { email: Some(email), .. }, .. }] = people {
            words.insert("email".to_owned(), json!(email));
        }
        let answer = session.call(&self.add, &words, None).await?;
        if let Some(job) = &self.job {
            job.wait(session, &answer.json).await?;
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

    /// Takes somebody off, and looks whether the vendor did.
    pub async fn remove(&self, session: &Session, who: &Person) -> Erasure {
        self.remove.run(session, who).await
    }
}

impl Job {
    async fn wait(&self, session: &Session, answer: &Value) -> Result<(), Fault> {
        let failed = || Fault::Filter("audience.job.id".to_owned());
        let id = self.id.run(value(answer)).next().and_then(Result::ok).and_then(exact).ok_or_else(failed)?;
        if !id.is_string() && !id.is_number() {
            return Err(failed());
        }
        let words = Variables::from_iter([("job".to_owned(), id)]);
        for look in 0..LOOKS {
            session.pause(Duration::from_secs(u64::from((look + 1).min(LONGEST_PAUSE)))).await;
            let answer = session.call(&self.call, &words, None).await?;
            if self.done.holds(value(&answer.json)) {
                return Ok(());
            }
            if self.failed.as_ref().is_some_and(|failed| failed.holds(value(&answer.json))) {
                return Err(Fault::Job);
            }
        }
        Err(Fault::Job)
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

/// Reads `{email, at}`.
fn somebody(one: &Value) -> Option<Unsubscribed> {
    let email = one.get("email")?.as_str()?.trim().to_lowercase();
    let at = match one.get("at") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(Timestamp::parse(text).ok()?),
        Some(number) => Some(Timestamp::from_micros(number.as_i64()?.saturating_mul(Timestamp::SECOND))),
    };
    Some(Unsubscribed { email, at })
}
