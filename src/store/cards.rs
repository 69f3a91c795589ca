//! What matching keeps of each record: a sealed card, and the blind keys under which it is found as a candidate.
//!
//! Both lie by the number of the record, not in the person's partition: a candidate is found before it is known whose it
//! is.

use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::among::among;
use super::connection::{Connection, on};
use super::fixed::Fixed;
use super::rows::{BlockRow, CardRow};
use super::schema::{block, card, record};
use super::{Error, Write, terms};
use crate::types::{RecordNo, SubjectId};

/// How many records one matching key leads to. One that leads to more says too little; narrower keys are asked instead.
pub const BLOCK: usize = 60;
/// Rows per statement.
const AT_ONCE: usize = 500;
/// Rows one statement may bring for each key it asks for, and for all of them. Where it brings as many, some key leads to many,
/// perhaps to thousands: then each is asked for alone.
const ENOUGH_OF_EACH: usize = BLOCK + 1;
const ENOUGH: usize = 32 * AT_ONCE;
/// Cards that tell contact points and logins alone: in the words of the index `card_contacts`, or it is not used.
const CONTACTS_ALONE: &str = "terms IS NULL AND length(sealed) > 0";

/// The cards of these records.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of_records(connection: &mut Connection, records: &[RecordNo]) -> Result<Vec<CardRow>, Error> {
    let mut all = Vec::with_capacity(records.len());
    for numbers in records.chunks(AT_ONCE) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        let rows: Vec<CardRow> = on!(connection, |c| card::table
            .filter(among(card::record_no, numbers))
            .order(card::record_no)
            .select(CardRow::as_select())
            .load(c))?;
        all.extend(rows);
    }
    Ok(all)
}

/// Up to `limit` cards of records after `after`, in the order of arrival; for walks over all.
///
/// # Errors
/// If the shelf cannot be read.
pub fn page(connection: &mut Connection, after: RecordNo, limit: i64) -> Result<Vec<CardRow>, Error> {
    Ok(on!(connection, |c| card::table
        .filter(card::record_no.gt(after.0))
        .order(card::record_no)
        .limit(limit)
        .select(CardRow::as_select())
        .load(c))?)
}

/// The first few of a person's records that can be compared: those first that tell a name, a date of birth, a place or a firm, and then
/// those that tell contact points and logins alone. Most events and statements, of which there may be thousands, tell nothing of it.
///
/// # Errors
/// If the shelf cannot be read.
pub fn first_of(connection: &mut Connection, of: SubjectId, few: i64) -> Result<Vec<RecordNo>, Error> {
    let numbers: Vec<i64> = on!(connection, |c| record::table
        .inner_join(card::table.on(card::record_no.eq(record::record_no)))
        .filter(record::part.eq(of.part()).and(record::subject_id.eq(Vec::from(of))))
        .filter(card::terms.is_not_null())
        .order(record::record_no)
        .limit(few)
        .select(record::record_no)
        .load(c))?;
    // Asked for apart, so that of somebody with thousands of orders no more than a few are looked at. Those are found by an index of their
    // own: among thousands of events they are not looked for a second time.
    let left = few.saturating_sub(i64::try_from(numbers.len()).unwrap_or(few));
    let others: Vec<i64> = if left > 0 {
        on!(connection, |c| card::table
            .filter(card::subject_id.eq(Vec::from(of)).and(sql::<Bool>(CONTACTS_ALONE)))
            .order(card::record_no)
            .limit(left)
            .select(card::record_no)
            .load(c))?
    } else {
        Vec::new()
    };
    Ok(numbers.into_iter().chain(others).map(RecordNo).collect())
}

/// How many records can be compared. It looks at every one.
///
/// # Errors
/// If the shelf cannot be read.
pub fn compared(connection: &mut Connection) -> Result<i64, Error> {
    Ok(on!(connection, |c| card::table.filter(card::terms.is_not_null()).count().get_result(c))?)
}

/// How many there are.
///
/// # Errors
/// If the shelf cannot be read.
pub fn count(connection: &mut Connection) -> Result<i64, Error> {
    Ok(on!(connection, |c| card::table.count().get_result(c))?)
}

/// The records found under each of these keys, in the order of the keys: at most [`BLOCK`] and one more, which says that
/// there are too many.
///
/// # Errors
/// If the shelf cannot be read.
pub fn candidates(write: &mut Write<'_>, keys: &[i64]) -> Result<Vec<Vec<RecordNo>>, Error> {
    let (connection, recent) = write.blocks();
    let mut all = Vec::with_capacity(keys.len());
    for some in keys.chunks(AT_ONCE) {
        let enough = ENOUGH.min(ENOUGH_OF_EACH * some.len());
        let limit = i64::try_from(enough).unwrap_or(i64::MAX);
        let rows: Vec<(i64, i64)> = on!(connection, |c| block::table
            .filter(among(block::matching_key, some.to_vec()))
            .limit(limit)
            .select((block::matching_key, block::record_no))
            .load(c))?;
        if rows.len() < enough {
            let mut found: HashMap<i64, Vec<RecordNo>> = HashMap::new();
            for (key, record) in rows {
                found.entry(key).or_default().push(RecordNo(record));
            }
            for key in some {
                let mut records = found.remove(key).unwrap_or_default();
                records.sort_unstable();
                all.push((*key, records));
            }
        } else {
            for key in some {
                all.push((*key, under(connection, *key)?));
            }
        }
    }
    recent.add_to(connection, &mut all, BLOCK + 1)?;
    Ok(all.into_iter().map(|(_, records)| records).collect())
}

fn under(connection: &mut Connection, key: i64) -> Result<Vec<RecordNo>, Error> {
    let limit = i64::try_from(BLOCK + 1).unwrap_or(i64::MAX);
    let found: Vec<i64> = on!(connection, |c| block::table
        .filter(block::matching_key.eq(key))
        .order(block::record_no)
        .limit(limit)
        .select(block::record_no)
        .load(c))?;
    Ok(found.into_iter().map(RecordNo).collect())
}

/// Writes a card in the place of the record's one before, if there was one, with its keys.
///
/// # Errors
/// If it cannot be written.
pub fn put(write: &mut Write<'_>, row: CardRow) -> Result<(), Error> {
    begin(write)?;
    let stored = of_records(write.records(), &[row.record_no])?;
    let before: Vec<i64> = stored.iter().flat_map(|stored| stored.keys().collect::<Vec<_>>()).collect();
    terms::lay_aside(write, stored.into_iter().filter_map(|stored| stored.terms))?;
    let after: Vec<i64> = row.keys().collect();
    // Mostly a new version is found as the one before.
    unblock(write, row.record_no, before.iter().filter(|key| !after.contains(key)).copied().collect())?;
    for matching_key in after.into_iter().filter(|key| !before.contains(key)) {
        let row = BlockRow { matching_key, record_no: row.record_no };
        on!(write.records(), |c| Fixed(diesel::insert_into(block::table).values(row).on_conflict_do_nothing())
            .execute(c))?;
    }
    on!(write.records(), |c| diesel::delete(card::table.filter(card::record_no.eq(row.record_no.0))).execute(c))?;
    on!(write.records(), |c| Fixed(diesel::insert_into(card::table).values(row)).execute(c))?;
    Ok(())
}

/// Puts a card under another key. Its matching keys stay.
///
/// # Errors
/// If it cannot be written.
pub fn reseal(write: &mut Write<'_>, row: CardRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(card::table.filter(card::record_no.eq(row.record_no.0)))
        .set((
            card::subject_id.eq(Vec::from(row.subject_id)),
            card::sealed_for.eq(Vec::from(row.sealed_for)),
            card::key_no.eq(row.key_no),
            card::named.eq(row.named),
            card::sealed.eq(row.sealed),
        ))
        .execute(c))?;
    Ok(())
}

/// Removes the cards of these records with their matching keys.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_of(write: &mut Write<'_>, records: &[RecordNo]) -> Result<(), Error> {
    unblock_all(write, records)?;
    terms::give_up(write, records)?;
    for numbers in records.chunks(AT_ONCE) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        on!(write.records(), |c| diesel::delete(card::table.filter(card::record_no.eq_any(numbers))).execute(c))?;
    }
    Ok(())
}

/// Removes what is compared of these records, and their matching keys; their names stay. Nothing finds them as
/// candidates any more.
///
/// # Errors
/// If it cannot be written.
pub fn silence(write: &mut Write<'_>, records: &[RecordNo]) -> Result<(), Error> {
    unblock_all(write, records)?;
    terms::give_up(write, records)?;
    for numbers in records.chunks(AT_ONCE) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        on!(write.records(), |c| diesel::update(card::table.filter(card::record_no.eq_any(numbers)))
            .set((
                card::sealed.eq(Vec::<u8>::new()),
                card::matching_keys.eq(Vec::<u8>::new()),
                card::terms.eq(None::<Vec<u8>>),
            ))
            .execute(c))?;
    }
    Ok(())
}

/// Removes the matching keys of these records from where candidates are found.
fn unblock_all(write: &mut Write<'_>, records: &[RecordNo]) -> Result<(), Error> {
    begin(write)?;
    for row in of_records(write.records(), records)? {
        unblock(write, row.record_no, row.keys().collect())?;
    }
    Ok(())
}

fn begin(write: &mut Write<'_>) -> Result<(), Error> {
    let (connection, recent) = write.blocks();
    recent.begin(connection)
}

fn unblock(write: &mut Write<'_>, record: RecordNo, keys: Vec<i64>) -> Result<(), Error> {
    if !keys.is_empty() {
        let (connection, recent) = write.blocks();
        recent.take(connection, record, &keys)?;
        on!(write.records(), |c| diesel::delete(
            block::table.filter(among(block::matching_key, keys).and(block::record_no.eq(record.0)))
        )
        .execute(c))?;
    }
    Ok(())
}

/// Gives the cards of these records to another person.
///
/// # Errors
/// If they cannot be written.
pub fn reassign(write: &mut Write<'_>, records: &[RecordNo], to: SubjectId) -> Result<(), Error> {
    for numbers in records.chunks(AT_ONCE) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        on!(write.records(), |c| diesel::update(card::table.filter(card::record_no.eq_any(numbers)))
            .set(card::subject_id.eq(Vec::from(to)))
            .execute(c))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use diesel::sql_query;
    use diesel::sql_types::Text;

    use super::*;
    use crate::databases::{Database, on_both_databases};

    on_both_databases!(cards_that_tell_contact_points_alone_are_found_by_an_index,);

    #[derive(QueryableByName)]
    struct Explained {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    #[derive(QueryableByName)]
    struct Planned {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        plan: String,
    }

    /// The words of the statement are those of the index, or all the records of somebody would be looked through.
    async fn cards_that_tell_contact_points_alone_are_found_by_an_index(database: Database) {
        let id = database.literal(&[7; 16]);
        let query = format!(
            "SELECT record_no FROM card WHERE subject_id = {id} AND {CONTACTS_ALONE} ORDER BY record_no LIMIT 240"
        );
        let store = database.store();
        let plan = store.read(move |read| match read.records() {
            Connection::Sqlite(c) => {
                let rows: Vec<Explained> = sql_query(format!("EXPLAIN QUERY PLAN {query}")).load(c)?;
                Ok::<_, Error>(rows.into_iter().map(|row| row.detail).collect::<Vec<String>>())
            }
            Connection::Postgres(c) => {
                // Of a table without rows any plan will do.
                sql_query("SET enable_seqscan = off").execute(c)?;
                let rows: Vec<Planned> = sql_query(format!("EXPLAIN {query}")).load(c)?;
                Ok(rows.into_iter().map(|row| row.plan).collect())
            }
        });
        let plan = plan.await.unwrap();
        assert!(plan.iter().any(|line| line.contains("card_contacts")), "{plan:?}");
        assert!(!plan.iter().any(|line| line.contains("Sort") || line.contains("B-TREE")), "{plan:?}");
    }
}
