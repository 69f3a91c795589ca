//! `/v1/requests`: what people demand (Art. 15, 17 GDPR), from receipt to answer, for the data protection officer.

pub mod certificate;
pub mod certificate_key;
pub mod execute;
pub mod extend;
pub mod list;
pub mod notice;
pub mod package;
pub mod receive;
pub mod refuse;
pub mod show;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use actix_web::web::Data;
use bytes::Bytes;
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use super::problem::{Code, Problem};
use super::{House, Instant, once};
use crate::connect::{Erasure, Leaves};
use crate::gateway::{Caller, ReasonCode};
use crate::rights::{
    Certificate, Kind, Membership, NOTHING_FOUND, NoticeState, Package, RefusedFor, Request, SourceErasure,
};
use crate::types::{RequestId, SubjectId};

/// A request and where it stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Request)]
pub struct RequestView {
    /// Its id.
    id: RequestId,
    /// Which right.
    right: Kind,
    /// Whose. After an erasure nobody is behind it any more.
    subject_id: SubjectId,
    /// `received`, `executing`, `answered` or `refused`.
    #[schema(value_type = String)]
    state: &'static str,
    /// When it reached the merchant.
    received_at: Instant,
    /// The last moment for the answer (Art. 12(3) GDPR).
    due_at: Instant,
    /// Why the period was extended, if it was.
    extended: Option<ReasonCode>,
    /// When it was answered or refused.
    closed_at: Option<Instant>,
    /// Why it was refused, if it was.
    refused_for: Option<RefusedFor>,
    /// Those whom erased data had gone to, and whether they were told (Art. 19 GDPR). Shown with a single request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    recipients: Option<Vec<RecipientView>>,
    /// How the vendors of the connected sources stand that told of an erased person (Art. 17, 19 GDPR). Shown with a single
    /// request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    sources: Option<Vec<SourceErasureView>>,
}

/// Where the vendor of a source stands with an erasure.
#[derive(Serialize, ToSchema)]
#[schema(as = SourceErasure)]
pub struct SourceErasureView {
    /// The code of the source.
    source: String,
    /// `waiting`: it is asked, or asked again; `held`: a law or the vendor's terms keep something there until a day, and on it the vendor
    /// is asked again; `final`.
    #[schema(value_type = String)]
    state: &'static str,
    /// What became of the person there, once it is final or held; `nothing_found` if nothing was, and `asked` where the vendor took the demand
    /// in and nobody sees what becomes of it: the steps of the report then say what it promised. Until then null.
    outcome: Option<String>,
    /// The last day on which something is kept there; null: nothing is, or nobody knows until when.
    restricted_until: Option<String>,
    /// How often the vendor was asked.
    attempts: i32,
    /// When it is asked next; null if the answer is final.
    next_at: Option<Instant>,
    /// When the erasure began here.
    asked_at: Instant,
    /// When the report changed.
    changed_at: Instant,
    /// Each kind of object, and why what failed did; null before the first answer.
    report: Option<Erasure>,
}

impl From<SourceErasure> for SourceErasureView {
    fn from(one: SourceErasure) -> Self {
        let report: Option<Erasure> = one.report.as_deref().and_then(|report| serde_json::from_str(report).ok());
        let word = report.as_ref().and_then(|report| report.leaves).map_or(NOTHING_FOUND, Leaves::word);
        Self {
            state: one.state(),
            restricted_until: one.restricted_until(),
            source: one.source,
            outcome: (one.is_final || one.is_held).then(|| word.to_owned()),
            attempts: one.attempts,
            next_at: one.next_at.map(Instant),
            asked_at: Instant(one.asked_at),
            changed_at: Instant(one.changed_at),
            report,
        }
    }
}

/// A recipient of erased data.
#[derive(Serialize, ToSchema)]
#[schema(as = ToldRecipient)]
pub struct RecipientView {
    /// Its name, as in the certificate.
    recipient: String,
    /// Whether it was told.
    state: NoticeState,
    /// Since when it stands there; none: from the start.
    changed_at: Option<Instant>,
}

impl RequestView {
    /// A request with its recipients and vendors.
    pub(super) async fn whole(house: &House, id: RequestId) -> Result<Self, Problem> {
        let request = house.rights.request(id).await?;
        let recipients = house.rights.notices(id).await?.into_iter().map(|notice| RecipientView {
            recipient: notice.recipient,
            state: notice.state,
            changed_at: notice.changed_at.map(Instant),
        });
        let sources = house.rights.source_erasures(id).await?.into_iter().map(SourceErasureView::from);
        Ok(Self { recipients: Some(recipients.collect()), sources: Some(sources.collect()), ..Self::from(&request) })
    }
}

impl From<&Request> for RequestView {
    fn from(request: &Request) -> Self {
        let case = request.case();
        let (extended, closed_at, refused_for) = match request {
            Request::Received(state) => (state.extended.clone(), None, None),
            Request::Executing(_) => (None, None, None),
            Request::Answered(state) => (None, Some(Instant(state.at)), None),
            Request::Refused(state) => (None, Some(Instant(state.at)), Some(state.reason)),
        };
        Self {
            id: case.id,
            right: case.kind,
            subject_id: case.subject,
            state: request.state(),
            received_at: Instant(case.received_at),
            due_at: Instant(case.due_at),
            extended,
            closed_at,
            refused_for,
            recipients: None,
            sources: None,
        }
    }
}

/// A ZIP archive, for the OpenAPI document alone.
pub struct Zip;

impl PartialSchema for Zip {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .description(Some("A ZIP with JSON and HTML that open offline."))
            .into()
    }
}

impl ToSchema for Zip {}

/// What carrying out a request yields.
enum Yield {
    Package(Package),
    Certificate(Certificate),
}

/// Carries out what a request demands. It runs to its end even if the caller hangs up.
async fn carry_out(house: Data<House>, id: RequestId, caller: Caller) -> Result<Yield, Problem> {
    once::apart(async move {
        let request = house.rights.request(id).await?;
        Ok(match request.case().kind {
            Kind::Erasure => Yield::Certificate(house.rights.erase(id, &caller).await?),
            Kind::Access => {
                let memberships = memberships(&house, request.case().subject).await?;
                Yield::Package(house.rights.access(id, memberships, &caller).await?)
            }
            // It was carried out when it was made.
            Kind::Rectification => return Err(no_such_document()),
        })
    })
    .await
}

/// The segments the person is in, in the words of the package.
async fn memberships(house: &House, subject: SubjectId) -> Result<Vec<Membership>, Problem> {
    let found = house.segments.of_person(subject).await?;
    found
        .into_iter()
        .map(|found| {
            let why = serde_json::to_value(&found.because).map_err(Problem::internal)?;
            Ok(Membership { segment: found.segment.to_string(), title: found.title, effect: found.effect, why })
        })
        .collect()
}

/// A request of the other right, or one that is not carried out yet.
fn no_such_document() -> Problem {
    Problem::new(Code::NotFound, "This request has no such document, or not yet.")
}

impl Yield {
    /// The ZIP, or the certificate as JSON.
    fn send(self, status: StatusCode, id: RequestId) -> HttpResponse {
        let mut reply = HttpResponse::build(status);
        reply.insert_header((LOCATION, format!("/v1/requests/{id}")));
        match self {
            Self::Certificate(certificate) => reply.json(certificate),
            Self::Package(package) => {
                let disposition = format!("attachment; filename=\"{}\"", package.name());
                reply.insert_header((CONTENT_TYPE, "application/zip"));
                // The bytes are wiped when the reply was sent.
                reply.insert_header((CONTENT_DISPOSITION, disposition)).body(Bytes::from_owner(package.into_bytes()))
            }
        }
    }
}
