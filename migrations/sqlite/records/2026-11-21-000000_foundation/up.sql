-- Records, consent and graph. Nothing in here is readable without the key file: personal values are sealed,
-- identifiers are blind indexes (HMAC-SHA-256, 128 bit). `personal:` names the category and how long it stays.

CREATE TABLE source (
    source_no INTEGER NOT NULL PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    connector TEXT NOT NULL,
    policy TEXT NOT NULL,                 -- JSON: purposes the source allows, days kept after delivery
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE purpose (
    code TEXT NOT NULL,
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,             -- JSON, as in the API
    created_at INTEGER NOT NULL,
    PRIMARY KEY (code, version)
) STRICT, WITHOUT ROWID;

-- On one machine the partition leads no key: ids grow with time, so the rows of new people lie side by side and a
-- transaction touches few pages. With the partition in front each of them would lie somewhere else.
CREATE TABLE subject (
    part INTEGER NOT NULL,
    subject_id BLOB NOT NULL,             -- personal: pseudonym; until erasure
    merged_into BLOB,                     -- personal: pseudonym; until erasure
    merged_at INTEGER NOT NULL,            -- 0: not merged
    state INTEGER NOT NULL,              -- 1 living, 2 merged, 3 being erased, 4 kept by law alone
    created_at INTEGER NOT NULL,
    PRIMARY KEY (subject_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX subject_merged ON subject (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE record (
    record_no INTEGER NOT NULL PRIMARY KEY,
    part INTEGER NOT NULL,
    subject_id BLOB NOT NULL,             -- personal: pseudonym; until erasure
    sealed_for BLOB NOT NULL,             -- personal: pseudonym; until erasure
    key_no INTEGER NOT NULL,
    source_no INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    version INTEGER NOT NULL,
    content_mac BLOB NOT NULL,            -- personal: keyed digest of the content; until erasure
    categories INTEGER NOT NULL,
    facts INTEGER NOT NULL,              -- 1 paid order, 2 address came with an order, 4 kept by law alone
    ingested_at INTEGER NOT NULL,
    happened_at INTEGER NOT NULL,          -- 0: tells of a state, not of an event
    contract_until INTEGER NOT NULL,       -- 0: no contract; else until when a contract purpose may read
    source_until INTEGER NOT NULL,         -- 0: no clock; else when the source's own term for the data ends
    keep_until INTEGER NOT NULL,           -- 0: no duty; else until when tax or commercial law keeps the record
    sealed BLOB NOT NULL                 -- personal: all categories, ciphertext; until no purpose, no law and no clock of the source keeps it, or erasure
) STRICT;

CREATE INDEX record_subject ON record (subject_id);

CREATE TABLE identifier (
    ix BLOB NOT NULL,                     -- personal: blind index (contact, identity, social); until erasure
    record_no INTEGER NOT NULL,
    kind INTEGER NOT NULL,               -- 0: the record's own source, type and external id; else the identifier kind
    subject_id BLOB NOT NULL,             -- personal: pseudonym; until erasure
    use_flags INTEGER NOT NULL,          -- 1 verified, 2 joins people, 4 serves look-up
    PRIMARY KEY (ix, record_no)
) STRICT, WITHOUT ROWID;

CREATE INDEX identifier_record ON identifier (record_no);

CREATE TABLE link (
    part INTEGER NOT NULL,
    subject_id BLOB NOT NULL,             -- personal: pseudonym; until erasure
    record_no INTEGER NOT NULL,
    rule INTEGER NOT NULL,               -- which rule said that the record is this person
    evidence_ix BLOB,                     -- personal: blind index that agreed; until erasure
    merged_from BLOB,                     -- personal: pseudonym of the person this link joined in; until erasure
    decided_at INTEGER NOT NULL,
    PRIMARY KEY (subject_id, record_no, rule, decided_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
    part INTEGER NOT NULL,
    subject_id BLOB NOT NULL,             -- personal: pseudonym; until erasure
    entry_no INTEGER NOT NULL,
    origin BLOB NOT NULL,                 -- personal: pseudonym; until erasure
    act INTEGER NOT NULL,
    purpose TEXT NOT NULL,                -- empty: all purposes the act can mean
    channel INTEGER NOT NULL,            -- 0: all channels
    happened_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    method TEXT NOT NULL,
    text_version TEXT NOT NULL,
    proof_flags INTEGER NOT NULL,        -- 1 proven, 2 confirmed by double opt-in, 4 explicit
    source_no INTEGER NOT NULL,           -- 0: given at the hub itself
    sealed_for BLOB NOT NULL,             -- personal: pseudonym; until erasure
    key_no INTEGER NOT NULL,
    evidence BLOB NOT NULL,               -- personal: engagement, ciphertext of the proof (Art. 7(1) GDPR); until erasure
    evidence_mac BLOB NOT NULL,           -- personal: keyed digest of the proof, empty without one; until erasure
    PRIMARY KEY (subject_id, entry_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE tombstone (
    ix BLOB NOT NULL PRIMARY KEY,         -- personal: keyed hash under a key of its own; while re-delivery must be refused (Art. 17, 21(3) GDPR)
    erased_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    key_id BLOB NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    role INTEGER NOT NULL,
    purposes TEXT NOT NULL,               -- JSON list of codes; empty list: none; for a dpo all
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,           -- 0: never
    revoked_at INTEGER NOT NULL            -- 0: not revoked
) STRICT, WITHOUT ROWID;

CREATE TABLE segment (
    segment_id BLOB NOT NULL PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,             -- sealed: JSON as in the API, with its title
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE request (
    request_id BLOB NOT NULL PRIMARY KEY,
    kind INTEGER NOT NULL,               -- 1 access, 2 erasure
    state INTEGER NOT NULL,
    part INTEGER NOT NULL,
    subject_id BLOB NOT NULL,             -- personal: pseudonym; kept as proof of the answer (Art. 5(2) GDPR), until three years after the year of the answer
    received_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    answered_at INTEGER NOT NULL,          -- 0: not answered
    outcome TEXT NOT NULL                 -- JSON without personal values: counts, certificate
) STRICT, WITHOUT ROWID;

CREATE INDEX request_received ON request (received_at, request_id);

CREATE TABLE reply (
    key_mac BLOB NOT NULL PRIMARY KEY,    -- keyed hash of API key and Idempotency-Key
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,             -- HTTP status; 0: still running
    body BLOB NOT NULL,                   -- the reply without personal values
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX reply_expires ON reply (expires_at);

-- Whom a request's answer concerns beside the person: those their data went to (Art. 19 GDPR).
CREATE TABLE notice (
    request_id BLOB NOT NULL,
    recipient TEXT NOT NULL,              -- an organisation or program, as the certificate names it
    state INTEGER NOT NULL,               -- 1 to be told, 2 told, 3 impossible or out of proportion
    changed_at INTEGER NOT NULL,            -- 0: never
    PRIMARY KEY (request_id, recipient)
) STRICT, WITHOUT ROWID;

-- Jobs that one node does for all: who is at it, and how far.
CREATE TABLE job (
    kind TEXT NOT NULL PRIMARY KEY,
    lease_owner BLOB NOT NULL,
    lease_until INTEGER NOT NULL,           -- 0: nobody is at it
    reached BLOB NOT NULL,              -- personal: pseudonym of the last one looked at; until the run ends
    begun_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,              -- 0: the run goes on
    outcome TEXT NOT NULL                 -- JSON, counts by rule
) STRICT, WITHOUT ROWID;
