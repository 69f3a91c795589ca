-- The audit book: append-only, hash-linked, one log per writing process. No personal value; people by a
-- pseudonym whose key dies with them.

CREATE TABLE audit_log (
    log_id BYTEA NOT NULL PRIMARY KEY,
    opened_at BIGINT NOT NULL
);

CREATE TABLE audit_entry (
    log_id BYTEA NOT NULL,
    idx BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    act SMALLINT NOT NULL,
    body BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (log_id, idx)
);

CREATE TABLE audit_subject (
    pseudonym BYTEA NOT NULL,              -- personal: pseudonym under the person's own key; the link dies with the key
    log_id BYTEA NOT NULL,
    idx BIGINT NOT NULL,
    PRIMARY KEY (pseudonym, log_id, idx)
);
