ALTER TABLE identifier RENAME TO identifier_before;
DROP INDEX identifier_record;

CREATE TABLE identifier (
    ix BLOB NOT NULL,
    record_no INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    subject_id BLOB NOT NULL,
    use_flags INTEGER NOT NULL,
    PRIMARY KEY (ix, record_no)
) STRICT, WITHOUT ROWID;

INSERT INTO identifier (ix, record_no, kind, subject_id, use_flags)
SELECT ix, record_no, kind, subject_id, use_flags & 15 FROM identifier_before;

DROP TABLE identifier_before;
CREATE INDEX identifier_record ON identifier (record_no);
ALTER TABLE link DROP COLUMN waterfall;
ALTER TABLE link DROP COLUMN weight;
ALTER TABLE link DROP COLUMN other_no;
ALTER TABLE ledger DROP COLUMN record_no;
DROP TABLE review;
DROP TABLE apart;
DROP TABLE block;
DROP TABLE card;
