//! A list of the vendor's, read from its first page to its last, where a reply names the address of the next one.

use jaq_json::Val;
use serde_json::Value;

use super::Fault;
use super::call::Call;
use super::filter::Filter;
use super::mapping::exact;
use super::pull::link_header;
use super::session::Session;
use super::template::Variables;

/// Pages of one list; more is no list of a merchant's things or of one person's.
const PAGES: usize = 1_000;

/// How a list says where it goes on.
#[derive(Clone, Copy)]
pub(super) enum Next<'f> {
    /// By a filter over the reply, if there is one.
    Url(Option<&'f Filter>),
    /// By the header `Link` (RFC 8288).
    Link,
}

/// Hands each page to `take`, which says whether it wants more. `place` names the list in a fault.
///
/// # Errors
/// Why a page cannot be had or taken, or that the list does not end. [`Fault::NotFound`] is of its first page only: a later one that
/// is not there says nothing of what the list is about.
pub(super) async fn read(
    session: &Session,
    (call, words): (&Call, &Variables),
    goes_on: Next<'_>,
    place: &str,
    mut take: impl FnMut(Value) -> Result<bool, Fault>,
) -> Result<(), Fault> {
    let failed = || Fault::Filter(format!("{place}.next_url"));
    let mut next = None::<String>;
    for _ in 0..PAGES {
        let page = match session.page_unless(call, words, next.as_deref(), |_, _| false).await {
            Err(Fault::NotFound(code)) if next.is_some() => return Err(Fault::Vendor { status: 404, code }),
            page => page?.ok_or(Fault::Expired)?,
        };
        let follow = match goes_on {
            Next::Url(filter) => filter.and_then(|filter| filter.run(page.seen.clone()).next()),
            Next::Link => link_header(&page.headers).map(|url| Ok(Val::from(url))),
        };
        if !take(exact(page.seen).ok_or(Fault::Unreadable)?)? {
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
