//! Syncs against fakes of the vendors, on both databases, with the time in the test's hand.

mod accounts;
mod amazon;
mod billbee;
mod books;
mod folder;
mod grants;
mod guide;
pub(in crate::jobs) mod house;
mod lexware;
mod listings;
mod meta;
mod number_ranges;
mod parked;
mod patience;
mod reports;
mod requests;
pub(in crate::jobs) mod scenarios;
mod sevdesk;
mod shopify;
pub(in crate::jobs) mod shopware;
mod steps;
mod tenants;
mod together;
mod trusted_shops;
mod trustpilot;
mod waiting;
mod windows;
mod woocommerce;

use super::pause_after;

#[test]
fn a_source_that_fails_is_asked_later_and_later() {
    assert_eq!([0, 1, 2, 5, 9, 40].map(pause_after), [0, 60, 120, 960, 15_360, 21_600]);
}
