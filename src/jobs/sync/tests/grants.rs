//! Tokens for a user's password, and refresh tokens that come of a code the merchant allowed; and what is said before a credential
//! ends.

use std::sync::Arc;

use super::house::{House, SHOP, word};
use crate::connect::{Authorisation, Catalog, Connection, Outgoing, Parameters, endings};
use crate::databases::{Database, on_both_databases};
use crate::types::{Clock as _, Timestamp};
use crate::vendors::Fake;
use crate::vendors::teekontor::Teekontor;

on_both_databases!(
    a_token_is_had_for_a_password_where_a_user_is_entered,
    a_refresh_token_comes_of_a_code_the_merchant_allowed,
    a_code_that_is_not_the_answer_to_this_request_is_not_taken,
    what_ends_is_said_before,
);

const BEGIN: &str = r#"
name: teekontor
title: Teekontor
docs: Customers of the interface v2.
source_policy: {purposes_allowed: all}
connection:
  guide: none
  parameters:
    shop_url: {title: Address, kind: url}
    client_id: {title: Client ID}
    client_secret: {title: Client secret, kind: secret, ends_after_days: 180}
    user: {title: User, optional: true}
    password: {title: Password, kind: secret, optional: true}
    refresh_token: {title: Refresh token, kind: secret}
  base_url: "{shop_url}/v2"
  hosts: ["{shop_url}"]
"#;

const BY_PASSWORD: &str = r#"
  auth:
    oauth2_password:
      {token_url: "{shop_url}/oauth/token", client_id: "{client_id}", client_secret: "{client_secret}", basic: true, username: "{user}",
      password: "{password}"}
    oauth2_client_credentials:
      {token_url: "{shop_url}/oauth/token", client_id: "{client_id}", client_secret: "{client_secret}", basic: true}
"#;

const BY_CODE: &str = r#"
  auth:
    oauth2_refresh:
      token_url: "{shop_url}/oauth/token"
      client_id: "{client_id}"
      client_secret: "{client_secret}"
      basic: true
      refresh_token: refresh_token
    oauth2_code:
      authorize_url: "{shop_url}/oauth/authorize"
      redirect_url: https://localhost/obhut
      scope: customers offline
      pkce: true
"#;

const REST: &str = r#"
  test: {request: {path: /customers, query: {limit: "1"}}}
streams:
  customers:
    detect: has("items")
    objects: .items[]
    records: '{type: "customer", external_id: (.id | text), updated_at: .changed, identifiers: [{kind: "account", value: (.id | text)}], data: {}}'
    pull: {request: {path: /customers, query: {limit: "{limit}", cursor: "{token}"}}, paging: {size: 5, token: .next}}
    fields: {identity: [identifiers.account]}
"#;

fn catalog(auth: &str) -> Result<Catalog, String> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("teekontor")).unwrap();
    let manifest = format!("{BEGIN}{auth}{REST}");
    std::fs::write(directory.path().join("teekontor/manifest.yaml"), manifest).unwrap();
    Catalog::read(directory.path()).map_err(|error| error.to_string())
}

async fn open(database: Database, auth: &str) -> (House, Fake<Teekontor>) {
    let house = House::open_with(database, Arc::new(catalog(auth).unwrap())).await;
    let fake = Fake::serve(Teekontor::with_people(10, 5), house.clock.clone());
    (house, fake)
}

fn entered(fake: &Fake<Teekontor>, more: &[(&str, &str)]) -> Parameters {
    let fixed = [("shop_url", fake.address()), ("client_id", "tee-client"), ("client_secret", "tee-secret")];
    fixed.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn asked(fake: &Fake<Teekontor>) -> Vec<String> {
    fake.with(|tee| std::mem::take(&mut tee.grants.asked))
}

async fn a_token_is_had_for_a_password_where_a_user_is_entered(database: Database) {
    let (house, fake) = open(database, BY_PASSWORD).await;
    let connect = async |more: &[(&str, &str)]| {
        let all = entered(&fake, &[more, &[("refresh_token", "none")]].concat());
        let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        house.connect("teekontor", &all, &[]).await;
    };
    connect(&[("user", "erika"), ("password", "geheim+1")]).await;
    assert_eq!(house.sync().await.unwrap().sum().created, 10);
    assert_eq!(asked(&fake), ["password"]);
    // It ends, and is asked for again; nobody is asked for while it lasts.
    house.wait(700);
    house.sync().await.unwrap();
    assert_eq!(asked(&fake), ["password"]);
    connect(&[("user", "erika"), ("password", "wrong")]).await;
    assert_eq!(word(house.sync().await), "credentials_refused");
    let dump = house.database.dump().join("\n");
    assert!(!dump.contains("geheim+1") && !dump.contains("tee-secret"));
    asked(&fake);
    // Where no user is entered, the program is known by itself.
    house.wait(3_600);
    connect(&[]).await;
    house.sync().await.unwrap();
    assert_eq!(asked(&fake), ["client_credentials"]);
    // Who enters half of it does not mean the program.
    for half in [("user", "erika"), ("password", "geheim+1")] {
        house.wait(3_600);
        connect(&[half]).await;
        assert_eq!(word(house.sync().await), "parameter_missing");
        assert_eq!(asked(&fake), Vec::<String>::new(), "{}", half.0);
    }
}

fn begin(house: &House, fake: &Fake<Teekontor>) -> Authorisation {
    let outgoing = Outgoing { private_hosts: vec!["127.0.0.1".to_owned()], ..Outgoing::default() };
    let connection = Connection::new(entered(fake, &[]), outgoing);
    house.syncs.vendors.authorise("teekontor", &connection).unwrap().unwrap()
}

async fn a_refresh_token_comes_of_a_code_the_merchant_allowed(database: Database) {
    let (house, fake) = open(database, BY_CODE).await;
    let asking = begin(&house, &fake);
    let led_to = fake.with(|tee| tee.grants.allow(asking.address()));
    let (parameter, refresh) = asking.finish(&format!("  {led_to}\n")).await.unwrap();
    assert_eq!(
        (parameter.as_str(), refresh.as_str()),
        ("refresh_token", fake.with(|tee| tee.grants.refresh.clone()).as_str())
    );
    let all = entered(&fake, &[("refresh_token", refresh.as_str())]);
    let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    house.connect("teekontor", &all, &[]).await;
    assert_eq!(house.sync().await.unwrap().sum().created, 10);
    assert_eq!(asked(&fake), ["authorization_code", "refresh_token"]);
    // The vendor put another one in its place, which is the one that is kept.
    let kept = house.syncs.vendors.connections.of(house.source()).await.unwrap().unwrap();
    assert_eq!(kept.parameters["refresh_token"], fake.with(|tee| tee.grants.refresh.clone()));
    assert_ne!(kept.parameters["refresh_token"], *refresh);
    // Kept without it, there is nothing to read with.
    assert!(house.syncs.vendors.session(SHOP).await.is_ok());
    house.disconnect().await;
    let without = entered(&fake, &[]);
    let without: Vec<_> = without.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    house.connect("teekontor", &without, &[]).await;
    assert_eq!(word(house.sync().await), "parameter_missing");
}

async fn a_code_that_is_not_the_answer_to_this_request_is_not_taken(database: Database) {
    let (house, fake) = open(database, BY_CODE).await;
    let allow = |asking: &Authorisation| fake.with(|tee| tee.grants.allow(asking.address()));
    let said = async |asking: Authorisation, address: &str| {
        let fault = asking.finish(address).await.err().unwrap();
        assert!(!fault.to_string().contains("code-"), "{fault}");
        fault.word()
    };
    // That of another request, whoever began it.
    let (one, other) = (begin(&house, &fake), begin(&house, &fake));
    assert_ne!(one.address(), other.address());
    let led_to = allow(&other);
    assert_eq!(said(one, &led_to).await, "no_code");
    assert_eq!(asked(&fake), Vec::<String>::new(), "nothing is handed in");
    for (number, wrong) in
        ["code-1", "", "https://localhost/obhut?code=code-1", "https://localhost/obhut?error=access_denied"]
            .into_iter()
            .enumerate()
    {
        assert_eq!(said(begin(&house, &fake), wrong).await, "no_code", "{number}");
    }
    let asking = begin(&house, &fake);
    let state = asking.address().split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    assert_eq!(said(asking, &format!("https://localhost/obhut?error=access_denied&state={state}")).await, "no_code");
    // Whoever saw a code on its way cannot prove to have asked for it: the vendor refuses.
    let (asking, thief) = (begin(&house, &fake), begin(&house, &fake));
    let code = allow(&asking).split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let state = thief.address().split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let stolen = format!("https://localhost/obhut?code={code}&state={state}");
    assert_eq!(said(thief, &stolen).await, "credentials_refused");
    // What lasts an hour alone is no use.
    fake.with(|tee| tee.grants.forgets = true);
    let asking = begin(&house, &fake);
    let led_to = allow(&asking);
    assert_eq!(said(asking, &led_to).await, "no_code");
}

async fn what_ends_is_said_before(database: Database) {
    let (house, fake) = open(database, BY_PASSWORD).await;
    let all = entered(&fake, &[("refresh_token", "none")]);
    let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    house.connect("teekontor", &all, &[]).await;
    let notices = async |time: &str| {
        house.clock.set(time);
        house.sync().await.unwrap().notices
    };
    assert_eq!(notices("2027-04-19T12:00:00Z").await, Vec::<String>::new());
    let told = notices("2027-04-20T13:00:00Z").await;
    assert!(told.len() == 1 && told[0].contains("`client_secret` (Client secret) ends on 2027-05-20"), "{told:?}");
    assert!(!told[0].contains("tee-secret"));
    assert!(notices("2027-06-01T12:00:00Z").await[0].contains("should have ended"));
    // Entered anew, its days begin anew; entered as it was, they do not.
    house.set(&[("client_secret", "tee-secret"), ("client_id", "tee-client")]).await;
    assert_eq!(house.sync().await.unwrap().notices.len(), 1);
    let connections = &house.syncs.vendors.connections;
    let other = move |parameters: &mut Parameters| {
        parameters.insert("client_secret".to_owned(), "another".to_owned());
    };
    connections.amend(house.source(), house.clock.now(), other).await.unwrap();
    let kept = connections.of(house.source()).await.unwrap().unwrap();
    let connector = house.syncs.vendors.catalog.connector("teekontor").unwrap().clone();
    assert_eq!(endings(&connector, &kept, Timestamp::UNSET, house.clock.now()), []);
    // The same source added again with the same one.
    connections
        .put(house.source(), &Connection::new(kept.parameters.clone(), kept.outgoing.clone()), 0, Timestamp::NEVER)
        .await
        .unwrap();
    assert_eq!(connections.of(house.source()).await.unwrap().unwrap().entered, kept.entered);
}

#[test]
fn what_is_written_wrongly_is_named_with_what_to_write() {
    assert!(catalog(BY_PASSWORD).is_ok() && catalog(BY_CODE).is_ok());
    for (auth, told) in [
        (
            "\n  auth: {oauth2_code: {authorize_url: \"{shop_url}/a\", redirect_url: https://localhost/}}\n".to_owned(),
            "say with `oauth2_refresh`",
        ),
        (BY_PASSWORD.replace("username: \"{user}\"", "username: \"{client_id}\""), "make the user `optional`"),
        (BY_CODE.replace("pkce: true", "fields: {state: x}"), "`state` stands in the address already"),
        (BY_CODE.replace("      client_secret: \"{client_secret}\"\n", ""), "add `client_secret`"),
        (BY_CODE.replace("refresh_token: refresh_token", "refresh_token: refresh"), "`refresh` is no parameter"),
        (BY_CODE.replace("authorize_url", "authorise_url"), "authorize_url"),
    ] {
        let error = catalog(&auth).err().unwrap_or_else(|| panic!("{told}"));
        assert!(error.contains("teekontor/manifest.yaml:") && error.contains(told), "{error}");
    }
}
