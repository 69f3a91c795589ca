//! [`Enrich`]: what a list leaves out is asked for object by object.

use jaq_json::Val;
use serde_json::Value;

use crate::connect::call::{At, Call};
use crate::connect::filter::Filter;
use crate::connect::link::Link;
use crate::connect::manifest::pull::EnrichSpec;
use crate::connect::mapping::{exact, value};
use crate::connect::session::Session;
use crate::connect::template::Variables;
use crate::connect::{Error, Fault};

/// A call for each object, and what of its answer is added.
pub(super) struct Enrich {
    name: String,
    values: Vec<(String, Filter)>,
    call: Call,
    take: Filter,
}

impl Enrich {
    pub(super) fn load(spec: EnrichSpec, pull: &str, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let place = format!("{pull}.enrich.{}", spec.name);
        let mut known = link.names();
        known.extend(spec.values.keys().map(String::as_str));
        let values = spec.values.iter().map(|(name, code)| Ok((name.clone(), at.filter(code, &place)?)));
        Ok(Self {
            values: values.collect::<Result<_, Error>>()?,
            call: Call::load(&spec.request, &place, at, &known)?,
            take: at.filter(&spec.take, &format!("{place}.take"))?,
            name: spec.name,
        })
    }

    /// Asks for the rest of an object and adds it.
    ///
    /// # Errors
    /// If it cannot be had; an object that went away meanwhile stays as it was.
    pub(super) async fn add(&self, session: &Session, whole: &mut Val) -> Result<(), Fault> {
        let failed = || Fault::Filter(format!("enrich.{}", self.name));
        let mut words = Variables::new();
        for (name, filter) in &self.values {
            match filter.run(whole.clone()).next() {
                Some(Ok(found)) => words.insert(name.clone(), exact(found).ok_or_else(failed)?),
                _ => return Err(failed()),
            };
        }
        if words.values().any(Value::is_null) || self.call.lacks(&words) && !self.values.is_empty() && words.is_empty()
        {
            return Ok(());
        }
        let answer = match session.call(&self.call, &words, None).await {
            Ok(answer) => answer,
            // It went away since its list was read.
            Err(Fault::NotFound(_)) => return Ok(()),
            Err(fault) => return Err(fault),
        };
        let part = self.take.run(value(&answer.json)).next().and_then(Result::ok).ok_or_else(failed)?;
        if self.name == "." {
            *whole = part;
        } else if let Val::Obj(parts) = whole {
            let mut parts = (**parts).clone();
            parts.insert(Val::from(self.name.clone()), part);
            *whole = Val::obj(parts);
        }
        Ok(())
    }
}
