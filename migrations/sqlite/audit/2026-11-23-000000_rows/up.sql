-- Lines are long and only ever appended. A table that is its own index splits its last page among three whenever it is full;
-- one with row numbers begins the next page.

ALTER TABLE audit_entry RENAME TO audit_entry_before;
CREATE TABLE audit_entry (
    log_id BLOB NOT NULL,
    idx INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    act INTEGER NOT NULL,
    body BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (log_id, idx)
) STRICT;
INSERT INTO audit_entry SELECT * FROM audit_entry_before ORDER BY log_id, idx;
DROP TABLE audit_entry_before;
