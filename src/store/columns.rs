//! Many new rows for PostgreSQL in one statement, each column as one list.
//!
//! Rows side by side would need a placeholder for each value, thousands of them, and a text for each number of rows
//! that the server parses and plans anew. With lists the text stays, is prepared once, and costs a fraction.

use diesel::QueryResult;
use diesel::RunQueryDsl;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, SmallInt, Text};

use super::audit::EntryRow;
use super::rows::{BlockRow, CardRow, DataKeyRow, IdentifierRow, LedgerRow, LinkRow, RecordRow, SubjectRow};

/// Defines the columns of a table and how they are taken out of its rows.
macro_rules! columns {
    (
        $(#[doc = $doc:literal])+
        $name:ident: $row_type:ty as $row:ident => $table:literal $end:literal
        { $($column:ident: $rust:ty as $sql:ty = $value:expr,)+ }
    ) => {
        $(#[doc = $doc])+
        pub(super) struct $name { $($column: Vec<$rust>,)+ }

        impl FromIterator<$row_type> for $name {
            fn from_iter<I: IntoIterator<Item = $row_type>>(rows: I) -> Self {
                let mut all = Self { $($column: Vec::new(),)+ };
                for $row in rows {
                    $(all.$column.push($value);)+
                }
                all
            }
        }

        impl QueryId for $name {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl QueryFragment<Pg> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                out.push_sql(concat!("INSERT INTO ", $table, " ("));
                let mut between = "";
                $(
                    out.push_sql(between);
                    out.push_identifier(stringify!($column))?;
                    between = ", ";
                )+
                out.push_sql(") SELECT * FROM unnest(");
                between = "";
                $(
                    out.push_sql(between);
                    out.push_bind_param::<Array<$sql>, Vec<$rust>>(&self.$column)?;
                    between = ", ";
                )+
                let _ = between;
                out.push_sql(concat!(")", $end));
                Ok(())
            }
        }

        impl<C> RunQueryDsl<C> for $name {}
    };
}

columns! {
    /// New people.
    Subjects: SubjectRow as row => "subject" "" {
        part: i16 as SmallInt = row.part,
        subject_id: Vec<u8> as Binary = row.subject_id.into(),
        merged_into: Option<Vec<u8>> as Nullable<Binary> = row.merged_into,
        merged_at: i64 as BigInt = row.merged_at.micros(),
        state: i16 as SmallInt = row.state,
        created_at: i64 as BigInt = row.created_at.micros(),
    }
}

columns! {
    /// New records.
    Records: RecordRow as row => "record" "" {
        record_no: i64 as BigInt = row.record_no.0,
        part: i16 as SmallInt = row.part,
        subject_id: Vec<u8> as Binary = row.subject_id.into(),
        sealed_for: Vec<u8> as Binary = row.sealed_for.into(),
        key_no: i16 as SmallInt = row.key_no,
        source_no: i32 as Integer = row.source_no.into(),
        kind: i16 as SmallInt = row.kind,
        version: i64 as BigInt = row.version.micros(),
        content_mac: Vec<u8> as Binary = row.content_mac,
        categories: i16 as SmallInt = row.categories,
        facts: i16 as SmallInt = row.facts,
        ingested_at: i64 as BigInt = row.ingested_at.micros(),
        happened_at: i64 as BigInt = row.happened_at.micros(),
        contract_until: i64 as BigInt = row.contract_until.micros(),
        source_until: i64 as BigInt = row.source_until.micros(),
        keep_until: i64 as BigInt = row.keep_until.micros(),
        sealed: Vec<u8> as Binary = row.sealed,
    }
}

columns! {
    /// The blind indexes of records. One that is there already stays.
    Identifiers: IdentifierRow as row => "identifier" " ON CONFLICT DO NOTHING" {
        ix: Vec<u8> as Binary = row.ix,
        record_no: i64 as BigInt = row.record_no.0,
        kind: i16 as SmallInt = row.kind,
        subject_id: Vec<u8> as Binary = row.subject_id.into(),
        use_flags: i16 as SmallInt = row.use_flags,
        behind: i16 as SmallInt = row.behind,
        whose: i32 as Integer = row.whose,
    }
}

columns! {
    /// Why records belong to their people.
    Links: LinkRow as row => "link" "" {
        part: i16 as SmallInt = row.part,
        subject_id: Vec<u8> as Binary = row.subject_id.into(),
        record_no: i64 as BigInt = row.record_no.0,
        rule: i16 as SmallInt = row.rule,
        evidence_ix: Option<Vec<u8>> as Nullable<Binary> = row.evidence_ix,
        merged_from: Option<Vec<u8>> as Nullable<Binary> = row.merged_from,
        decided_at: i64 as BigInt = row.decided_at.micros(),
        other_no: i64 as BigInt = row.other_no,
        weight: i32 as Integer = row.weight,
        waterfall: String as Text = row.waterfall,
    }
}

columns! {
    /// What people said.
    Ledger: LedgerRow as row => "ledger" "" {
        part: i16 as SmallInt = row.part,
        subject_id: Vec<u8> as Binary = row.subject_id.into(),
        entry_no: i64 as BigInt = row.entry_no,
        origin: Vec<u8> as Binary = row.origin.into(),
        act: i16 as SmallInt = row.act,
        purpose: String as Text = row.purpose,
        channel: i16 as SmallInt = row.channel,
        happened_at: i64 as BigInt = row.happened_at.micros(),
        recorded_at: i64 as BigInt = row.recorded_at.micros(),
        method: String as Text = row.method,
        text_version: String as Text = row.text_version,
        proof_flags: i16 as SmallInt = row.proof_flags,
        source_no: i32 as Integer = row.source_no.into(),
        sealed_for: Vec<u8> as Binary = row.sealed_for.into(),
        key_no: i16 as SmallInt = row.key_no,
        evidence: Vec<u8> as Binary = row.evidence,
        evidence_mac: Vec<u8> as Binary = row.evidence_mac,
        record_no: i64 as BigInt = row.record_no,
        said_at: i64 as BigInt = row.said_at.micros(),
    }
}

columns! {
    /// What matching keeps of records.
    Cards: CardRow as row => "card" "" {
        record_no: i64 as BigInt = row.record_no.0,
        subject_id: Vec<u8> as Binary = row.subject_id.into(),
        sealed_for: Vec<u8> as Binary = row.sealed_for.into(),
        key_no: i16 as SmallInt = row.key_no,
        source_no: i32 as Integer = row.source_no.into(),
        named: Vec<u8> as Binary = row.named,
        sealed: Vec<u8> as Binary = row.sealed,
        matching_keys: Vec<u8> as Binary = row.matching_keys,
        terms: Option<Vec<u8>> as Nullable<Binary> = row.terms,
    }
}

columns! {
    /// Under which keys records are found as candidates.
    Blocks: BlockRow as row => "block" " ON CONFLICT DO NOTHING" {
        matching_key: i64 as BigInt = row.matching_key,
        record_no: i64 as BigInt = row.record_no.0,
    }
}

columns! {
    /// New data keys. What is in their place already stays.
    DataKeys: DataKeyRow as row => "data_key" " ON CONFLICT DO NOTHING" {
        part: i16 as SmallInt = row.part,
        subject_id: Vec<u8> as Binary = row.subject.into(),
        key_no: i16 as SmallInt = row.key_no,
        epoch: i32 as Integer = row.epoch,
        wrapped: Vec<u8> as Binary = row.wrapped,
        commitment: Vec<u8> as Binary = row.commitment,
        salts: Vec<u8> as Binary = row.salts,
        created_at: i64 as BigInt = row.created_at.micros(),
    }
}

columns! {
    /// Lines of the audit book.
    Entries: EntryRow as row => "audit_entry" "" {
        log_id: Vec<u8> as Binary = row.log_id.into(),
        idx: i64 as BigInt = row.idx,
        recorded_at: i64 as BigInt = row.recorded_at.micros(),
        act: i16 as SmallInt = row.act,
        body: Vec<u8> as Binary = row.body,
        hash: Vec<u8> as Binary = row.hash,
    }
}

columns! {
    /// Whom lines of the audit book are about: block, pseudonym, log and number. One line may name somebody twice.
    About: (i64, Vec<u8>, crate::types::LogId, i64) as row => "audit_subject" " ON CONFLICT DO NOTHING" {
        block: i64 as BigInt = row.0,
        pseudonym: Vec<u8> as Binary = row.1,
        log_id: Vec<u8> as Binary = row.2.into(),
        idx: i64 as BigInt = row.3,
    }
}
