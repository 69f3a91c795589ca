-- The identity graph: what is compared, under which keys candidates are found, who is known to be apart, what waits for
-- a person to decide.

-- One row per record. It belongs to no partition, like the blind indexes: candidates are found by the record's number.
CREATE TABLE card (
    record_no BIGINT NOT NULL PRIMARY KEY,
    subject_id BYTEA NOT NULL,             -- personal: pseudonym; until erasure
    sealed_for BYTEA NOT NULL,             -- personal: pseudonym; until erasure
    key_no SMALLINT NOT NULL,
    source_no INTEGER NOT NULL,
    named BYTEA NOT NULL,                  -- personal: identity, ciphertext of the source's own id of the record; until its record loses a category or is erased
    sealed BYTEA NOT NULL,                 -- personal: identity, contact, address and social, ciphertext of what is compared; until its record loses a category, an objection to matching, or erasure
    matching_keys BYTEA NOT NULL           -- personal: keyed digests (identity, contact, address, social) of 8 bytes each, those of table block; as long as sealed
);

-- Under which matching keys a record is found. A key is 64 bit of an HMAC over several fields together.
CREATE TABLE block (
    matching_key BIGINT NOT NULL,           -- personal: keyed digest (identity, contact, address, social); as long as the card
    record_no BIGINT NOT NULL,
    PRIMARY KEY (matching_key, record_no)
);

-- People somebody decided are not the same, in both directions. They are named as they were before any merge.
CREATE TABLE apart (
    subject_id BYTEA NOT NULL,             -- personal: pseudonym; until erasure of either
    other_id BYTEA NOT NULL,               -- personal: pseudonym; until erasure of either
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (subject_id, other_id)
);

CREATE INDEX apart_other ON apart (other_id);

-- Records that may be of one person, for a person to decide.
CREATE TABLE review (
    review_id BYTEA NOT NULL PRIMARY KEY,
    one_no BIGINT NOT NULL,
    one_id BYTEA NOT NULL,                 -- personal: pseudonym; until erasure of either
    other_no BIGINT NOT NULL,
    other_id BYTEA NOT NULL,               -- personal: pseudonym; until erasure of either
    weight INTEGER NOT NULL,                 -- thousandths of a bit
    waterfall TEXT NOT NULL,            -- JSON: levels of agreement and their weights, no values
    state SMALLINT NOT NULL,                 -- 1 open, 2 the same, 3 not the same, 4 unsure
    made_at BIGINT NOT NULL,
    decided_at BIGINT NOT NULL              -- 0: not decided
);

CREATE UNIQUE INDEX review_pair ON review (one_no, other_no);
CREATE INDEX review_other ON review (other_no);
CREATE INDEX review_open ON review (review_id) WHERE state = 1;

-- The record that told it; 0: the person said it to the hub.
ALTER TABLE ledger ADD COLUMN record_no BIGINT NOT NULL DEFAULT 0;

-- The record it was found equal to; 0: none is named. Weight in thousandths of a bit; 0: by a rule.
ALTER TABLE link ADD COLUMN other_no BIGINT NOT NULL DEFAULT 0;
ALTER TABLE link ADD COLUMN weight INTEGER NOT NULL DEFAULT 0;
ALTER TABLE link ADD COLUMN waterfall TEXT NOT NULL DEFAULT '';

-- The blind indexes anew. What joins or tells of joining stands before what is only looked up, so that it is found at once
-- under a value that thousands share.
ALTER TABLE identifier RENAME TO identifier_before;
DROP INDEX identifier_record;

CREATE TABLE identifier (
    ix BYTEA NOT NULL,                     -- personal: blind index (contact, identity, social); until erasure
    record_no BIGINT NOT NULL,
    kind SMALLINT NOT NULL,               -- 0: the record's own source, type and external id; else the identifier kind
    subject_id BYTEA NOT NULL,             -- personal: pseudonym; until erasure
    use_flags SMALLINT NOT NULL,          -- 1 verified, 2 joins people, 4 serves look-up, 8 of a statement, 16 joins nobody any more
    behind SMALLINT NOT NULL,             -- 0: joins, did so, or is the record's own; 1: serves look-up only
    whose INTEGER NOT NULL,              -- personal: keyed digest (identity with contact) of value and family name, 0 without one; until erasure
    PRIMARY KEY (ix, behind, record_no)
);

INSERT INTO identifier (ix, record_no, kind, subject_id, use_flags, behind, whose)
SELECT ix, record_no, kind, subject_id, use_flags,
    CASE WHEN kind = 0 OR use_flags & 26 <> 0 THEN 0 ELSE 1 END, 0
FROM identifier_before;

DROP TABLE identifier_before;
CREATE INDEX identifier_record ON identifier (record_no);
