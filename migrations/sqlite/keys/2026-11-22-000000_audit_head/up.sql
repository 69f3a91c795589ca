-- How long each audit log was when it was last looked at. Beside the keys, because it must not be lost with the log.

CREATE TABLE audit_head (
    log_id BLOB NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
