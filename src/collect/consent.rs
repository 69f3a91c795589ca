//! What a consent banner reports with an event, as claims about the purposes its categories stand for. The table with all
//! cases is in docs/collecting.md.
//!
//! | what is there | what it means |
//! |---|---|
//! | no block, or an empty one | nothing new; the ledger decides, and what it does not say is a no |
//! | `categoryPreferences: {}` | every category refused |
//! | a category missing from an object that is not empty | refused |
//! | a value that is neither true nor false | refused |
//! | a category the source does not name | counted by its name, and means nothing |
//! | a purpose under several categories | a yes needs all of them; of one in `consent_categories_any` one suffices |
//! | a purpose under no category | nothing is said about it |
//! | RudderStack's `allowedConsentIds`, `deniedConsentIds` | allowed, refused; an id in neither says nothing |

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Refusal;
use super::message::Message;
use crate::consent::{Edition, Purpose, Source};
use crate::store::unheard::Unheard;
use crate::types::{Channel, Ground, PurposeCode};

/// The event by which a page tells that somebody just chose.
const CHOICE: &str = "Segment Consent Preference Updated";
/// Channels a banner on a page can speak about: pages and advertisements (a machine signal proves nothing for the others).
const SPOKEN_FOR: [Channel; 2] = [Channel::Web, Channel::Social];

/// What was said, as `consents` of a record, and what of it could not be understood: words that are counted.
#[derive(Default)]
pub(super) struct Said {
    pub(super) claims: Vec<Value>,
    pub(super) notes: BTreeSet<&'static str>,
    /// Names nobody mapped to a purpose.
    pub(super) unheard: BTreeSet<(Unheard, String)>,
}

/// An answer to one category.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Nothing,
}

/// One report of a banner.
struct Report<'a> {
    /// Which words it is written in.
    form: &'static str,
    answers: BTreeMap<&'a str, Answer>,
    /// What a category means that is not among the answers.
    otherwise: Answer,
}

/// Reads the consent blocks of a message.
///
/// # Errors
/// If it is the event that tells of a choice and has none.
pub(super) fn read(message: &Message, source: &Source, edition: &Edition) -> Result<Said, Refusal> {
    let mut said = Said::default();
    let chosen = message.fields.get("event").and_then(Value::as_str).is_some_and(|name| name.trim() == CHOICE);
    let preferences = match message.context.get("consent") {
        None | Some(Value::Null) => None,
        Some(Value::Object(block)) => match block.get("categoryPreferences") {
            None | Some(Value::Null) => None,
            Some(Value::Object(preferences)) => Some(preferences),
            Some(_) => said.note("invalid_consent"),
        },
        Some(_) => said.note("invalid_consent"),
    };
    if chosen && preferences.is_none() {
        return Err(Refusal::NO_CONSENT);
    }
    if let Some(preferences) = preferences {
        said.weigh(&Report::of_segment(preferences), chosen, message, (source, edition));
    }
    match message.context.get("consentManagement") {
        None | Some(Value::Null) => {}
        Some(Value::Object(block)) => {
            said.weigh(&Report::of_rudderstack(block), false, message, (source, edition));
        }
        Some(_) => {
            said.notes.insert("invalid_consent");
        }
    }
    Ok(said)
}

impl<'a> Report<'a> {
    fn of_segment(preferences: &'a Map<String, Value>) -> Self {
        let answer = |value: &Value| if *value == Value::Bool(true) { Answer::Yes } else { Answer::No };
        let answers = preferences.iter().map(|(category, value)| (category.as_str(), answer(value))).collect();
        Self { form: "segment", answers, otherwise: Answer::No }
    }

    fn of_rudderstack(block: &'a Map<String, Value>) -> Self {
        // Whoever is in both lists refused.
        let mut answers: BTreeMap<&str, Answer> =
            allowed(block.get("allowedConsentIds")).map(|id| (id, Answer::Yes)).collect();
        answers.extend(ids(block.get("deniedConsentIds")).map(|id| (id, Answer::No)));
        Self { form: "rudderstack", answers, otherwise: Answer::Nothing }
    }

    fn answer(&self, category: &str) -> Answer {
        self.answers.get(category).copied().unwrap_or(self.otherwise)
    }
}

/// Ids of a list, or of an object as older SDKs write it.
fn ids(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    list.chain(value.and_then(Value::as_object).into_iter().flat_map(Map::keys).map(String::as_str))
}

/// The same of what is allowed: an object that says `false` or nothing of an id does not allow it.
fn allowed(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let says_yes = |answer: &Value| match answer {
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64().is_some_and(|number| number > 0.0),
        Value::String(text) => !matches!(text.trim().to_ascii_lowercase().as_str(), "" | "false" | "0" | "no"),
        _ => false,
    };
    let object = value.and_then(Value::as_object);
    ids(value).filter(move |id| object.is_none_or(|all| all.get(*id).is_some_and(says_yes)))
}

impl Said {
    fn note<T>(&mut self, word: &'static str) -> Option<T> {
        self.notes.insert(word);
        None
    }

    fn weigh(&mut self, report: &Report<'_>, chosen: bool, message: &Message, (source, edition): (&Source, &Edition)) {
        let known = &source.terms.consent_categories;
        for category in report.answers.keys().filter(|category| !known.contains_key(**category)) {
            self.notes.insert("unknown_consent_category");
            self.unheard.insert((Unheard::Category, shown(category)));
        }
        let purposes: BTreeSet<&PurposeCode> = known.values().flatten().collect();
        for code in purposes {
            let categories: Vec<&str> =
                known.iter().filter(|(_, all)| all.contains(code)).map(|(category, _)| category.as_str()).collect();
            let answers: Vec<Answer> = categories.iter().map(|category| report.answer(category)).collect();
            let any = source.terms.consent_categories_any.contains(code);
            let act = match together(&answers, any) {
                Answer::Yes => "granted",
                Answer::No => "denied",
                Answer::Nothing => continue,
            };
            let Some(purpose) = edition.purpose(code).filter(|purpose| purpose.ground == Ground::Consent) else {
                self.notes.insert("consent_not_configured");
                self.unheard.insert((Unheard::Purpose, code.to_string()));
                continue;
            };
            let text = source.terms.text_versions.get(code);
            if act == "granted" && text.is_none() {
                self.notes.insert("consent_without_text");
                continue;
            }
            let evidence = json!({
                "form": report.form, "message": message.id, "categories": categories.join(", "),
                "one_suffices": any.then_some(true), "chosen": chosen, "page": message.told_around(["page", "url"]).filter(|url| url.len() <= 2_000),
            });
            for channel in channels(purpose) {
                self.claims.push(json!({
                    "purpose": code, "channel": channel, "act": act, "at": message.at.rfc3339(), "method": "signal",
                    "text_version": text, "repeated": !chosen, "evidence": evidence,
                }));
            }
        }
    }
}

/// What the categories of one purpose say together. `any`: one yes suffices. A no that no yes outweighs is never dropped, also where
/// nothing is known of another category.
fn together(answers: &[Answer], any: bool) -> Answer {
    let has = |wanted| answers.contains(&wanted);
    match (has(Answer::Yes), has(Answer::No), has(Answer::Nothing)) {
        (true, _, _) if any => Answer::Yes,
        (_, true, _) => Answer::No,
        (true, false, false) => Answer::Yes,
        _ => Answer::Nothing,
    }
}

/// A name as it may be shown. What looks like no name of a category may be a value that was put in its place: an address, a number.
fn shown(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" _-.:/".contains(&byte);
    let digits = name.as_bytes().split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).max().unwrap_or(0);
    let is_name = (1..=64).contains(&name.len()) && name.bytes().all(plain) && digits <= 6;
    if is_name { name.to_owned() } else { UNREADABLE.to_owned() }
}

/// Under which name those are counted that cannot be shown.
const UNREADABLE: &str = "(unreadable)";

/// Which channels of a purpose a banner speaks about; none: the purpose has no channels at all.
fn channels(purpose: &Purpose) -> Vec<Option<Channel>> {
    if purpose.channels.is_empty() {
        return vec![None];
    }
    SPOKEN_FOR.into_iter().filter(|channel| purpose.channels.contains(channel)).map(Some).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every combination of what three categories may say.
    #[test]
    fn nothing_but_a_yes_is_a_yes_and_no_no_is_lost() {
        let all = [Answer::Yes, Answer::No, Answer::Nothing];
        for first in all {
            for second in all {
                for third in all {
                    let answers = [first, second, third];
                    let says = |wanted| answers.contains(&wanted);
                    let (every, any) = (together(&answers, false), together(&answers, true));
                    assert_eq!(every == Answer::Yes, answers == [Answer::Yes; 3]);
                    assert_eq!(every == Answer::No, says(Answer::No));
                    assert_eq!(any == Answer::Yes, says(Answer::Yes));
                    assert_eq!(any == Answer::No, says(Answer::No) && !says(Answer::Yes));
                }
            }
        }
        assert!(together(&[], true) == Answer::Nothing && together(&[], false) == Answer::Nothing);
    }
}
