//! `POST /v1/identify`, `/v1/track`, `/v1/page`, `/v1/screen`, `/v1/group`, `/v1/alias`: one event each. The browser SDK of
//! Segment calls them by their first letter.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::key::Collected;
use super::parts::{TrackedFields, TrackedId};
use super::take::take;
use super::{Taken, taken};
use crate::api::House;
use crate::api::permissions::{Operation, op};
use crate::api::problem::Problem;
use crate::collect::Kind;

/// One event of a tracking SDK.
#[derive(Serialize, ToSchema)]
pub struct TrackedEvent {
    /// Which call it is: `identify`, `track`, `page`, `screen`, `group` or `alias`. Needed in a batch only.
    #[schema(example = "track")]
    r#type: Option<String>,
    /// The user's account at the source. Personal.
    #[serde(rename = "userId")]
    #[schema(example = "10023")]
    user_id: Option<TrackedId>,
    /// The visitor. With the key of a page it is needed. Personal.
    #[serde(rename = "anonymousId")]
    #[schema(example = "5b1c0d9e-6a0f-4a59-9c11-0f6f2f2f7b7a")]
    anonymous_id: Option<TrackedId>,
    /// What tells the message from others: sent again, it changes nothing.
    #[serde(rename = "messageId")]
    #[schema(example = "ajs-next-1741354801-5b1c0d9e")]
    message_id: Option<TrackedId>,
    /// When it happened, by the sender's clock (RFC 3339).
    #[schema(example = "2026-03-07T13:40:01.000Z")]
    timestamp: Option<String>,
    /// What happened: of `track`.
    #[schema(example = "Product Viewed")]
    event: Option<String>,
    /// What else is to be told of it: single values, laid flat (`products.0.sku`). Personal, category engagement.
    properties: Option<TrackedFields>,
    /// Who it is: of `identify`. Personal: name, company, birthday, language in identity; email and phone in contact;
    /// address in address. Traits no category is named for are not kept.
    traits: Option<TrackedFields>,
    /// What stands around it: `page`, `campaign`, `locale`, and `consent` or `consentManagement` of a banner.
    context: Option<TrackedFields>,
}

/// Which call an operation is; none takes a list.
pub trait Calling: Operation {
    /// The call.
    const KIND: Option<Kind>;
}

/// Takes one call in, for its documented address and its short ones.
///
/// # Errors
/// See `take`.
pub async fn collect<O: Calling>(house: Data<House>, call: Collected<O>) -> Result<HttpResponse, Problem> {
    take(house, call, O::KIND).await?;
    Ok(taken())
}

/// Declares the handler of a single call.
macro_rules! calls {
    ($($(#[$doc:meta])* $handler:ident $operation:ident $kind:ident $path:literal $example:tt;)+) => { $(
        impl Calling for op::$operation {
            const KIND: Option<Kind> = Some(Kind::$kind);
        }

        $(#[$doc])*
        #[utoipa::path(
            tag = "collection",
            request_body(content = TrackedEvent, content_type = "application/json", example = json!($example)),
            responses((status = 200, description = "It is durable.", body = Taken))
        )]
        #[post($path)]
        pub async fn $handler(
            house: Data<House>,
            call: Collected<op::$operation>,
        ) -> Result<HttpResponse, Problem> {
            collect(house, call).await
        }
    )+ };
}

calls! {
    /// Tells who somebody is.
    ///
    /// Also at `/v1/i`. What is said is kept as a customer record; other words later are another record, and the same words
    /// again change nothing. With the key of a server, `userId` is the account at the source and joins the visitor with it.
    /// With the key of a page all of it is only said of that visitor: it finds and joins nobody.
    identify CollectIdentify Identify "/v1/identify" {
        "userId": "10023", "anonymousId": "5b1c0d9e-6a0f-4a59-9c11-0f6f2f2f7b7a", "messageId": "m-1",
        "timestamp": "2026-03-07T13:40:01.000Z", "traits": {"firstName": "Erika", "lastName": "Muster", "email": "erika@muster.org"}
    };
    /// Tells that something happened.
    ///
    /// Also at `/v1/t`. It is kept as an event record.
    track CollectTrack Track "/v1/track" {
        "anonymousId": "5b1c0d9e-6a0f-4a59-9c11-0f6f2f2f7b7a", "messageId": "m-2", "event": "Product Viewed",
        "timestamp": "2026-03-07T13:40:01.000Z", "properties": {"sku": "TS-RED-M", "price": 62.5},
        "context": {"consent": {"categoryPreferences": {"analytics": true, "advertising": false}}}
    };
    /// Tells that a page was seen.
    ///
    /// Also at `/v1/p`. It is kept as an event record with the name `page`.
    page CollectPage Page "/v1/page" {
        "anonymousId": "5b1c0d9e-6a0f-4a59-9c11-0f6f2f2f7b7a", "messageId": "m-3", "name": "T-Shirt",
        "timestamp": "2026-03-07T13:40:01.000Z", "context": {"page": {"url": "https://shop.example/p/ts-red"}}
    };
    /// Tells that a screen of an app was seen.
    ///
    /// Also at `/v1/s`. It is kept as an event record with the name `screen`.
    screen CollectScreen Screen "/v1/screen" {
        "anonymousId": "5b1c0d9e-6a0f-4a59-9c11-0f6f2f2f7b7a", "messageId": "m-4", "name": "Basket",
        "timestamp": "2026-03-07T13:40:01.000Z"
    };
    /// Tells that somebody belongs to a group.
    ///
    /// Also at `/v1/g`. It is kept as an event record with the name `group`; the group itself is nobody's record.
    group CollectGroup Group "/v1/group" {
        "userId": "10023", "groupId": "club", "messageId": "m-5", "timestamp": "2026-03-07T13:40:01.000Z",
        "traits": {"plan": "gold"}
    };
    /// Tells who somebody was before.
    ///
    /// Also at `/v1/a`. With the key of a server it joins the visitor `previousId` with the account `userId`; two accounts
    /// stay two. With the key of a page it is kept as an event record with the name `alias` and joins nobody.
    alias CollectAlias Alias "/v1/alias" {
        "userId": "10023", "previousId": "5b1c0d9e-6a0f-4a59-9c11-0f6f2f2f7b7a", "anonymousId": "5b1c0d9e-6a0f-4a59-9c11-0f6f2f2f7b7a",
        "messageId": "m-6", "timestamp": "2026-03-07T13:40:01.000Z"
    };
}
