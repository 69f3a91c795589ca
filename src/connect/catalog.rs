//! The connectors the hub knows.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use serde_json::Value;

use super::audience::Audience;
use super::call::At;
use super::erase::Erase;
use super::filter::Filter;
use super::link::Link;
use super::manifest::{self, AllowedPurposes, FieldLists, Manifest, SourcePolicy};
use super::mapping::{self, Code, Stream};
use super::notify::Notify;
use super::pull::Pull;
use super::webhook::Webhooks;
use super::{Deletions, Demands, Error, TableMapping};
use crate::consent::Terms;

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/connectors");

/// All connectors, by name.
pub struct Catalog {
    connectors: BTreeMap<String, Arc<Connector>>,
}

impl Catalog {
    /// The connectors that come with the hub.
    ///
    /// # Errors
    /// If a manifest or filter is wrong; a test makes sure that none is.
    pub fn embedded() -> Result<Self, Error> {
        Self::load(EMBEDDED.dirs().map(|dir| {
            let files = dir.files().chain(dir.dirs().flat_map(Dir::files));
            let files = files.filter_map(|file| Some((relative(file.path(), dir.path())?, file.contents().to_vec())));
            (name_of(dir.path()), files.collect())
        }))
    }

    /// The connectors of a directory that holds one folder for each, or is itself the folder of one.
    ///
    /// # Errors
    /// If a manifest or filter is wrong, with its place; or if a file cannot be read.
    pub fn read(directory: &Path) -> Result<Self, Error> {
        if directory.join("manifest.yaml").is_file() {
            let whole = directory.canonicalize().map_err(|source| unreadable(directory, source))?;
            return Self::load([(name_of(&whole), files_of(&whole)?)]);
        }
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(|source| unreadable(directory, source))? {
            let folder = entry.map_err(|source| unreadable(directory, source))?.path();
            if folder.is_dir() {
                folders.push((name_of(&folder), files_of(&folder)?));
            }
        }
        Self::load(folders)
    }

    /// The connector called `name`, such as `shopware6`.
    ///
    /// # Errors
    /// If there is none; the error lists the names there are.
    pub fn connector(&self, name: &str) -> Result<&Arc<Connector>, Error> {
        self.connectors.get(name).ok_or_else(|| Error::Unknown {
            name: name.to_owned(),
            known: self.connectors.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        })
    }

    /// Every connector, in the order of their names.
    pub fn connectors(&self) -> impl Iterator<Item = &Arc<Connector>> {
        self.connectors.values()
    }

    fn load(folders: impl IntoIterator<Item = (String, Files)>) -> Result<Self, Error> {
        let loaded = folders
            .into_iter()
            .map(|(name, files)| Connector::load(&name, files).map(|connector| (name, Arc::new(connector))));
        Ok(Self { connectors: loaded.collect::<Result<_, _>>()? })
    }
}

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

    fn load(folder: &str, mut files: Files) -> Result<Self, Error> {
        let place = format!("{folder}/manifest.yaml");
        let text = take(&mut files, folder, "manifest.yaml")?;
        let manifest: Manifest = manifest::parse(&place, &text)?;
        if manifest.name != folder {
            let message =
                format!("the name is `{}`, but the folder is `{folder}`; write the folder's name", manifest.name);
            return Err(manifest::wrong(&place, &text, "name:", message));
        }
        let at = At { file: &place, text: &text };
        let link = manifest.connection.map(|spec| Link::load(spec, at)).transpose()?;
        let no_link = |key| at.wrong(key, "without a `connection` nobody can be called; add one, or leave this out");
        let erase = match (manifest.erase, &link) {
            (Some(spec), Some(link)) => Some(Erase::load(spec, link, at)?),
            (Some(spec), None) if spec.steps.is_empty() => Some(Erase::by_hand(spec, at)?),
            (Some(_), None) => return Err(no_link("erase:")),
            (None, _) => None,
        };
        let mut streams = Vec::new();
        for (name, mut spec) in manifest.streams {
            check_fields(&place, &text, &spec.fields)?;
            let pull = match (spec.pull.take(), &link) {
                (Some(pull), Some(link)) => Some(Pull::load(pull, &name, link, at)?),
                (Some(_), None) => return Err(no_link("pull:")),
                (None, _) => None,
            };
            let own_file = spec.records.trim().to_owned();
            let mut stream = if own_file.ends_with(".jq") && !own_file.contains(char::is_whitespace) {
                let code = take(&mut files, folder, &own_file)?;
                Stream::load(&name, spec, &place, Code { file: &format!("{folder}/{own_file}"), text: &code })?
            } else {
                let code = spec.records.clone();
                Stream::load(&name, spec, &place, Code { file: &place, text: &code })?
            };
            stream.pull = pull;
            streams.push(stream);
        }
        one_makes_what_it_lists(&streams, at)?;
        let names: Vec<&str> = streams.iter().map(Stream::name).collect();
        let webhooks = match (manifest.webhooks, &link) {
            (Some(spec), Some(link)) => Some(Webhooks::load(spec, link, &names, at)?),
            (Some(_), None) => return Err(no_link("webhooks:")),
            (None, _) => None,
        };
        let audience = match (manifest.audience, &link) {
            (Some(spec), Some(link)) => Some(Audience::load(spec, link, at)?),
            (Some(_), None) => return Err(no_link("audience:")),
            (None, _) => None,
        };
        let notify = match (manifest.notify, &link) {
            (Some(spec), Some(link)) => Some(Notify::load(spec, link, at)?),
            (Some(_), None) => return Err(no_link("notify:")),
            (None, _) => None,
        };
        if notify.is_none() && link.as_ref().is_some_and(|link| link.test.is_none()) {
            return Err(at.wrong("connection:", "say with `test` which harmless call proves the credentials"));
        }
        let deletions = match (manifest.deletion, &link) {
            (Some(spec), Some(link)) => Some(Deletions::load(spec, link, at)?),
            (Some(_), None) => return Err(no_link("deletion:")),
            (None, _) => None,
        };
        let demands = Demands::load_all(manifest.demands, link.as_ref(), at)?;
        let empty = manifest.empty.map(|code| Filter::compile(&code, &place, "empty")).transpose()?;
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
            link,
            erase,
            webhooks,
            audience,
            notify,
            deletions,
            demands,
            fixtures: fixtures.collect(),
        })
    }
}

/// What a stream lists, no other one makes: of a record of that one nobody could say that it is gone.
fn one_makes_what_it_lists(streams: &[Stream], at: At<'_>) -> Result<(), Error> {
    for (stream, kind) in streams.iter().filter_map(|stream| Some((stream, stream.pull()?.lists()?))) {
        let also = streams.iter().find(|other| other.name() != stream.name() && other.may_make(kind));
        if let Some(other) = also {
            let message = format!(
                "`{}` lists every {kind}, but `{}` makes some as well, which would end as if they were gone; leave it out",
                stream.name(),
                other.name()
            );
            return Err(at.wrong(&format!("lists: {kind}"), message));
        }
    }
    Ok(())
}

/// The files of one folder, by their path in it.
type Files = BTreeMap<String, Vec<u8>>;

/// Every path stands once and under the part of the record it belongs to.
pub(super) fn check_fields(place: &str, text: &str, fields: &FieldLists) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for path in fields.values().flatten() {
        if !path.starts_with("data.") && !path.starts_with("identifiers.") {
            let message = format!("`{path}` is no field; write `data.…` or `identifiers.<kind>`");
            return Err(manifest::wrong(place, text, path, message));
        }
        if !seen.insert(path) {
            return Err(manifest::wrong(place, text, path, format!("`{path}` stands under two categories; keep one")));
        }
    }
    Ok(())
}

/// The files of a folder and of the folders in it.
fn files_of(folder: &Path) -> Result<Files, Error> {
    let mut files = Files::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).map_err(|source| unreadable(&directory, source))? {
            let path = entry.map_err(|source| unreadable(&directory, source))?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if let Some(name) = relative(&path, folder) {
                files.insert(name, std::fs::read(&path).map_err(|source| unreadable(&path, source))?);
            }
        }
    }
    Ok(files)
}

fn unreadable(path: &Path, source: std::io::Error) -> Error {
    Error::Read { file: path.display().to_string(), source }
}

fn take(files: &mut Files, folder: &str, name: &str) -> Result<String, Error> {
    let file = format!("{folder}/{name}");
    let missing = |kind| Error::Read { file: file.clone(), source: std::io::Error::from(kind) };
    let content = files.get(name).cloned().ok_or_else(|| missing(std::io::ErrorKind::NotFound))?;
    String::from_utf8(content).map_err(|_| missing(std::io::ErrorKind::InvalidData))
}

fn relative(path: &Path, folder: &Path) -> Option<String> {
    Some(path.strip_prefix(folder).ok()?.to_str()?.replace('\\', "/"))
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "name: shop\ntitle: Shop\ndocs: none\nsource_policy:\n  purposes_allowed: all\nstreams:\n  orders:\n    detect: has(\"order\")\n    records: orders.jq\n    fields:\n      commerce: [data.number]\n";

    fn load(manifest: &str, filter: &str) -> Result<Catalog, Error> {
        let files = [("manifest.yaml", manifest), ("orders.jq", filter), ("fixtures/orders.json", "{}")];
        let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
        Catalog::load([("shop".to_owned(), Files::from(files))])
    }

    fn failure(manifest: &str, filter: &str) -> String {
        load(manifest, filter).err().unwrap().to_string()
    }

    #[test]
    fn a_folder_is_read() {
        let catalog = load(MANIFEST, "{type: \"order\", data: {number: .order}}").unwrap();
        let shop = catalog.connector("shop").unwrap();
        assert_eq!(shop.fixtures().map(|(name, _)| name).collect::<Vec<_>>(), ["orders.json"]);
        assert_eq!(shop.stream_for(&serde_json::json!({"order": "1"})).map(Stream::name), Some("orders"));
        assert!(shop.stream_for(&serde_json::json!({"customer": "1"})).is_none());
        assert!(catalog.connector("web").err().unwrap().to_string().contains("known are shop"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        assert!(failure(MANIFEST, "{").starts_with("shop/orders.jq, filter `streams.orders.records`, line 1"));
        assert!(failure(&MANIFEST.replace("name: shop", "name: store"), ".").starts_with("shop/manifest.yaml:1:1: "));
        assert!(
            failure(&MANIFEST.replace("data.number", "number"), ".")
                .starts_with("shop/manifest.yaml:11:18: `number` is no field")
        );
        let twice = MANIFEST.replace("[data.number]", "[data.number]\n      identity: [data.number]");
        assert!(failure(&twice, ".").contains("two categories"));
        assert_eq!(failure(&MANIFEST.replace("orders.jq", "other.jq"), "."), "cannot read shop/other.jq");
    }

    #[test]
    fn a_listing_that_is_none_is_refused() {
        let connection = "connection:\n  guide: none\n  parameters: {}\n  base_url: https://shop.example\n  hosts: [shop.example]\n  auth: {}\n  test: {request: {path: /}}\n";
        let pull = "      commerce: [data.number]\n    pull:\n      request: {path: /orders}\n      lists: order\n";
        let manifest = MANIFEST.replace("streams:", &format!("{connection}streams:"));
        let manifest = manifest.replace("      commerce: [data.number]\n", pull);
        let filter = "{type: \"order\", data: {number: .order}}";
        assert!(load(&manifest, filter).is_ok(), "{}", failure(&manifest, filter));
        let part = manifest.replace("      lists:", "      incremental: {start_days: 30}\n      lists:");
        let told = failure(&part, filter);
        assert!(told.starts_with("shop/manifest.yaml:22:7: ") && told.contains("`start_days`"), "{told}");
        let other = "  returns:\n    detect: has(\"returned\")\n    records: '{type: \"order\"}'\n    fields: {}\n";
        let told = failure(&format!("{manifest}{other}"), filter);
        assert!(told.contains("`orders` lists every order, but `returns` makes some as well"), "{told}");
    }
}
