//! The tables as diesel sees them. One definition serves both databases: only types that both have.

#![allow(missing_docs, reason = "the migrations document every column")]

diesel::table! { source (source_no) {
    source_no -> Integer, code -> Text, title -> Text, connector -> Text, policy -> Text, created_at -> BigInt,
} }
diesel::table! { purpose (code, version) {
    code -> Text, version -> Integer, definition -> Text, created_at -> BigInt,
} }
diesel::table! { subject (part, subject_id) {
    part -> SmallInt, subject_id -> Binary, merged_into -> Nullable<Binary>, merged_at -> BigInt,
    state -> SmallInt, created_at -> BigInt,
} }
diesel::table! { record (record_no) {
    record_no -> BigInt, part -> SmallInt, subject_id -> Binary, sealed_for -> Binary, key_no -> SmallInt,
    source_no -> Integer, kind -> SmallInt, version -> BigInt, content_mac -> Binary, categories -> SmallInt,
    facts -> SmallInt, ingested_at -> BigInt, happened_at -> BigInt, contract_until -> BigInt, source_until -> BigInt, keep_until -> BigInt, sealed -> Binary,
    unlisted_at -> BigInt,
} }
diesel::table! { identifier (ix, behind, record_no) {
    ix -> Binary, record_no -> BigInt, kind -> SmallInt, subject_id -> Binary, use_flags -> SmallInt,
    behind -> SmallInt, whose -> Integer,
} }
diesel::table! { link (part, subject_id, record_no, rule, decided_at) {
    part -> SmallInt, subject_id -> Binary, record_no -> BigInt, rule -> SmallInt, evidence_ix -> Nullable<Binary>,
    merged_from -> Nullable<Binary>, decided_at -> BigInt, other_no -> BigInt, weight -> Integer, waterfall -> Text,
} }
diesel::table! { ledger (part, subject_id, entry_no) {
    part -> SmallInt, subject_id -> Binary, entry_no -> BigInt, origin -> Binary, act -> SmallInt, purpose -> Text,
    channel -> SmallInt, happened_at -> BigInt, recorded_at -> BigInt, method -> Text, text_version -> Text,
    proof_flags -> SmallInt, source_no -> Integer, sealed_for -> Binary, key_no -> SmallInt, evidence -> Binary,
    evidence_mac -> Binary, record_no -> BigInt, said_at -> BigInt,
} }
diesel::table! { card (record_no) {
    record_no -> BigInt, subject_id -> Binary, sealed_for -> Binary, key_no -> SmallInt, source_no -> Integer,
    named -> Binary, sealed -> Binary, matching_keys -> Binary, terms -> Nullable<Binary>,
} }
diesel::table! { term (value_no, shard) { value_no -> Integer, shard -> SmallInt, held -> Integer, } }
diesel::table! { term_gone (terms) { terms -> Binary, } }
diesel::table! { unmatched (subject_id) { subject_id -> Binary, noted_at -> BigInt, tries -> SmallInt, next_at -> BigInt, } }
diesel::table! { loose (ix) { ix -> Binary, noted_at -> BigInt, } }
diesel::table! { model (version) {
    version -> Integer, definition -> Text, made_at -> BigInt, records -> BigInt, pairs -> BigInt, in_force -> SmallInt,
} }
diesel::table! { fellows (fellows_no) { fellows_no -> SmallInt, thousandths -> BigInt, } }
diesel::table! { survivorship (version) { version -> Integer, definition -> Text, created_at -> BigInt, } }
diesel::table! { block_state (state_no) { state_no -> Integer, up_to -> BigInt, changes -> BigInt, } }
diesel::table! { block (matching_key, record_no) { matching_key -> BigInt, record_no -> BigInt, } }
diesel::table! { apart (subject_id, other_id) {
    subject_id -> Binary, other_id -> Binary, decided_at -> BigInt, looked -> SmallInt,
} }
diesel::table! { review (review_id) {
    review_id -> Binary, one_no -> BigInt, one_id -> Binary, other_no -> BigInt, other_id -> Binary, weight -> Integer,
    waterfall -> Text, state -> SmallInt, made_at -> BigInt, decided_at -> BigInt,
} }
diesel::table! { tombstone (ix) { ix -> Binary, erased_at -> BigInt, } }
diesel::table! { api_key (key_id) {
    key_id -> Binary, title -> Text, secret_hash -> Binary, role -> SmallInt, purposes -> Text, created_at -> BigInt,
    expires_at -> BigInt, revoked_at -> BigInt, source_no -> Integer,
} }
diesel::table! { turned_away (source_no, day, code) {
    source_no -> Integer, day -> Integer, code -> Text, events -> BigInt,
} }
diesel::table! { unheard (source_no, kind, name) {
    source_no -> Integer, kind -> Text, name -> Text, events -> BigInt, first_at -> BigInt, last_at -> BigInt,
} }
diesel::table! { delivery (source_no, mark) {
    source_no -> Integer, mark -> Binary, received_at -> BigInt,
} }
diesel::table! { vendor_erasure (source_no, ix, asked_at) {
    source_no -> Integer, ix -> Binary, asked_at -> BigInt,
} }
diesel::table! { source_erasure (request_id, source_no) {
    request_id -> Binary, source_no -> Integer, errand -> Binary, withheld -> Integer, state -> SmallInt,
    attempts -> Integer, next_at -> BigInt, lease_owner -> Binary, lease_until -> BigInt, asked_at -> BigInt,
    changed_at -> BigInt, report -> Text,
} }
diesel::table! { unsubscription (source_no, subject_id, purpose) {
    source_no -> Integer, subject_id -> Binary, purpose -> Text, entry_no -> BigInt, state -> SmallInt,
    attempts -> Integer, next_at -> BigInt, lease_owner -> Binary, lease_until -> BigInt, asked_at -> BigInt,
    told_at -> BigInt, outcome -> Text,
} }
diesel::table! { subscriber (source_no) {
    source_no -> Integer, topics -> Text, purposes -> Text, state -> SmallInt, failing_since -> BigInt,
    created_at -> BigInt,
} }
diesel::table! { message (source_no, event_id) {
    source_no -> Integer, event_id -> Binary, topic -> Text, body -> Text, state -> SmallInt, attempts -> Integer,
    next_at -> BigInt, lease_until -> BigInt, created_at -> BigInt, changed_at -> BigInt, cause -> Text,
} }
diesel::table! { audience (source_no) {
    source_no -> Integer, segment -> Text, purposes -> Text, every_seconds -> Integer, next_at -> BigInt,
    wanted_at -> BigInt, failures -> Integer, retry_at -> BigInt, lease_owner -> Binary, lease_until -> BigInt,
    created_at -> BigInt, channel -> Text, ending -> SmallInt,
} }
diesel::table! { audience_member (source_no, ix) {
    source_no -> Integer, ix -> Binary, subject_id -> Binary, errand -> Binary, state -> SmallInt, changed_at -> BigInt,
    settles_at -> BigInt, due_at -> BigInt,
} }
diesel::table! { segment (segment_id) {
    segment_id -> Binary, code -> Text, version -> Integer, definition -> Text, created_at -> BigInt,
} }
diesel::table! { request (request_id) {
    request_id -> Binary, kind -> SmallInt, state -> SmallInt, part -> SmallInt, subject_id -> Binary,
    received_at -> BigInt, due_at -> BigInt, answered_at -> BigInt, outcome -> Text,
} }
diesel::table! { reply (key_mac) {
    key_mac -> Binary, fingerprint -> Binary, status -> SmallInt, body -> Binary, expires_at -> BigInt,
} }
diesel::table! { notice (request_id, recipient) {
    request_id -> Binary, recipient -> Text, state -> SmallInt, changed_at -> BigInt,
} }
diesel::table! { job (kind) {
    kind -> Text, lease_owner -> Binary, lease_until -> BigInt, reached -> Binary, begun_at -> BigInt,
    ended_at -> BigInt, outcome -> Text,
} }
diesel::table! { connection (source_no) {
    source_no -> Integer, sealed -> Binary, places -> Binary, every_seconds -> Integer, next_at -> BigInt,
    wanted_at -> BigInt, failures -> Integer, lease_owner -> Binary, lease_until -> BigInt, created_at -> BigInt,
} }
diesel::table! { sync (source_no, begun_at) {
    source_no -> Integer, begun_at -> BigInt, ended_at -> BigInt, state -> SmallInt, cause -> Text, counts -> Text,
} }
diesel::table! { parked (source_no, stream, mark) {
    source_no -> Integer, stream -> Text, mark -> Binary, sealed -> Binary, parked_at -> BigInt,
} }
diesel::table! { kek (epoch) { epoch -> Integer, wrapped -> Binary, created_at -> BigInt, destroyed_at -> BigInt, } }
diesel::table! { hub_secret (name) { name -> Text, wrapped -> Binary, created_at -> BigInt, } }
diesel::table! { audit_head (log_id) { log_id -> Binary, sealed -> Binary, kept_at -> BigInt, } }
diesel::table! { data_key (part, subject_id, key_no) {
    part -> SmallInt, subject_id -> Binary, key_no -> SmallInt, epoch -> Integer, wrapped -> Binary,
    commitment -> Binary, salts -> Binary, created_at -> BigInt,
} }
diesel::table! { audit_log (log_id) { log_id -> Binary, opened_at -> BigInt, } }
diesel::table! { audit_entry (log_id, idx) {
    log_id -> Binary, idx -> BigInt, recorded_at -> BigInt, act -> SmallInt, body -> Binary, hash -> Binary,
} }
diesel::table! { audit_subject (block, pseudonym, log_id, idx) { block -> BigInt, pseudonym -> Binary, log_id -> Binary, idx -> BigInt, } }
diesel::allow_tables_to_appear_in_same_query!(audit_entry, audit_subject);
diesel::allow_tables_to_appear_in_same_query!(identifier, subject);
diesel::allow_tables_to_appear_in_same_query!(card, record);
diesel::allow_tables_to_appear_in_same_query!(identifier, record);
