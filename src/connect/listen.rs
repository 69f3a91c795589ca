//! Having a vendor tell by itself what changes: [`Vendors::listen`] and [`Vendors::stop_listening`].
//!
//! ```text
//! a secret is missing → what is subscribed under an unknown one ends ─┐
//! address and secrets kept ───────────────────────────────────────────┴→ listed → what is missing begins → its secrets kept
//! ```
//!
//! It can be cut short anywhere and be done again: what is at the vendor is looked for, never assumed. A secret that only the vendor
//! made and the hub did not come to keep is worth nothing, so what stands under it is made anew.

use super::subscribe::Subscribe;
use super::webhook::Webhooks;
use super::{Connection, Connector, Fault, Link, NoSession, Parameters, Session, Unkept, Vendors};
use crate::consent::Source;
use crate::types::{Entropy, EntropyFailure};

/// What came of subscribing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscribed {
    /// Subscriptions that were there already.
    pub kept: usize,
    /// Subscriptions that were made.
    pub made: usize,
    /// Subscriptions that were ended: under an address or a secret of before, turned off by the vendor, or there twice.
    pub ended: usize,
}

/// Why a vendor does not tell by itself.
#[derive(Debug, thiserror::Error)]
pub enum NotListening {
    /// There is no conversation with it.
    #[error(transparent)]
    NoSession(#[from] NoSession),
    /// The vendor refuses, or cannot be asked.
    #[error("{0}")]
    Vendor(Fault),
    /// The manifest says nothing of it, or that the merchant enters it.
    #[error("the connector cannot subscribe by itself{0}")]
    ByHand(String),
    /// The hub does not know where it is reached.
    #[error(
        "it is not known where vendors reach this hub; say it with --public-url https://hub.example (public_url in the \
         configuration)"
    )]
    NoAddress,
    /// What deliveries are proven with must be entered first.
    #[error("enter {0} first, which proves what the vendor tells: obhut sources set {1} --secret-file {0}=FILE\n\n{2}")]
    NoSecret(String, String, String),
    /// The connection could not be read or kept.
    #[error("the connection could not be read or kept")]
    Unkept(#[from] Unkept),
    /// There is no randomness for a secret.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
    /// Somebody ended it meanwhile.
    #[error("somebody ended it meanwhile")]
    Stopped,
}

/// A source that listens would be led to another shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its vendor tells by itself, and would go on doing so from where it is reached now; end that first, with `listen --stop`, and \
     then enter where it is reached"
)]
pub struct Elsewhere;

impl From<Fault> for NotListening {
    fn from(fault: Fault) -> Self {
        Self::Vendor(fault)
    }
}

impl Vendors {
    /// Has the vendor of a source tell by itself what changes, at the address `hub` with the source's path behind it. What is
    /// subscribed already stays; with `anew` everything is made anew, under new secrets.
    ///
    /// # Errors
    /// Why it does not; it can be tried again.
    pub async fn listen(&self, code: &str, hub: Option<&str>, anew: bool) -> Result<Subscribed, NotListening> {
        self.subscribe(code, hub, (anew, false)).await
    }

    /// The same for a source that was told to listen, as long as nobody ended it.
    ///
    /// # Errors
    /// As [`Vendors::listen`]; [`NotListening::Stopped`] if it does not listen any more.
    pub async fn keep_listening(&self, code: &str, hub: Option<&str>) -> Result<Subscribed, NotListening> {
        self.subscribe(code, hub, (false, true)).await
    }

    async fn subscribe(
        &self,
        code: &str,
        hub: Option<&str>,
        (anew, only_still): (bool, bool),
    ) -> Result<Subscribed, NotListening> {
        let (source, before) = self.connected(code).await?;
        if only_still && before.listening.is_empty() {
            return Err(NotListening::Stopped);
        }
        let connector = self.catalog.connector(&source.connector).map_err(NoSession::Connector)?.clone();
        let (webhooks, subscribe, link) = how(&connector)?;
        let hub = hub.ok_or(NotListening::NoAddress)?;
        proven(webhooks, subscribe, link, &before.parameters, &source)?;
        let mut came = Subscribed::default();
        let session = self.open(&source, &before)?;
        let unknown: Vec<String> =
            subscribe.secrets().filter(|name| anew || !before.parameters.contains_key(*name)).cloned().collect();
        if !unknown.is_empty() {
            // What is signed with a secret that nobody knows is not heard.
            let now = address(webhooks, link, &before.parameters, hub, code)?;
            let mut places = before.listening.clone();
            if !places.contains(&now) {
                places.push(now);
            }
            for place in &places {
                came.ended += end_all(subscribe, &session, place).await?;
            }
        }
        let known = (&before.parameters, unknown, only_still);
        let kept = self.keep_secrets(&source, (webhooks, subscribe, link), known, hub).await?;
        let place = kept.listening.last().cloned().unwrap_or_default();
        let session = self.open(&source, &kept)?;
        let old: Vec<&String> = kept.listening.iter().filter(|old| **old != place).collect();
        for old in &old {
            came.ended += end_all(subscribe, &session, old).await?;
        }
        if !old.is_empty() {
            let only = place.clone();
            let forget = move |connection: &mut Connection| connection.listening.retain(|one| *one == only);
            self.connections.alter(source.number, self.surroundings.clock.now(), forget).await?;
        }
        let mut missing = subscribe.wanted();
        for one in subscribe.listed(&session, &place).await? {
            match missing.iter().position(|wanted| *wanted == one.event.as_deref()).filter(|_| one.works) {
                Some(at) => {
                    missing.remove(at);
                    came.kept += 1;
                }
                None => {
                    subscribe.end(&session, &one).await?;
                    came.ended += 1;
                }
            }
        }
        for event in missing {
            if !self.listens(&source).await? {
                return Err(NotListening::Stopped);
            }
            let returned = subscribe.begin(&session, &place, event).await?;
            came.made += 1;
            // Whoever ends it looks once more after it is written down; what came later than that look is seen here.
            if !self.listens(&source).await? {
                end_all(subscribe, &session, &place).await?;
                return Err(NotListening::Stopped);
            }
            if !returned.is_empty() {
                let keep = move |connection: &mut Connection| {
                    if !connection.listening.is_empty() {
                        connection.parameters.extend(returned.clone());
                    }
                };
                self.connections.alter(source.number, self.surroundings.clock.now(), keep).await?;
            }
        }
        Ok(came)
    }

    async fn listens(&self, source: &Source) -> Result<bool, Unkept> {
        Ok(self.connections.of(source.number).await?.is_some_and(|connection| !connection.listening.is_empty()))
    }

    /// Ends what a source is subscribed to, and forgets the secrets it was proven with. Answers how many subscriptions there were.
    ///
    /// # Errors
    /// If the vendor does not end them.
    pub async fn stop_listening(&self, code: &str) -> Result<usize, NotListening> {
        let (source, before) = self.connected(code).await?;
        if before.listening.is_empty() {
            return Ok(0);
        }
        let connector = self.catalog.connector(&source.connector).map_err(NoSession::Connector)?.clone();
        let (_, subscribe, _) = how(&connector)?;
        let session = self.open(&source, &before)?;
        let mut ended = 0;
        for place in &before.listening {
            ended += end_all(subscribe, &session, place).await?;
        }
        let secrets: Vec<String> = subscribe.secrets().cloned().collect();
        let forget = move |connection: &mut Connection| {
            connection.listening.clear();
            connection.parameters.retain(|name, _| !secrets.contains(name));
        };
        self.connections.alter(source.number, self.surroundings.clock.now(), forget).await?;
        // What somebody subscribed meanwhile.
        for place in &before.listening {
            ended += end_all(subscribe, &session, place).await?;
        }
        Ok(ended)
    }

    /// What a connection that is entered anew keeps of the one before: that the vendor tells by itself, and by which secrets.
    ///
    /// # Errors
    /// [`Elsewhere`] if it leads to another shop.
    pub fn still_listening(
        &self,
        connector: &Connector,
        mut next: Connection,
        before: Connection,
    ) -> Result<Connection, Elsewhere> {
        self.leads_there(connector, &before, &next.parameters)?;
        let Ok((_, subscribe, _)) = how(connector) else { return Ok(next) };
        for (name, value) in before.parameters {
            if subscribe.secrets().any(|secret| *secret == name) {
                next.parameters.entry(name).or_insert(value);
            }
        }
        Ok(Connection { listening: before.listening, ..next })
    }

    /// Whoever listens at one shop is not led to another one: the one before would go on telling, and be heard.
    ///
    /// # Errors
    /// [`Elsewhere`] if it would.
    pub fn leads_there(&self, connector: &Connector, before: &Connection, next: &Parameters) -> Result<(), Elsewhere> {
        let Some(link) = connector.link().filter(|_| !before.listening.is_empty()) else { return Ok(()) };
        let base = |parameters: &Parameters| link.base(&link.variables(parameters).ok()?).ok();
        let names = before.parameters.keys().chain(next.keys()).filter(|name| link.is_place(name));
        let mut moved = names.filter(|name| before.parameters.get(*name) != next.get(*name));
        if moved.next().is_some() || base(&before.parameters) != base(next) { Err(Elsewhere) } else { Ok(()) }
    }

    /// Keeps the address, and new secrets in the place of those that are not known. `seen` is what whoever calls this saw at their
    /// start: a secret that is another by now was made by somebody else meanwhile, and stays. So of two who do this at once both
    /// get the same secrets. With `only_still` nothing is kept where nobody listens any more.
    async fn keep_secrets(
        &self,
        source: &Source,
        (webhooks, subscribe, link): (&Webhooks, &Subscribe, &Link),
        (seen, unknown, only_still): (&Parameters, Vec<String>, bool),
        hub: &str,
    ) -> Result<Connection, NotListening> {
        let mut made = Parameters::new();
        for name in subscribe.made().iter().filter(|name| unknown.contains(name)) {
            made.insert(name.clone(), secret(&*self.surroundings.entropy)?);
        }
        let (number, now) = (source.number, self.surroundings.clock.now());
        let seen: Parameters =
            seen.iter().filter(|(name, _)| unknown.contains(name)).map(|(k, v)| (k.clone(), v.clone())).collect();
        let change = move |connection: &mut Connection| {
            if only_still && connection.listening.is_empty() {
                return;
            }
            for name in &unknown {
                // Whoever was first counts.
                let known = connection.parameters.get(name);
                if known.is_none() || known == seen.get(name) {
                    connection.parameters.remove(name);
                    connection
                        .parameters
                        .extend(made.get_key_value(name).map(|(name, made)| (name.clone(), made.clone())));
                }
            }
        };
        self.connections.alter(number, now, change).await?;
        let not_connected = || NoSession::NotConnected(source.code.clone());
        let kept = self.connections.of(number).await?.ok_or_else(not_connected)?;
        if only_still && kept.listening.is_empty() {
            return Err(NotListening::Stopped);
        }
        let place = address(webhooks, link, &kept.parameters, hub, &source.code)?;
        // What is under the address of before is known until it is ended.
        let mut listening = kept.listening.clone();
        listening.retain(|one| *one != place);
        listening.push(place.clone());
        let change = move |connection: &mut Connection| {
            if only_still && connection.listening.is_empty() {
                return;
            }
            connection.listening.retain(|one| *one != place);
            connection.listening.push(place.clone());
        };
        self.connections.alter(number, now, change).await?;
        Ok(Connection { listening, ..kept })
    }
}

/// What the manifest says of it.
fn how(connector: &Connector) -> Result<(&Webhooks, &Subscribe, &Link), NotListening> {
    let by_hand = |guide: &str| NotListening::ByHand(format!("; it is entered at the vendor:\n\n{}", guide.trim()));
    let (webhooks, link) =
        connector.webhooks().zip(connector.link()).ok_or_else(|| NotListening::ByHand(String::new()))?;
    let subscribe = webhooks.subscribe.as_ref().ok_or_else(|| by_hand(webhooks.guide()))?;
    Ok((webhooks, subscribe, link))
}

/// Whatever proves a delivery is known, or will be.
fn proven(
    webhooks: &Webhooks,
    subscribe: &Subscribe,
    link: &Link,
    parameters: &Parameters,
    source: &Source,
) -> Result<(), NotListening> {
    let variables = link.variables(parameters)?;
    let names = webhooks.signature.secrets();
    if webhooks.signature.is_set(&variables) || names.iter().any(|name| subscribe.secrets().any(|made| made == name)) {
        return Ok(());
    }
    let name = names.first().map_or_else(String::new, |name| (*name).to_owned());
    Err(NotListening::NoSecret(name, source.code.clone(), webhooks.guide().trim().to_owned()))
}

/// Where the vendor is to call.
fn address(
    webhooks: &Webhooks,
    link: &Link,
    parameters: &Parameters,
    hub: &str,
    code: &str,
) -> Result<String, NotListening> {
    let variables = link.variables(parameters)?;
    let plain = format!("{}/v1/sources/{code}/webhooks", hub.trim_end_matches('/'));
    Ok(webhooks.signature.in_path(&variables).map_or(plain.clone(), |secret| format!("{plain}/{}", *secret)))
}

async fn end_all(subscribe: &Subscribe, session: &Session, place: &str) -> Result<usize, NotListening> {
    let all = subscribe.listed(session, place).await?;
    for one in &all {
        subscribe.end(session, one).await?;
    }
    Ok(all.len())
}

/// A secret of 160 bits that may stand in an address.
fn secret(entropy: &dyn Entropy) -> Result<String, EntropyFailure> {
    let mut bytes = zeroize::Zeroizing::new([0; 20]);
    entropy.fill(bytes.as_mut_slice())?;
    Ok(hex::encode(bytes.as_slice()))
}
