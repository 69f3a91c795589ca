//! A list of the vendor's, read from its first page to its last, where a reply names the address of the next one.

use serde_json::Value;

use super::Fault;
use super::call::Call;
use super::filter::Filter;
use super::mapping::{exact, value};
use super::session::Session;
use super::template::Variables;

/// Pages of one list; more is no list of a merchant's things or of one person's.
const PAGES: usize = 1_000;

/// Hands each page to `take`, which says whether it wants more. `place` names the list in a fault.
///
/// # Errors
/// Why a page cannot be had or taken, or that the list does not end. [`Fault::NotFound`] is of its first page only: a later one that
/// is not there says nothing of what the list is about.
pub(super) async fn read(
    session: &Session,
    (call, words): (&Call, &Variables),
    next_url: Option<&Filter>,
    place: &str,
    mut take: impl FnMut(Value) -> Result<bool, Fault>,
) -> Result<(), Fault> {
    let failed = || Fault::Filter(format!("{place}.next_url"));
    let mut next = None::<String>;
    for _ in 0..PAGES {
        let answer = match session.call(call, words, next.as_deref()).await {
            Err(Fault::NotFound(code)) if next.is_some() => return Err(Fault::Vendor { status: 404, code }),
            answer => answer?,
        };
        let follow = next_url.and_then(|filter| filter.run(value(&answer.json)).next());
        if !take(answer.json)? {
            return Ok(());
        }
        match follow.map(|yielded| yielded.map(exact)) {
            None | Some(Ok(Some(Value::Null))) => return Ok(()),
            Some(Ok(Some(Value::String(url)))) if url.is_empty() => return Ok(()),
            Some(Ok(Some(Value::String(url)))) if next.as_ref() != Some(&url) => next = Some(url),
            Some(Ok(Some(Value::String(_)))) => return Err(Fault::Repeats),
            Some(_) => return Err(failed()),
        }
    }
    Err(failed())
}
