//! How the vendors stand with somebody's erasure: shown with the request, and put into its certificate, which is signed anew as
//! they answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Certificate, Error, Request, Rights, certificate};
use crate::store::source_erasures::{self, SourceErasureRow};
use crate::store::{self, requests};
use crate::types::{RequestId, Timestamp};

/// What an outcome is called where nothing of the person was found.
pub const NOTHING_FOUND: &str = "nothing_found";
/// What an outcome is called where nothing of the person is left.
const DELETED: &str = "deleted";
/// What an outcome is called where the vendor took the demand in and nobody sees what becomes of it.
const ASKED: &str = "asked";
/// How often a certificate that others change at the same moment is written.
const TRIES: usize = 5;

/// Where the vendor of a source stands with somebody's erasure. It holds no value of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceErasure {
    /// The code of the source.
    pub source: String,
    /// Is the answer final?
    pub is_final: bool,
    /// Is something held there, and asked for again on its day?
    pub is_held: bool,
    /// How often the vendor was asked.
    pub attempts: i32,
    /// When it is asked next; none if the answer is final.
    pub next_at: Option<Timestamp>,
    /// When the erasure began here.
    pub asked_at: Timestamp,
    /// When the report changed.
    pub changed_at: Timestamp,
    /// What became of each kind of object, as the connector told it, JSON; none before the first answer.
    pub report: Option<String>,
}

/// The same in a certificate.
#[derive(Serialize)]
struct Certified {
    source: String,
    asked_at: String,
    state: &'static str,
    outcome: Option<String>,
    /// The last day on which a law or the vendor's terms keep something there.
    #[serde(skip_serializing_if = "Option::is_none")]
    restricted_until: Option<String>,
    /// What the vendor took in and promised to do; nobody sees whether it does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    promised: Vec<Promise>,
    final_at: Option<String>,
}

/// What a vendor promised to do with one kind of object.
#[derive(Serialize)]
struct Promise {
    of: String,
    outcome: String,
    /// The last day; null: it names none.
    until: Option<String>,
}

/// As much of a report as concerns a certificate. `connect::Erasure` wrote it.
#[derive(Default, Deserialize)]
struct Told {
    leaves: Option<String>,
    #[serde(default)]
    steps: Vec<ToldStep>,
}

#[derive(Deserialize)]
struct ToldStep {
    name: String,
    promised: Option<String>,
    promised_until: Option<String>,
    kept_until: Option<String>,
}

impl SourceErasure {
    /// Where it stands, in a word.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        match (self.is_final, self.is_held) {
            (true, _) => "final",
            (false, true) => "held",
            (false, false) => "waiting",
        }
    }

    /// The last day on which a law or the vendor's terms keep something there, as far as it is known.
    #[must_use]
    pub fn restricted_until(&self) -> Option<String> {
        self.told().steps.into_iter().filter_map(|step| step.kept_until).max()
    }

    fn told(&self) -> Told {
        self.report.as_deref().and_then(|report| serde_json::from_str(report).ok()).unwrap_or_default()
    }
}

impl Rights {
    /// How the vendors stand with a request, in the order of the sources. Empty before its execution, or if no connected
    /// source told of the person.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn source_erasures(&self, request: RequestId) -> Result<Vec<SourceErasure>, Error> {
        let rows = self.store.read(move |read| source_erasures::of(read.records(), request)).await?;
        let edition = self.rulebook.edition();
        let told = |row: SourceErasureRow| {
            let is_final = matches!(row.state, SourceErasureRow::FINAL | SourceErasureRow::ANSWERED);
            SourceErasure {
                source: edition.source(row.source_no).map_or_else(String::new, |source| source.code.clone()),
                is_final,
                is_held: row.state == SourceErasureRow::HELD,
                attempts: row.attempts,
                next_at: (!is_final).then_some(row.next_at),
                asked_at: row.asked_at,
                changed_at: row.changed_at,
                report: (!row.report.is_empty()).then_some(row.report),
            }
        };
        Ok(rows.into_iter().map(told).collect())
    }

    /// What a certificate says of the vendors.
    pub(super) async fn certified_sources(&self, request: RequestId) -> Result<Value, Error> {
        let all = self.source_erasures(request).await?.into_iter().map(|one| {
            let told = one.told();
            let state = one.state();
            let restricted_until = one.restricted_until();
            let promise =
                |step: ToldStep| Some(Promise { of: step.name, outcome: step.promised?, until: step.promised_until });
            Certified {
                source: one.source,
                asked_at: one.asked_at.rfc3339(),
                state,
                restricted_until,
                outcome: (one.is_final || one.is_held).then(|| told.leaves.unwrap_or_else(|| NOTHING_FOUND.to_owned())),
                promised: told.steps.into_iter().filter_map(promise).collect(),
                final_at: one.is_final.then(|| one.changed_at.rfc3339()),
            }
        });
        serde_json::to_value(all.collect::<Vec<_>>()).map_err(|_| Error::Document("certificate"))
    }

    /// Notes of the recipients that are connected, and deleted the person or took the demand in, that they were told (Art. 19 GDPR).
    /// Whether they did it is another matter, and stands in the outcome.
    async fn note_told(&self, id: RequestId) -> Result<(), Error> {
        for one in self.source_erasures(id).await? {
            let heard = one.told().leaves.is_some_and(|leaves| leaves == DELETED || leaves == ASKED);
            if one.is_final && heard {
                self.note_destination(id, &one.source).await?;
            }
        }
        Ok(())
    }

    /// Puts what the vendors answered since into the certificate of an answered erasure, and signs it again.
    pub(super) async fn certify_anew(&self, id: RequestId) -> Result<(), Error> {
        if matches!(self.request(id).await?, Request::Answered(_)) {
            self.note_told(id).await?;
        }
        for _ in 0..TRIES {
            let Request::Answered(answered) = self.request(id).await? else { return Ok(()) };
            let mut certificate = Certificate::read(&answered.outcome)?;
            let sources = self.certified_sources(id).await?;
            if certificate.certificate.get(certificate::SOURCES) == Some(&sources) {
                return Ok(());
            }
            if let Some(text) = certificate.certificate.as_object_mut() {
                text.insert(certificate::SOURCES.to_owned(), sources);
            }
            let signed = certificate.sign_anew(self.shredder.certificates());
            let outcome = serde_json::to_string(&signed).map_err(|_| Error::Document("certificate"))?;
            let written = self.store.write(move |write| {
                let Some(mut row) = requests::find(write.records(), id)? else { return Ok(true) };
                let same = row.outcome == answered.outcome;
                if same {
                    row.outcome.clone_from(&outcome);
                    requests::update(write, &row)?;
                }
                Ok::<_, store::Error>(same)
            });
            if written.await? {
                return Ok(());
            }
        }
        Err(Error::Changed)
    }
}
