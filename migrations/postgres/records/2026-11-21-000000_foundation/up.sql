-- Records, consent and graph. Nothing in here is readable without the key file: personal values are sealed,
-- identifiers are blind indexes (HMAC-SHA-256, 128 bit). `personal:` names the category and how long it stays.

CREATE TABLE source (
    source_no INTEGER NOT NULL PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    connector TEXT NOT NULL,
    policy TEXT NOT NULL,                 -- JSON: purposes the source allows, days kept after delivery
    created_at BIGINT NOT NULL
);

CREATE TABLE purpose (
    code TEXT NOT NULL,
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,             -- JSON, as in the API
    created_at BIGINT NOT NULL,
    PRIMARY KEY (code, version)
);

CREATE TABLE subject (
    part SMALLINT NOT NULL,
    subject_id BYTEA NOT NULL,             -- personal: pseudonym; until erasure
    merged_into BYTEA,                     -- personal: pseudonym; until erasure
    merged_at BIGINT NOT NULL,            -- 0: not merged
    state SMALLINT NOT NULL,              -- 1 living, 2 merged, 3 being erased, 4 kept by law alone
    created_at BIGINT NOT NULL,
    PRIMARY KEY (part, subject_id)
);

CREATE INDEX subject_merged ON subject (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE record (
    record_no BIGINT NOT NULL,
    part SMALLINT NOT NULL,
    subject_id BYTEA NOT NULL,             -- personal: pseudonym; until erasure
    sealed_for BYTEA NOT NULL,             -- personal: pseudonym; until erasure
    key_no SMALLINT NOT NULL,
    source_no INTEGER NOT NULL,
    kind SMALLINT NOT NULL,
    version BIGINT NOT NULL,
    content_mac BYTEA NOT NULL,            -- personal: keyed digest of the content; until erasure
    categories SMALLINT NOT NULL,
    facts SMALLINT NOT NULL,              -- 1 paid order, 2 address came with an order, 4 kept by law alone
    ingested_at BIGINT NOT NULL,
    happened_at BIGINT NOT NULL,          -- 0: tells of a state, not of an event
    contract_until BIGINT NOT NULL,       -- 0: no contract; else until when a contract purpose may read
    source_until BIGINT NOT NULL,         -- 0: no clock; else when the source's own term for the data ends
    keep_until BIGINT NOT NULL,           -- 0: no duty; else until when tax or commercial law keeps the record
    sealed BYTEA NOT NULL,                 -- personal: all categories, ciphertext; until no purpose, no law and no clock of the source keeps it, or erasure
    PRIMARY KEY (part, record_no)
);

CREATE INDEX record_subject ON record (part, subject_id);

-- Identifiers and links name a record by its number alone. Two nodes that make the same one must find out.
CREATE UNIQUE INDEX record_number ON record (record_no);

CREATE TABLE identifier (
    ix BYTEA NOT NULL,                     -- personal: blind index (contact, identity, social); until erasure
    record_no BIGINT NOT NULL,
    kind SMALLINT NOT NULL,               -- 0: the record's own source, type and external id; else the identifier kind
    subject_id BYTEA NOT NULL,             -- personal: pseudonym; until erasure
    use_flags SMALLINT NOT NULL,          -- 1 verified, 2 joins people, 4 serves look-up
    PRIMARY KEY (ix, record_no)
);

CREATE INDEX identifier_record ON identifier (record_no);

CREATE TABLE link (
    part SMALLINT NOT NULL,
    subject_id BYTEA NOT NULL,             -- personal: pseudonym; until erasure
    record_no BIGINT NOT NULL,
    rule SMALLINT NOT NULL,               -- which rule said that the record is this person
    evidence_ix BYTEA,                     -- personal: blind index that agreed; until erasure
    merged_from BYTEA,                     -- personal: pseudonym of the person this link joined in; until erasure
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (part, subject_id, record_no, rule, decided_at)
);

CREATE TABLE ledger (
    part SMALLINT NOT NULL,
    subject_id BYTEA NOT NULL,             -- personal: pseudonym; until erasure
    entry_no BIGINT NOT NULL,
    origin BYTEA NOT NULL,                 -- personal: pseudonym; until erasure
    act SMALLINT NOT NULL,
    purpose TEXT NOT NULL,                -- empty: all purposes the act can mean
    channel SMALLINT NOT NULL,            -- 0: all channels
    happened_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    method TEXT NOT NULL,
    text_version TEXT NOT NULL,
    proof_flags SMALLINT NOT NULL,        -- 1 proven, 2 confirmed by double opt-in, 4 explicit
    source_no INTEGER NOT NULL,           -- 0: given at the hub itself
    sealed_for BYTEA NOT NULL,             -- personal: pseudonym; until erasure
    key_no SMALLINT NOT NULL,
    evidence BYTEA NOT NULL,               -- personal: engagement, ciphertext of the proof (Art. 7(1) GDPR); until erasure
    evidence_mac BYTEA NOT NULL,           -- personal: keyed digest of the proof, empty without one; until erasure
    PRIMARY KEY (part, subject_id, entry_no)
);

CREATE TABLE tombstone (
    ix BYTEA NOT NULL PRIMARY KEY,         -- personal: keyed hash under a key of its own; while re-delivery must be refused (Art. 17, 21(3) GDPR)
    erased_at BIGINT NOT NULL
);

CREATE TABLE api_key (
    key_id BYTEA NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    secret_hash BYTEA NOT NULL,
    role SMALLINT NOT NULL,
    purposes TEXT NOT NULL,               -- JSON list of codes; empty list: none; for a dpo all
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,           -- 0: never
    revoked_at BIGINT NOT NULL            -- 0: not revoked
);

CREATE TABLE segment (
    segment_id BYTEA NOT NULL PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,             -- sealed: JSON as in the API, with its title
    created_at BIGINT NOT NULL
);

CREATE TABLE request (
    request_id BYTEA NOT NULL PRIMARY KEY,
    kind SMALLINT NOT NULL,               -- 1 access, 2 erasure
    state SMALLINT NOT NULL,
    part SMALLINT NOT NULL,
    subject_id BYTEA NOT NULL,             -- personal: pseudonym; kept as proof of the answer (Art. 5(2) GDPR), until three years after the year of the answer
    received_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    answered_at BIGINT NOT NULL,          -- 0: not answered
    outcome TEXT NOT NULL                 -- JSON without personal values: counts, certificate
);

CREATE INDEX request_received ON request (received_at, request_id);

CREATE TABLE reply (
    key_mac BYTEA NOT NULL PRIMARY KEY,    -- keyed hash of API key and Idempotency-Key
    fingerprint BYTEA NOT NULL,
    status SMALLINT NOT NULL,             -- HTTP status; 0: still running
    body BYTEA NOT NULL,                   -- the reply without personal values
    expires_at BIGINT NOT NULL
);

CREATE INDEX reply_expires ON reply (expires_at);

-- Whom a request's answer concerns beside the person: those their data went to (Art. 19 GDPR).
CREATE TABLE notice (
    request_id BYTEA NOT NULL,
    recipient TEXT NOT NULL,              -- an organisation or program, as the certificate names it
    state SMALLINT NOT NULL,               -- 1 to be told, 2 told, 3 impossible or out of proportion
    changed_at BIGINT NOT NULL,            -- 0: never
    PRIMARY KEY (request_id, recipient)
);

-- Jobs that one node does for all: who is at it, and how far.
CREATE TABLE job (
    kind TEXT NOT NULL PRIMARY KEY,
    lease_owner BYTEA NOT NULL,
    lease_until BIGINT NOT NULL,           -- 0: nobody is at it
    reached BYTEA NOT NULL,              -- personal: pseudonym of the last one looked at; until the run ends
    begun_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,              -- 0: the run goes on
    outcome TEXT NOT NULL                 -- JSON, counts by rule
);
