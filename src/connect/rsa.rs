//! RSA signatures of deliveries, checked with the vendor's published key.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey};

/// The object identifier of RSA keys with its empty parameters (RFC 3279, 2.3.1), as DER.
const RSA: [u8; 15] = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// Is it the signature over the body of whoever has the private half of this key? The key is PEM, or only the base64 of it.
pub(super) fn is_of(key: &str, body: &[u8], signature: &[u8]) -> bool {
    let read = pem(key).and_then(|der| Some(inner(&der)?.to_vec()));
    read.is_some_and(|key| UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, key).verify(body, signature).is_ok())
}

/// The bytes between the lines of a PEM text.
fn pem(text: &str) -> Option<Vec<u8>> {
    let mut base64 = String::new();
    for (number, part) in text.split("-----").enumerate() {
        // Markers stand between dashes; what is between two of them is the key.
        let marker = number % 2 == 1;
        if marker && !part.ends_with("PUBLIC KEY") {
            return None;
        }
        if !marker {
            base64.extend(part.chars().filter(|character| !character.is_whitespace()));
        }
    }
    BASE64_STANDARD.decode(base64).ok()
}

/// The key itself (PKCS #1) out of what says of which kind it is (SubjectPublicKeyInfo).
fn inner(der: &[u8]) -> Option<&[u8]> {
    let (0x30, content, []) = element(der)? else { return None };
    let Some(rest) = content.strip_prefix(&RSA) else {
        // It is the key itself: a sequence of two numbers.
        return (element(content)?.0 == 0x02).then_some(der);
    };
    let (0x03, bits, []) = element(rest)? else { return None };
    bits.strip_prefix(&[0])
}

/// Tag, content and what follows of the first element.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 | 0x82 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made for these tests with `openssl genrsa 2048`, `openssl dgst -sha512 -sign`.
    const KEY: &str = include_str!("../../tests/it/vendors/lexware.public.pem");
    const BODY: &[u8] = include_bytes!("../../tests/it/vendors/lexware.delivery.json");
    const SIGNATURE: &str = include_str!("../../tests/it/vendors/lexware.delivery.sign");

    #[test]
    fn a_signature_is_of_this_body_and_key_alone() {
        let signature = BASE64_STANDARD.decode(SIGNATURE.trim()).unwrap();
        assert!(is_of(KEY, BODY, &signature));
        // Line breaks may be lost on the way, and the lines of the marker left out.
        let flat = KEY.replace('\n', " ");
        assert!(is_of(&flat, BODY, &signature));
        assert!(is_of(flat.split("-----").nth(2).unwrap(), BODY, &signature));
        let mut other = BODY.to_vec();
        other[5] ^= 1;
        assert!(!is_of(KEY, &other, &signature));
        for end in [0, 5, 40, signature.len() - 1] {
            assert!(!is_of(KEY, BODY, &signature[..end]));
        }
    }

    #[test]
    fn what_is_no_key_proves_nothing() {
        let signature = BASE64_STANDARD.decode(SIGNATURE.trim()).unwrap();
        let der = pem(KEY).unwrap();
        for cut in 0..der.len() {
            assert!(!is_of(&BASE64_STANDARD.encode(&der[..cut]), BODY, &signature), "{cut}");
        }
        let wrapped =
            |label: &str| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", BASE64_STANDARD.encode(&der));
        assert!(is_of(&wrapped("PUBLIC KEY"), BODY, &signature));
        assert!(!is_of(&wrapped("PRIVATE KEY"), BODY, &signature) && !is_of("", BODY, &signature));
        let key = BASE64_STANDARD.encode(inner(&der).unwrap());
        assert!(is_of(&key, BODY, &signature), "a key without what says its kind");
    }
}
