//! The purposes a German online merchant starts with.

use serde::Deserialize;

use super::{Problem, Purpose};

/// The embedded purposes cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DefaultsError {
    /// The file cannot be read.
    #[error("the default purposes cannot be read")]
    Unreadable(#[source] toml::de::Error),
    /// A purpose lacks something.
    #[error("a default purpose is incomplete")]
    Incomplete(Vec<Problem>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    purpose: Vec<Purpose>,
}

/// The default purposes, checked.
///
/// # Errors
/// If the embedded file is broken; a test keeps that from happening.
pub fn purposes() -> Result<Vec<Purpose>, DefaultsError> {
    let file: File = toml::from_str(include_str!("defaults.toml")).map_err(DefaultsError::Unreadable)?;
    for purpose in &file.purpose {
        purpose.validate().map_err(DefaultsError::Incomplete)?;
    }
    Ok(file.purpose)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::types::{Category, Channel, Ground};

    #[test]
    fn the_default_purposes_are_complete_and_told_apart() {
        let purposes = purposes().unwrap();
        let codes: BTreeSet<_> = purposes.iter().map(|purpose| purpose.code.clone()).collect();
        assert_eq!(codes.len(), purposes.len());
        for purpose in &purposes {
            assert!(purpose.refused_with.iter().all(|code| codes.contains(code)), "{}", purpose.code);
        }
    }

    #[test]
    fn advertising_by_mail_phone_and_network_rests_on_consent_or_the_statute() {
        for purpose in purposes().unwrap().iter().filter(|purpose| purpose.direct_marketing) {
            let needs_consent = [Channel::Email, Channel::Phone, Channel::Sms, Channel::Social]
                .iter()
                .any(|channel| purpose.channels.contains(channel));
            let lawful = purpose.ground == Ground::Consent || purpose.existing_customer_advertising;
            assert!(!needs_consent || lawful, "{}", purpose.code);
            assert!(!purpose.reads_retained && !purpose.categories.contains(Category::Special), "{}", purpose.code);
        }
    }

    #[test]
    fn only_the_persons_own_copy_sees_everything() {
        for purpose in purposes().unwrap() {
            assert_eq!(
                purpose.categories.iter().count() == Category::ALL.len(),
                purpose.own_access,
                "{}",
                purpose.code
            );
        }
    }

    #[test]
    fn purposes_survive_json_and_unknown_fields_do_not() {
        for purpose in purposes().unwrap() {
            let mut json = serde_json::to_value(&purpose).unwrap();
            assert_eq!(serde_json::from_value::<Purpose>(json.clone()).unwrap(), purpose);
            json["colour"] = "red".into();
            assert!(serde_json::from_value::<Purpose>(json).is_err());
        }
    }
}
