-- The audit book: append-only, hash-linked, one log per writing process. No personal value; people by a
-- pseudonym whose key dies with them.

CREATE TABLE audit_log (
    log_id BLOB NOT NULL PRIMARY KEY,
    opened_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_entry (
    log_id BLOB NOT NULL,
    idx INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    act INTEGER NOT NULL,
    body BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (log_id, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_subject (
    pseudonym BLOB NOT NULL,              -- personal: pseudonym under the person's own key; the link dies with the key
    log_id BLOB NOT NULL,
    idx INTEGER NOT NULL,
    PRIMARY KEY (pseudonym, log_id, idx)
) STRICT, WITHOUT ROWID;
