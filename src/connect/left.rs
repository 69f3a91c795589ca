//! [`Left`]: who unsubscribed at a vendor, as its delivery tells it and the vendor says when it is asked.

use serde_json::Value;

use super::audience::Heard;
use super::call::{At, Call};
use super::filter::Filter;
use super::link::Link;
use super::manifest::webhook::LeftSpec;
use super::mapping::{exact, value};
use super::session::Session;
use super::template::Variables;
use super::{Error, Fault};

/// How it is read who unsubscribed.
pub(super) struct Left {
    place: String,
    values: Vec<(String, Filter)>,
    lookup: Option<Call>,
    further: Option<Call>,
    people: Filter,
}

impl Left {
    pub(super) fn load(spec: LeftSpec, topic: &str, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let place = format!("webhooks.topics.{topic}.unsubscribed");
        let mut known = link.names();
        known.extend(spec.values.keys().map(String::as_str));
        let lookup = spec.lookup.as_ref().map(|call| Call::load(call, &format!("{place}.lookup"), at, &known));
        if lookup.is_none() && !spec.values.is_empty() {
            return Err(
                at.wrong("values:", "only a `lookup` has values; leave them out, or say how the vendor is asked")
            );
        }
        let lookup = lookup.transpose()?;
        if lookup.is_none() && spec.further.is_some() {
            return Err(at.wrong("further:", "it comes after a `lookup`; say that first"));
        }
        let further = spec.further.as_ref().map(|call| Call::load(call, &format!("{place}.further"), at, &known));
        let values = spec.values.iter();
        let values = values.map(|(name, code)| Ok((name.clone(), at.filter(code, &format!("{place}.values"))?)));
        Ok(Self {
            values: values.collect::<Result<_, Error>>()?,
            lookup,
            further: further.transpose()?,
            people: at.filter(&spec.people, &format!("{place}.people"))?,
            place,
        })
    }

    /// Who it is. Nobody, if the vendor knows nobody like that.
    pub(super) async fn people(&self, session: &Session, mut told: Value) -> Result<Heard, Fault> {
        put(&mut told, "parameters", Value::Object(session.variables()));
        if let Some(lookup) = &self.lookup {
            let mut words = Variables::new();
            for (name, filter) in &self.values {
                let yielded = filter.run(value(&told)).next().transpose().map_err(|_| self.failed("values"))?;
                let Some(one) = yielded.and_then(exact).filter(|one| !one.is_null()) else {
                    return Ok(Heard::default());
                };
                words.insert(name.clone(), one);
            }
            let reply = match session.call(lookup, &words, None).await {
                Ok(answer) => answer.json,
                // An address that names the person knows nobody; any other is switched off or wrong. So is one that names them where
                // what they are looked for in is not there.
                Err(Fault::NotFound(_)) if lookup.path_names().any(|name| words.contains_key(name)) => {
                    session.test().await?;
                    return Ok(Heard::default());
                }
                Err(fault) => return Err(fault),
            };
            put(&mut told, "reply", reply);
            if let Some(further) = &self.further {
                put(&mut told, "further", session.call(further, &words, None).await?.json);
            }
        }
        let mut heard = Heard::default();
        for one in self.people.run(value(&told)) {
            match one {
                // The vendor answered something else: it is to tell it again, and be asked again.
                Err(_) if self.lookup.is_some() => return Err(self.failed("people")),
                one => heard.add(one.ok().and_then(exact).as_ref()),
            }
        }
        Ok(heard)
    }

    fn failed(&self, what: &str) -> Fault {
        Fault::Filter(format!("{}.{what}", self.place))
    }
}

/// What a delivery tells is an object.
fn put(told: &mut Value, name: &str, value: Value) {
    if let Value::Object(told) = told {
        told.insert(name.to_owned(), value);
    }
}
