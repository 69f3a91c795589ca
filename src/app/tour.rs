//! The guided tour that `obhut demo` prints: five calls to paste.

use std::fmt::Write as _;
use std::path::Path;

use super::demo::Credentials;

/// Who gave consent, and who took it back, in the demo's fixtures.
const CONSENTING: &str = "marlene.koehler@example.org";
const REFUSING: &str = "jonas.brandt@example.org";

pub(super) fn text(Credentials { base_url, keys }: &Credentials, file: &Path) -> String {
    let key = |role: &str| keys.get(role).map_or("", String::as_str);
    let (partner, marketing, dpo) = (key("partner"), key("marketing"), key("dpo"));
    let lookup = |email: &str| {
        format!(
            "curl -sS {base_url}/v1/profiles/lookup -H 'Authorization: Bearer {partner}' -H 'Content-Type: application/json' \\\n  \
             -d '{{\"identifier\":{{\"kind\":\"email\",\"value\":\"{email}\"}},\"purpose\":\"newsletter_email\"}}'"
        )
    };
    let request = |right: &str, accept: &str| {
        format!(
            "curl -sS{accept} {base_url}/v1/requests -H 'Authorization: Bearer {dpo}' -H 'Content-Type: application/json' \\\n  \
             -d '{{\"right\":\"{right}\",\"identifier\":{{\"kind\":\"email\",\"value\":\"{CONSENTING}\"}},\"execute\":true}}'"
        )
    };
    let mut tour = String::new();
    let mut step = |title: &str, command: &str| {
        // Writing to a string cannot fail.
        let _ = write!(tour, "\n{title}\n\n{command}\n");
    };
    step("1. A consented read: Marlene subscribed to the newsletter and confirmed it.", &lookup(CONSENTING));
    step("2. A refused read: Jonas withdrew. The answer is the same as for somebody nobody knows.", &lookup(REFUSING));
    step(
        "3. A segment, pulled by a marketing tool: only people who may be written to, only what is needed for it.",
        &format!(
            "curl -sS '{base_url}/v1/segments/newsletter_subscribers/members?limit=100' -H 'Authorization: Bearer {marketing}' -H 'Accept: text/csv'"
        ),
    );
    step(
        "4. Marlene asks what is stored about her (Art. 15 GDPR): a ZIP that opens offline.",
        &request("access", " -o access.zip"),
    );
    step(
        "5. Marlene asks to be forgotten (Art. 17 GDPR): a signed certificate. Repeat step 1 after it.",
        &request("erasure", ""),
    );
    format!(
        "\nObhut serves the demo merchant on {base_url}\n  documentation  {base_url}/docs/\n  keys           {}\n{tour}\nOnce erased, Marlene stays erased: to take the tour again, name another --data-dir.\nStop with Ctrl-C.",
        file.display()
    )
}
