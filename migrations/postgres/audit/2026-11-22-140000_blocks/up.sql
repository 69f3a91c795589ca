-- Whom lines are about is found block by block of some thousand lines. One index over all of them has a place for each line
-- of its own, so that nearly each line touched another page, which was written twice.

ALTER TABLE audit_subject RENAME TO audit_subject_before;
ALTER INDEX audit_subject_pkey RENAME TO audit_subject_before_pkey;
CREATE TABLE audit_subject (
    block BIGINT NOT NULL,
    pseudonym BYTEA NOT NULL,              -- personal: pseudonym under the person's own key; the link dies with the key
    log_id BYTEA NOT NULL,
    idx BIGINT NOT NULL,
    PRIMARY KEY (block, pseudonym, log_id, idx)
);
INSERT INTO audit_subject SELECT idx / 4096, pseudonym, log_id, idx FROM audit_subject_before ORDER BY 1, 2;
DROP TABLE audit_subject_before;
