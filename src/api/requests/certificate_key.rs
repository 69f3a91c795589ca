//! `GET /v1/certificate-key`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::House;

/// The key that verifies erasure certificates.
#[derive(Serialize, ToSchema)]
pub struct CertificateKey {
    /// `Ed25519` (RFC 8032).
    #[schema(value_type = String, example = "Ed25519")]
    algorithm: &'static str,
    /// 32 bytes in base64.
    public_key: String,
}

/// Publishes the key that verifies this hub's erasure certificates.
///
/// It needs no API key: whoever holds a certificate may check that it is this hub's.
#[utoipa::path(
    tag = "rights",
    security(()),
    responses((status = 200, description = "The key.", body = CertificateKey))
)]
#[get("/v1/certificate-key")]
pub async fn certificate_key(house: Data<House>) -> HttpResponse {
    HttpResponse::Ok().json(CertificateKey { algorithm: "Ed25519", public_key: house.rights.certificate_key() })
}
