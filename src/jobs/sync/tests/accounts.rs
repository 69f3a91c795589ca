//! Vendors tell whose account the credentials are for, and the hub knows it again.

use serde_json::json;

use super::house::SHOP;
use super::scenarios::{Case, open};
use crate::databases::{Database, on_both_databases};
use crate::vendors::lexware::Books;
use crate::vendors::sevdesk::Ledger;
use crate::vendors::shopify::Shop;
use crate::vendors::teekontor::Teekontor;

on_both_databases!(
    lexware_tells_whose_books_they_are,
    sevdesk_tells_whose_books_they_are,
    shopify_tells_which_shop_it_is,
    who_is_not_asked_tells_nothing,
);

/// The account is known again, and another one is another.
async fn tells<V: Case>(database: Database, other: impl FnOnce(&mut V)) {
    let (house, fake) = open::<V>(database).await;
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let first = house.syncs.vendors.account(&session).await.unwrap().unwrap();
    assert_eq!(first.len(), 32, "it is a digest");
    assert_eq!(house.syncs.vendors.account(&session).await.unwrap(), Some(first.clone()));
    fake.with(other);
    let another = house.syncs.vendors.account(&session).await.unwrap();
    assert!(another.is_some_and(|another| another != first));
}

async fn lexware_tells_whose_books_they_are(database: Database) {
    tells(database, |books: &mut Books| books.organization = "b0000000-another".to_owned()).await;
}

async fn sevdesk_tells_whose_books_they_are(database: Database) {
    tells(database, |ledger: &mut Ledger| {
        ledger.contacts.iter_mut().for_each(|contact| contact["sevClient"]["id"] = json!("5000"));
    })
    .await;
}

async fn shopify_tells_which_shop_it_is(database: Database) {
    tells(database, |shop: &mut Shop| shop.id += 1).await;
}

async fn who_is_not_asked_tells_nothing(database: Database) {
    let (house, fake) = open::<Teekontor>(database).await;
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    assert_eq!((house.syncs.vendors.account(&session).await.unwrap(), fake.calls()), (None, 0));
}
