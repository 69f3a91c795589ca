//! [`Stance`]: where one part of a person stands on one purpose and channel.

use super::{Act, Age, Choice, EntryNo, Origin, Purpose, Reason, Said, Yes};
use crate::types::{Channel, Ground, Timestamp};

/// Where a part of a person stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stance {
    /// There is a ground.
    Yes(Support),
    /// The person said no, and it stands. It counts for every other part of the person too.
    No(Reason),
    /// Nothing carries the purpose. It says nothing about other parts.
    Silent(Reason),
}

/// What carries a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Support {
    /// Until when ([`Timestamp::NEVER`] for no end).
    pub until: Timestamp,
    /// The ledger entry relied on, if it is a consent.
    pub entry_no: Option<EntryNo>,
    /// Until when explicit consent carries it (Art. 9(2)(a) GDPR). None: no explicit consent.
    pub explicit_until: Option<Timestamp>,
}

impl Support {
    const UNENDING: Self = Self { until: Timestamp::NEVER, entry_no: None, explicit_until: None };
}

/// Where `origin` stands on `purpose` by `channel` at `now`. Pure and total.
#[must_use]
pub fn stance(origin: &Origin, age: Age, purpose: &Purpose, channel: Option<Channel>, now: Timestamp) -> Stance {
    let case = Case { origin, age, purpose, channel, now };
    match purpose.ground {
        Ground::Consent => case.consent(),
        Ground::Contract => case.unless_restricted(|| case.contract()),
        Ground::LegalObligation | Ground::VitalInterest => case.unless_restricted(|| Stance::Yes(Support::UNENDING)),
        Ground::LegitimateInterest | Ground::PublicTask => case.interest(),
    }
}

impl Origin {
    /// The restrictions of this part in force at `now` (Art. 18 GDPR), each with the choice it is of. What another part
    /// lifted does not lift them.
    pub(super) fn restrictions(&self, now: Timestamp) -> impl Iterator<Item = (&Choice, Said)> {
        let lifted = move |of: &Choice, no: &Said| {
            let lifts = self.choices.iter().filter(|choice| choice.purpose.is_none() || choice.purpose == of.purpose);
            let after = |yes: &Yes| yes.act == Act::RestrictionLifted && no.at < yes.at && yes.at <= now;
            lifts.flat_map(|choice| &choice.yes).any(after)
        };
        self.choices
            .iter()
            .filter_map(move |choice| Some((choice, choice.restricted.filter(|no| !lifted(choice, no))?)))
    }
}

struct Case<'a> {
    origin: &'a Origin,
    age: Age,
    purpose: &'a Purpose,
    channel: Option<Channel>,
    now: Timestamp,
}

impl<'a> Case<'a> {
    /// Granted, proven, confirmed, for the text in force, for this channel, not expired, and newer than every no.
    fn consent(&self) -> Stance {
        let (refused, objected, restricted) = (self.refused(), self.objected(), self.restricted());
        let newer = |yes: &&Yes| {
            is_after(yes, refused)
                && is_after(yes, restricted)
                && is_after(yes, objected)
                && (objected.is_none_or(|no| self.takes_back(yes) || self.is_lifted(no))
                    || !self.purpose.direct_marketing)
        };
        let grants = || self.yeses().filter(|yes| yes.act == Act::Granted);
        let good = || grants().filter(newer).filter(|yes| self.fault(yes).is_none());
        if let Some(best) = good().max_by_key(|yes| (self.valid_until(yes), yes.entry_no)) {
            let explicit_until = good().filter(|yes| yes.explicit).map(|yes| self.valid_until(yes)).max();
            return Stance::Yes(Support {
                until: self.valid_until(best),
                entry_no: Some(best.entry_no),
                explicit_until,
            });
        }
        if let Some(no) = restricted.or(objected.filter(|no| !self.is_lifted(*no))) {
            return Stance::No(reason_of(no));
        }
        let last_fault = || grants().filter(newer).max().and_then(|yes| self.fault(yes));
        if let Some(no) = refused {
            // Once a later consent held, its end is what the person would be told; the no itself is back in force.
            let lapsed =
                last_fault().filter(|reason| matches!(reason, Reason::ExpiredConsent | Reason::TextVersionOutdated));
            return Stance::No(lapsed.unwrap_or(reason_of(no)));
        }
        Stance::Silent(last_fault().unwrap_or_else(|| self.no_consent()))
    }

    /// Contract: while there is one, and its follow-up window.
    fn contract(&self) -> Stance {
        let Some(end) = self.origin.facts.contract_until else { return Stance::Silent(Reason::NoContract) };
        let until = end.plus_days(i64::from(self.purpose.survives_contract_end_days));
        if self.now < until {
            Stance::Yes(Support { until, ..Support::UNENDING })
        } else {
            Stance::Silent(Reason::ContractOver)
        }
    }

    /// Legitimate interest and public task: unless objected to, refused or restricted.
    fn interest(&self) -> Stance {
        self.unless_restricted(|| {
            if !self.purpose.survives_objection
                && let Some(no) = self.objected().into_iter().chain(self.refused()).find(|no| !self.is_lifted(*no))
            {
                return Stance::No(reason_of(no));
            }
            match self.missing_for_existing_customers() {
                Some(missing) => Stance::Silent(missing),
                None => Stance::Yes(Support::UNENDING),
            }
        })
    }

    fn unless_restricted(&self, otherwise: impl FnOnce() -> Stance) -> Stance {
        self.restricted().map_or_else(otherwise, |no| Stance::No(reason_of(no)))
    }

    /// The first condition of § 7(3) UWG that fails, where the purpose is advertising to existing customers.
    fn missing_for_existing_customers(&self) -> Option<Reason> {
        let sale = self.origin.facts.sale;
        let conditions = [
            (sale.paid_order, Reason::NoPaidOrder),
            (sale.address_from_order, Reason::AddressNotFromOrder),
            (sale.similar_goods, Reason::GoodsNotSimilar),
            (sale.notice_at_collection, Reason::NoNoticeAtCollection),
        ];
        let applies = self.purpose.existing_customer_advertising;
        conditions.into_iter().find_map(|(holds, missing)| (applies && !holds).then_some(missing))
    }

    /// What is wrong with a consent, judged by the purpose in force.
    fn fault(&self, yes: &Yes) -> Option<Reason> {
        let purpose = self.purpose;
        let child = self.age == Age::Child && purpose.online_service;
        let checks = [
            (yes.method.is_free_act(), Reason::NotFreelyGiven),
            (yes.proven, Reason::Unproven),
            (yes.method.proves(self.channel), Reason::MethodNotEnough),
            (yes.confirmed || !purpose.double_opt_in, Reason::NotConfirmed),
            (yes.explicit || !purpose.explicit, Reason::NotExplicit),
            (yes.parental || !child, Reason::ChildWithoutParent),
            (purpose.covers_text(yes.text_version.as_deref()), Reason::TextVersionOutdated),
            (self.now < self.valid_until(yes), Reason::ExpiredConsent),
        ];
        checks.into_iter().find_map(|(holds, fault)| (!holds).then_some(fault))
    }

    fn valid_until(&self, yes: &Yes) -> Timestamp {
        self.purpose.validity_days.map_or(Timestamp::NEVER, |days| yes.at.plus_days(i64::from(days)))
    }

    fn no_consent(&self) -> Reason {
        let elsewhere = self.origin.choices.iter().filter(|choice| self.is_own(choice) && !self.is_on_channel(choice));
        let granted = |choice: &Choice| choice.yes.iter().any(|yes| yes.act == Act::Granted);
        if elsewhere.into_iter().any(granted) { Reason::ChannelNotConsented } else { Reason::NoConsent }
    }

    /// What was said yes to for exactly this purpose and channel, up to now.
    fn yeses(&self) -> impl Iterator<Item = &'a Yes> {
        let now = self.now;
        let own = self.origin.choices.iter().filter(|choice| self.is_own(choice) && self.is_on_channel(choice));
        own.flat_map(|choice| &choice.yes).filter(move |yes| yes.at <= now)
    }

    fn is_own(&self, choice: &Choice) -> bool {
        choice.purpose.as_ref() == Some(&self.purpose.code)
    }

    /// For a yes: the very channel, or none where the purpose has one at most.
    fn is_on_channel(&self, choice: &Choice) -> bool {
        choice.channel == self.channel || (choice.channel.is_none() && self.purpose.channels.len() <= 1)
    }

    /// For a no: this channel or all; and if none was asked for, any.
    fn touches_channel(&self, choice: &Choice) -> bool {
        choice.channel.is_none() || self.channel.is_none() || choice.channel == self.channel
    }

    /// The choices whose no could touch this case: of this purpose, and those about everything if `of_all`.
    fn nos(&self, of_all: bool) -> impl Iterator<Item = &'a Choice> {
        let about = move |choice: &&Choice| (choice.purpose.is_none() && of_all) || self.is_own(choice);
        self.origin.choices.iter().filter(about).filter(|choice| self.touches_channel(choice))
    }

    /// The latest denial or withdrawal. Withdrawing all touches every consent and all marketing.
    fn refused(&self) -> Option<Said> {
        let of_all = self.purpose.ground == Ground::Consent || self.purpose.direct_marketing;
        let own = self.nos(of_all).filter_map(|choice| choice.refused);
        own.chain(self.refused_elsewhere()).max_by_key(|no| no.at)
    }

    /// A no to a purpose that this one yields to, unless the person has said a proven yes there since.
    fn refused_elsewhere(&self) -> impl Iterator<Item = Said> {
        let related =
            |choice: &&Choice| choice.purpose.as_ref().is_some_and(|code| self.purpose.refused_with.contains(code));
        let choices = self.origin.choices.iter().filter(related).filter(|choice| self.touches_channel(choice));
        choices.filter_map(|choice| {
            let no = choice.refused.into_iter().chain(choice.objected).max_by_key(|no| no.at)?;
            let since = |yes: &Yes| {
                yes.act == Act::Granted
                    && yes.proven
                    && yes.method.is_by_the_person()
                    && no.at < yes.at
                    && yes.at <= self.now
            };
            (!choice.yes.iter().any(since)).then_some(no)
        })
    }

    /// The latest objection. One that names no purpose is to direct marketing (Art. 21(2) GDPR).
    fn objected(&self) -> Option<Said> {
        self.nos(self.purpose.direct_marketing).filter_map(|choice| choice.objected).max_by_key(|no| no.at)
    }

    /// The latest restriction in force. Lifting it for everything lifts it for each purpose.
    fn restricted(&self) -> Option<Said> {
        if self.purpose.survives_restriction {
            return None;
        }
        let in_force = self.origin.restrictions(self.now);
        let about = in_force.filter(|(choice, _)| choice.purpose.is_none() || self.is_own(choice));
        about.map(|(_, no)| no).max_by_key(|no| no.at)
    }

    /// Was a no taken back since?
    fn is_lifted(&self, no: Said) -> bool {
        self.yeses().any(|yes| yes.act == Act::ObjectionLifted && yes.at > no.at && self.takes_back(yes))
    }

    /// Can this yes take a no back? The person's own explicit and proven word can; a documented balancing by the controller
    /// can too, except for marketing, where the objection is absolute (Art. 21(1) and (3) GDPR).
    fn takes_back(&self, yes: &Yes) -> bool {
        let word = yes.explicit && yes.method.is_by_the_person() && yes.method.proves(self.channel);
        let balancing = yes.act == Act::ObjectionLifted && !self.purpose.direct_marketing;
        yes.proven && (word || balancing)
    }
}

fn is_after(yes: &Yes, no: Option<Said>) -> bool {
    no.is_none_or(|no| yes.at > no.at)
}

const fn reason_of(no: Said) -> Reason {
    match no.act {
        Act::Restricted => Reason::Restricted,
        Act::Objected => Reason::Objected,
        Act::Denied => Reason::Denied,
        _ => Reason::Withdrawn,
    }
}
