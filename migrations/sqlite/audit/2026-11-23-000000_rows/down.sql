ALTER TABLE audit_entry RENAME TO audit_entry_before;
CREATE TABLE audit_entry (
    log_id BLOB NOT NULL,
    idx INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    act INTEGER NOT NULL,
    body BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (log_id, idx)
) STRICT, WITHOUT ROWID;
INSERT INTO audit_entry SELECT * FROM audit_entry_before;
DROP TABLE audit_entry_before;
