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
use crate::connect::{Error, Fault, MappingError, Reason, Stream};

/// So many objects of a page may be gone, or fail, without that being a fault of the whole.
const FEW: usize = 3;

/// Adds to each object what its list left out. One of which it cannot be had is put aside with the reason, and the others come in.
/// True: the vendor failed at one in a way that may pass, so it is to be looked for again.
///
/// # Errors
/// If the vendor fails as a whole, or says of most of the objects it listed that they do not exist: then nobody can say what is
/// gone.
pub(super) async fn complete(
    enrich: &[Enrich],
    session: &Session,
    stream: &Stream,
    objects: &mut [Result<Val, MappingError>],
) -> Result<bool, Fault> {
    let (mut asked, mut gone, mut failed) = (0, 0, 0);
    if enrich.is_empty() {
        return Ok(false);
    }
    for (number, object) in objects.iter_mut().enumerate() {
        let Ok(whole) = object else { continue };
        asked += 1;
        let fault = match add_all(enrich, session, whole, &mut gone).await {
            Ok(()) if gone <= FEW || gone * 2 <= asked => continue,
            Ok(()) => return Err(Fault::NotFound(None)),
            Err(fault) => fault,
        };
        match &fault {
            // It went away since its list was read.
            Fault::NotFound(_) => gone += 1,
            Fault::Filter(_) | Fault::TooLarge(_) => {}
            fault if fault.lasts() => {}
            Fault::Vendor { .. } | Fault::Unreadable | Fault::Timeout(_) => failed += 1,
            _ => return Err(fault),
        }
        // Most of a page: that is no fault of the objects.
        if (gone > FEW && gone * 2 > asked) || (failed > FEW && failed * 2 > asked) {
            return Err(fault);
        }
        let reason = if matches!(fault, Fault::NotFound(_)) { Reason::Gone } else { Reason::Rest(fault.to_string()) };
        *object = Err(MappingError { object: number, name: stream.name_of(whole), reason });
    }
    Ok(failed > 0)
}

/// All of them for one object. A part of it that is gone is counted and left out; without one that stands in its place it is
/// nothing.
async fn add_all(enrich: &[Enrich], session: &Session, whole: &mut Val, gone: &mut usize) -> Result<(), Fault> {
    for enrich in enrich {
        match enrich.add(session, whole).await {
            Err(Fault::NotFound(_)) if enrich.name != "." => *gone += 1,
            added => added?,
        }
    }
    Ok(())
}

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
    /// If it cannot be had; [`Fault::NotFound`]: it may have gone away since its list was read.
    async fn add(&self, session: &Session, whole: &mut Val) -> Result<(), Fault> {
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
        let answer = session.call(&self.call, &words, None).await?;
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
