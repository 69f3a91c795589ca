ALTER TABLE audience DROP COLUMN channel;
ALTER TABLE audience DROP COLUMN ending;
DELETE FROM audience_member WHERE state = 4;
ALTER TABLE audience_member DROP COLUMN settles_at;
ALTER TABLE audience_member DROP COLUMN due_at;
ALTER TABLE vendor_erasure RENAME TO vendor_erasure_before;
CREATE TABLE vendor_erasure (
    source_no INTEGER NOT NULL,
    ix BLOB NOT NULL,                    -- personal: blind index (contact, identity); until 60 days after the vendor was asked
    asked_at INTEGER NOT NULL,
    PRIMARY KEY (source_no, ix)
) STRICT, WITHOUT ROWID;
INSERT INTO vendor_erasure (source_no, ix, asked_at)
    SELECT source_no, ix, MAX(asked_at) FROM vendor_erasure_before GROUP BY source_no, ix;
DROP TABLE vendor_erasure_before;
