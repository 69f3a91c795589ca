//! What no purpose of its source keeps is not taken in: a field without category, purpose and retention never enters the hub
//! (Art. 5(1)(b), (c), (e) GDPR).
//!
//! It is decided by what is configured, not by what the person said, and by the same function storage limitation decides by
//! ([`Kept`]): that one deletes what the person's standing keeps from all purposes. The days of what happened count from then. Those of a
//! state, such as an account, count from whatever the person did last, which may still come: they are not over here.
//!
//! [`Kept`]: crate::consent::Kept

use super::normal::Reason;
use super::record::Draft;
use super::rejection::Rejection;
use super::statement::HUB_SOURCE;
use crate::consent::{Dates, Edition, is_voucher};
use crate::types::{Category, CategorySet, RecordKind};

/// Takes out of a record what nothing could keep, and says so of each category.
pub(super) fn leave_out(draft: &mut Draft, kind: RecordKind, source: &str, edition: &Edition) {
    // What a person says to the hub itself is proof of what they said.
    let Some(source) = edition.source_named(source).filter(|source| source.code != HUB_SOURCE) else { return };
    let mut dates = Dates {
        since: draft.occurred_at.filter(|_| !kind.is_state()).unwrap_or_else(|| draft.now.max(draft.version)),
        source_until: source.terms.until(draft.delivered_at, draft.version),
        law: None,
    };
    let mut kept: CategorySet = draft.parts.keys().copied().collect();
    loop {
        dates.law = draft.keep_until.filter(|_| is_voucher(kept)).map(|keep| keep.until);
        let could = |category: &Category| edition.could_keep(source, *category, &dates, draft.now);
        let fewer: CategorySet = kept.iter().filter(could).collect();
        if fewer == kept {
            break;
        }
        // Without what makes it a voucher, no law keeps the rest.
        kept = fewer;
    }
    let all: CategorySet = draft.parts.keys().copied().collect();
    for category in all.difference(kept).iter() {
        draft.parts.remove(&category);
        let detail = format!("no purpose of the source keeps what is of the category {}", category.word());
        draft.left_out.push(Rejection::because(Reason::NO_PURPOSE, detail));
    }
    if !kept.contains(Category::Identity) {
        draft.full_name = None;
    }
}
