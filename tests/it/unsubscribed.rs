//! Who unsubscribes at a vendor withdraws here within seconds, told by the vendor's own webhook.

use std::process::Output;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::{Clock as _, Role, SystemClock};
use serde_json::json;

use crate::databases::Database;
use crate::house::{House, in_a_house_on_both_databases, mail, moment};
use crate::vendors::brevo::Brevo;
use crate::vendors::cleverreach::CleverReach;
use crate::vendors::hooks::Delivery;
use crate::vendors::klaviyo::Klaviyo;
use crate::vendors::mailchimp::Mailchimp;
use crate::vendors::{Fake, Vendor};

in_a_house_on_both_databases!(
    brevo_tells_who_unsubscribes,
    mailchimp_tells_who_unsubscribes,
    cleverreach_tells_who_unsubscribes,
    klaviyo_tells_who_unsubscribes,
);

fn text(output: &Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr);
    let err: Vec<&str> = err.lines().filter(|line| !line.starts_with('{')).collect();
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), err.join("\n"))
}

/// Waits until it is so; what the hub does by itself takes seconds.
#[track_caller]
fn soon(what: &str, is_so: impl Fn() -> bool) {
    let done = (0..400).any(|_| {
        sleep(Duration::from_millis(100));
        is_so()
    });
    assert!(done, "{what}");
}

/// A house whose newsletter goes to a vendor that tells who unsubscribes there, with three readers.
fn telling<V: Vendor>(
    database: Database,
    fake: &Fake<V>,
    (connector, origin): (&str, &str),
    (name, secret): (&str, &str),
    more: &[&str],
) -> House {
    let mut house = House::open(database).with_key(Role::Marketing, ["newsletter_email"]);
    for reader in ["anna", "bert", "cora"] {
        house = house.with_subject(reader).consenting_to("newsletter_email");
    }
    let file = house.home().join("secret.txt");
    std::fs::write(&file, secret).unwrap();
    let (via, secret) = (format!("{origin}={}", fake.address()), format!("{name}={}", file.display()));
    let fixed = ["destinations", "add", connector, "--code", "letters", "--every", "0", "--via", &via];
    let rest = ["--secret-file", &secret, "--allow-private-host", "127.0.0.1", "--segment", "newsletter_subscribers"];
    let added = house.run(&[&fixed[..], &rest[..], more].concat());
    assert!(added.status.success() && text(&added).contains("destinations listen letters"), "{}", text(&added));
    let pushed = house.run(&["destinations", "push", "letters"]);
    assert!(text(&pushed).contains("3 handed over"), "{}", text(&pushed));
    soon("the hub does not know the destination", || {
        let shown = house.get(Role::Dpo, "/v1/destinations").expect(200).json();
        shown["audiences"][0]["there"] == 3
    });
    let address = house.address();
    let listen = |wanted: &str| {
        let listened = house.run(&["destinations", "listen", "letters", "--public-url", &address]);
        assert!(text(&listened).contains(wanted), "{}", text(&listened));
    };
    listen("0 subscriptions were there, 1 made, 0 ended");
    listen("1 subscriptions were there, 0 made, 0 ended");
    house
}

/// How many statements the ledger holds.
fn entries(house: &House) -> i64 {
    house.database().count(Shelf::Records, "ledger")
}

fn consents(house: &House, name: &str) -> bool {
    let asked = json!({"identifier": {"kind": "email", "value": mail(name)}, "purpose": "newsletter_email", "channel": "email"});
    house.post(Role::Marketing, "/v1/profiles/lookup", &asked).status == 200
}

fn seconds() -> i64 {
    SystemClock.now().micros() / 1_000_000
}

/// Heard, and nothing comes of it.
#[track_caller]
fn means_nothing(house: &House, told: &[Delivery]) {
    let before = entries(house);
    assert!(!told.is_empty());
    for one in told {
        assert_eq!(one.send().0, 200);
    }
    assert_eq!(entries(house), before);
}

/// Heard as the no of one person, who is taken off; and once, however often it comes.
#[track_caller]
fn is_a_no(house: &House, told: &[Delivery], name: &str, is_off: impl Fn() -> bool) {
    let before = entries(house);
    assert!(consents(house, name), "{name} said no before");
    assert_eq!(told.len(), 1);
    let (status, answer) = told[0].send();
    assert_eq!(status, 200, "{answer}");
    assert!(!consents(house, name), "the withdrawal does not act at once");
    assert_eq!(told[0].send().0, 200);
    assert_eq!(entries(house), before + 1);
    soon("who unsubscribed is still there", is_off);
    // They say yes again, later. What was told before says nothing of that.
    house.say(name, "granted", Some("newsletter_email")).expect(201);
    assert_eq!(told[0].send().0, 200);
    assert!(consents(house, name), "an old delivery is heard again");
}

fn brevo_tells_who_unsubscribes(database: Database) {
    let fake = Fake::serve(Brevo::default(), Arc::new(SystemClock));
    let origin = ("brevo", "https://api.brevo.com");
    let mut house = telling(database, &fake, origin, ("api_key", "xkeysib-1"), &["--set", "list_id=12"]);
    let token = fake.with(|brevo| brevo.hooks[0]["auth"]["token"].as_str().unwrap().to_owned());
    house.keep_secret(&token);
    let tell = |event: &str, name: &str| fake.with(|brevo| brevo.tell(event, &mail(name), seconds()));
    let told = tell("unsubscribe", "anna");
    for wrong in ["Bearer ", "Bearer x", &token, ""] {
        assert_eq!(told[0].clone().with("authorization", wrong).send().0, 401, "{wrong}");
    }
    // Whoever has the token tells what is not so: the contact is looked up.
    means_nothing(&house, &told);
    means_nothing(&house, &tell("unsubscribe", "nobody"));
    means_nothing(&house, &tell("hardBounce", "bert"));
    sleep(Duration::from_millis(1_100));
    let at = moment(0);
    fake.with(|brevo| brevo.blocked.insert(mail("anna"), ("unsubscribedViaEmail", at)));
    is_a_no(&house, &tell("unsubscribe", "anna"), "anna", || {
        !fake.with(|brevo| brevo.listed().contains(&mail("anna")))
    });
    // From this list alone, by a complaint.
    fake.with(|brevo| brevo.left.insert(mail("bert")));
    let told = tell("spam", "bert");
    // A vendor that cannot be asked is to tell it again.
    fake.with(|brevo| brevo.key_is_revoked = true);
    let before = entries(&house);
    assert_eq!((told[0].send().0, entries(&house)), (503, before));
    fake.with(|brevo| brevo.key_is_revoked = false);
    assert_eq!(told[0].send().0, 200);
    assert!(!consents(&house, "bert"));
    // What the hub did itself is no word of the person's.
    house.say("cora", "withdrawn", Some("newsletter_email")).expect(201);
    soon("who withdrew is still there", || !fake.with(|brevo| brevo.listed().contains(&mail("cora"))));
    let at = moment(0);
    fake.with(|brevo| brevo.blocked.insert(mail("cora"), ("unsubscribedViaEmail", at)));
    means_nothing(&house, &tell("unsubscribe", "cora"));
    let removed = house.run(&["destinations", "remove", "letters", "--anyway"]);
    assert!(text(&removed).contains("1 subscriptions at its vendor were ended"), "{}", text(&removed));
    assert!(fake.with(|brevo| brevo.hooks.is_empty()));
}

fn mailchimp_tells_who_unsubscribes(database: Database) {
    let fake = Fake::serve(Mailchimp::default(), Arc::new(SystemClock));
    let origin = ("mailchimp", "https://us10.api.mailchimp.com");
    let mut house = telling(database, &fake, origin, ("api_key", "0a1b2c-us10"), &["--set", "list_id=a1b2c3d4e5"]);
    let tell = |name: &str, action: &str| fake.with(|mailchimp| mailchimp.tell(&mail(name), action));
    let told = tell("anna", "unsub");
    let (plain, secret) = told[0].address.rsplit_once('/').unwrap();
    house.keep_secret(secret);
    for wrong in [plain.to_owned(), format!("{plain}/x"), format!("{plain}/{}", &secret[1..])] {
        assert_eq!(Delivery { address: wrong.clone(), ..told[0].clone() }.send().0, 401, "{wrong}");
        assert_eq!(Delivery::trial(&wrong).send().0, 401, "{wrong}");
    }
    means_nothing(&house, &told);
    means_nothing(&house, &tell("nobody", "unsub"));
    // Of another audience of the same account.
    let other = Delivery { body: told[0].body.replace("a1b2c3d4e5", "another"), ..told[0].clone() };
    fake.with(|mailchimp| mailchimp.members.insert(mail("bert"), ("unsubscribed".to_owned(), json!({}))));
    means_nothing(&house, &[Delivery { body: other.body.replace("anna", "bert"), ..other }]);
    fake.with(|mailchimp| mailchimp.members.insert(mail("bert"), ("cleaned".to_owned(), json!({}))));
    let at = |second: &str, told: Vec<Delivery>| -> Vec<Delivery> {
        let minute = |second: &str| format!("13%3A40%3A{second}");
        told.into_iter().map(|one| Delivery { body: one.body.replace(&minute("01"), &minute(second)), ..one }).collect()
    };
    means_nothing(&house, &at("03", tell("bert", "unsub")));
    fake.with(|mailchimp| mailchimp.members.insert(mail("anna"), ("unsubscribed".to_owned(), json!({}))));
    is_a_no(&house, &at("02", tell("anna", "unsub")), "anna", || {
        let shown = house.get(Role::Dpo, "/v1/destinations").expect(200).json();
        shown["audiences"][0]["there"] == 2
    });
    assert!(
        fake.with(|mailchimp| mailchimp.members[&mail("anna")].0 == "unsubscribed"),
        "what they said there is lost"
    );
}

fn cleverreach_tells_who_unsubscribes(database: Database) {
    let fake = Fake::serve(CleverReach::default(), Arc::new(SystemClock));
    let group = ["--set", "client_id=c1", "--set", "group_id=550011"];
    let origin = ("cleverreach", "https://rest.cleverreach.com");
    let mut house = telling(database, &fake, origin, ("client_secret", "hush"), &group);
    let token = fake.with(|clever| clever.hooks[0].2.clone());
    house.keep_secret(&token);
    let tell = |name: &str| fake.with(|clever| clever.tell(&mail(name)));
    let told = tell("anna");
    for wrong in ["", "x", &token[1..]] {
        assert_eq!(told[0].clone().with("x-cr-calltoken", wrong).send().0, 401, "{wrong}");
    }
    means_nothing(&house, &told);
    // A token that was lost, as by a process that was killed before it kept it, is had by registering again; only the new one is heard.
    let lost = house.run(&["sources", "set", "letters", "--unset", "call_token"]);
    assert!(lost.status.success(), "{}", text(&lost));
    assert_eq!(told[0].send().0, 404);
    let address = house.address();
    for more in [&[][..], &["--anew"]] {
        let listen = ["destinations", "listen", "letters", "--public-url", &address];
        let anew = house.run(&[&listen[..], more].concat());
        assert!(text(&anew).contains("0 subscriptions were there, 1 made, 1 ended"), "{}", text(&anew));
        assert_eq!(told[0].send().0, 401);
    }
    sleep(Duration::from_millis(1_100));
    fake.with(|clever| clever.receivers.get_mut(&mail("anna")).unwrap()["deactivated"] = json!(seconds()));
    let later: Vec<Delivery> = tell("anna")
        .into_iter()
        .map(|one| Delivery { body: one.body.replace("1772890801", "1772890802"), ..one })
        .collect();
    is_a_no(&house, &later, "anna", || {
        let shown = house.get(Role::Dpo, "/v1/destinations").expect(200).json();
        shown["audiences"][0]["there"] == 2
    });
    assert_eq!(fake.with(|clever| clever.listed()), [mail("bert"), mail("cora")]);
}

fn klaviyo_tells_who_unsubscribes(database: Database) {
    let fake = Fake::serve(Klaviyo::default(), Arc::new(SystemClock));
    let origin = ("klaviyo", "https://a.klaviyo.com");
    let mut house = telling(database, &fake, origin, ("private_key", "pk_1"), &["--set", "list_id=Y6nRLr"]);
    let secret = fake.with(|klaviyo| klaviyo.hooks[0]["attributes"]["secret_key"].as_str().unwrap().to_owned());
    house.keep_secret(&secret);
    sleep(Duration::from_millis(1_100));
    let tell = |topic: &str, names: &[&str], sent: &str| {
        let mails: Vec<String> = names.iter().map(|name| mail(name)).collect();
        let mails: Vec<&str> = mails.iter().map(String::as_str).collect();
        fake.with(|klaviyo| klaviyo.tell(topic, &mails, seconds(), sent))
    };
    let told = tell("unsubscribed_from_email_marketing", &["anna"], &moment(0));
    let forged = [
        told[0].clone().with("klaviyo-signature", "00"),
        told[0].clone().with("klaviyo-timestamp", moment(5)),
        Delivery { body: told[0].body.replace("anna", "bert"), ..told[0].clone() },
    ];
    for one in forged {
        assert_eq!(one.send().0, 401);
    }
    let old = tell("unsubscribed_from_email_marketing", &["anna"], &moment(-80 * 3_600));
    assert_eq!(old[0].send().0, 400);
    // Who is suppressed by hand, or bounces, is not even told of.
    assert!(tell("bounced_email", &["anna"], &moment(0)).is_empty());
    is_a_no(&house, &told, "anna", || !fake.with(|klaviyo| klaviyo.listed().contains(&mail("anna"))));
    // Several at once, one of them a stranger.
    let both = tell("marked_email_as_spam", &["bert", "fremd", "cora"], &moment(0));
    let before = entries(&house);
    assert_eq!(both[0].send().0, 200);
    assert_eq!(entries(&house), before + 2);
    assert!(!consents(&house, "bert") && !consents(&house, "cora"));
}
