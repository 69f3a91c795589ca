//! [`Doorkeeper`]: API keys. `obh_<id>_<secret>`: 16 bytes of id, 32 bytes of secret, both in hexadecimal.
//!
//! Only SHA-256 of the secret is stored; with 256 random bits there is nothing to guess. Every call is checked
//! against the store, so that a revocation counts at once on all nodes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use crate::audit::{self, Act, Book, Line};
use crate::gateway::{Actor, Caller, Scope};
use crate::store::api_keys::{self, ApiKeyRow};
use crate::store::{self, Store};
use crate::types::{ApiKeyId, Clock, Entropy, EntropyFailure, IdMaker, PurposeCode, Role, SourceNo, Timestamp};
use crate::vault::ApiKeyHash;

const PREFIX: &str = "obh_";
/// Has it the form of a key of the hub? What has another one, such as a token of OAuth, never was one.
pub(super) fn is_own(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// Keys that were valid a moment ago.
const REMEMBERED: usize = 10_000;

/// A failure of the doorkeeper.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("the API keys cannot be read or written")]
    Store(#[from] store::Error),
    /// No randomness for a new key.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
    /// The audit line could not be written.
    #[error("the change could not be recorded")]
    Audit(#[from] audit::Error),
}

/// What a new key may do.
#[derive(Clone, Debug)]
pub struct Grant {
    /// What the merchant calls it.
    pub title: String,
    /// Its role.
    pub role: Role,
    /// The purposes it may read under.
    pub purposes: BTreeSet<PurposeCode>,
    /// The source it brings events in for; none unless its role has a [voice](Role::voice).
    pub source: Option<SourceNo>,
    /// When it ends; none: never.
    pub expires_at: Option<Timestamp>,
}

/// Who brings events in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The key.
    pub key: ApiKeyId,
    /// Its role.
    pub role: Role,
    /// The source it belongs to.
    pub source: SourceNo,
}

/// Checks and makes API keys.
pub struct Doorkeeper {
    store: Store,
    book: Arc<Book>,
    ids: Arc<IdMaker>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<ApiKeyId, Known>>,
}

/// A key that was valid a moment ago. Its row is read again on each call; who it stands for is worked out again only when
/// the row changed.
struct Known {
    row: Arc<ApiKeyRow>,
    caller: Caller,
}

impl Doorkeeper {
    /// A doorkeeper over `store`.
    #[must_use]
    pub fn new(
        store: Store,
        book: Arc<Book>,
        ids: Arc<IdMaker>,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, book, ids, entropy, clock, known: Mutex::default() }
    }

    /// Makes a key, by the operator of the machine. The text is returned once, wiped when it is dropped, and cannot be had
    /// again.
    ///
    /// # Errors
    /// If it cannot be stored or recorded.
    pub async fn issue(&self, grant: Grant) -> Result<(ApiKeyId, Zeroizing<String>), Error> {
        self.issue_by(None, grant).await
    }

    /// As [`Doorkeeper::issue`], by the holder of another key.
    ///
    /// # Errors
    /// As [`Doorkeeper::issue`].
    pub async fn issue_by(
        &self,
        by: Option<(ApiKeyId, Role)>,
        grant: Grant,
    ) -> Result<(ApiKeyId, Zeroizing<String>), Error> {
        let id = ApiKeyId::from_uuid(self.ids.uuid()?);
        let mut bytes = Zeroizing::new([0; 32]);
        self.entropy.fill(&mut *bytes)?;
        let secret = Zeroizing::new(hex::encode(*bytes));
        let now = self.clock.now();
        let purposes: Vec<&str> = grant.purposes.iter().map(PurposeCode::as_str).collect();
        let row = ApiKeyRow {
            key_id: id,
            title: grant.title,
            secret_hash: ApiKeyHash::of(&secret).bytes().to_vec(),
            role: grant.role.number(),
            purposes: serde_json::to_string(&purposes).map_err(|_| store::Error::Unreadable("purpose list"))?,
            created_at: now,
            expires_at: grant.expires_at.unwrap_or(Timestamp::UNSET),
            revoked_at: Timestamp::UNSET,
            source_no: grant.source.filter(|_| grant.role.voice().is_some()).unwrap_or(SourceNo(0)),
        };
        let insert = async { Ok(self.store.write(move |write| api_keys::insert(write, row.clone())).await?) };
        self.book.change::<_, Error>(configured(by, format!("api_key {id} issued")), insert).await?;
        Ok((id, Zeroizing::new(format!("{PREFIX}{}_{}", hex::encode(id.bytes()), *secret))))
    }

    /// All keys, oldest first; never their secrets.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self) -> Result<Vec<ApiKeyRow>, Error> {
        Ok(self.store.read(|read| api_keys::all(read.records())).await?)
    }

    /// Revokes a key at once, on all nodes. False if there is no such living key.
    ///
    /// # Errors
    /// If it cannot be written or recorded.
    pub async fn revoke(&self, id: ApiKeyId) -> Result<bool, Error> {
        self.revoke_by(None, id).await
    }

    /// As [`Doorkeeper::revoke`], by the holder of a key.
    ///
    /// # Errors
    /// As [`Doorkeeper::revoke`].
    pub async fn revoke_by(&self, by: Option<(ApiKeyId, Role)>, id: ApiKeyId) -> Result<bool, Error> {
        let now = self.clock.now();
        let row = self.store.api_key(id).await?;
        if row.is_none_or(|row| row.revoked_at.is_set()) {
            return Ok(false);
        }
        let revoke = async { Ok(self.store.write(move |write| api_keys::revoke(write, id, now)).await?) };
        let revoked = self.book.change::<_, Error>(configured(by, format!("api_key {id} revoked")), revoke).await?;
        self.known().remove(&id);
        Ok(revoked)
    }

    /// Who carries this key, if it is valid now.
    ///
    /// # Errors
    /// If the store fails: then nobody is let in.
    pub async fn identify(&self, key: &str) -> Result<Option<Caller>, Error> {
        Ok(self.valid(key).await?.map(|(caller, _)| caller))
    }

    /// Role and source of this key, if it is valid now. The source means nothing unless the role has a voice.
    ///
    /// # Errors
    /// As [`Doorkeeper::identify`].
    pub async fn writer(&self, key: &str) -> Result<Option<Writer>, Error> {
        let writer = self.valid(key).await?.and_then(|(caller, source)| match caller.actor {
            Actor::Key { id, role } => Some(Writer { key: id, role, source }),
            _ => None,
        });
        Ok(writer)
    }

    async fn valid(&self, key: &str) -> Result<Option<(Caller, SourceNo)>, Error> {
        let Some((id, secret)) = split(key) else { return Ok(None) };
        let row = self.store.api_key(id).await?.filter(|row| self.lives(row));
        let Some(row) = row else {
            // It may have been valid a moment ago, and ended or been revoked on another node since.
            self.known().remove(&id);
            return Ok(None);
        };
        if !opens(&row, secret)? {
            return Ok(None);
        }
        // Mostly the very same row, which is told without comparing it.
        if let Some(known) = self.known().get(&id).filter(|known| Arc::ptr_eq(&known.row, &row) || known.row == row) {
            return Ok(Some((known.caller.clone(), known.row.source_no)));
        }
        let (caller, source) = (caller(&row)?, row.source_no);
        self.remember(Known { row, caller: caller.clone() });
        Ok(Some((caller, source)))
    }

    fn lives(&self, row: &ApiKeyRow) -> bool {
        !row.revoked_at.is_set() && (!row.expires_at.is_set() || self.clock.now() < row.expires_at)
    }

    /// The caller a key stands for, valid or not: to explain what it may read. It lets nobody in.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn holder(&self, id: ApiKeyId) -> Result<Option<Caller>, Error> {
        Ok(self.store.api_key(id).await?.as_deref().map(caller).transpose()?)
    }

    /// The id of a key that was valid a moment ago. For the allowance only: it lets nobody in. A key that stands on the
    /// merchant's pages has no allowance of its own, or one visitor could use up everybody's.
    #[must_use]
    pub fn was_valid(&self, key: &str) -> Option<ApiKeyId> {
        let (id, secret) = split(key)?;
        let known = self.known();
        let known = known.get(&id).filter(|known| known.row.role != Role::Browser.number())?;
        opens(&known.row, secret).is_ok_and(|opens| opens).then_some(id)
    }

    fn remember(&self, one: Known) {
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(one.row.key_id, one);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ApiKeyId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Is `secret` the other half of this key? In constant time.
fn opens(row: &ApiKeyRow, secret: &str) -> Result<bool, store::Error> {
    Ok(ApiKeyHash::from_slice(&row.secret_hash)?.matches(&ApiKeyHash::of(secret)))
}

/// Role and scope as stored.
fn caller(row: &ApiKeyRow) -> Result<Caller, store::Error> {
    let purposes = purposes(row)?;
    let role = Role::try_from(row.role)?;
    let scope = if role == Role::Dpo && purposes.is_empty() { Scope::Every } else { Scope::only(purposes) };
    Ok(Caller { actor: Actor::Key { id: row.key_id, role }, scope })
}

/// The purposes of a stored key.
///
/// # Errors
/// If the list is none this version wrote.
pub(super) fn purposes(row: &ApiKeyRow) -> Result<BTreeSet<PurposeCode>, store::Error> {
    serde_json::from_str(&row.purposes).map_err(|_| store::Error::Unreadable("purpose list"))
}

fn configured(by: Option<(ApiKeyId, Role)>, object: String) -> Line {
    let line = Line::new(Act::Configured).object(object);
    match by {
        Some((key, role)) => line.by(key, role),
        None => line,
    }
}

fn split(key: &str) -> Option<(ApiKeyId, &str)> {
    let (id, secret) = key.strip_prefix(PREFIX)?.split_once('_')?;
    let id = ApiKeyId::from_slice(&hex::decode(id).ok()?).ok()?;
    (secret.len() == 64).then_some((id, secret))
}
