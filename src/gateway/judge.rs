//! The single questions `decide` asks: which channel, which sources, which category. Pure; nothing here makes a permit.

use super::Ask;
use super::decision::{Allowed, Decision, Refused, Why};
use crate::consent::{Origin, Purpose, Reason, Stance, Support};
use crate::types::{Category, Channel, Ground, SourceNo, Timestamp};

/// May `category` of a part be read, and on what?
pub(super) fn judge(
    category: Category,
    purpose: &Purpose,
    stance: &Stance,
    sources: Result<(), Reason>,
    now: Timestamp,
) -> Result<Support, Reason> {
    if !purpose.categories.contains(category) {
        return Err(Reason::CategoryNotInPurpose);
    }
    let mut support = match stance {
        Stance::Yes(support) => *support,
        Stance::No(reason) | Stance::Silent(reason) => return Err(*reason),
    };
    // Art. 9 GDPR: explicit consent, or an exception the purpose names.
    if category == Category::Special && purpose.special_ground.is_none() {
        let explicit = support.explicit_until.filter(|until| now < *until);
        support.until = explicit.ok_or(Reason::NotExplicit)?;
    }
    sources.map(|()| support)
}

/// Writes down what the parts found about one category.
pub(super) fn record(
    decision: &mut Decision,
    purpose: &Purpose,
    category: Category,
    found: impl Iterator<Item = Result<Support, Reason>> + Clone,
) {
    let refused = found.clone().filter_map(Result::err).min().map(|reason| Refused { category, reason });
    let Some(support) = found.filter_map(Result::ok).min_by_key(|support| (support.until, support.entry_no)) else {
        decision.refused.push(refused.unwrap_or(Refused { category, reason: Reason::NoRecords }));
        return;
    };
    let until = Some(support.until).filter(|until| *until != Timestamp::NEVER);
    decision.allowed.push(Allowed { category, until, why: why(purpose), entry_no: support.entry_no });
    decision.withheld.extend(refused);
}

/// Puts the closed sources of a part into `locked`; an error if none of its sources is open.
///
/// What a merchant agreed with a source cannot shorten a person's right to a copy of all that is stored (Art. 15(3) GDPR).
pub(super) fn open_sources(
    origin: &Origin,
    purpose: &Purpose,
    now: Timestamp,
    locked: &mut Vec<SourceNo>,
) -> Result<(), Reason> {
    let sources = &origin.facts.sources;
    let mut last = None;
    for facts in sources.iter().filter(|_| !purpose.own_access) {
        let listed = facts.purposes.as_ref().is_none_or(|purposes| purposes.contains(&purpose.code));
        let over = facts.until.is_some_and(|until| until <= now);
        if !listed || over {
            locked.push(facts.source);
            last = last.max(Some(if listed { Reason::SourceClockOver } else { Reason::SourceLocked }));
        }
    }
    last.filter(|_| locked.len() == sources.len()).map_or(Ok(()), Err)
}

/// The channel to decide on.
pub(super) fn channel_of(ask: &Ask, purpose: &Purpose) -> Result<Option<Channel>, Reason> {
    match ask.channel.or_else(|| purpose.sole_channel()) {
        Some(channel) if purpose.channels.contains(&channel) => Ok(Some(channel)),
        Some(_) => Err(Reason::ChannelNotInPurpose),
        None if purpose.needs_channel() => Err(Reason::ChannelMissing),
        None => Ok(None),
    }
}

const fn why(purpose: &Purpose) -> Why {
    match purpose.ground {
        Ground::Consent => Why::Consent,
        Ground::Contract => Why::Contract,
        Ground::LegalObligation if purpose.own_access => Why::OwnAccess,
        Ground::LegalObligation => Why::LegalObligation,
        Ground::VitalInterest => Why::VitalInterest,
        Ground::PublicTask => Why::PublicTask,
        Ground::LegitimateInterest if purpose.existing_customer_advertising => Why::ExistingCustomer,
        Ground::LegitimateInterest => Why::LegitimateInterest,
    }
}
