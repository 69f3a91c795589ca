//! [`Demands`]: a list at the vendor of people who demanded something, which the merchant must follow.

use std::collections::BTreeMap;

use super::call::At;
use super::erase::Person;
use super::filter::Filter;
use super::link::Link;
use super::manifest::webhook::{DemandSpec, Demanded};
use super::mapping::exact;
use super::pull::{Leaf, Pull};
use super::webhook::person;
use super::{Error, Fault, Stream};

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
        specs.into_iter().map(|(name, spec)| Self::load(&name, spec, link.ok_or_else(without)?, at)).collect()
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

    /// Who stands on a page.
    ///
    /// # Errors
    /// If the page is not what the manifest says: nobody may be passed over.
    pub fn people(&self, leaf: Leaf) -> Result<Vec<Person>, Fault> {
        let failed = || Fault::Filter(format!("{}.who", self.place));
        let one = |object: Result<_, _>| {
            let who = self.who.run(object.map_err(|_| failed())?).next().and_then(Result::ok).and_then(exact);
            Ok(person(&who.ok_or_else(failed)?))
        };
        leaf.objects().map(one).collect()
    }
}
