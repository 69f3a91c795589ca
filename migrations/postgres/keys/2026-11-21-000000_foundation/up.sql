-- Keys. Kept apart from the records, backed up apart from them, and with a short life there.

CREATE TABLE kek (
    epoch INTEGER NOT NULL PRIMARY KEY,
    wrapped BYTEA NOT NULL,                -- empty once destroyed
    created_at BIGINT NOT NULL,
    destroyed_at BIGINT NOT NULL          -- 0: living
);

CREATE TABLE hub_secret (
    name TEXT NOT NULL PRIMARY KEY,
    wrapped BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE data_key (
    part SMALLINT NOT NULL,
    subject_id BYTEA NOT NULL,             -- personal: pseudonym; until erasure
    key_no SMALLINT NOT NULL,
    epoch INTEGER NOT NULL,
    wrapped BYTEA NOT NULL,                -- personal: key to all categories, wrapped; until erasure
    commitment BYTEA NOT NULL,
    salts BYTEA NOT NULL,                  -- personal: one salt per category; until the category or the person is erased
    created_at BIGINT NOT NULL,
    PRIMARY KEY (part, subject_id, key_no)
);

CREATE INDEX data_key_epoch ON data_key (epoch);
