//! The permission matrix: every operation of the API, who may call it, and whether personal data leaves by it.
//!
//! This table is the only place that says so. The extractor [`super::May`] takes the roles from it, the OpenAPI
//! document the roles in `security` and the mark `x-personal-data`, and `docs/permissions.md` is written from it. An
//! administrator alone reads no personal data (Art. 25, 32 GDPR).

use utoipa::openapi::OpenApi;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::security::SecurityRequirement;

use super::docs::API_KEY;

use crate::types::Role;

/// One row of the matrix.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The operation.
    pub operation: &'static str,
    /// What it does.
    pub what: &'static str,
    /// Its method.
    pub method: &'static str,
    /// Its path, as in the OpenAPI document.
    pub path: &'static str,
    /// The roles that may call it; none: anybody, without a key.
    pub roles: &'static [Role],
    /// Does personal data leave by it?
    pub personal: bool,
}

/// An operation of the API. A handler that takes [`super::May`] of it can only be reached by its roles.
pub trait Operation: 'static {
    /// Its row of the matrix.
    const ROW: Row;
}

macro_rules! operations {
    ($($what:literal $name:ident $method:ident $path:literal [$($role:ident)*] $($personal:ident)?;)+) => {
        /// The operations, as types.
        pub mod op {
            use super::{Operation, Row};
            use crate::types::Role;

            $(
                #[doc = $what]
                pub enum $name {}

                impl Operation for $name {
                    const ROW: Row = Row {
                        operation: stringify!($name),
                        what: $what,
                        method: stringify!($method),
                        path: $path,
                        roles: &[$(Role::$role),*],
                        personal: personal!($($personal)?),
                    };
                }
            )+
        }

        /// The whole matrix.
        pub const MATRIX: &[Row] = &[$(<op::$name as Operation>::ROW),+];
    };
}

macro_rules! personal {
    () => {
        false
    };
    (personal) => {
        true
    };
}

operations! {
    "Brings records in." IngestRecords POST "/v1/records" [Partner];
    "Reads a person found by an identifier." LookupProfile POST "/v1/profiles/lookup" [Partner Marketing Dpo] personal;
    "Reads a person by id." ReadProfile GET "/v1/profiles/{subject_id}" [Partner Marketing Dpo] personal;
    "Reads many people in one call." ReadProfiles POST "/v1/profiles/batch" [Partner Marketing Dpo] personal;
    "Records what a person said about the use of their data." RecordConsent POST "/v1/consents" [Partner Dpo];
    "Publishes the key that verifies erasure certificates; needs no key." CertificateKey GET "/v1/certificate-key" [];
    "Takes an objection by the token of a link in a message; needs no key." OptOut POST "/v1/opt-outs" [];
    "Explains how a read would be decided, without disclosing." ExplainDecision POST "/v1/decisions" [Dpo];
    "Lists the segments." ListSegments GET "/v1/segments" [Marketing Dpo];
    "Shows a segment." ShowSegment GET "/v1/segments/{code}" [Marketing Dpo];
    "Saves a segment." PutSegment PUT "/v1/segments/{code}" [Marketing];
    "Removes a segment." DeleteSegment DELETE "/v1/segments/{code}" [Marketing];
    "Pulls a segment." PullSegment GET "/v1/segments/{code}/members" [Marketing] personal;
    "Counts a segment." CountSegment GET "/v1/segments/{code}/count" [Marketing];
    "Counts a segment that is not saved." PreviewSegment POST "/v1/segment-previews" [Marketing];
    "Takes a request of a person in, and carries it out if told to." ReceiveRequest POST "/v1/requests" [Dpo] personal;
    "Lists the requests." ListRequests GET "/v1/requests" [Dpo];
    "Shows a request." ShowRequest GET "/v1/requests/{request_id}" [Dpo];
    "Carries a request out." ExecuteRequest POST "/v1/requests/{request_id}/execution" [Dpo] personal;
    "Extends the period of a request." ExtendRequest POST "/v1/requests/{request_id}/extension" [Dpo];
    "Closes a request that is not followed." RefuseRequest POST "/v1/requests/{request_id}/refusal" [Dpo];
    "Notes that a recipient of erased data was told." NoteRecipient POST "/v1/requests/{request_id}/notices" [Dpo];
    "Builds the package of an access request." ReadPackage GET "/v1/requests/{request_id}/package" [Dpo] personal;
    "Reads the certificate of an erasure." ReadCertificate GET "/v1/requests/{request_id}/certificate" [Dpo];
    "Shows why the records of a person are theirs." ReadLinks GET "/v1/subjects/{subject_id}/links" [Dpo];
    "Takes apart who was taken for one person." SplitSubject POST "/v1/subjects/{subject_id}/split" [Dpo];
    "Rectifies what is said of a person." RectifySubject POST "/v1/subjects/{subject_id}/rectification" [Dpo];
    "Lists the pairs of records that may be of one person." ListReviews GET "/v1/reviews" [Dpo];
    "Shows the records of two people who may be one side by side, masked." ShowReview GET "/v1/reviews/{review_id}" [Dpo] personal;
    "Decides whether two records are of one person." DecideReview POST "/v1/reviews/{review_id}" [Dpo];
    "Lists the purposes in force." ListPurposes GET "/v1/purposes" [Admin Dpo];
    "Shows a purpose." ShowPurpose GET "/v1/purposes/{code}" [Admin Dpo];
    "Puts a new version of a purpose in force." PutPurpose PUT "/v1/purposes/{code}" [Admin];
    "Shows whose word counts where records of one person differ." ShowSurvivorship GET "/v1/survivorship" [Admin Dpo];
    "Says whose word counts where records of one person differ." PutSurvivorship PUT "/v1/survivorship" [Admin];
    "Lists the sources." ListSources GET "/v1/sources" [Admin Dpo];
    "Adds a source." AddSource POST "/v1/sources" [Admin];
    "Shows a source." ShowSource GET "/v1/sources/{code}" [Admin Dpo];
    "Changes a source, or adds it." PutSource PUT "/v1/sources/{code}" [Admin];
    "Shows how a source is read: schedule, progress, history." ListSyncs GET "/v1/sources/{code}/syncs" [Admin Dpo];
    "Asks for a sync of a source." WantSync POST "/v1/sources/{code}/syncs" [Admin];
    "Makes the vendor of a source forget a person." EraseAtVendor POST "/v1/sources/{code}/erasures" [Dpo];
    "Hears what the vendor of a source tells by itself; its signature is the key." HearVendor POST "/v1/sources/{code}/webhooks" [];
    "Hears what a vendor tells that signs nothing; the end of the address is the key." HearVendorAt POST "/v1/sources/{code}/webhooks/{secret}" [];
    "Has the vendor of a source tell by itself what changes." SubscribeAtVendor POST "/v1/sources/{code}/subscriptions" [Admin];
    "Has the vendor of a source tell nothing by itself any more." UnsubscribeAtVendor DELETE "/v1/sources/{code}/subscriptions" [Admin];
    "Lists the destinations: who is told what people decided, and who takes people of a segment." ListDestinations GET "/v1/destinations" [Admin Dpo];
    "Asks for a push of a destination's segment." WantPush POST "/v1/destinations/{code}/pushes" [Admin];
    "Answers a vendor that tries the address; its token is the key." ShakeHands GET "/v1/sources/{code}/webhooks" [];
    "Answers a vendor that tries an address whose end is a secret." ShakeHandsAt GET "/v1/sources/{code}/webhooks/{secret}" [];
    "Takes the demand of a person that a vendor passes on; its signature is the key." PassOnDeletion POST "/v1/sources/{code}/deletions" [];
    "Says how far such a demand is; its confirmation code is the key." ShowDeletion GET "/v1/sources/{code}/deletions/{confirmation_code}" [];
    "Shows how many events of a source were not taken, and why." ListTurnedAway GET "/v1/sources/{code}/turned-away" [Admin Dpo];
    "Shows which objects of a source could not be taken in, and why." ListParked GET "/v1/sources/{code}/parked" [Admin Dpo];
    "Takes events of tracking SDKs in." CollectEvents POST "/v1/batch" [Collector Browser];
    "Tells who somebody is." CollectIdentify POST "/v1/identify" [Collector Browser];
    "Tells that something happened." CollectTrack POST "/v1/track" [Collector Browser];
    "Tells that a page was seen." CollectPage POST "/v1/page" [Collector Browser];
    "Tells that a screen of an app was seen." CollectScreen POST "/v1/screen" [Collector Browser];
    "Tells that somebody belongs to a group." CollectGroup POST "/v1/group" [Collector Browser];
    "Tells who somebody was before." CollectAlias POST "/v1/alias" [Collector Browser];
    "Takes an event of Jitsu's SDK in." CollectJitsu POST "/api/s/{type}" [Collector Browser];
    "Takes events in that a page sends while it is left." CollectBeacon POST "/beacon/v1/batch" [Collector Browser];
    "Takes an event in that is written as the address of a picture." CollectPixel GET "/pixel/v1/{type}" [Collector Browser];
    "Tells Segment's browser SDK where to send events; needs no key." SegmentSettings GET "/v1/projects/{write_key}/settings" [];
    "Tells RudderStack's browser SDK that it may begin; needs no key." RudderStackConfig GET "/sourceConfig/" [];
    "Lists the API keys, without their secrets." ListApiKeys GET "/v1/api-keys" [Admin];
    "Makes an API key." IssueApiKey POST "/v1/api-keys" [Admin];
    "Revokes an API key at once." RevokeApiKey DELETE "/v1/api-keys/{key_id}" [Admin];
    "Reads the audit log." ReadAudit GET "/v1/audit/entries" [Dpo];
    "Checks the whole audit log for changes." VerifyAudit POST "/v1/audit/verifications" [Dpo];
}

/// Writes the name, the roles (OpenAPI 3.1: a bearer requirement lists role names) and `x-personal-data` to the
/// operations of the document. One extension per operation: utoipa keeps several in no fixed order.
pub(super) fn mark(document: &mut OpenApi) {
    for row in MATRIX {
        let Some(item) = document.paths.paths.get_mut(row.path) else { continue };
        let slot = match row.method {
            "GET" => &mut item.get,
            "PUT" => &mut item.put,
            "POST" => &mut item.post,
            _ => &mut item.delete,
        };
        let Some(operation) = slot else { continue };
        operation.operation_id = Some(row.operation.to_owned());
        let roles: Vec<_> = row.roles.iter().map(|role| role.word()).collect();
        let key = SecurityRequirement::new(API_KEY, roles);
        operation.security = Some(vec![if row.roles.is_empty() { SecurityRequirement::default() } else { key }]);
        if row.personal {
            operation.extensions = Some(ExtensionsBuilder::new().add("x-personal-data", true).build());
        }
    }
}

/// `docs/permissions.md`, as it must be.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "# Who may do what\n\n\
         Written from `src/api/permissions.rs` by the tests; change it there. ✓: the role may call the operation. \
         Personal data leaves only by the operations marked so, and only for the purposes in the key's scope.\n\n\
         | Operation | |",
    );
    for role in Role::ALL {
        page.push_str(&format!(" {role} |"));
    }
    page.push_str(&format!(" personal data |\n|---|---|{}---|\n", "---|".repeat(Role::ALL.len())));
    for row in MATRIX {
        let marks: Vec<_> = Role::ALL
            .iter()
            .map(|role| if row.roles.is_empty() || row.roles.contains(role) { "✓" } else { "" })
            .collect();
        let personal = if row.personal { "✓" } else { "" };
        page.push_str(&format!(
            "| `{} {}` | {} | {} | {personal} |\n",
            row.method,
            row.path,
            row.what,
            marks.join(" | ")
        ));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{routes, server};

    #[test]
    fn every_operation_has_its_row_and_every_row_its_operation() {
        let document = serde_json::to_value(server::openapi(routes::configure)).unwrap();
        let mut found = Vec::new();
        let listed = |path: &str| path.starts_with("/v1/") || MATRIX.iter().any(|row| row.path == path);
        for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| listed(path)) {
            for (method, operation) in item.as_object().unwrap() {
                let row = MATRIX.iter().find(|row| row.path == path && row.method.eq_ignore_ascii_case(method));
                let row = row.unwrap_or_else(|| panic!("add {method} {path} to the matrix in src/api/permissions.rs"));
                let words: Vec<_> = row.roles.iter().map(|role| role.word()).collect();
                let key =
                    if words.is_empty() { serde_json::json!({}) } else { serde_json::json!({ "api_key": words }) };
                assert_eq!(operation["security"], serde_json::json!([key]), "{method} {path}");
                assert_eq!(operation["x-personal-data"] == true, row.personal, "{method} {path}");
                found.push(row.operation);
            }
        }
        for row in MATRIX {
            assert!(found.contains(&row.operation), "{} is in the matrix and not in routes.rs", row.operation);
        }
    }

    #[test]
    fn an_administrator_reaches_no_personal_data() {
        for row in MATRIX.iter().filter(|row| row.personal) {
            assert!(!row.roles.contains(&Role::Admin), "{}", row.operation);
        }
    }

    #[test]
    fn the_published_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/permissions.md");
        if std::fs::read_to_string(path).unwrap_or_default() != page() {
            std::fs::write(path, page()).unwrap();
            panic!("docs/permissions.md was out of date and has been written anew; run the test again and commit it");
        }
    }
}
