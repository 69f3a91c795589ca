//! What a vendor turned off is subscribed again.

use super::Listening;
use crate::connect::{NotListening, Subscribed};
use crate::databases::{Database, on_both_databases};
use crate::jobs::sync::tests::house::{House, SHOP};
use crate::jobs::sync::tests::scenarios::open;
use crate::vendors::Fake;
use crate::vendors::shopify::{SECRET, Shop};

on_both_databases!(what_the_vendor_removed_is_made_again, two_who_subscribe_at_once_leave_what_one_would);

const HUB: &str = "https://hub.example";

async fn shop(database: Database) -> (House, Fake<Shop>) {
    let (house, fake) = open::<Shop>(database).await;
    house.set(&[("webhook_secret", SECRET)]).await;
    (house, fake)
}

fn hooks(fake: &Fake<Shop>) -> usize {
    fake.with(|shop| shop.hooks.len())
}

async fn what_the_vendor_removed_is_made_again(database: Database) {
    let (house, fake) = shop(database).await;
    let vendors = house.syncs.vendors.clone();
    let listening = |url: Option<&str>| Listening {
        vendors: vendors.clone(),
        book: house.book.clone(),
        public_url: url.map(str::to_owned),
    };
    // Who was never told to listen is left alone.
    assert_eq!((listening(Some(HUB)).look().await.unwrap(), hooks(&fake)), (0, 0));
    assert!(matches!(vendors.listen(SHOP, None, false).await, Err(NotListening::NoAddress)));
    let came = vendors.listen(SHOP, Some(HUB), false).await.unwrap();
    assert_eq!(came, Subscribed { kept: 0, made: 4, ended: 0 });
    assert_eq!(listening(Some(HUB)).look().await.unwrap(), 0);
    fake.with(|shop| shop.hooks.truncate(1));
    assert_eq!(listening(None).look().await.unwrap(), 0, "without an address nothing is looked for");
    assert_eq!((listening(Some(HUB)).look().await.unwrap(), hooks(&fake)), (1, 4));
    let lines = house.lines().await;
    assert_eq!(lines.iter().filter(|line| line.contains("looked_after")).count(), 1, "{lines:?}");
    // The hub moved: what is under the address of before ends.
    assert_eq!((listening(Some("https://new.example")).look().await.unwrap(), hooks(&fake)), (1, 4));
    assert!(fake.with(|shop| shop.hooks.iter().all(|(_, _, address)| address.starts_with("https://new.example/"))));
    // A vendor that fails is no reason to stop, nor is one that is let go.
    fake.with(|shop| shop.token_is_valid = false);
    assert_eq!(listening(Some(HUB)).look().await.unwrap(), 0);
    fake.with(|shop| shop.token_is_valid = true);
    assert_eq!((vendors.stop_listening(SHOP).await.unwrap(), hooks(&fake)), (4, 0));
    assert_eq!((listening(Some(HUB)).look().await.unwrap(), hooks(&fake)), (0, 0));
}

/// Both may fail at what the other one made, and the next look finds everything.
async fn two_who_subscribe_at_once_leave_what_one_would(database: Database) {
    let (house, fake) = shop(database).await;
    let vendors = &house.syncs.vendors;
    let (one, other) =
        futures_util::future::join(vendors.listen(SHOP, Some(HUB), false), vendors.listen(SHOP, Some(HUB), false))
            .await;
    assert!(one.is_ok() || other.is_ok() || hooks(&fake) > 0);
    vendors.listen(SHOP, Some(HUB), false).await.unwrap();
    assert_eq!(hooks(&fake), 4);
    assert_eq!(vendors.listen(SHOP, Some(HUB), false).await.unwrap(), Subscribed { kept: 4, made: 0, ended: 0 });
}
