//! Whoever unsubscribed at a vendor that people are handed to said no.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::api::problem::{Code, Problem};
use crate::api::{House, metrics};
use crate::connect::{Connection, Connector, Fault};
use crate::consent::Source;
use crate::intake::{Unsubscription, lookup_form};
use crate::segments::SegmentCode;
use crate::store::audiences::{self, MemberRow};
use crate::store::{self, turned_away};
use crate::types::IdentifierKind;

/// How long the vendor that waits for an answer is asked whether it is so.
const PATIENCE: Duration = Duration::from_secs(8);
/// Seconds after which it may tell it again.
const LATER: u64 = 30;

/// Of whom the hub handed over, and whom it has not taken off since, it is a no; whoever is taken off by the hub itself may come back so,
/// and says nothing by that. To whom the vendor sends nothing although they did not say no (`held`) is left alone.
pub(super) async fn take(
    house: &House,
    (source, connection): (&Source, &Connection),
    connector: &Connector,
    (told, topic): (Value, &str),
) -> Result<(), Problem> {
    let number = source.number;
    let Some(audience) = house.store.read(move |read| audiences::find(read.records(), number)).await? else {
        return Ok(());
    };
    let segment = match audience.segment.parse::<SegmentCode>() {
        Ok(code) => house.segments.find(&code).await?,
        Err(_) => None,
    };
    let edition = house.rulebook.edition();
    let purpose = segment.as_ref().and_then(|stored| edition.purpose(&stored.segment.purpose));
    let Some(webhooks) = connector.webhooks() else { return Ok(()) };
    let (Some(stored), Some(purpose)) = (&segment, purpose) else {
        tracing::warn!(
            source = source.code,
            "the segment of a destination, or its purpose, is missing: a no is not taken"
        );
        return Err(Problem::new(Code::NotReady, "What people were handed over for is missing. Tell it again.")
            .retry_after(LATER));
    };
    let channel = stored.segment.channel.or(purpose.sole_channel());
    let session = house.vendors.open(source, connection).map_err(Problem::internal)?;
    let asked = tokio::time::timeout(PATIENCE, webhooks.left(&session, told, topic)).await;
    let heard = asked.unwrap_or_else(|_| Err(Fault::Timeout("the vendor".to_owned()))).map_err(|fault| {
        tracing::warn!(
            source = source.code,
            cause = fault.word(),
            "it could not be looked who unsubscribed at a vendor"
        );
        Problem::new(Code::NotReady, "The vendor could not be asked whether it is so. Tell it again.")
            .retry_after(LATER)
    })?;
    if heard.unread > 0 {
        let count = i64::try_from(heard.unread).unwrap_or(i64::MAX);
        let (refused, now) = (BTreeMap::from([("not_mapped", count)]), house.clock.now());
        metrics::turned_away("not_mapped", count);
        house.store.write(move |write| turned_away::add(write, number, &refused, now)).await?;
    }
    for one in heard.people.iter().filter(|one| !one.held) {
        // What is no mail address here is nobody's here.
        let Ok((kind, normal)) = lookup_form(IdentifierKind::Email, &one.email) else { continue };
        let ix = vec![house.rights.index_of(kind, &normal)?.to_vec()];
        let read = move |read: &mut store::Read| audiences::with_indexes(read.records(), number, &ix);
        let rows = house.store.read(read).await?;
        for row in rows.into_iter().filter(|row| MemberRow::PRESENT.contains(&row.state)) {
            let now = house.clock.now();
            let left = Unsubscription { purpose, channel, destination: &source.code, at: one.at };
            house.intake.take_unsubscription((row.subject_id, &row.ix), &left, now).await?;
            let step = (&MemberRow::PRESENT[..], MemberRow::LEAVING);
            house
                .store
                .write(move |write| audiences::step(write, number, std::slice::from_ref(&row.ix), step, now))
                .await?;
        }
    }
    Ok(())
}
