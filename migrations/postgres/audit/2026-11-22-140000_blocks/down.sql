ALTER TABLE audit_subject RENAME TO audit_subject_before;
ALTER INDEX audit_subject_pkey RENAME TO audit_subject_before_pkey;
CREATE TABLE audit_subject (
    pseudonym BYTEA NOT NULL,
    log_id BYTEA NOT NULL,
    idx BIGINT NOT NULL,
    PRIMARY KEY (pseudonym, log_id, idx)
);
INSERT INTO audit_subject SELECT pseudonym, log_id, idx FROM audit_subject_before;
DROP TABLE audit_subject_before;
