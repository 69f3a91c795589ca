//! [`Certificate`]: what was erased, what a law keeps and until when, signed.
//!
//! It names the person only by the pseudonyms of the audit book, whose key died with them. What is signed is the
//! canonical form: JSON without white space, members sorted by name, so that a certificate that was printed prettily still
//! verifies. Anyone can check it with the hub's public key and Ed25519 (RFC 8032).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Error;
use crate::vault::{self, Signer};

/// The form and its version.
pub(super) const FORM: &str = "obhut erasure certificate 1";

/// The member of a certificate that says how the vendors of connected sources stand. It is signed anew as they answer.
pub(super) const SOURCES: &str = "sources";

/// When the erasure becomes final, in a sentence.
pub(super) const FINAL_NOTE: &str = "From effective_at on the hub holds neither the data nor its keys. Older copies of the \
key database can still open older copies of the data until the key epochs in final_epochs are destroyed, which is planned \
for final_after or, where that is null, left to its operator.";

/// An erasure certificate with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Certificate {
    /// The certificate itself.
    pub certificate: Value,
    /// Ed25519 over the canonical form, base64.
    pub signature: String,
    /// The hub's key, base64.
    pub public_key: String,
}

/// Records that a law keeps, locked away for that purpose alone (§ 35(3) BDSG).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Kept {
    /// The type of record.
    pub record: String,
    /// The law.
    pub statute: String,
    /// The last day, in Germany.
    pub until: String,
    /// The categories that stay; what else the records held was erased.
    pub categories: Vec<String>,
    /// How many records.
    pub count: usize,
}

/// Somebody data was disclosed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recipient {
    /// Who.
    pub name: String,
    /// For which purpose.
    pub purpose: String,
    /// Which categories.
    pub categories: Vec<String>,
    /// For the first time, RFC 3339.
    pub first: String,
    /// For the last time, RFC 3339.
    pub last: String,
    /// How often.
    pub count: usize,
}

/// The text of a certificate.
#[derive(Serialize)]
pub(super) struct Text<'a> {
    pub(super) certificate: &'static str,
    pub(super) request_id: String,
    pub(super) received_at: String,
    pub(super) subjects: &'a [String],
    pub(super) effective_at: String,
    pub(super) final_after: Option<String>,
    pub(super) final_epochs: &'a [i32],
    pub(super) final_note: &'static str,
    pub(super) records_found: usize,
    pub(super) records_erased: &'a std::collections::BTreeMap<String, usize>,
    pub(super) consents_erased: usize,
    pub(super) kept: &'a [Kept],
    pub(super) recipients: &'a [Recipient],
    pub(super) sources: Value,
    pub(super) public_key: String,
}

/// Why a certificate does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is not a certificate of a form this version knows.
    #[error("this is no erasure certificate of a known form")]
    Form,
    /// Signature or key are not base64.
    #[error("the signature or the key is not base64")]
    Encoding,
    /// It was changed, or another key signed it.
    #[error("the signature does not verify")]
    Signature,
}

impl Certificate {
    pub(super) fn sign(text: &Text<'_>, signer: &Signer) -> Result<Self, Error> {
        let certificate = serde_json::to_value(text).map_err(|_| Error::Document("certificate"))?;
        Ok(Self { certificate, signature: String::new(), public_key: String::new() }.sign_anew(signer))
    }

    /// The same text, or what was made of it, under a signature of now.
    pub(super) fn sign_anew(mut self, signer: &Signer) -> Self {
        self.certificate.sort_all_objects();
        let signature = base64(&signer.sign(self.certificate.to_string().as_bytes()));
        Self { certificate: self.certificate, signature, public_key: base64(signer.public_key()) }
    }

    /// Reads the outcome of an answered erasure.
    pub(super) fn read(outcome: &str) -> Result<Self, Error> {
        serde_json::from_str(outcome).map_err(|_| Error::Document("certificate"))
    }
}

/// Checks a certificate against the public key the hub publishes; signature and key are base64.
///
/// # Errors
/// Why it does not hold.
pub fn verify_certificate(json: &str, signature: &str, public_key: &str) -> Result<(), Invalid> {
    let mut certificate: Value = serde_json::from_str(json).map_err(|_| Invalid::Form)?;
    if certificate.get("certificate").and_then(Value::as_str) != Some(FORM) {
        return Err(Invalid::Form);
    }
    certificate.sort_all_objects();
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| Invalid::Encoding);
    vault::verify(&decode(public_key)?, certificate.to_string().as_bytes(), &decode(signature)?)
        .map_err(|_| Invalid::Signature)
}

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
