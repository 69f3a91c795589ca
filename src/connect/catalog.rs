//! The connectors the hub knows.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use super::Error;
use super::connector::Connector;

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

    /// These connectors and those of a directory. What lies there is no part of the hub, so it takes the place of none of these.
    ///
    /// # Errors
    /// As [`Catalog::read`], or if a folder there has the name of a connector that is known, or a filter there makes something of the
    /// folder's fixtures that `fields` or `consents` do not list.
    pub fn with(mut self, directory: &Path) -> Result<Self, Error> {
        for (name, connector) in Self::read(directory)?.connectors {
            if let Some(told) = connector.unlisted() {
                return Err(Error::Unlisted(told));
            }
            if self.connectors.contains_key(&name) {
                return Err(Error::Clash { name, directory: directory.display().to_string() });
            }
            self.connectors.insert(name, connector);
        }
        Ok(self)
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

    /// The connector that somebody means: of this name, or the only one whose name begins so, as `shopware`.
    ///
    /// # Errors
    /// If there is none, or there are several; the error lists the names there are.
    pub fn named(&self, name: &str) -> Result<&Arc<Connector>, Error> {
        let mut begin = self.connectors.range(name.to_owned()..).take_while(|(known, _)| known.starts_with(name));
        match (self.connectors.get(name), begin.next(), begin.next()) {
            (None, Some((_, only)), None) if !name.is_empty() => Ok(only),
            _ => self.connector(name),
        }
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

/// The files of one folder, by their path in it.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

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

fn relative(path: &Path, folder: &Path) -> Option<String> {
    Some(path.strip_prefix(folder).ok()?.to_str()?.replace('\\', "/"))
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::Stream;

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
        assert!(catalog.named("sh").is_ok() && catalog.named("").is_err() && catalog.connector("sh").is_err());
        let embedded = Catalog::embedded().unwrap();
        let meant = |name: &str| embedded.named(name).map(|connector| connector.name().to_owned()).ok();
        assert_eq!(meant("shopware").as_deref(), Some("shopware6"));
        assert_eq!(meant("lexware").as_deref(), Some("lexware_office"));
        // The name itself, though another one begins so too; and what begins several is none of them.
        assert_eq!((meant("meta").as_deref(), meant("s"), meant("metaa")), (Some("meta"), None, None));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        assert!(failure(MANIFEST, "{").starts_with("shop/orders.jq:1:"));
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
