//! `POST /v1/sources/{code}/webhooks`.

use std::collections::BTreeMap;

use actix_web::dev::Payload;
use actix_web::web::{Data, Path};
use actix_web::{FromRequest, HttpRequest, HttpResponse, post};

use super::{demand, left, unknown};
use crate::api::body::{self, Reader};
use crate::api::problem::{Code, Problem};
use crate::api::{House, metrics, once};
use crate::audit::{Act, Line};
use crate::connect::{
    Connection, Connector, Delivery, Headers, MappingError, News, NoSession, Origin, Refused, Told, Unheard,
};
use crate::consent::Source;
use crate::intake::{CHUNK, Outcome, Rejection, Taken};
use crate::store::{connections, deliveries, turned_away};

/// The bytes of a delivery, as they were signed.
pub struct Bytes(pub(super) Vec<u8>);

impl FromRequest for Bytes {
    type Error = Problem;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limits = body::limits(request);
        let reader = Reader::open(request.headers(), payload.take(), limits.document, limits.patience);
        Box::pin(async move {
            let slow = |_| Problem::new(Code::RequestTimeout, "The body arrived too slowly.");
            Ok(Self(tokio::time::timeout(limits.patience, reader?.all()).await.map_err(slow)??))
        })
    }
}

/// Hears what the vendor of a source tells by itself.
///
/// The vendor calls this, not a partner; its signature over the bytes of the body is the proof, so no key is needed. What is
/// told is taken in like what is asked for: objects become records, a hint becomes a sync, what is gone at the vendor ends as by the
/// source's own clock, and a demand of a person becomes a request that waits for the data protection officer. A delivery that comes
/// again changes nothing.
#[utoipa::path(
    tag = "administration",
    params(("code" = String, Path, description = "The source.", example = "webshop")),
    request_body(
        content = String, content_type = "application/octet-stream", description = "As the vendor writes it.",
        example = json!("{\"id\": 7300000000123, \"email\": \"erika@muster.org\"}"),
    ),
    responses(
        (status = 200, description = "It was carried out, now or before, or means nothing here."),
        (status = 401, description = "The signature is missing or wrong."),
        (status = 404, description = "There is no such source, or it hears nothing."),
        (status = 503, description = "The vendor could not be asked whether it is so; nothing was done."),
    )
)]
#[post("/v1/sources/{code}/webhooks")]
pub async fn hear(
    house: Data<House>,
    code: Path<String>,
    Bytes(body): Bytes,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    heard(house, (&code, None), body, &request).await
}

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = Path<(String, String)>;

/// Hears what the vendor of a source tells by itself, where the end of the address is the proof.
///
/// As at the address without it, for vendors that sign nothing: whoever has the address may tell.
#[utoipa::path(
    tag = "administration",
    params(
        ("code" = String, Path, description = "The source.", example = "letters"),
        ("secret" = String, Path, description = "What the hub made when it subscribed.", example = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"),
    ),
    request_body(
        content = String, content_type = "application/octet-stream", description = "As the vendor writes it.",
        example = json!("type=unsubscribe&data%5Bemail%5D=erika%40muster.org"),
    ),
    responses(
        (status = 200, description = "It was carried out, now or before, or means nothing here."),
        (status = 401, description = "The end of the address is wrong."),
        (status = 404, description = "There is no such source, or it hears nothing."),
        (status = 503, description = "The vendor could not be asked whether it is so; nothing was done."),
    )
)]
#[post("/v1/sources/{code}/webhooks/{secret}")]
pub async fn hear_at(
    house: Data<House>,
    path: Sent,
    Bytes(body): Bytes,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    heard(house, (&path.0, Some(&path.1)), body, &request).await
}

async fn heard(
    house: Data<House>,
    (code, secret): (&str, Option<&str>),
    body: Vec<u8>,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (source, connection) = house.vendors.connected(code).await.map_err(|cause| match cause {
        NoSession::Unkept(_) => Problem::internal(cause),
        _ => unknown(),
    })?;
    let connector = house.vendors.catalog.connector(&source.connector).map_err(|_| unknown())?.clone();
    let (Some(webhooks), Some(link)) = (connector.webhooks(), connector.link()) else { return Err(unknown()) };
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let told = Told { headers: Headers(&headers), secret, body: &body };
    let all = webhooks.hear((link, &connection.parameters), &told, house.clock.now()).map_err(not_heard)?;
    once::apart(async move {
        for delivery in all {
            carry_out(&house, (&source, &connection), &connector, delivery).await?;
        }
        Ok(())
    })
    .await?;
    Ok(HttpResponse::Ok().finish())
}

pub(super) fn not_heard(cause: Unheard) -> Problem {
    match cause {
        Unheard::NoSecret => unknown(),
        Unheard::Forged => Problem::new(Code::Unauthenticated, "The signature is missing or wrong."),
        Unheard::TooOld => Problem::new(Code::BadRequest, "The delivery is too old."),
        Unheard::Unreadable => Problem::new(Code::BadRequest, "The delivery is not what this vendor sends."),
    }
}

/// Once; a delivery that fails is sent again by the vendor, and then nothing is there twice.
async fn carry_out(
    house: &House,
    (source, connection): (&Source, &Connection),
    connector: &Connector,
    delivery: Delivery,
) -> Result<(), Problem> {
    let (number, marks, now) = (source.number, delivery.marks.clone(), house.clock.now());
    if house.store.read(move |read| deliveries::is_known(read.records(), number, &marks)).await? {
        return Ok(());
    }
    match delivery.news {
        News::Nothing => {}
        News::Objects { stream, page } => take(house, (source, connection), connector, (&stream, &page)).await?,
        News::Changed => {
            house.store.write(move |write| connections::want(write, number, now)).await?;
        }
        News::Gone { kind, ids } => {
            house.intake.end_told(source, kind, &ids).await?;
        }
        News::Demand { right, who } => {
            demand::open(house, source, right, &who).await?;
        }
        News::Left(told, topic) => left::take(house, (source, connection), connector, (told, &topic)).await?,
        News::Note(note) => {
            tracing::warn!(source = source.code, note, "a vendor asks for what no request of one person is");
            let line = Line::new(Act::RequestReceived).to(format!("source {}", source.code));
            house.book.note(line.object(format!("source {}", source.code)).reasons(vec![note])).await?;
        }
    }
    Ok(house.store.write(move |write| deliveries::note(write, number, &delivery.marks, now)).await?)
}

/// Takes objects in, as a sync would: what cannot be is put aside.
async fn take(
    house: &House,
    (source, connection): (&Source, &Connection),
    connector: &Connector,
    (stream, page): (&str, &serde_json::Value),
) -> Result<(), Problem> {
    let stream = connector.stream(stream).ok_or_else(|| Problem::internal("a webhook without its stream"))?;
    let mut counts = BTreeMap::<&'static str, i64>::new();
    let mut count = |code: &'static str| *counts.entry(code).or_default() += 1;
    // Which stream it is may stand in a header that nobody signed.
    let its_own = Some(page).filter(|page| stream.recognises(page));
    if its_own.is_none() {
        count(NOT_MAPPED);
    }
    let origin = connector
        .link()
        .map_or_else(|| Origin::from(&source.code), |link| Origin::of(&source.code, link, &connection.parameters));
    let (mut records, mut refused) = (Vec::new(), Vec::new());
    for record in its_own.into_iter().flat_map(|page| stream.map(page, origin.clone())) {
        match record {
            Ok(record) => records.push(record),
            Err(MappingError { name, reason, .. }) => {
                count(NOT_MAPPED);
                refused.push(Refused { name, reason: reason.to_string() });
            }
        }
    }
    let parking = house.vendors.connections.parking();
    let (number, now, mut taken) = (source.number, house.clock.now(), Vec::new());
    let mut brought = 0;
    while !records.is_empty() {
        let rest = records.split_off(records.len().min(CHUNK));
        let ready = house.intake.make_ready(std::mem::replace(&mut records, rest), stream.is_undated())?;
        for (at, Taken { outcome, left_out }) in house.intake.take_in(&ready, None).await?.into_iter().enumerate() {
            brought += 1;
            left_out.iter().for_each(|rejection| count(rejection.code));
            let name = ready.name(at);
            if let Outcome::Rejected(Rejection { code, pointer, .. }) = outcome {
                count(code);
                refused.push(Refused { name, reason: format!("{code} at {pointer:?}") });
            } else {
                taken.extend(name.map(|name| parking.mark(number, stream.name(), &name)));
            }
        }
    }
    parking.taken(number, stream.name(), &taken).await.map_err(Problem::internal)?;
    parking.put(number, stream.name(), &refused, now).await.map_err(Problem::internal)?;
    house.intake.note_sync(&source.code, brought).await?;
    if !counts.is_empty() {
        counts.iter().for_each(|(code, count)| metrics::turned_away(code, *count));
        house.store.write(move |write| turned_away::add(write, number, &counts, now)).await?;
    }
    Ok(())
}

/// Of an object that is none of its stream, or means no record.
const NOT_MAPPED: &str = "not_mapped";
