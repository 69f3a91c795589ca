//! Opening a request for whom a vendor passes a demand on.

use std::collections::HashMap;

use super::persons;
use crate::api::House;
use crate::api::problem::Problem;
use crate::audit::{Act, Line};
use crate::connect::{Demanded, Person};
use crate::consent::Source;
use crate::gateway::{Actor, Caller, Scope};
use crate::rights::{self, Kind};
use crate::store::deliveries;
use crate::store::rows::{RecordRow, Who};
use crate::types::{RequestId, Timestamp};

/// Opens a request for whoever is known by what the vendor says of them. Who is not known, or erased already, demands nothing
/// any more; and what the hub itself asked the vendor for comes back as a demand that is none, which is written down. Who came back
/// after that as somebody new, and demands it now, is heard.
///
/// Returns the first request that waits for these people now, whether it was opened by this or before.
pub(super) async fn open(
    house: &House,
    source: &Source,
    right: Demanded,
    who: &Person,
) -> Result<Option<RequestId>, Problem> {
    let mut people = persons::indexes(house, source, who)?;
    if right == Demanded::Erasure {
        let asked = asked_lately(house, source, &people).await?;
        if !asked.is_empty() {
            people = returned(house, source, asked).await?;
            if people.is_empty() {
                let line = Line::new(Act::RequestReceived).object(format!("source {}", source.code));
                house.book.note(line.reasons(vec!["echo_of_own_erasure".to_owned()])).await?;
                return Ok(None);
            }
        }
    }
    let kind = match right {
        Demanded::Access => Kind::Access,
        Demanded::Erasure => Kind::Erasure,
    };
    let by = Caller { actor: Actor::Hub("webhooks"), scope: Scope::Every };
    let (mut opened, mut waits, mut is_found, mut shared) = (Vec::new(), None, false, Vec::new());
    for ix in people {
        match house.rights.receive_once(kind, Who::Identifier(ix), &by, &opened).await {
            Ok(Some(request)) => {
                is_found = true;
                opened.push(request.case().subject);
                waits = waits.or(Some(request.case().id));
            }
            Ok(None) => {
                is_found = true;
                let before = house.rights.waiting(kind, Who::Identifier(ix)).await?;
                waits = waits.or(before);
            }
            Err(rights::Error::SeveralPeople(people)) => shared.push((ix, people)),
            Err(rights::Error::SubjectUnknown | rights::Error::SubjectErased(_)) => {}
            Err(cause) => return Err(cause.into()),
        }
    }
    if !is_found {
        for (ix, people) in shared {
            house.rights.note_shared(kind, (source.number, Who::Identifier(ix)), people, &by).await?;
        }
    }
    Ok(waits)
}

/// By which of these blind indexes the hub itself asked the vendor lately to forget somebody, and when.
async fn asked_lately(
    house: &House,
    source: &Source,
    people: &[[u8; 16]],
) -> Result<HashMap<[u8; 16], Timestamp>, Problem> {
    let (number, now, indexes) = (source.number, house.clock.now(), people.to_vec());
    let asked = move |read: &mut crate::store::Read| deliveries::asked_lately(read.records(), number, &indexes, now);
    Ok(house.store.read(asked).await?.into_iter().collect())
}

/// Those of them under which somebody lives who came, or of whom this source told, after the vendor was asked.
async fn returned(
    house: &House,
    source: &Source,
    asked: HashMap<[u8; 16], Timestamp>,
) -> Result<Vec<[u8; 16]>, Problem> {
    let mut returned = Vec::new();
    for (ix, at) in asked {
        let Some(rows) = house.gateway.snapshot(Who::Identifier(ix)).await? else { continue };
        let told = |record: &RecordRow| record.source_no == source.number && record.ingested_at > at;
        if rows.created_at > at || rows.records.iter().any(told) {
            returned.push(ix);
        }
    }
    Ok(returned)
}
