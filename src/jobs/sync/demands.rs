//! Following the lists of people who demanded something of the vendor.

use super::{Error, Refusals, Run, Syncs};
use crate::connect::{Counts, Demanded, Demanding, Demands, Person, Session};
use crate::gateway::{Actor, Caller, Scope};
use crate::intake::lookup_form;
use crate::rights::Kind;
use crate::types::{IdentifierKind, SourceNo};
use crate::vault::{Personal, source_scoped};

impl Syncs {
    /// Opens a request for whoever stands on such a list and is known here. The place moves when the requests are there; one
    /// that waits already is not opened twice.
    pub(super) async fn hear_demands(
        &self,
        run: &mut Run,
        session: &Session,
        source: SourceNo,
        refused: &mut Refusals,
        progress: &mut impl FnMut(&Counts),
    ) -> Result<(), Error> {
        let connector = session.connector().clone();
        for demands in connector.demands() {
            if run.is_read(demands.name()) {
                continue;
            }
            let heard = self.hear_list(run, session, source, demands, progress).await;
            refused.put_aside(demands.name(), heard)?;
        }
        Ok(())
    }

    async fn hear_list(
        &self,
        run: &mut Run,
        session: &Session,
        source: SourceNo,
        demands: &Demands,
        progress: &mut impl FnMut(&Counts),
    ) -> Result<(), Error> {
        let by = Caller { actor: Actor::Hub("a list of the vendor"), scope: Scope::Every };
        let kind = match demands.right() {
            Demanded::Access => Kind::Access,
            Demanded::Erasure => Kind::Erasure,
        };
        let (pull, list) = demands.reading();
        loop {
            let place = run.places.streams.get(demands.name()).cloned().unwrap_or_default();
            let leaf = pull.page(session, list, &place, None).await?;
            let (read, last, waits, after) = (leaf.len(), leaf.last, leaf.waits, leaf.after.clone());
            let Demanding { people, unreadable } = demands.people(leaf);
            for who in &people {
                self.rights.receive_known(kind, &named(who, source), &by).await?;
            }
            if !unreadable.is_empty() {
                unreadable.iter().for_each(|_| run.counts.reject(demands.name(), UNREADABLE));
                self.rights.note_unreadable(kind, (source, &run.code), unreadable).await?;
            }
            let counts = run.counts.stream(demands.name());
            counts.read += read;
            counts.complete = last;
            self.step(run, demands.name(), after).await?;
            progress(&run.counts);
            waits.into_iter().for_each(|time| run.wait(time));
            if last || waits.is_some() {
                return Ok(());
            }
        }
    }
}

/// Why a row of such a list is no request.
const UNREADABLE: &str = "a row names nobody this connector can read; look there by hand";

/// What is said of a person, as they are looked up. What has no normal form names nobody.
fn named(who: &Person, source: SourceNo) -> Vec<(IdentifierKind, SourceNo, Personal)> {
    let said = [
        (IdentifierKind::Account, &who.account),
        (IdentifierKind::CustomerNumber, &who.customer_number),
        (IdentifierKind::Email, &who.email),
        (IdentifierKind::Phone, &who.phone),
    ];
    let known = said.into_iter().filter_map(|(kind, value)| lookup_form(kind, value.as_deref()?).ok());
    known.map(|(kind, value)| (kind, if source_scoped(kind) { source } else { SourceNo(0) }, value)).collect()
}
