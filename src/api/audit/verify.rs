//! `POST /v1/audit/verifications`.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::audit;
use crate::types::LogId;

/// What a complete check saw.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditVerification)]
pub struct Verification {
    /// Is every link whole?
    intact: bool,
    /// Logs read.
    logs: usize,
    /// Entries read.
    entries: u64,
    /// The first fault of each broken log.
    findings: Vec<Fault>,
}

/// A fault of a log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditFault)]
pub struct Fault {
    /// The log.
    log: LogId,
    /// The first bad position.
    idx: i64,
    /// What is wrong there.
    #[schema(value_type = String)]
    what: &'static str,
}

/// Checks the whole audit log for changes.
///
/// It reads every entry from the first, so it takes its time on a long log.
#[utoipa::path(tag = "administration", responses((status = 200, description = "What was found.", body = Verification)))]
#[post("/v1/audit/verifications")]
pub async fn verify(house: Data<House>, _call: May<op::VerifyAudit>) -> Result<HttpResponse, Problem> {
    let kept = audit::kept_heads(&house.store, &house.strongbox, i64::MAX).await?;
    let report = house.store.read_apart(move |read| audit::verify(read, &kept, |_, _| ())).await?;
    let findings: Vec<_> =
        report.findings.iter().map(|found| Fault { log: found.log, idx: found.idx, what: found.what }).collect();
    let (logs, entries) = (report.logs, report.entries);
    Ok(HttpResponse::Ok().json(Verification { intact: findings.is_empty(), logs, entries, findings }))
}
