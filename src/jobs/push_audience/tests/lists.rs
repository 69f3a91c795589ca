//! What the scenarios need to know of each fake.

use serde_json::json;

use super::mail;
use crate::jobs::sync::tests::scenarios::PEOPLE;
use crate::types::Timestamp;
use crate::vendors::Vendor;
use crate::vendors::brevo::Brevo;
use crate::vendors::cleverreach::CleverReach;
use crate::vendors::klaviyo::Klaviyo;
use crate::vendors::mailchimp::Mailchimp;
use crate::vendors::meta;
use crate::vendors::meta_audiences::{self, Ads, digest};

/// A vendor that takes people.
pub(super) trait Lists: Vendor + Default {
    const CONNECTOR: &'static str;
    const ORIGINS: &'static [&'static str];
    const PARAMETERS: &'static [(&'static str, &'static str)];
    const PURPOSE: &'static str = "newsletter_email";
    const CHANNEL: &'static str = "email";
    /// Seconds after a call during which it may still be at it.
    const SETTLES: i64 = 0;
    /// What an erasure there comes to.
    const ERASED: &'static str = "deleted";
    /// Can it be told that somebody said no?
    const HEARS_NO: bool = true;
    /// Does it keep who leaves its list?
    const KEEPS: bool;

    fn listed(&self) -> Vec<String>;
    /// Does it know this address at all, or has it not taken its deletion in?
    fn holds(&self, mail: &str) -> bool;
    fn revoke(&mut self, revoked: bool);
}

/// A vendor that tells who unsubscribed there.
pub(super) trait Hears: Lists {
    /// Does it say when?
    const DATED: bool;

    /// Somebody unsubscribes, whether the vendor had them before or not.
    fn unsubscribe(&mut self, mail: &str, at: Timestamp);
    fn is_unsubscribed(&self, mail: &str) -> bool;
}

impl Lists for Brevo {
    const CONNECTOR: &'static str = "brevo";
    const ORIGINS: &'static [&'static str] = &["https://api.brevo.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[("api_key", "xkeysib-1"), ("list_id", "12")];
    const KEEPS: bool = true;

    fn listed(&self) -> Vec<String> {
        self.listed()
    }

    fn holds(&self, mail: &str) -> bool {
        self.contacts.contains_key(mail)
    }

    fn revoke(&mut self, revoked: bool) {
        self.key_is_revoked = revoked;
    }
}

impl Hears for Brevo {
    const DATED: bool = true;

    fn unsubscribe(&mut self, mail: &str, at: Timestamp) {
        self.contacts.entry(mail.to_owned()).or_default();
        self.blocked.insert(mail.to_owned(), ("unsubscribedViaEmail", at.rfc3339()));
    }

    fn is_unsubscribed(&self, mail: &str) -> bool {
        self.blocked.contains_key(mail)
    }
}

impl Lists for Mailchimp {
    const CONNECTOR: &'static str = "mailchimp";
    const ORIGINS: &'static [&'static str] = &["https://us10.api.mailchimp.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] =
        &[("api_key", "0a1b2c-us10"), ("list_id", "a1b2c3d4e5")];
    const KEEPS: bool = true;

    fn listed(&self) -> Vec<String> {
        self.listed()
    }

    fn holds(&self, mail: &str) -> bool {
        self.members.contains_key(mail)
    }

    fn revoke(&mut self, revoked: bool) {
        self.key_is_revoked = revoked;
    }
}

impl Hears for Mailchimp {
    const DATED: bool = false;

    fn unsubscribe(&mut self, mail: &str, _: Timestamp) {
        self.members.insert(mail.to_owned(), ("unsubscribed".to_owned(), json!({})));
    }

    fn is_unsubscribed(&self, mail: &str) -> bool {
        self.members.get(mail).is_some_and(|(status, _)| status == "unsubscribed")
    }
}

impl Lists for CleverReach {
    const CONNECTOR: &'static str = "cleverreach";
    const ORIGINS: &'static [&'static str] = &["https://rest.cleverreach.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] =
        &[("client_id", "c1"), ("client_secret", "hush"), ("group_id", "550011")];
    const KEEPS: bool = false;

    fn listed(&self) -> Vec<String> {
        self.listed()
    }

    fn holds(&self, mail: &str) -> bool {
        self.receivers.contains_key(mail)
    }

    fn revoke(&mut self, revoked: bool) {
        self.client_is_revoked = revoked;
    }
}

impl Hears for CleverReach {
    const DATED: bool = true;

    fn unsubscribe(&mut self, mail: &str, at: Timestamp) {
        let id = 9_000 + self.receivers.len();
        let known = json!({"id": id, "email": mail, "activated": 1, "deactivated": 0, "groups_id": "550011"});
        let receiver = self.receivers.entry(mail.to_owned()).or_insert(known);
        receiver["deactivated"] = json!(at.micros() / Timestamp::SECOND);
    }

    fn is_unsubscribed(&self, mail: &str) -> bool {
        self.receivers.get(mail).is_some_and(|one| one["deactivated"].as_i64() > Some(0))
    }
}

impl Lists for Klaviyo {
    const CONNECTOR: &'static str = "klaviyo";
    const ORIGINS: &'static [&'static str] = &["https://a.klaviyo.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[("private_key", "pk_1"), ("list_id", "Y6nRLr")];
    const SETTLES: i64 = 3_600;
    const KEEPS: bool = true;

    fn listed(&self) -> Vec<String> {
        self.listed()
    }

    fn holds(&self, mail: &str) -> bool {
        self.profiles.contains_key(mail)
    }

    fn revoke(&mut self, revoked: bool) {
        self.key_is_revoked = revoked;
    }
}

impl Hears for Klaviyo {
    const DATED: bool = true;

    fn unsubscribe(&mut self, mail: &str, at: Timestamp) {
        self.profiles.entry(mail.to_owned()).or_default();
        self.suppressed.insert(mail.to_owned(), ("UNSUBSCRIBE", at.rfc3339()));
    }

    fn is_unsubscribed(&self, mail: &str) -> bool {
        self.suppressed.contains_key(mail)
    }
}

impl Lists for Ads {
    const CONNECTOR: &'static str = "meta_audiences";
    const ORIGINS: &'static [&'static str] = &["https://graph.facebook.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[
        ("ad_account_id", meta_audiences::ACCOUNT),
        ("audience_id", meta_audiences::AUDIENCE),
        ("access_token", meta::TOKEN),
        ("app_secret", meta::SECRET),
    ];
    const PURPOSE: &'static str = "social_advertising";
    const CHANNEL: &'static str = "social";
    const SETTLES: i64 = 86_400;
    const ERASED: &'static str = "asked";
    const HEARS_NO: bool = false;
    const KEEPS: bool = false;

    fn listed(&self) -> Vec<String> {
        (0..PEOPLE).map(mail).filter(|mail| self.holds(mail)).collect()
    }

    fn holds(&self, mail: &str) -> bool {
        let wanted = digest(mail);
        self.users.iter().any(|(digest, _)| *digest == wanted)
    }

    fn revoke(&mut self, revoked: bool) {
        self.token_is_revoked = revoked;
    }
}
