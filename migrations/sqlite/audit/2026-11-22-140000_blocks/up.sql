-- Whom lines are about is found block by block of some thousand lines. One index over all of them has a place for each line
-- of its own, so that nearly each line touched another page, which was written twice.

ALTER TABLE audit_subject RENAME TO audit_subject_before;
CREATE TABLE audit_subject (
    block INTEGER NOT NULL,
    pseudonym BLOB NOT NULL,              -- personal: pseudonym under the person's own key; the link dies with the key
    log_id BLOB NOT NULL,
    idx INTEGER NOT NULL,
    PRIMARY KEY (block, pseudonym, log_id, idx)
) STRICT, WITHOUT ROWID;
INSERT INTO audit_subject SELECT idx / 4096, pseudonym, log_id, idx FROM audit_subject_before ORDER BY 1, 2;
DROP TABLE audit_subject_before;
