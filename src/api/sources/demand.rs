//! Opening a request for whom a vendor passes a demand on.

use std::collections::HashMap;

use super::persons;
use crate::api::House;
use crate::api::problem::Problem;
use crate::audit::{Act, Line};
use crate::connect::{Demanded, Person};
use crate::consent::Source;
use crate::gateway::{Actor, Caller, Scope};
use crate::rights::Kind;
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
    let known = people.into_iter().map(|ix| (source.number, Who::Identifier(ix))).collect();
    Ok(house.rights.receive_of(kind, known, &by).await?)
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
