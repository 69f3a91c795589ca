//! [`Connector`]: a vendor as its folder describes it.

use std::collections::HashSet;

use serde_json::Value;

use super::audience::Audience;
use super::call::At;
use super::catalog::Files;
use super::erase::Erase;
use super::filter::Filter;
use super::link::Link;
use super::manifest::{self, AllowedPurposes, FieldLists, Manifest, SourcePolicy};
use super::mapping::{self, Stream};
use super::notify::Notify;
use super::pull::Pull;
use super::unsubscribe::Unsubscribe;
use super::webhook::{Around, Webhooks};
use super::{Deletions, Demands, Error, Origin, TableMapping};
use crate::consent::Terms;

/// A vendor: its streams and its terms.
pub struct Connector {
    name: String,
    title: String,
    docs: String,
    policy: SourcePolicy,
    social: bool,
    extf: bool,
    empty: Option<Filter>,
    streams: Vec<Stream>,
    table: Option<TableMapping>,
    link: Option<Link>,
    erase: Option<Erase>,
    unsubscribe: Option<Unsubscribe>,
    webhooks: Option<Webhooks>,
    audience: Option<Audience>,
    notify: Option<Notify>,
    deletions: Option<Deletions>,
    demands: Vec<Demands>,
    fixtures: Vec<(String, Vec<u8>)>,
}

impl Connector {
    /// The name of its folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name people know it by.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it reads and what a reader of its records must know.
    #[must_use]
    pub fn docs(&self) -> &str {
        &self.docs
    }

    /// What the vendor's terms allow.
    #[must_use]
    pub fn policy(&self) -> &SourcePolicy {
        &self.policy
    }

    /// The terms a new source of this connector starts with.
    #[must_use]
    pub fn terms(&self) -> Terms {
        let policy = self.policy();
        let purposes = match &policy.purposes_allowed {
            AllowedPurposes::All => None,
            AllowedPurposes::Only(codes) => Some(codes.iter().cloned().collect()),
        };
        let days = policy.keep_days_after_delivery.map(u32::from);
        Terms { purposes, keep_days_after_delivery: days, social: self.is_social(), ..Terms::default() }
    }

    /// Is it a social network? Accounts there are of the category social.
    #[must_use]
    pub const fn is_social(&self) -> bool {
        self.social
    }

    /// Its streams, in the order of their names.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// The stream called `name`.
    #[must_use]
    pub fn stream(&self, name: &str) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.name() == name)
    }

    /// The stream that recognises the page of a reply.
    #[must_use]
    pub fn stream_for(&self, page: &Value) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.recognises(page))
    }

    /// How the vendor is reached; none if the connector reads files only.
    #[must_use]
    pub const fn link(&self) -> Option<&Link> {
        self.link.as_ref()
    }

    /// How the vendor is made to forget a person, if the manifest says so.
    #[must_use]
    pub const fn erase(&self) -> Option<&Erase> {
        self.erase.as_ref()
    }

    /// Can a vendor be asked to forget somebody? If not, what is to be said stands in the manifest.
    #[must_use]
    pub fn can_erase(&self) -> bool {
        self.link().is_some() && self.erase().is_some_and(|erase| erase.without_asking().is_none())
    }

    /// How the vendor is told that a person withdrew, if the manifest says so.
    #[must_use]
    pub const fn unsubscribe(&self) -> Option<&Unsubscribe> {
        self.unsubscribe.as_ref()
    }

    /// What the vendor tells by itself, if the manifest says so.
    #[must_use]
    pub const fn webhooks(&self) -> Option<&Webhooks> {
        self.webhooks.as_ref()
    }

    /// How people of a segment are handed to the vendor, if the manifest says so.
    #[must_use]
    pub const fn audience(&self) -> Option<&Audience> {
        self.audience.as_ref()
    }

    /// How a program is told what happened here, if the manifest says so.
    #[must_use]
    pub const fn notify(&self) -> Option<&Notify> {
        self.notify.as_ref()
    }

    /// What the vendor passes on of people who demand deletion, if the manifest says so.
    #[must_use]
    pub const fn deletions(&self) -> Option<&Deletions> {
        self.deletions.as_ref()
    }

    /// Lists at the vendor of people who demanded something.
    #[must_use]
    pub fn demands(&self) -> &[Demands] {
        &self.demands
    }

    /// Is this a page of the vendor without any object?
    #[must_use]
    pub fn is_empty_page(&self, page: &Value) -> bool {
        self.empty.as_ref().is_some_and(|empty| empty.holds(mapping::value(page)))
    }

    /// Are its CSV files those of DATEV?
    #[must_use]
    pub const fn reads_extf(&self) -> bool {
        self.extf
    }

    /// The example of a CSV mapping that comes with the connector, if there is one.
    #[must_use]
    pub fn table(&self) -> Option<&TableMapping> {
        self.table.as_ref()
    }

    /// Replies as the vendor sends them, about people who do not exist: file name and content, by name.
    pub fn fixtures(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fixtures.iter().map(|(name, content)| (name.as_str(), content.as_slice()))
    }

    /// The source of this code as a merchant would have it who entered what the manifest gives as examples; the fixtures are replies
    /// to such a one.
    #[must_use]
    pub fn example<'a>(&self, code: &'a str) -> Origin<'a> {
        self.link().map_or_else(|| code.into(), |link| Origin::with(code, link, &link.examples()))
    }

    pub(super) fn load(folder: &str, mut files: Files) -> Result<Self, Error> {
        let place = format!("{folder}/manifest.yaml");
        let text = take(&mut files, folder, "manifest.yaml")?;
        let manifest: Manifest = manifest::parse(&place, &text)?;
        if manifest.name != folder {
            let message =
                format!("the name is `{}`, but the folder is `{folder}`; write the folder's name", manifest.name);
            return Err(manifest::wrong(&place, &text, "name:", message));
        }
        let at = At::of(&place, &text);
        let reached = manifest.connection.map(|spec| Link::load(spec, at.within(&["connection"]))).transpose()?;
        let link = reached.as_ref();
        let names = link.map(Link::names).unwrap_or_default();
        let at = link.map_or(at, |link| at.reached(&names, link.written_hosts()));
        if let Some(link) = link.filter(|link| !link.limits.is_empty()) {
            let written = manifest::paths(&text);
            if let Some(path) = link.limits.iter().find_map(|limit| limit.stray_path(&written)) {
                return Err(at.wrong(path, format!("no request has the path `{path}`; write it as the request does")));
            }
        }
        let erase = match manifest.erase {
            Some(spec) if link.is_none() && spec.steps.is_empty() => Some(Erase::by_hand(spec, at.within(&["erase"]))?),
            spec => linked(spec, link, "erase:", at, |spec, link| Erase::load(spec, link, at.within(&["erase"])))?,
        };
        let mut streams = Vec::new();
        for (name, mut spec) in manifest.streams {
            let here = at.within(&["streams", &name]);
            check_fields(here.within(&["fields"]), &spec.fields)?;
            if spec.undated && spec.pull.as_ref().is_none_or(|pull| pull.incremental.is_some()) {
                let message =
                    "what changed cannot be told, so everything is read each time: leave `incremental` out, or this";
                return Err(here.wrong("undated:", message));
            }
            let pull = linked(spec.pull.take(), link, "pull:", here, |pull, link| {
                Pull::load(pull, &name, link, here.within(&["pull"]))
            })?;
            let own_file = spec.records.trim().to_owned();
            let mut stream = if own_file.ends_with(".jq") && !own_file.contains(char::is_whitespace) {
                let code = take(&mut files, folder, &own_file)?;
                Stream::load(&name, spec, here, Some(At::of(&format!("{folder}/{own_file}"), &code)))?
            } else {
                Stream::load(&name, spec, here, None)?
            };
            stream.pull = pull;
            streams.push(stream);
        }
        one_makes_what_it_lists(&streams, at)?;
        let unsubscribe = linked(manifest.unsubscribe, link, "unsubscribe:", at, |spec, link| {
            Unsubscribe::load(spec, link, &streams, at.within(&["unsubscribe"]))
        })?;
        let takes_people = manifest.audience.is_some();
        let webhooks = linked(manifest.webhooks, link, "webhooks:", at, |spec, link| {
            Webhooks::load(spec, Around { link, streams: &streams, takes_people }, at.within(&["webhooks"]))
        })?;
        let audience = linked(manifest.audience, link, "audience:", at, |spec, link| {
            Audience::load(spec, link, at.within(&["audience"]))
        })?;
        let notify = linked(manifest.notify, link, "notify:", at, |spec, link| {
            Notify::load(spec, link, at.within(&["notify"]))
        })?;
        if notify.is_none() && link.is_some_and(|link| link.tests.is_empty()) {
            return Err(at.wrong("connection:", "say with `test` which harmless call proves the credentials"));
        }
        let deletions = linked(manifest.deletion, link, "deletion:", at, |spec, link| {
            Deletions::load(spec, link, at.within(&["deletion"]))
        })?;
        let demands = Demands::load_all(manifest.demands, link, at)?;
        let empty = manifest.empty.map(|code| at.filter(&code, "empty")).transpose()?;
        let table = if files.contains_key("mapping.yaml") {
            Some(TableMapping::parse(&format!("{folder}/mapping.yaml"), &take(&mut files, folder, "mapping.yaml")?)?)
        } else {
            None
        };
        let fixtures =
            files.into_iter().filter_map(|(path, content)| Some((path.strip_prefix("fixtures/")?.to_owned(), content)));
        Ok(Self {
            name: manifest.name,
            title: manifest.title,
            docs: manifest.docs,
            policy: manifest.source_policy,
            social: manifest.social,
            extf: manifest.extf,
            empty,
            streams,
            table,
            link: reached,
            erase,
            unsubscribe,
            webhooks,
            audience,
            notify,
            deletions,
            demands,
            fixtures: fixtures.collect(),
        })
    }
}

/// A part of a manifest that calls somebody.
fn linked<S, T>(
    spec: Option<S>,
    link: Option<&Link>,
    key: &str,
    at: At<'_>,
    load: impl FnOnce(S, &Link) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    match (spec, link) {
        (Some(spec), Some(link)) => load(spec, link).map(Some),
        (Some(_), None) => {
            Err(at.wrong(key, "without a `connection` nobody can be called; add one, or leave this out"))
        }
        (None, _) => Ok(None),
    }
}

/// What a stream lists, no other one makes: of a record of that one nobody could say that it is gone.
fn one_makes_what_it_lists(streams: &[Stream], at: At<'_>) -> Result<(), Error> {
    let lists = |stream: &Stream| {
        let pull = stream.pull()?;
        pull.lists().map(|kind| (kind, "lists")).or_else(|| Some((pull.ids()?.kind(), "of")))
    };
    for (stream, (kind, key)) in streams.iter().filter_map(|stream| Some((stream, lists(stream)?))) {
        let also = streams.iter().find(|other| other.name() != stream.name() && other.may_make(kind));
        if let Some(other) = also {
            let message = format!(
                "`{}` lists every {kind}, but `{}` makes some as well, which would end as if they were gone; leave it out",
                stream.name(),
                other.name()
            );
            let here = at.within(&["streams", stream.name()]);
            return Err(here.wrong(&format!("{key}: {kind}"), message));
        }
    }
    Ok(())
}

/// Every path stands once and under the part of the record it belongs to.
pub(super) fn check_fields(at: At<'_>, fields: &FieldLists) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for path in fields.values().flatten() {
        if !path.starts_with("data.") && !path.starts_with("identifiers.") {
            let message = format!("`{path}` is no field; write `data.…` or `identifiers.<kind>`");
            return Err(at.wrong(path, message));
        }
        if !seen.insert(path) {
            return Err(at.wrong(path, format!("`{path}` stands under two categories; keep one")));
        }
    }
    Ok(())
}

fn take(files: &mut Files, folder: &str, name: &str) -> Result<String, Error> {
    let file = format!("{folder}/{name}");
    let missing = |kind| Error::Read { file: file.clone(), source: std::io::Error::from(kind) };
    let content = files.get(name).cloned().ok_or_else(|| missing(std::io::ErrorKind::NotFound))?;
    String::from_utf8(content).map_err(|_| missing(std::io::ErrorKind::InvalidData))
}
