-- Taking people off a vendor's list: a no counts by channel, nobody is handed over while a destination ends, and the vendor may be at
-- adding somebody for a while after it was told.
ALTER TABLE audience ADD COLUMN channel TEXT NOT NULL DEFAULT ''; -- of the segment, at the last push; empty: not known, any no counts
ALTER TABLE audience ADD COLUMN ending SMALLINT NOT NULL DEFAULT 0; -- 1: it is being removed, nobody is handed over any more
-- State 4: was taken off, and the vendor keeps them; kept until they are erased, or are handed over again.
ALTER TABLE audience_member ADD COLUMN settles_at BIGINT NOT NULL DEFAULT 0; -- until then the vendor may still add them; 0: it was never told
ALTER TABLE audience_member ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0; -- whom the vendor did not take off is tried again then
UPDATE audience_member SET settles_at = changed_at;

-- Somebody a vendor is asked to forget twice is under the guard of both askings.
ALTER TABLE vendor_erasure RENAME TO vendor_erasure_before;
CREATE TABLE vendor_erasure (
    source_no INTEGER NOT NULL,
    ix BYTEA NOT NULL,                    -- personal: blind index (contact, identity); until 60 days after the vendor was asked
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (source_no, ix, asked_at)
);
INSERT INTO vendor_erasure (source_no, ix, asked_at) SELECT source_no, ix, asked_at FROM vendor_erasure_before;
DROP TABLE vendor_erasure_before;
