//! Data keys that were wrapped anew, for PostgreSQL in one statement: one for each key is a way there and back for each.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, Binary, Integer, SmallInt};

use super::rows::DataKeyRow;

/// Which keys, how they were wrapped, and how they are now; each column as one list.
#[derive(QueryId)]
pub(super) struct Rewrapped {
    part: Vec<i16>,
    subject_id: Vec<Vec<u8>>,
    key_no: Vec<i16>,
    old_epoch: Vec<i32>,
    old_wrapped: Vec<Vec<u8>>,
    old_salts: Vec<Vec<u8>>,
    epoch: Vec<i32>,
    wrapped: Vec<Vec<u8>>,
    salts: Vec<Vec<u8>>,
}

impl Rewrapped {
    /// Keys as they were, and as they are now.
    pub(super) fn of(rows: &[(DataKeyRow, DataKeyRow)]) -> Self {
        let (old, new) = (|| rows.iter().map(|(old, _)| old), || rows.iter().map(|(_, new)| new));
        Self {
            part: old().map(|row| row.part).collect(),
            subject_id: old().map(|row| Vec::from(row.subject)).collect(),
            key_no: old().map(|row| row.key_no).collect(),
            old_epoch: old().map(|row| row.epoch).collect(),
            old_wrapped: old().map(|row| row.wrapped.clone()).collect(),
            old_salts: old().map(|row| row.salts.clone()).collect(),
            epoch: new().map(|row| row.epoch).collect(),
            wrapped: new().map(|row| row.wrapped.clone()).collect(),
            salts: new().map(|row| row.salts.clone()).collect(),
        }
    }
}

impl QueryFragment<Pg> for Rewrapped {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("UPDATE data_key SET epoch = now.epoch, wrapped = now.wrapped, salts = now.salts FROM unnest(");
        out.push_bind_param::<Array<SmallInt>, _>(&self.part)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Binary>, _>(&self.subject_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SmallInt>, _>(&self.key_no)?;
        for (epoch, wrapped, salts) in
            [(&self.old_epoch, &self.old_wrapped, &self.old_salts), (&self.epoch, &self.wrapped, &self.salts)]
        {
            out.push_sql(", ");
            out.push_bind_param::<Array<Integer>, _>(epoch)?;
            out.push_sql(", ");
            out.push_bind_param::<Array<Binary>, _>(wrapped)?;
            out.push_sql(", ");
            out.push_bind_param::<Array<Binary>, _>(salts)?;
        }
        out.push_sql(
            ") AS now (part, subject_id, key_no, old_epoch, old_wrapped, old_salts, epoch, wrapped, salts) \
             WHERE data_key.part = now.part AND data_key.subject_id = now.subject_id AND data_key.key_no = now.key_no \
             AND data_key.epoch = now.old_epoch AND data_key.wrapped = now.old_wrapped AND data_key.salts = now.old_salts",
        );
        Ok(())
    }
}

impl RunQueryDsl<PgConnection> for Rewrapped {}
