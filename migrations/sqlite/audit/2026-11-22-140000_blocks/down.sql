ALTER TABLE audit_subject RENAME TO audit_subject_before;
CREATE TABLE audit_subject (
    pseudonym BLOB NOT NULL,
    log_id BLOB NOT NULL,
    idx INTEGER NOT NULL,
    PRIMARY KEY (pseudonym, log_id, idx)
) STRICT, WITHOUT ROWID;
INSERT INTO audit_subject SELECT pseudonym, log_id, idx FROM audit_subject_before;
DROP TABLE audit_subject_before;
