//! What is signed, and what is not.

use serde_json::json;

use super::*;

fn signature(scheme: Scheme, header: Option<&str>, encoding: SignatureEncoding, prefix: &str) -> Signature {
    let spec = SignatureSpec {
        scheme,
        hash: None,
        header: header.map(str::to_owned),
        encoding,
        prefix: prefix.to_owned(),
        timestamp: None,
        secret: "{secret}".to_owned(),
        also: None,
    };
    Signature::load(spec, At::of("manifest.yaml", ""), &["secret"]).unwrap()
}

impl Signature {
    fn holds(&self, variables: &Variables, told: &Told<'_>, now: Timestamp) -> bool {
        self.proves(variables, told, now).is_some()
    }
}

fn variables(secret: &str) -> Variables {
    json!({ "secret": secret }).as_object().unwrap().clone()
}

fn told<'a>(headers: &'a [(String, String)], body: &'a [u8]) -> Told<'a> {
    Told { headers: Headers(headers), secret: None, body }
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

const NOW: Timestamp = Timestamp::from_micros(1_614_265_330 * Timestamp::SECOND);

#[test]
fn a_token_in_a_header_is_the_whole_secret() {
    let bearer = signature(Scheme::Token, Some("Authorization"), SignatureEncoding::Base64, "Bearer ");
    let holds = |secret: &str, shown: &[(String, String)]| bearer.holds(&variables(secret), &told(shown, b"{}"), NOW);
    assert!(holds("s3cret", &[header("authorization", "Bearer s3cret")]));
    for shown in ["s3cret", "Bearer s3cre", "Bearer s3cret ", "Bearer ", "", "bearer s3cret"] {
        assert!(!holds("s3cret", &[header("authorization", shown)]), "{shown}");
    }
    assert!(!holds("", &[header("authorization", "Bearer ")]), "no secret is none");
    assert!(!holds("s3cret", &[]) && !holds("s3cret", &[header("x-token", "Bearer s3cret")]));
    let twice = header("authorization", "Bearer s3cret");
    assert!(!holds("s3cret", &[twice.clone(), twice]));
}

#[test]
fn a_signature_is_of_this_body_and_secret_alone() {
    // HMAC-SHA-256 of "what do ya want for nothing?" under "Jefe" (RFC 4231, test case 2).
    let hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let base64 = BASE64_STANDARD.encode(hex::decode(hex).unwrap());
    let body = b"what do ya want for nothing?";
    for (encoding, prefix, shown) in [
        (SignatureEncoding::Hex, "", hex.to_owned()),
        (SignatureEncoding::Hex, "sha256=", format!("sha256={hex}")),
        (SignatureEncoding::Base64, "", base64.clone()),
    ] {
        let signature = signature(Scheme::Hmac, Some("X-Sign"), encoding, prefix);
        let holds = |secret: &str, shown: &str, body: &[u8]| {
            signature.holds(&variables(secret), &told(&[header("x-sign", shown)], body), NOW)
        };
        assert!(holds("Jefe", &shown, body));
        assert!(!holds("jefe", &shown, body) && !holds("Jefe", &shown, b"what") && !holds("", &shown, body));
        assert!(!holds("Jefe", "", body) && !holds("Jefe", &shown[..shown.len() - 4], body));
        let twice = [header("x-sign", &shown), header("x-sign", &shown)];
        assert!(!signature.holds(&variables("Jefe"), &told(&twice, body), NOW));
    }
}

#[test]
fn a_signature_is_with_the_hash_of_its_vendor() {
    // "what do ya want for nothing?" under "Jefe" (RFC 2202, 3 test case 2; RFC 4231, test case 2).
    let published = [
        (Hash::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (Hash::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            Hash::Sha512,
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ];
    let body = b"what do ya want for nothing?";
    for (hash, own) in published {
        let mut signature = signature(Scheme::Hmac, Some("X-Sign"), SignatureEncoding::Hex, "");
        signature.hash = hash;
        for (of, shown) in published {
            let holds = |body: &[u8]| signature.holds(&variables("Jefe"), &told(&[header("x-sign", shown)], body), NOW);
            assert_eq!(holds(body), of == hash, "{hash:?} {of:?}");
            assert!(!holds(b"what do ya want?") && !holds(b""), "{hash:?} {of:?}");
        }
        let short = [header("x-sign", &own[..own.len() - 2])];
        assert!(!signature.holds(&variables("Jefe"), &told(&short, body), NOW), "{hash:?}");
    }
}

#[test]
fn only_hmac_has_a_choice_of_hashes() {
    let load = |scheme: &str, hash: &str| {
        let text = format!("{{scheme: {scheme}, hash: {hash}, header: X-Sign, secret: \"{{secret}}\"}}");
        let spec: SignatureSpec = serde_json::from_value(json!({
            "scheme": scheme, "hash": hash, "header": "X-Sign", "secret": "{secret}",
        }))
        .unwrap();
        Signature::load(spec, At::of("manifest.yaml", &text), &["secret"]).err().map(|error| error.to_string())
    };
    assert_eq!((load("hmac", "sha1"), load("hmac", "sha512")), (None, None));
    for scheme in ["token", "rsa_sha512"] {
        assert!(load(scheme, "sha1").unwrap().contains("only `hmac` has a choice of hashes"), "{scheme}");
    }
}

#[test]
fn standard_webhooks_keep_their_published_example() {
    // The example of the specification's reference implementations.
    let signature = signature(Scheme::Standard, None, SignatureEncoding::Base64, "");
    let secret = variables("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let all = |sent: &str, shown: &str| {
        [
            header("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            header("webhook-timestamp", sent),
            header("webhook-signature", shown),
        ]
    };
    let (sent, shown) = ("1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    let body = br#"{"test": 2432232314}"#;
    let made = sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", sent, body);
    assert_eq!(made.as_deref(), Some(shown));
    for weak in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8G", "whsec_?"] {
        assert_eq!(sign(weak, "msg_1", sent, body), None);
    }
    assert!(signature.holds(&secret, &told(&all(sent, shown), body), NOW));
    let among = format!("v1,AAAA {shown}");
    assert!(signature.holds(&secret, &told(&all(sent, &among), body), NOW));
    let late = NOW.plus(TOLERANCE + 1);
    assert!(!signature.holds(&secret, &told(&all(sent, shown), body), late));
    assert!(!signature.holds(&secret, &told(&all("1614265331", shown), body), NOW));
    assert!(!signature.holds(&secret, &told(&all(sent, shown), b"{}"), NOW));
}

#[test]
fn a_time_is_signed_with_the_body_where_the_vendor_puts_it() {
    let body = br#"{"data": []}"#;
    for (stands, between, signed) in [
        (Stands::After, "", &b"{\"data\": []}1700000000"[..]),
        (Stands::Before, ".", &b"1700000000.{\"data\": []}"[..]),
    ] {
        let mut timed = signature(Scheme::Hmac, Some("X-Sign"), SignatureEncoding::Hex, "");
        timed.timestamp = Some(Time { header: "x-time".to_owned(), stands, between: between.to_owned() });
        let sign = hmac_hex(b"hush", signed);
        let headers = |at: &str| [header("x-sign", &sign), header("x-time", at)];
        assert!(timed.holds(&variables("hush"), &told(&headers("1700000000"), body), NOW));
        assert!(!timed.holds(&variables("hush"), &told(&headers("1700000001"), body), NOW), "another time");
        assert!(!timed.holds(&variables("hush"), &told(&[header("x-sign", &sign)], body), NOW), "no time");
        let bare = hmac_hex(b"hush", body);
        let unsigned = [header("x-sign", &bare), header("x-time", "1700000000")];
        assert!(!timed.holds(&variables("hush"), &told(&unsigned, body), NOW), "the time is not signed");
    }
}

#[test]
fn a_secret_in_the_address_is_the_whole_proof() {
    let path = signature(Scheme::Path, None, SignatureEncoding::Base64, "");
    let at = |secret: Option<&'static str>| Told { headers: Headers(&[]), secret, body: b"{}" };
    assert!(path.holds(&variables("0a1b2c"), &at(Some("0a1b2c")), NOW));
    for wrong in [None, Some(""), Some("0a1b2"), Some("0a1b2cd")] {
        assert!(!path.holds(&variables("0a1b2c"), &at(wrong), NOW), "{wrong:?}");
    }
    assert!(!path.holds(&variables(""), &at(Some("")), NOW), "no secret is none");
    assert!(!path.signs() && path.takes_path());
}
