//! "One of these": a condition on keys whose statement has the same text for any number of values.
//!
//! A list of placeholders is parsed and planned anew for each length. Here the values travel as one. On PostgreSQL, where
//! the partition leads the keys, two lists side by side would also be looked up each with each: with a hundred people
//! ten thousand look-ups instead of a hundred.

use diesel::QueryResult;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{Array, BigInt, Binary, Bool, SmallInt, Text};
use diesel::sqlite::Sqlite;

use crate::types::{Part, RecordNo, SubjectId};

/// What keys are made of.
pub(super) trait Key: Sized + 'static {
    /// How PostgreSQL takes a list of them.
    type Sql: 'static;
    /// How SQLite unpacks one out of a JSON list.
    const UNPACKED: &'static str;
    /// Their JSON list.
    fn packed(keys: &[Self]) -> String;
}

impl Key for Vec<u8> {
    type Sql = Binary;
    const UNPACKED: &'static str = "unhex(value)";

    fn packed(keys: &[Self]) -> String {
        let mut list = String::with_capacity(2 + keys.len() * 35);
        let mut before = '[';
        for key in keys {
            list.push(before);
            list.push('"');
            list.push_str(&hex::encode(key));
            list.push('"');
            before = ',';
        }
        list.push_str(if keys.is_empty() { "[]" } else { "]" });
        list
    }
}

impl Key for i64 {
    type Sql = BigInt;
    const UNPACKED: &'static str = "value";

    fn packed(keys: &[Self]) -> String {
        let mut list = String::with_capacity(2 + keys.len() * 20);
        list.push('[');
        for (place, key) in keys.iter().enumerate() {
            if place > 0 {
                list.push(',');
            }
            list.push_str(&key.to_string());
        }
        list.push(']');
        list
    }
}

/// The column is one of the keys.
#[derive(Debug, Clone)]
pub(super) struct Among<Column, K> {
    column: Column,
    keys: Vec<K>,
    packed: String,
}

/// The partition and the column are one of the keys with its partition. SQLite has no partition in its keys and does
/// not look at it.
#[derive(Debug, Clone)]
pub(super) struct Beside<PartColumn, Column, K> {
    part: PartColumn,
    parts: Vec<Part>,
    among: Among<Column, K>,
}

/// Is `column` one of `keys`?
pub(super) fn among<Column, K: Key>(column: Column, keys: Vec<K>) -> Among<Column, K> {
    let packed = K::packed(&keys);
    Among { column, keys, packed }
}

/// Do `part` and `subject` name one of these people?
pub(super) fn people<PartColumn, Column>(
    part: PartColumn,
    subject: Column,
    people: &[SubjectId],
) -> Beside<PartColumn, Column, Vec<u8>> {
    let parts = people.iter().map(SubjectId::part).collect();
    Beside { part, parts, among: among(subject, people.iter().map(|id| id.bytes().to_vec()).collect()) }
}

/// Do `part` and `record_no` name one of these records?
pub(super) fn numbered<PartColumn, Column>(
    part: PartColumn,
    record_no: Column,
    records: &[(SubjectId, RecordNo)],
) -> Beside<PartColumn, Column, i64> {
    let parts = records.iter().map(|(person, _)| person.part()).collect();
    Beside { part, parts, among: among(record_no, records.iter().map(|(_, number)| number.0).collect()) }
}

impl<Column: QueryId, K: 'static> QueryId for Among<Column, K> {
    type QueryId = Among<Column::QueryId, K>;
    const HAS_STATIC_QUERY_ID: bool = Column::HAS_STATIC_QUERY_ID;
}

impl<PartColumn: QueryId, Column: QueryId, K: 'static> QueryId for Beside<PartColumn, Column, K> {
    type QueryId = Beside<PartColumn::QueryId, Column::QueryId, K>;
    const HAS_STATIC_QUERY_ID: bool = PartColumn::HAS_STATIC_QUERY_ID && Column::HAS_STATIC_QUERY_ID;
}

impl<Column, K> Expression for Among<Column, K> {
    type SqlType = Bool;
}

impl<Column, K, From> AppearsOnTable<From> for Among<Column, K> where Column: AppearsOnTable<From> {}

impl<Column, K, From> SelectableExpression<From> for Among<Column, K> where Column: SelectableExpression<From> {}

impl<Column, K, GroupBy> ValidGrouping<GroupBy> for Among<Column, K> {
    type IsAggregate = is_aggregate::No;
}

impl<PartColumn, Column, K> Expression for Beside<PartColumn, Column, K> {
    type SqlType = Bool;
}

impl<PartColumn, Column, K, From> AppearsOnTable<From> for Beside<PartColumn, Column, K> where
    Column: AppearsOnTable<From>
{
}

impl<PartColumn, Column, K, From> SelectableExpression<From> for Beside<PartColumn, Column, K> where
    Column: SelectableExpression<From>
{
}

impl<PartColumn, Column, K, GroupBy> ValidGrouping<GroupBy> for Beside<PartColumn, Column, K> {
    type IsAggregate = is_aggregate::No;
}

impl<Column, K> QueryFragment<Sqlite> for Among<Column, K>
where
    Column: QueryFragment<Sqlite>,
    K: Key,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT ");
        out.push_sql(K::UNPACKED);
        out.push_sql(" FROM json_each(");
        out.push_bind_param::<Text, String>(&self.packed)?;
        out.push_sql("))");
        Ok(())
    }
}

impl<PartColumn, Column, K> QueryFragment<Sqlite> for Beside<PartColumn, Column, K>
where
    Column: QueryFragment<Sqlite>,
    K: Key,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.among.walk_ast(out)
    }
}

impl<Column, K> QueryFragment<Pg> for Among<Column, K>
where
    Column: QueryFragment<Pg>,
    K: Key,
    Vec<K>: ToSql<Array<K::Sql>, Pg>,
    Pg: diesel::sql_types::HasSqlType<Array<K::Sql>>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" = ANY(");
        out.push_bind_param::<Array<K::Sql>, Vec<K>>(&self.keys)?;
        out.push_sql(")");
        Ok(())
    }
}

impl<PartColumn, Column, K> QueryFragment<Pg> for Beside<PartColumn, Column, K>
where
    PartColumn: QueryFragment<Pg>,
    Column: QueryFragment<Pg>,
    K: Key,
    Vec<K>: ToSql<Array<K::Sql>, Pg>,
    Pg: diesel::sql_types::HasSqlType<Array<K::Sql>>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        self.part.walk_ast(out.reborrow())?;
        out.push_sql(", ");
        self.among.column.walk_ast(out.reborrow())?;
        out.push_sql(") IN (SELECT * FROM unnest(");
        out.push_bind_param::<Array<SmallInt>, Vec<Part>>(&self.parts)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<K::Sql>, Vec<K>>(&self.among.keys)?;
        out.push_sql("))");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_what_it_is_in_json() {
        let values = |list: String| serde_json::from_str::<Vec<serde_json::Value>>(&list).unwrap();
        assert!(values(Vec::<u8>::packed(&[])).is_empty());
        assert_eq!(values(Vec::packed(&[vec![0, 255], vec![1]])), ["00ff", "01"]);
        assert!(values(i64::packed(&[])).is_empty());
        assert_eq!(values(i64::packed(&[i64::MIN, 0, i64::MAX])), [i64::MIN, 0, i64::MAX]);
    }
}
