//! The life of a request.

use serde_json::json;

use super::house::{House, at, key};
use crate::audit::Act;
use crate::databases::{Database, on_both_databases};
use crate::gateway::{Actor, Caller, Scope};
use crate::rights::{Error, Kind, RefusedFor, Request};
use crate::store::rows::Who;
use crate::types::{Category, IdentifierKind, RecordKind, Role, SubjectId};
use crate::vault::Personal;

on_both_databases!(
    a_letter_of_last_week_is_due_by_its_own_date,
    only_the_data_protection_officer_takes_requests_in_for_others,
    a_period_is_extended_once_and_only_while_it_runs,
    what_was_refused_is_not_carried_out,
    a_demand_that_is_passed_on_is_opened_once_whoever_they_are_now,
    what_several_people_hold_names_them_and_no_demand_is_dropped,
);

async fn a_letter_of_last_week_is_due_by_its_own_date(database: Database) {
    let house = House::open(database).await;
    let who = Who::Subject(house.customer("anna").await);
    let received = at("2026-11-16T09:00:00Z");
    let request = house.rights.receive(Kind::Access, who.clone(), Some(received), &house.dpo()).await.unwrap();
    assert_eq!(request.case().due_at.rfc3339(), "2026-12-16T22:59:59.999999Z");
    assert_eq!(house.lines(Act::RequestReceived).await, 1);
    assert_eq!(house.rights.request(request.case().id).await.unwrap(), request);
    let future = Some(at("2026-11-22T00:00:00Z"));
    let refused = house.rights.receive(Kind::Access, who, future, &house.dpo()).await;
    assert!(matches!(refused, Err(Error::ReceivedInFuture)));
}

async fn only_the_data_protection_officer_takes_requests_in_for_others(database: Database) {
    let house = House::open(database).await;
    let who = Who::Subject(house.customer("anna").await);
    for role in [Role::Admin, Role::Partner, Role::Marketing] {
        let asked = house.rights.receive(Kind::Erasure, who.clone(), None, &key(9, role, Scope::Every)).await;
        assert!(matches!(asked, Err(Error::NotAllowed)));
    }
    assert!(matches!(
        house.rights.receive(Kind::Access, house.by_mail("nobody@example.org"), None, &house.dpo()).await,
        Err(Error::SubjectUnknown)
    ));
}

async fn a_period_is_extended_once_and_only_while_it_runs(database: Database) {
    let house = House::open(database).await;
    let who = Who::Subject(house.customer("anna").await);
    let reason = || "complexity".parse().unwrap();
    let first = house.rights.receive(Kind::Access, who.clone(), None, &house.dpo()).await.unwrap().case().id;
    let late = house.rights.receive(Kind::Access, who, None, &house.dpo()).await.unwrap().case().id;
    let extended = house.rights.extend(first, reason(), &house.dpo()).await.unwrap();
    assert_eq!(extended.case().due_at.rfc3339(), "2027-02-22T22:59:59.999999Z");
    assert_eq!(house.rights.request(first).await.unwrap(), extended);
    assert!(matches!(house.rights.extend(first, reason(), &house.dpo()).await, Err(Error::NotExtendable)));
    house.clock.set("2026-12-22T00:00:00Z");
    assert!(matches!(house.rights.extend(late, reason(), &house.dpo()).await, Err(Error::NotExtendable)));
}

async fn what_was_refused_is_not_carried_out(database: Database) {
    let house = House::open(database).await;
    let who = Who::Subject(house.customer("anna").await);
    let id = house.rights.receive(Kind::Erasure, who.clone(), None, &house.dpo()).await.unwrap().case().id;
    let refused = house.rights.refuse(id, RefusedFor::NotIdentified, &house.dpo()).await.unwrap();
    assert!(matches!(refused, Request::Refused(_)));
    assert!(matches!(house.rights.erase(id, &house.dpo()).await, Err(Error::OutOfTurn("refused"))));
    assert!(house.is_known(who).await);
    assert_eq!(house.rights.requests(None, 10).await.unwrap(), [refused]);
}

async fn a_demand_that_is_passed_on_is_opened_once_whoever_they_are_now(database: Database) {
    let house = House::open(database).await;
    let (anna, double) = (house.customer("anna").await, house.customer("double").await);
    let demand = async |who: SubjectId| {
        house.rights.receive_once(Kind::Erasure, Who::Subject(who), &house.dpo(), &[]).await.unwrap()
    };
    let first = demand(double).await.unwrap().case().id;
    // The person turns out to be another one; their request stands under the id of then.
    let rows = house.rights.gateway.snapshot(Who::Subject(double)).await.unwrap().unwrap();
    house.merge(double, anna, rows.records[0].record_no).await;
    assert_eq!(demand(anna).await, None, "the demand is opened again for whom they were merged into");
    assert_eq!(house.rights.waiting(Kind::Erasure, Who::Subject(anna)).await.unwrap(), Some(first));
    // Several calls at once open one.
    let other = house.customer("other").await;
    let (one, two, three) = tokio::join!(demand(other), demand(other), demand(other));
    assert_eq!([one, two, three].iter().flatten().count(), 1);
}

/// The officer learns whom a mailbox may be about, and a vendor's demand by it is told to them once in the book.
async fn what_several_people_hold_names_them_and_no_demand_is_dropped(database: Database) {
    let house = House::open(database).await;
    let (anna, other) = (house.customer("anna").await, house.person().await);
    let parts = [(Category::Identity, json!({"family_name": "other"}))];
    house.record(other, RecordKind::Customer, "anna@example.org", &parts, None).await;
    let mut both = vec![anna, other];
    both.sort_unstable();
    for kind in [Kind::Access, Kind::Erasure] {
        let who = house.by_mail("anna@example.org");
        match house.rights.receive(kind, who.clone(), None, &house.dpo()).await {
            Err(Error::SeveralPeople(people)) => assert_eq!(people, both),
            _ => panic!("a demand of one of several was not answered with their ids"),
        }
        let refused = house.rights.receive(kind, who, None, &key(9, Role::Marketing, Scope::Every)).await;
        assert!(matches!(refused, Err(Error::SubjectUnknown)), "others learn that several share a mailbox");
    }
    let before = house.lines(Act::RequestReceived).await;
    let by = Caller { actor: Actor::Hub("a list of the vendor"), scope: Scope::Every };
    let said = [(IdentifierKind::Email, house.shop, Personal::text("anna@example.org".to_owned()))];
    for (kind, lines) in [(Kind::Erasure, 1), (Kind::Erasure, 1), (Kind::Access, 2)] {
        house.rights.receive_known(kind, &said, &by).await.unwrap();
        assert_eq!(house.lines(Act::RequestReceived).await, before + lines, "{kind:?}");
    }
    assert_eq!(house.rights.requests(None, 10).await.unwrap(), [], "nobody knows whose request it is");
}
