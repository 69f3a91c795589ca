//! [`Job`]: something a vendor took in and carries out later, and how to wait for its end.

use std::time::Duration;

use serde_json::Value;

use super::call::{At, Call};
use super::filter::Filter;
use super::link::Link;
use super::manifest::audience::JobSpec;
use super::mapping::{exact, value};
use super::session::Session;
use super::template::Variables;
use super::{Error, Fault};

/// The longest pause between two looks, in seconds.
const LONGEST_PAUSE: u32 = 30;

/// A job of a vendor.
pub(super) struct Job {
    place: String,
    id: Filter,
    call: Call,
    done: Filter,
    failed: Option<Filter>,
}

impl Job {
    pub(super) fn load(spec: &JobSpec, place: &str, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let mut known = link.names();
        known.push("job");
        let failed = spec.failed.as_ref().map(|code| at.filter(code, &format!("{place}.failed")));
        Ok(Self {
            id: at.filter(&spec.id, &format!("{place}.id"))?,
            call: Call::load(&spec.request, &format!("{place}.request"), at, &known)?,
            done: at.filter(&spec.done, &format!("{place}.done"))?,
            failed: failed.transpose()?,
            place: place.to_owned(),
        })
    }

    /// Waits for the job that `answer` names; it is looked so often, each time after a longer pause. `meanwhile` is done before each
    /// look.
    ///
    /// # Errors
    /// [`Fault::Job`]: it failed, or does not end. Else why it cannot be looked.
    pub(super) async fn wait(
        &self,
        session: &Session,
        answer: &Value,
        looks: u32,
        mut meanwhile: impl AsyncFnMut(),
    ) -> Result<(), Fault> {
        let failed = || Fault::Filter(format!("{}.id", self.place));
        let id = self.id.run(value(answer)).next().and_then(Result::ok).and_then(exact).ok_or_else(failed)?;
        if !id.is_string() && !id.is_number() {
            return Err(failed());
        }
        let words = Variables::from_iter([("job".to_owned(), id)]);
        for look in 0..looks {
            session.pause(Duration::from_secs(u64::from((look + 1).min(LONGEST_PAUSE)))).await;
            meanwhile().await;
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
