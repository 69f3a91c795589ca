-- What vendors told by themselves and was carried out, so that it is not carried out again.
CREATE TABLE delivery (
    source_no INTEGER NOT NULL,
    mark BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (source_no, mark)
) STRICT, WITHOUT ROWID;

-- Whom a vendor was asked to forget. It tells every app of it, this hub too; that is no new demand.
CREATE TABLE vendor_erasure (
    source_no INTEGER NOT NULL,
    ix BLOB NOT NULL,                    -- personal: blind index (contact, identity); until 60 days after the vendor was asked
    asked_at INTEGER NOT NULL,
    PRIMARY KEY (source_no, ix)
) STRICT, WITHOUT ROWID;
