//! Audiences pushed to fakes that keep the vendors' rules, on both databases.

mod lists;
mod scenarios;
mod scene;
mod setbacks;
mod take_off;
mod vendors;

use crate::databases::{Database, on_both_databases};
use crate::vendors::brevo::Brevo;
use crate::vendors::cleverreach::CleverReach;
use crate::vendors::klaviyo::Klaviyo;
use crate::vendors::mailchimp::Mailchimp;
use crate::vendors::meta_audiences::Ads;

const MAIL: &str = "kunde3@example.org";

fn mail(number: usize) -> String {
    format!("kunde{number}@example.org")
}

/// What every vendor that takes people must stand.
mod all {
    pub(super) use super::scenarios::*;
    pub(super) use super::setbacks::*;
}

/// The scenarios of a vendor; `hears`: it tells who unsubscribed there, `keeps`: it keeps who leaves its list.
macro_rules! scenarios {
    ($module:ident, $vendor:ty $(, $more:ident)*) => {
        mod $module {
            use super::*;

            scenarios!(@each $vendor, [
                whoever_consented_is_handed_over_once,
                who_says_no_is_taken_off_at_once_and_not_handed_over_again,
                who_is_erased_is_taken_off_and_erased_there,
                storms_and_refused_credentials_lose_nobody,
                who_was_kept_when_a_process_died_is_told_again,
                cut_replies_lose_nobody,
                credentials_that_end_in_the_middle_lose_nobody,
            ]);

            $(
                mod $more {
                    use super::*;

                    scenarios!(@$more $vendor);
                }
            )*
        }
    };
    (@hears $vendor:ty) => {
        scenarios!(@each $vendor, [
            who_unsubscribes_at_the_vendor_says_no_here_and_is_not_subscribed_again,
            a_page_of_the_list_that_expires_hands_nobody_over,
            an_error_with_a_good_status_is_not_nobody,
            a_no_is_told_as_a_no,
        ]);
    };
    (@keeps $vendor:ty) => {
        scenarios!(@each $vendor, [
            who_was_taken_off_before_is_erased_there_too,
            who_ends_by_retention_is_forgotten_there,
        ]);
    };
    (@each $vendor:ty, [$($name:ident),+ $(,)?]) => {
        on_both_databases!($($name),+);

        $(
            async fn $name(database: Database) {
                all::$name::<$vendor>(database).await;
            }
        )+
    };
}

scenarios!(brevo, Brevo, hears, keeps);
scenarios!(mailchimp, Mailchimp, hears, keeps);
scenarios!(cleverreach, CleverReach, hears);
scenarios!(klaviyo, Klaviyo, hears, keeps);
scenarios!(meta_ads, Ads);
