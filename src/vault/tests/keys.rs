//! The life of keys: wrapped, moved to a new epoch, erased, forgotten; and the root key's file.

#![allow(clippy::disallowed_methods, reason = "tests open a hub of their own")]

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use proptest::prelude::*;

use crate::store::rows::DataKeyRow;
use crate::types::{Category, CategorySet, RecordNo};

use super::super::{
    Compartment, CredentialRoot, Drawer, Error, FileRoot, RootError, RootKey, Row, Table, Unlocked, first_secrets,
    missing_secrets, unlock, verify,
};
use super::{Dry, NOW, ROOT, Seeded, data_key, hub, parts, root, subject, text};

const RECORD: RecordNo = RecordNo(1);

fn seal(hub: &Unlocked, key: &DataKeyRow) -> Vec<u8> {
    let all = Category::ALL.map(|category| (category, category.word()));
    hub.sealer.with_key(key).unwrap().seal(RECORD, &parts(&all)).unwrap()
}

fn opens(hub: &Unlocked, key: &DataKeyRow, category: Category, packed: &[u8]) -> bool {
    hub.opener.open(key, RECORD, category, packed).is_ok_and(|opened| opened.bytes() == category.word().as_bytes())
}

fn next_epoch(hub: &Unlocked) {
    let row = hub.rotator.new_epoch(&root(), NOW).unwrap();
    hub.ring.install(&row, &root()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_changed_key_row_does_not_open(field in 0_u8..7, at: proptest::sample::Index, bit in 0_u8..8) {
        let hub = hub(3);
        next_epoch(&hub);
        next_epoch(&hub);
        let row = data_key(&hub, 1, 1);
        prop_assert!(hub.opener.with_key(&row).is_ok());
        let mut changed = row.clone();
        let flip = |bytes: &mut Vec<u8>| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        };
        match field {
            0 => changed.subject = subject(2),
            1 => changed.key_no ^= 1 << bit,
            // To another living epoch, to one never made.
            2 => changed.epoch ^= 1 << bit,
            3 => flip(&mut changed.wrapped),
            4 => flip(&mut changed.salts),
            5 => flip(&mut changed.commitment),
            _ => changed.wrapped.truncate(at.index(row.wrapped.len())),
        }
        prop_assert!(hub.opener.with_key(&changed).is_err());
        prop_assert!(hub.sealer.with_key(&changed).is_err());
        prop_assert!(hub.shredder.pseudonym(&changed).is_err());
        prop_assert!(hub.shredder.erase(&mut changed, &[Compartment::Proof]).is_err());
    }

    #[test]
    fn exactly_what_was_erased_is_gone(bits: u16, proof_kept: bool) {
        let hub = hub(3);
        let mut key = data_key(&hub, 1, 1);
        let packed = seal(&hub, &key);
        let sealing = hub.sealer.with_key(&key).unwrap();
        let proof = sealing.seal_one(Table::Evidence, Row::number(1), Compartment::Proof, &text("proof")).unwrap();
        let kept = CategorySet::from_bits(bits);
        hub.shredder.erase_all_but(&mut key, kept, proof_kept).unwrap();
        // Moving to a new epoch brings nothing back.
        next_epoch(&hub);
        let key = hub.rotator.rewrap(&key).unwrap().unwrap();

        let opening = hub.opener.with_key(&key).unwrap();
        for category in Category::ALL {
            prop_assert_eq!(opens(&hub, &key, category, &packed), kept.contains(category));
            prop_assert_eq!(opening.is_erased(category.into()), !kept.contains(category));
            let again = hub.sealer.with_key(&key).unwrap().seal(RECORD, &parts(&[(category, "new")]));
            prop_assert_eq!(matches!(again, Err(Error::Erased(Some(_)))), !kept.contains(category));
        }
        let left: CategorySet =
            opening.open_all(RECORD, CategorySet::all(), &packed).unwrap().iter().map(|(category, _)| *category).collect();
        prop_assert_eq!(left, kept);
        let opened = opening.open_one(Table::Evidence, Row::number(1), Compartment::Proof, &proof);
        prop_assert_eq!(opened.is_ok(), proof_kept);
    }
}

#[test]
fn a_salt_of_another_category_or_person_opens_nothing() {
    let hub = hub(3);
    let (mine, theirs) = (data_key(&hub, 1, 1), data_key(&hub, 2, 1));
    let mut mixed = mine.clone();
    mixed.salts.clone_from(&theirs.salts);
    assert!(matches!(hub.opener.with_key(&mixed), Err(Error::DataKeyRefused)));
}

#[test]
fn the_salt_decides_the_key_of_a_category() {
    let hub = hub(3);
    let key = data_key(&hub, 1, 1);
    let packed = seal(&hub, &key);
    // An old copy of the row still opens while its epoch lives: that is why epochs are destroyed.
    let mut erased = key.clone();
    hub.shredder.erase(&mut erased, &[Category::Contact.into()]).unwrap();
    assert!(!opens(&hub, &erased, Category::Contact, &packed));
    assert!(opens(&hub, &key, Category::Contact, &packed));
    next_epoch(&hub);
    let living = hub.rotator.rewrap(&erased).unwrap().unwrap();
    hub.ring.forget(1);
    assert!(matches!(hub.opener.with_key(&key), Err(Error::UnknownEpoch(1))));
    assert!(!opens(&hub, &living, Category::Contact, &packed));
    assert!(opens(&hub, &living, Category::Address, &packed));
    // Not even the old salts with the living key.
    let mixed = DataKeyRow { salts: key.salts, ..living };
    assert!(matches!(hub.opener.with_key(&mixed), Err(Error::DataKeyRefused)));
}

#[test]
fn rewrapping_moves_a_key_once_and_keeps_everything_readable() {
    let hub = hub(3);
    let old = data_key(&hub, 1, 1);
    let packed = seal(&hub, &old);
    assert!(hub.rotator.rewrap(&old).unwrap().is_none());
    next_epoch(&hub);
    assert_eq!(hub.ring.epochs(), [1, 2]);
    let new = hub.rotator.rewrap(&old).unwrap().unwrap();
    assert_eq!((new.epoch, new.commitment.clone(), new.created_at), (2, old.commitment.clone(), old.created_at));
    assert_ne!((&new.wrapped, &new.salts), (&old.wrapped, &old.salts));
    assert!(hub.rotator.rewrap(&new).unwrap().is_none());
    assert_eq!(data_key(&hub, 2, 1).epoch, 2);
    for key in [&old, &new] {
        assert!(Category::ALL.into_iter().all(|category| opens(&hub, key, category, &packed)));
    }
    assert_eq!(hub.shredder.pseudonym(&old).unwrap(), hub.shredder.pseudonym(&new).unwrap());
}

#[test]
fn another_node_s_epoch_is_named_and_can_be_loaded() {
    let entropy = Seeded::new(3);
    let (kek, secrets) = first_secrets(&root(), &*entropy, NOW).unwrap();
    let node = |seed| unlock(&root(), std::slice::from_ref(&kek), &secrets, Seeded::new(seed)).unwrap();
    let (here, there) = (node(4), node(5));
    let second = there.rotator.new_epoch(&root(), NOW).unwrap();
    there.ring.install(&second, &root()).unwrap();
    let key = data_key(&there, 1, 1);
    assert!(matches!(here.opener.with_key(&key), Err(Error::UnknownEpoch(2))));
    here.ring.load(&[kek.clone(), second.clone()], &root()).unwrap();
    assert!(here.opener.with_key(&key).is_ok());

    // Rows that were read before the newest epoch was stored do not take it away again.
    here.ring.load(std::slice::from_ref(&kek), &root()).unwrap();
    assert_eq!(here.ring.epochs(), [1, 2]);

    // Destroyed is destroyed: by its date, by its emptiness, or both.
    for (wrapped, destroyed_at) in [(Vec::new(), Some(NOW)), (kek.wrapped.clone(), Some(NOW)), (Vec::new(), None)] {
        let first = crate::store::rows::KekRow { wrapped, destroyed_at, ..kek.clone() };
        here.ring.load(&[kek.clone(), second.clone()], &root()).unwrap();
        assert_eq!(here.ring.epochs(), [1, 2]);
        here.ring.load(&[first.clone(), second.clone()], &root()).unwrap();
        assert_eq!((here.ring.epochs(), here.ring.newest()), (vec![2], Some(2)));
        assert!(matches!(here.ring.install(&first, &root()), Err(Error::UnknownEpoch(1))));
    }
    // A load that fails changes nothing.
    let spoilt = crate::store::rows::KekRow { epoch: 3, ..second };
    assert!(here.ring.load(&[spoilt], &root()).is_err());
    assert_eq!(here.ring.epochs(), [2]);
}

#[test]
fn an_epoch_number_is_never_used_twice() {
    let hub = hub(3);
    next_epoch(&hub);
    hub.ring.forget(2);
    assert_eq!(hub.rotator.new_epoch(&root(), NOW).unwrap().epoch, 3);
    hub.ring.forget(1);
    assert_eq!(hub.ring.newest(), None);
    assert!(matches!(hub.sealer.new_data_key(subject(1), 1, NOW), Err(Error::NoEpoch)));
}

/// Even if two epochs had the same key, a row would open under its own epoch only.
#[test]
fn a_key_row_is_bound_to_its_epoch() {
    let entropy = Seeded::new(3);
    let (kek, secrets) = first_secrets(&root(), &*entropy, NOW).unwrap();
    let bytes = root().unwrap("kek/1", &kek.wrapped).unwrap();
    let wrapped = root().wrap("kek/2", &bytes, &*entropy).unwrap();
    let twin = crate::store::rows::KekRow { epoch: 2, wrapped, ..kek.clone() };
    let hub = unlock(&root(), &[kek, twin], &secrets, entropy).unwrap();
    let mut key = data_key(&hub, 1, 1);
    assert_eq!(key.epoch, 2);
    key.epoch = 1;
    assert!(matches!(hub.opener.with_key(&key), Err(Error::DataKeyRefused)));
}

#[test]
fn another_kek_of_the_same_number_is_refused() {
    let (hub, stranger) = (hub(3), hub(4));
    let key = data_key(&hub, 1, 1);
    assert!(matches!(stranger.opener.with_key(&key), Err(Error::DataKeyRefused)));
}

#[test]
fn a_key_that_opens_but_is_not_the_committed_one_is_refused() {
    let hub = hub(3);
    let mut key = data_key(&hub, 1, 1);
    key.commitment = data_key(&hub, 1, 1).commitment;
    assert!(matches!(hub.opener.with_key(&key), Err(Error::Commitment)));
    key.commitment.clear();
    assert!(matches!(hub.opener.with_key(&key), Err(Error::Commitment)));
}

#[test]
fn a_wrong_root_key_is_said_clearly() {
    let entropy = Seeded::new(3);
    let (kek, secrets) = first_secrets(&root(), &*entropy, NOW).unwrap();
    let wrong = CredentialRoot::from_text(&"ab".repeat(32)).unwrap();
    let refused = unlock(&wrong, std::slice::from_ref(&kek), &secrets, entropy.clone()).err().unwrap();
    let Error::Root(reason) = refused else { panic!("{refused}") };
    assert_eq!(
        reason.to_string(),
        "the root key does not open kek/1: it is not the key that wrapped it, or the row was changed"
    );
    // Rows under each other's names do not open either.
    let mut exchanged = secrets.clone();
    let lookup = exchanged[0].wrapped.clone();
    exchanged[0].wrapped.clone_from(&secrets[2].wrapped);
    exchanged[2].wrapped = lookup;
    let refused = unlock(&root(), std::slice::from_ref(&kek), &exchanged, entropy.clone());
    assert!(matches!(refused, Err(Error::Root(RootError::Refused(_)))));
    let renumbered = crate::store::rows::KekRow { epoch: 2, ..kek };
    let refused = unlock(&root(), &[renumbered], &secrets, entropy);
    assert!(matches!(refused, Err(Error::Root(RootError::Refused(_)))));
}

#[test]
fn a_missing_secret_is_named_and_can_be_made() {
    let entropy = Seeded::new(3);
    let (kek, mut secrets) = first_secrets(&root(), &*entropy, NOW).unwrap();
    let removed = secrets.remove(1);
    let refused = unlock(&root(), std::slice::from_ref(&kek), &secrets, entropy.clone());
    assert!(matches!(refused, Err(Error::MissingSecret("index.matching"))));
    let made = missing_secrets(&root(), &secrets, &*entropy, NOW).unwrap();
    assert_eq!(made.iter().map(|row| &row.name).collect::<Vec<_>>(), [&removed.name]);
    secrets.extend(made);
    assert!(unlock(&root(), &[kek], &secrets, entropy.clone()).is_ok());
    assert!(matches!(unlock(&root(), &[], &secrets, entropy), Err(Error::NoEpoch)));
}

#[test]
fn nothing_is_sealed_without_randomness() {
    let (kek, secrets) = first_secrets(&root(), &*Seeded::new(3), NOW).unwrap();
    let key = {
        let hub = unlock(&root(), std::slice::from_ref(&kek), &secrets, Seeded::new(4)).unwrap();
        data_key(&hub, 1, 1)
    };
    let hub = unlock(&root(), &[kek], &secrets, Arc::new(Dry)).unwrap();
    assert!(matches!(hub.sealer.new_data_key(subject(1), 1, NOW), Err(Error::Entropy(_))));
    let sealing = hub.sealer.with_key(&key).unwrap();
    assert!(matches!(sealing.seal(RECORD, &parts(&[(Category::Contact, "a")])), Err(Error::Entropy(_))));
    let sealed = sealing.seal_one(Table::Jobs, Row::number(1), Compartment::Proof, &text("a"));
    assert!(matches!(sealed, Err(Error::Entropy(_))));
    assert!(matches!(hub.strongbox.seal(Drawer::Replies, Row::number(1), b"a"), Err(Error::Entropy(_))));
    let mut unchanged = key.clone();
    assert!(hub.shredder.erase(&mut unchanged, &[Compartment::Proof]).is_err());
    assert_eq!(unchanged, key);
    assert!(matches!(root().wrap("a", b"b", &Dry), Err(RootError::Entropy(_))));
    assert!(first_secrets(&root(), &Dry, NOW).is_err());
}

#[test]
fn a_pseudonym_belongs_to_one_key() {
    let hub = hub(3);
    let (first, second) = (data_key(&hub, 1, 1), data_key(&hub, 1, 2));
    let name = hub.shredder.pseudonym(&first).unwrap();
    assert_eq!(hub.sealer.with_key(&first).unwrap().pseudonym().unwrap(), name);
    assert_eq!(hub.opener.with_key(&first).unwrap().pseudonym().unwrap(), name);
    assert_ne!(hub.shredder.pseudonym(&second).unwrap(), name);
}

#[test]
fn a_value_taken_out_can_be_closed_again() {
    let hub = hub(3);
    let key = data_key(&hub, 1, 1);
    let packed = seal(&hub, &key);
    let opened = hub.opener.open(&key, RECORD, Category::Contact, &packed).unwrap();
    let new = data_key(&hub, 2, 1);
    let packed =
        hub.sealer.with_key(&new).unwrap().seal(RECORD, &[(Category::Contact, opened.into_personal())]).unwrap();
    assert!(opens(&hub, &new, Category::Contact, &packed));
    let opened = hub.opener.open(&new, RECORD, Category::Contact, &packed).unwrap();
    assert!(!opened.document::<u32>().unwrap_err().to_string().contains("contact"));
}

#[test]
fn the_strongbox_opens_by_drawer_and_row() {
    let hub = hub(3);
    let sealed = hub.strongbox.seal(Drawer::Credentials, Row::number(1), b"token").unwrap();
    assert_eq!(hub.strongbox.open(Drawer::Credentials, Row::number(1), &sealed).unwrap()[..], b"token"[..]);
    assert!(hub.strongbox.open(Drawer::Credentials, Row::number(2), &sealed).is_err());
    for other in [Drawer::Replies, Drawer::Tokens] {
        assert!(hub.strongbox.open(other, Row::number(1), &sealed).is_err());
    }
    assert_ne!(hub.strongbox.fingerprint("ab", b"c"), hub.strongbox.fingerprint("a", b"bc"));
}

#[test]
fn a_signature_verifies_only_over_its_own_bytes() {
    let hub = hub(3);
    let signer = hub.shredder.certificates();
    let signature = signer.sign(b"erased");
    verify(signer.public_key(), b"erased", &signature).unwrap();
    assert!(matches!(verify(signer.public_key(), b"kept", &signature), Err(Error::Signature)));
    let other = super::hub(4);
    assert!(matches!(verify(other.shredder.certificates().public_key(), b"erased", &signature), Err(Error::Signature)));
}

#[test]
fn a_root_key_file_is_made_once_and_for_its_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.key");
    let made = FileRoot::open_or_create(&path, &*Seeded::new(1)).unwrap();
    let facts = std::fs::metadata(&path).unwrap();
    assert_eq!((facts.permissions().mode() & 0o7777, facts.len()), (0o600, 32));
    let wrapped = made.wrap("a", b"secret", &*Seeded::new(2)).unwrap();
    let again = FileRoot::open_or_create(&path, &*Seeded::new(3)).unwrap();
    assert_eq!(again.unwrap("a", &wrapped).unwrap()[..], b"secret"[..]);
    assert!(matches!(again.unwrap("b", &wrapped), Err(RootError::Refused(name)) if name == "b"));
}

#[test]
fn a_root_key_file_others_can_read_is_refused_with_the_cure() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.key");
    FileRoot::open_or_create(&path, &*Seeded::new(1)).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o601] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let refused = FileRoot::open_or_create(&path, &Dry).err().unwrap().to_string();
        assert!(refused.contains(&format!("chmod 600 {}", path.display())), "{refused}");
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    assert!(FileRoot::open(&path).is_ok());
}

#[test]
fn a_root_key_file_of_a_wrong_size_is_never_used_or_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.key");
    FileRoot::open_or_create(&path, &*Seeded::new(1)).unwrap();
    for length in [0, 31, 33] {
        std::fs::write(&path, vec![1; length]).unwrap();
        assert!(matches!(FileRoot::open_or_create(&path, &*Seeded::new(2)), Err(RootError::Size { .. })));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), length as u64);
    }
    let absent = directory.path().join("absent").join("root.key");
    assert!(matches!(FileRoot::open_or_create(&absent, &*Seeded::new(2)), Err(RootError::File { .. })));
    assert!(matches!(FileRoot::open(&directory.path().join("none")), Err(RootError::File { .. })));
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(FileRoot::open(directory.path()), Err(RootError::Size { .. })));
}

#[test]
fn a_credential_is_read_raw_in_hex_and_in_base64() {
    let key: [u8; 32] = std::array::from_fn(|n| u8::try_from(n).unwrap() | 0xe0);
    let wrapped = CredentialRoot::from_text(&hex::encode(key)).unwrap().wrap("a", b"b", &*Seeded::new(1)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let raw = directory.path().join("raw");
    std::fs::write(&raw, key).unwrap();
    let text_file = directory.path().join("text");
    std::fs::write(&text_file, format!("{}\n", hex::encode(key))).unwrap();
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    for root in [
        CredentialRoot::from_file(&raw),
        CredentialRoot::from_file(&text_file),
        CredentialRoot::from_text(&format!(" {} ", STANDARD.encode(key))),
        CredentialRoot::from_text(&URL_SAFE_NO_PAD.encode(key)),
    ] {
        assert_eq!(root.unwrap().unwrap("a", &wrapped).unwrap()[..], b"b"[..]);
    }
    for wrong in ["", "abc", &ROOT[2..], &format!("{ROOT}00"), &STANDARD.encode([1; 31])] {
        assert!(matches!(CredentialRoot::from_text(wrong), Err(RootError::Text)));
    }
    std::fs::write(&raw, [0xff; 33]).unwrap();
    assert!(matches!(CredentialRoot::from_file(&raw), Err(RootError::Text)));
}

#[test]
fn a_first_start_that_was_cut_short_does_not_keep_the_next_from_making_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.key");
    let stale = directory.path().join("root.key.new");
    std::fs::write(&stale, b"half a key").unwrap();
    FileRoot::open_or_create(&path, &*Seeded::new(1)).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 32);
    assert!(!stale.exists());
    std::fs::hard_link(&path, &stale).unwrap();
    FileRoot::open_or_create(&path, &*Seeded::new(2)).unwrap();
    assert!(!stale.exists() && path.exists());
}
