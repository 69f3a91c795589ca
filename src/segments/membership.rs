//! In which segments a person is, and why: for the access package (Art. 15(1)(h) GDPR).

use serde::Serialize;
use utoipa::ToSchema;

use super::explain::Explanation;
use super::facts::Facts;
use super::pull::ask;
use super::segment::SegmentCode;
use super::{Error, Segments};
use crate::consent::Text;
use crate::gateway::{Actor, Caller, Disclosure, Scope};
use crate::types::{Channel, PurposeCode, SubjectId};

/// A segment a person is in now. The explanation holds personal data.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentMembership)]
pub struct Membership {
    /// Its code.
    pub segment: SegmentCode,
    /// What it is called.
    pub title: Text,
    /// What its members are addressed for.
    pub purpose: PurposeCode,
    /// By which channel.
    pub channel: Option<Channel>,
    /// What being in it has as its effect.
    pub effect: Text,
    /// Why the person is in it: the rule with the person's own data.
    pub because: Explanation,
}

impl Segments {
    /// The segments `person` is in now. Each is decided and recorded at the door like a pull by the hub itself.
    ///
    /// # Errors
    /// If something cannot be read or recorded.
    pub async fn of_person(&self, person: SubjectId) -> Result<Vec<Membership>, Error> {
        let hub = Caller { actor: Actor::Hub("segments"), scope: Scope::Every };
        let mut found = Vec::new();
        for stored in self.list().await? {
            // One that does not fit its purpose any more has no members.
            let Ok(bound) = stored.segment.bind(&self.rulebook.edition()) else { continue };
            let needed = bound.segment.rule.categories();
            let needed = if needed.is_empty() { bound.selection.categories } else { needed };
            let selecting = ask(&hub, &bound.selection, needed, &bound);
            let Some(selected) = self.one(&selecting, person).await? else { continue };
            let (facts, now) = (Facts::of(&selected), self.clock.now());
            if !selected.decision().refused.is_empty() || !bound.segment.rule.holds(&facts, now) {
                continue;
            }
            if !bound.delivered().is_empty() {
                let delivering = ask(&hub, &bound.purpose, bound.delivered(), &bound);
                let delivered = self.one(&delivering, person).await?;
                if delivered.is_none_or(|delivered| bound.cut(&delivered).is_none()) {
                    continue;
                }
            }
            let effect = Text {
                de: format!("Sie können zu diesem Zweck angesprochen werden: {}.", bound.purpose.title.de),
                en: format!("You may be addressed for this purpose: {}.", bound.purpose.title.en),
            };
            found.push(Membership {
                segment: stored.segment.code.clone(),
                title: stored.segment.title.clone(),
                purpose: bound.purpose.code.clone(),
                channel: bound.channel,
                effect,
                because: bound.segment.rule.explain(&facts, now),
            });
        }
        Ok(found)
    }

    async fn one(&self, ask: &crate::gateway::Ask, person: SubjectId) -> Result<Option<Disclosure>, Error> {
        Ok(self.gateway.read_many(ask, vec![person]).await?.disclosed.pop())
    }
}
