//! [`Demands`]: a list at the vendor of people who demanded something, which the merchant must follow.

use std::collections::BTreeMap;

use super::call::At;
use super::erase::Person;
use super::filter::Filter;
use super::link::Link;
use super::manifest::webhook::{DemandSpec, Demanded};
use super::mapping::exact;
use super::pull::{Leaf, Pull};
use super::webhook::{mark, person};
use super::{Error, Stream};

/// A list of people who demanded something of the vendor.
pub struct Demands {
    place: String,
    list: Stream,
    pull: Pull,
    right: Demanded,
    who: Filter,
}

impl Demands {
    pub(super) fn load(name: &str, spec: DemandSpec, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let place = format!("demands.{name}");
        Ok(Self {
            list: Stream::list(&place, &spec.objects, at)?,
            pull: Pull::load(spec.pull, &place, link, at)?,
            right: spec.request,
            who: at.filter(&spec.who, &format!("{place}.who"))?,
            place,
        })
    }

    pub(super) fn load_all(
        specs: BTreeMap<String, DemandSpec>,
        link: Option<&Link>,
        at: At<'_>,
    ) -> Result<Vec<Self>, Error> {
        let without =
            || at.wrong("demands:", "without a `connection` nobody can be called; add one, or leave this out");
        let here = at.within(&["demands"]);
        let load = |(name, spec): (String, DemandSpec)| {
            Self::load(&name, spec, link.ok_or_else(without)?, here.within(&[&name]))
        };
        specs.into_iter().map(load).collect()
    }

    /// Its name among the places of a source.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.place
    }

    /// What is demanded.
    #[must_use]
    pub const fn right(&self) -> Demanded {
        self.right
    }

    /// How it is read, and by what its objects are found.
    #[must_use]
    pub const fn reading(&self) -> (&Pull, &Stream) {
        (&self.pull, &self.list)
    }

    /// Who stands on a page. A row that names nobody keeps no other from being heard.
    #[must_use]
    pub fn people(&self, leaf: Leaf) -> Demanding {
        let mut all = Demanding { people: Vec::new(), unreadable: Vec::new() };
        for object in leaf.objects() {
            let row = object.as_ref().map(ToString::to_string).unwrap_or_default();
            let who = object.ok().and_then(|object| self.who.run(object).next()?.ok());
            match who.and_then(exact).map(|who| person(&who)).filter(|who| !who.words().is_empty()) {
                Some(who) => all.people.push(who),
                None => all.unreadable.push(mark(&[self.place.as_bytes(), row.as_bytes()])),
            }
        }
        all
    }
}

/// What a page of such a list says.
pub struct Demanding {
    /// Who demands something.
    pub people: Vec<Person>,
    /// Rows of which nobody can say who they are about, each by a mark that is the same when it is listed again.
    pub unreadable: Vec<[u8; 16]>,
}
