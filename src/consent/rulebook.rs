//! [`Rulebook`]: the purposes in force, the terms of each source and the order of survivorship, as this node knows them.
//!
//! It is read from the store at start, after each change made here, and every second for changes made on other
//! nodes. The people's own decisions are never cached: they come with the data, from the same snapshot.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Purpose, Survivorship};
use crate::store::sources::SourceRow;
use crate::store::{self, Read, Store, purposes, sources, survivorship};
use crate::types::{PurposeCode, SourceNo, Timestamp};

/// The terms under which a source gives its data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SourceTerms)]
pub struct Terms {
    /// The only purposes that may read its data; absent: no limit. Amazon's Data Protection Policy is the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purposes: Option<BTreeSet<PurposeCode>>,
    /// Days after delivery when its personal data must be gone; absent: no such term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_days_after_delivery: Option<u32>,
    /// It is a social network: account ids there are of the category social.
    #[serde(default)]
    pub social: bool,
    /// At checkout the buyer is told of the right to object to advertising for similar goods (§ 7(3) nos. 2, 4 UWG),
    /// and only such goods are advertised.
    #[serde(default)]
    pub tells_of_objection: bool,
    /// The version of the consent text the source shows, by purpose, for sources that do not name it themselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub text_versions: BTreeMap<PurposeCode, String>,
    /// What each category of its consent banner means, by the category's id as the banner writes it: the purposes it speaks
    /// about. A purpose under several categories has a yes only if all of them have one; an id that is not here means
    /// nothing and is counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub consent_categories: BTreeMap<String, BTreeSet<PurposeCode>>,
    /// Purposes under several of those categories that have a yes as soon as one of them has one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub consent_categories_any: BTreeSet<PurposeCode>,
}

impl Terms {
    /// When the source's term for a record ends. An open delivery counts from the record's last change, so that the
    /// clock always runs.
    #[must_use]
    pub fn until(&self, delivered_at: Option<Timestamp>, version: Timestamp) -> Option<Timestamp> {
        self.keep_days_after_delivery.map(|days| delivered_at.unwrap_or(version).plus_days(i64::from(days)))
    }
}

/// A configured source.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its number.
    pub number: SourceNo,
    /// Its code.
    pub code: String,
    /// What the merchant calls it.
    pub title: String,
    /// Which connector it is an instance of.
    pub connector: String,
    /// Its terms.
    pub terms: Terms,
    /// The purposes of the terms, shared by all decisions.
    pub purposes: Option<Arc<BTreeSet<PurposeCode>>>,
}

/// One edition of the rulebook.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edition {
    purposes: HashMap<PurposeCode, Arc<Purpose>>,
    sources: HashMap<SourceNo, Arc<Source>>,
    codes: HashMap<String, Arc<Source>>,
    survivorship: Arc<Survivorship>,
}

impl Edition {
    /// The purpose in force under this code.
    #[must_use]
    pub fn purpose(&self, code: &PurposeCode) -> Option<&Arc<Purpose>> {
        self.purposes.get(code)
    }

    /// All purposes in force, by code.
    #[must_use]
    pub fn purposes(&self) -> Vec<Arc<Purpose>> {
        let mut all: Vec<_> = self.purposes.values().cloned().collect();
        all.sort_by(|a, b| a.code.cmp(&b.code));
        all
    }

    /// The same, in no order.
    pub(super) fn all_purposes(&self) -> impl Iterator<Item = &Purpose> {
        self.purposes.values().map(Arc::as_ref)
    }

    /// A source by number.
    #[must_use]
    pub fn source(&self, number: SourceNo) -> Option<&Arc<Source>> {
        self.sources.get(&number)
    }

    /// A source by code.
    #[must_use]
    pub fn source_named(&self, code: &str) -> Option<&Arc<Source>> {
        self.codes.get(code)
    }

    /// All sources, by number.
    #[must_use]
    pub fn sources(&self) -> Vec<Arc<Source>> {
        let mut all: Vec<_> = self.sources.values().cloned().collect();
        all.sort_by_key(|source| source.number);
        all
    }

    /// Whose word counts where records of one person say different things.
    #[must_use]
    pub const fn survivorship(&self) -> &Arc<Survivorship> {
        &self.survivorship
    }

    fn load(read: &mut Read) -> Result<Self, store::Error> {
        let mut edition = Self::default();
        if let Some((_, definition)) = survivorship::newest(read.records())? {
            let newest = serde_json::from_str(&definition).map_err(|_| store::Error::Unreadable("survivorship"))?;
            edition.survivorship = Arc::new(newest);
        }
        for (_, _, definition) in purposes::newest(read.records())? {
            let purpose: Purpose =
                serde_json::from_str(&definition).map_err(|_| store::Error::Unreadable("purpose"))?;
            edition.purposes.insert(purpose.code.clone(), Arc::new(purpose));
        }
        for row in sources::all(read.records())? {
            let source = Arc::new(Source::read(row)?);
            edition.codes.insert(source.code.clone(), source.clone());
            edition.sources.insert(source.number, source);
        }
        Ok(edition)
    }
}

impl Source {
    fn read(row: SourceRow) -> Result<Self, store::Error> {
        let terms: Terms = serde_json::from_str(&row.policy).map_err(|_| store::Error::Unreadable("source policy"))?;
        let purposes = terms.purposes.clone().map(Arc::new);
        Ok(Self { number: row.source_no, code: row.code, title: row.title, connector: row.connector, terms, purposes })
    }
}

/// The newest edition, shared by all rooms of a node.
pub struct Rulebook {
    store: Store,
    edition: RwLock<Arc<Edition>>,
    /// Held while an edition is read and put in force: an older one never takes the place of a newer one.
    reading: tokio::sync::Mutex<()>,
}

impl Rulebook {
    /// Reads the first edition.
    ///
    /// # Errors
    /// If the store cannot be read or holds a definition this version does not understand.
    pub async fn open(store: Store) -> Result<Self, store::Error> {
        let edition = store.read(Edition::load).await?;
        Ok(Self { store, edition: RwLock::new(Arc::new(edition)), reading: tokio::sync::Mutex::default() })
    }

    /// Reads the newest edition. If it says the same, the one in use stays.
    ///
    /// # Errors
    /// As [`Rulebook::open`]; the edition in use stays.
    pub async fn reload(&self) -> Result<(), store::Error> {
        let _alone = self.reading.lock().await;
        let read = self.store.read(Edition::load).await?;
        let mut edition = self.edition.write().unwrap_or_else(PoisonError::into_inner);
        if **edition != read {
            *edition = Arc::new(read);
        }
        Ok(())
    }

    /// The source of this code. Another process may have added it a moment ago, so that the database is asked before it is
    /// said that there is none.
    ///
    /// # Errors
    /// As [`Rulebook::reload`].
    pub async fn source_named(&self, code: &str) -> Result<Option<Arc<Source>>, store::Error> {
        if let Some(known) = self.edition().source_named(code) {
            return Ok(Some(known.clone()));
        }
        self.reload().await?;
        Ok(self.edition().source_named(code).cloned())
    }

    /// The edition in use.
    #[must_use]
    pub fn edition(&self) -> Arc<Edition> {
        self.edition.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a source, or returns the one that has this code already.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn ensure_source(
        &self,
        code: String,
        title: String,
        connector: String,
        terms: &Terms,
        now: Timestamp,
    ) -> Result<Arc<Source>, store::Error> {
        let policy = serde_json::to_string(terms).map_err(|_| store::Error::Unreadable("source policy"))?;
        let row = SourceRow { source_no: SourceNo(0), code: code.clone(), title, connector, policy, created_at: now };
        self.store.write(move |write| sources::ensure(write, row.clone())).await?;
        self.reload().await?;
        self.edition().source_named(&code).cloned().ok_or(store::Error::Unreadable("source"))
    }

    /// Adds a source, or puts title, connector and terms in place of those the source with this code has, if `over`
    /// accepts what there is in the same transaction (none: no such source). None if it does not.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put_source(
        &self,
        (code, title, connector): (String, String, String),
        terms: &Terms,
        over: impl Fn(Option<&Source>) -> bool + Send + 'static,
        now: Timestamp,
    ) -> Result<Option<Arc<Source>>, store::Error> {
        let policy = serde_json::to_string(terms).map_err(|_| store::Error::Unreadable("source policy"))?;
        let row = SourceRow { source_no: SourceNo(0), code: code.clone(), title, connector, policy, created_at: now };
        let write = self.store.write(move |write| {
            let known = sources::all(write.records())?.into_iter().find(|known| known.code == row.code);
            let known = known.map(Source::read).transpose()?;
            if !over(known.as_ref()) {
                return Ok(false);
            }
            sources::put(write, row.clone())?;
            Ok::<_, store::Error>(true)
        });
        let written = write.await?;
        self.reload().await?;
        Ok(self.edition().source_named(&code).cloned().filter(|_| written))
    }

    /// Puts a new version of a purpose in force: the next number after the newest.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put_purpose(&self, purpose: Purpose, now: Timestamp) -> Result<Arc<Purpose>, store::Error> {
        self.replace_purpose(purpose, |_| true, now).await?.ok_or(store::Error::Unreadable("purpose"))
    }

    /// As [`Rulebook::put_purpose`], if `over` accepts the newest version (0: there is none) in the same transaction.
    /// None if it does not.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn replace_purpose(
        &self,
        mut purpose: Purpose,
        over: impl Fn(u32) -> bool + Send + 'static,
        now: Timestamp,
    ) -> Result<Option<Arc<Purpose>>, store::Error> {
        let written = self
            .store
            .write(move |write| {
                let newest = purposes::newest(write.records())?;
                let newest = newest.iter().find(|(of, _, _)| of == purpose.code.as_str()).map_or(0, |found| found.1);
                if !over(u32::try_from(newest).unwrap_or(0)) {
                    return Ok(None);
                }
                purpose.version = u32::try_from(newest + 1).unwrap_or(1);
                let definition = serde_json::to_string(&purpose).map_err(|_| store::Error::Unreadable("purpose"))?;
                purposes::insert(write, (purpose.code.to_string(), newest + 1, definition), now)?;
                // Another node may put a newer one in force at once; this is what was written.
                Ok::<_, store::Error>(Some(Arc::new(purpose.clone())))
            })
            .await?;
        self.reload().await?;
        Ok(written)
    }

    /// Puts a new version of the order of survivorship in force, if `over` accepts the newest (0: there is none) in the same
    /// transaction. None if it does not.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn replace_survivorship(
        &self,
        mut wanted: Survivorship,
        over: impl Fn(u32) -> bool + Send + 'static,
        now: Timestamp,
    ) -> Result<Option<Arc<Survivorship>>, store::Error> {
        let written = self
            .store
            .write(move |write| {
                let newest = survivorship::newest(write.records())?.map_or(0, |(version, _)| version);
                if !over(u32::try_from(newest).unwrap_or(0)) {
                    return Ok(None);
                }
                wanted.version = u32::try_from(newest + 1).unwrap_or(1);
                let definition =
                    serde_json::to_string(&wanted).map_err(|_| store::Error::Unreadable("survivorship"))?;
                survivorship::insert(write, newest + 1, &definition, now)?;
                // Another node may put a newer one in force at once; this is what was written.
                Ok::<_, store::Error>(Some(Arc::new(wanted.clone())))
            })
            .await?;
        self.reload().await?;
        Ok(written)
    }

    /// Puts the default purposes in force that have no definition yet.
    ///
    /// # Errors
    /// If they cannot be written.
    pub async fn ensure_purposes(&self, defaults: Vec<Purpose>, now: Timestamp) -> Result<(), store::Error> {
        for purpose in defaults {
            if self.edition().purpose(&purpose.code).is_none() {
                self.put_purpose(purpose, now).await?;
            }
        }
        Ok(())
    }
}
