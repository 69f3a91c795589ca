-- Keys. Kept apart from the records, backed up apart from them, and with a short life there.

CREATE TABLE kek (
    epoch INTEGER NOT NULL PRIMARY KEY,
    wrapped BLOB NOT NULL,                -- empty once destroyed
    created_at INTEGER NOT NULL,
    destroyed_at INTEGER NOT NULL          -- 0: living
) STRICT;

CREATE TABLE hub_secret (
    name TEXT NOT NULL PRIMARY KEY,
    wrapped BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE data_key (
    part INTEGER NOT NULL,
    subject_id BLOB NOT NULL,             -- personal: pseudonym; until erasure
    key_no INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    wrapped BLOB NOT NULL,                -- personal: key to all categories, wrapped; until erasure
    commitment BLOB NOT NULL,
    salts BLOB NOT NULL,                  -- personal: one salt per category; until the category or the person is erased
    created_at INTEGER NOT NULL,
    PRIMARY KEY (subject_id, key_no)
) STRICT, WITHOUT ROWID;

CREATE INDEX data_key_epoch ON data_key (epoch);
