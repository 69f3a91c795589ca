//! Opening a request for whom a vendor passes a demand on.

use super::persons;
use crate::api::House;
use crate::api::problem::Problem;
use crate::connect::{Demanded, Person};
use crate::consent::Source;
use crate::gateway::{Actor, Caller, Scope};
use crate::rights::{self, Kind};
use crate::store::deliveries;
use crate::store::rows::Who;
use crate::types::RequestId;

/// Opens a request for whoever is known by what the vendor says of them. Who is not known, or erased already, demands nothing
/// any more; and what the hub itself asked the vendor for comes back as a demand that is none.
///
/// Returns the first request that waits for these people now, whether it was opened by this or before.
pub(super) async fn open(
    house: &House,
    source: &Source,
    right: Demanded,
    who: &Person,
) -> Result<Option<RequestId>, Problem> {
    let (number, now) = (source.number, house.clock.now());
    let people = persons::indexes(house, source, who)?;
    let indexes = people.clone();
    let echo =
        move |read: &mut crate::store::Read| deliveries::was_asked_to_forget(read.records(), number, &indexes, now);
    if right == Demanded::Erasure && house.store.read(echo).await? {
        return Ok(None);
    }
    let kind = match right {
        Demanded::Access => Kind::Access,
        Demanded::Erasure => Kind::Erasure,
    };
    let by = Caller { actor: Actor::Hub("webhooks"), scope: Scope::Every };
    let (mut opened, mut waits) = (Vec::new(), None);
    for ix in people {
        match house.rights.receive_once(kind, Who::Identifier(ix), &by, &opened).await {
            Ok(Some(request)) => {
                opened.push(request.case().subject);
                waits = waits.or(Some(request.case().id));
            }
            Ok(None) => {
                let before = house.rights.waiting(kind, Who::Identifier(ix)).await?;
                waits = waits.or(before);
            }
            Err(rights::Error::SubjectUnknown | rights::Error::SubjectErased(_)) => {}
            Err(cause) => return Err(cause.into()),
        }
    }
    Ok(waits)
}
