//! Committed ciphertexts of version 1. If the first test fails, the form has changed: that needs a new version
//! beside version 1, never a new `golden_v1.txt`. The second test is the promise that old data opens for ever.

#![allow(clippy::disallowed_methods, reason = "tests open a hub of their own")]

use std::collections::BTreeMap;

use crate::store::rows::{DataKeyRow, HubSecretRow, KekRow};
use crate::types::{ApiKeyId, Category, IdentifierKind, RecordKind, RecordNo, SourceNo};

use super::super::cipher::Secret;
use super::super::{ApiKeyHash, Compartment, Drawer, RootKey as _, Row, Sealed, Table, first_secrets, unlock, verify};
use super::{NOW, Seeded, parts, root, subject, text};

const GOLDEN: &str = include_str!("golden_v1.txt");
const RECORD: RecordNo = RecordNo(0x0123_4567_89ab_cdef);
const EVIDENCE: Row = Row::id([0x77; 16]);

fn golden() -> BTreeMap<&'static str, Vec<u8>> {
    let lines = GOLDEN.lines().filter_map(|line| line.split_once(' '));
    lines.map(|(name, bytes)| (name, hex::decode(bytes).unwrap())).collect()
}

#[test]
fn version_1_is_written_as_it_always_was() {
    let entropy = Seeded::new(1);
    let mut made: Vec<(String, Vec<u8>)> = Vec::new();
    let (kek, secrets) = first_secrets(&root(), &*entropy, NOW).unwrap();
    made.push(("kek/1".into(), kek.wrapped.clone()));
    made.extend(secrets.iter().map(|row| (format!("secret/{}", row.name), row.wrapped.clone())));

    // A seventh secret was made when these lines were written; drawing it again keeps the chance in step.
    root().wrap("secret/seventh", Secret::random(&*entropy).unwrap().bytes(), &*entropy).unwrap();

    let hub = unlock(&root(), &[kek], &secrets, entropy).unwrap();
    let key = hub.sealer.new_data_key(subject(0x42), 3, NOW).unwrap();
    made.push(("datakey/wrapped".into(), key.wrapped.clone()));
    made.push(("datakey/salts".into(), key.salts.clone()));
    made.push(("datakey/commitment".into(), key.commitment.clone()));
    let sealing = hub.sealer.with_key(&key).unwrap();
    made.push(("pseudonym".into(), sealing.pseudonym().unwrap().bytes().to_vec()));
    made.push((
        "record".into(),
        sealing.seal(RECORD, &parts(&[(Category::Contact, "max@example.de"), (Category::Identity, "Max")])).unwrap(),
    ));
    let proof = sealing.seal_one(Table::Evidence, EVIDENCE, Compartment::Proof, &text("confirmed")).unwrap();
    made.push(("evidence".into(), proof.into_bytes()));

    for kind in IdentifierKind::ALL {
        let lookup = hub.sealer.lookup(*kind, SourceNo(7), &text("max@example.de")).unwrap();
        let tombstone = hub.sealer.suppression(lookup);
        made.push((format!("lookup/{kind}"), lookup.bytes().to_vec()));
        made.push((format!("suppression/{kind}"), tombstone.bytes().to_vec()));
    }
    made.push(("matching/5".into(), hub.sealer.matching(5, &text("MKS|10115")).unwrap().bytes().to_vec()));
    let record = hub.sealer.record_index(SourceNo(7), RecordKind::Order, &text("10023"));
    made.push(("record_index".into(), record.bytes().to_vec()));
    let content = hub.sealer.content_mac(record, &parts(&[(Category::Identity, "Max")]));
    made.push(("content_mac".into(), content.bytes().to_vec()));

    made.push(("strongbox".into(), hub.strongbox.seal(Drawer::Credentials, Row::number(9), b"api-token").unwrap()));
    let caller = ApiKeyId::from_slice(&[0x11; 16]).unwrap();
    made.push(("idempotency".into(), hub.strongbox.idempotency_key(caller, "abc").bytes().to_vec()));
    made.push(("fingerprint".into(), hub.strongbox.fingerprint("ingest", b"{}").bytes().to_vec()));
    made.push(("certificate/key".into(), hub.shredder.certificates().public_key().to_vec()));
    made.push(("certificate/signature".into(), hub.shredder.certificates().sign(b"erased")));
    made.push(("api_key".into(), ApiKeyHash::of("secret").bytes().to_vec()));

    let written: String = made.iter().map(|(name, bytes)| format!("{name} {}\n", hex::encode(bytes))).collect();
    assert_eq!(written, GOLDEN);
}

#[test]
fn version_1_opens_for_ever() {
    let golden = golden();
    let kek = KekRow { epoch: 1, wrapped: golden["kek/1"].clone(), created_at: NOW, destroyed_at: None };
    let secrets: Vec<HubSecretRow> = golden
        .iter()
        .filter_map(|(name, wrapped)| {
            let name = name.strip_prefix("secret/")?.to_owned();
            Some(HubSecretRow { name, wrapped: wrapped.clone(), created_at: NOW })
        })
        .collect();
    let hub = unlock(&root(), &[kek], &secrets, Seeded::new(99)).unwrap();
    let row = DataKeyRow {
        part: subject(0x42).part(),
        subject: subject(0x42),
        key_no: 3,
        epoch: 1,
        wrapped: golden["datakey/wrapped"].clone(),
        commitment: golden["datakey/commitment"].clone(),
        salts: golden["datakey/salts"].clone(),
        created_at: NOW,
    };
    let key = hub.opener.with_key(&row).unwrap();
    assert_eq!(key.open(RECORD, Category::Contact, &golden["record"]).unwrap().bytes(), b"max@example.de");
    assert_eq!(key.open(RECORD, Category::Identity, &golden["record"]).unwrap().bytes(), b"Max");
    let sealed = Sealed::from(golden["evidence"].clone());
    let proof = key.open_one(Table::Evidence, EVIDENCE, Compartment::Proof, &sealed).unwrap();
    assert_eq!(proof.bytes(), b"confirmed");
    let token = hub.strongbox.open(Drawer::Credentials, Row::number(9), &golden["strongbox"]).unwrap();
    assert_eq!(token[..], b"api-token"[..]);
    verify(&golden["certificate/key"], b"erased", &golden["certificate/signature"]).unwrap();
    let again = hub.opener.lookup(IdentifierKind::Email, SourceNo(1), &text("max@example.de")).unwrap();
    assert_eq!(again.bytes()[..], golden["lookup/email"][..]);
}
