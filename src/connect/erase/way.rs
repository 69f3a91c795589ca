//! [`Way`]: how something of a person is found at a vendor.

use serde_json::{Value, json};

use super::WHO;
use crate::connect::call::{At, Call};
use crate::connect::filter::Filter;
use crate::connect::listing::{self, Next};
use crate::connect::manifest::erase::{By, ForEachSpec};
use crate::connect::manifest::request::RequestSpec;
use crate::connect::mapping::{exact, value};
use crate::connect::session::Session;
use crate::connect::template::Variables;
use crate::connect::{Error, Fault};

/// Objects of one person at a vendor. More means that the lookup does not look for a person.
const MOST: usize = 1_000;

/// A way to find what a step is about.
pub(super) struct Way {
    place: String,
    /// The value of the person it goes by.
    pub(super) by: &'static str,
    each: Vec<Level>,
    /// None: what it is about is shown to nobody.
    look: Option<Look>,
}

/// A call, and what of its reply is the person's.
struct Look {
    call: Call,
    objects: Filter,
    matches: Option<Filter>,
    next_url: Option<Filter>,
}

/// What the lookup is made for one after the other.
struct Level {
    look: Look,
    values: Vec<(String, Filter)>,
}

/// What a manifest says of one.
pub(super) struct WayParts<'s> {
    pub(super) by: By,
    pub(super) for_each: &'s [ForEachSpec],
    pub(super) lookup: Option<&'s RequestSpec>,
    pub(super) objects: &'s str,
    pub(super) matches: &'s str,
    pub(super) next_url: Option<&'s str>,
}

/// Something that was found, and the values of what it was looked for in.
pub(super) struct Found {
    pub(super) object: Value,
    pub(super) within: Variables,
}

impl Way {
    /// `known` is what its placeholders may name besides the values of its levels, which are added to it.
    pub(super) fn load(parts: &WayParts<'_>, place: &str, at: At<'_>, known: &mut Vec<String>) -> Result<Self, Error> {
        let mut each = Vec::new();
        for spec in parts.for_each {
            let place = format!("{place}.for_each");
            let look = Look::load(
                (&spec.lookup, &spec.objects, spec.matches.as_deref(), spec.next_url.as_deref()),
                &place,
                at,
                known,
            )?;
            if look.matches.is_none() && look.call.needs().any(|name| WHO.contains(&name)) {
                let message = "vendors search loosely: say with `match` whether what is found is really the person's";
                return Err(at.wrong("for_each:", message));
            }
            let values = spec.values.iter().map(|(name, code)| Ok((name.clone(), at.filter(code, &place)?)));
            each.push(Level { look, values: values.collect::<Result<_, Error>>()? });
            known.extend(spec.values.keys().cloned());
        }
        let look = parts
            .lookup
            .map(|lookup| Look::load((lookup, parts.objects, Some(parts.matches), parts.next_url), place, at, known));
        if look.is_none() && !each.is_empty() {
            return Err(at.wrong("for_each:", "there is no `lookup` to make for each; add one"));
        }
        Ok(Self { place: place.to_owned(), by: parts.by.word(), each, look: look.transpose()? })
    }

    /// Can something be found by it?
    pub(super) const fn looks(&self) -> bool {
        self.look.is_some()
    }

    /// What the lookup is made for one after the other: the values of each. Once, where it is made for nothing.
    pub(super) async fn within(&self, session: &Session, words: &Variables) -> Result<Vec<Variables>, Fault> {
        let mut all = vec![Variables::new()];
        for level in &self.each {
            let mut below = Vec::new();
            for within in all {
                let mut words = words.clone();
                words.extend(within.clone());
                for object in level.look.at(session, &words, &self.place).await? {
                    let mut values = within.clone();
                    values.extend(values_of(&level.values, &object, &self.place)?);
                    below.push(values);
                }
            }
            if below.len() > MOST {
                return Err(Fault::Filter(format!("{}.for_each.objects", self.place)));
            }
            all = below;
        }
        Ok(all)
    }

    /// What is found of the person there.
    pub(super) async fn find(
        &self,
        session: &Session,
        words: &Variables,
        within: &[Variables],
    ) -> Result<Vec<Found>, Fault> {
        let Some(look) = &self.look else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for within in within {
            let mut words = words.clone();
            words.extend(within.clone());
            let objects = look.at(session, &words, &self.place).await?;
            found.extend(objects.into_iter().map(|object| Found { object, within: within.clone() }));
        }
        Ok(found)
    }
}

impl Look {
    fn load(
        (lookup, objects, matches, next_url): (&RequestSpec, &str, Option<&str>, Option<&str>),
        place: &str,
        at: At<'_>,
        known: &[String],
    ) -> Result<Self, Error> {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let filter = |code: &str, what: &str| at.filter(code, &format!("{place}.{what}"));
        Ok(Self {
            call: Call::load(lookup, &format!("{place}.lookup"), at, &known)?,
            objects: filter(objects, "objects")?,
            matches: matches.map(|code| filter(code, "match")).transpose()?,
            next_url: next_url.map(|code| filter(code, "next_url")).transpose()?,
        })
    }

    async fn at(&self, session: &Session, words: &Variables, place: &str) -> Result<Vec<Value>, Fault> {
        let failed = || Fault::Filter(format!("{place}.objects"));
        let person = words.iter().filter(|(name, _)| WHO.contains(&name.as_str()));
        let who: Variables = person
            .map(|(name, value)| (name.clone(), value.as_str().map_or(Value::Null, |text| text.to_lowercase().into())))
            .collect();
        let parameters = Value::Object(session.variables());
        let (mut theirs, mut unjudged) = (Vec::new(), false);
        let take = |reply: Value| {
            for object in self.objects.run(value(&reply)).take(MOST + 1) {
                let object = object.ok().and_then(exact).ok_or_else(failed)?;
                let is_theirs = self.matches.as_ref().map_or(Some(true), |matches| {
                    matches.judges(value(&json!({"found": object, "who": who, "parameters": parameters})))
                });
                match is_theirs {
                    Some(true) => theirs.push(object),
                    Some(false) => {}
                    None => unjudged = true,
                }
            }
            if theirs.len() > MOST { Err(failed()) } else { Ok(true) }
        };
        match listing::read(session, (&self.call, words), Next::Url(self.next_url.as_ref()), place, take).await {
            // An address that names the person, or what is theirs, knows nobody; any other is switched off or wrong.
            Err(Fault::NotFound(_)) if names(&self.call, words) => Ok(Vec::new()),
            // Of what was found nobody can say whose it is: that is not nobody's.
            Ok(()) if theirs.is_empty() && unjudged => Err(Fault::Filter(format!("{place}.match"))),
            read => read.map(|()| theirs),
        }
    }
}

/// Values that filters yield of something found.
pub(super) fn values_of(filters: &[(String, Filter)], one: &Value, place: &str) -> Result<Variables, Fault> {
    let failed = || Fault::Filter(format!("{place}.values"));
    let value_of = |filter: &Filter| filter.run(value(one)).next().and_then(Result::ok).and_then(exact);
    filters.iter().map(|(name, filter)| Ok((name.clone(), value_of(filter).ok_or_else(failed)?))).collect()
}

/// Does the path of a call name somebody or something found?
pub(super) fn names(call: &Call, words: &Variables) -> bool {
    call.path_names().any(|name| words.contains_key(name))
}
