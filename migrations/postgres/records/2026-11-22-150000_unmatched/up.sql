-- People who objected to being matched and are still to be taken apart, or who took that back and are still to be compared.
CREATE TABLE unmatched (
    subject_id BYTEA NOT NULL PRIMARY KEY, -- personal: pseudonym; until they are taken apart or compared, seconds later
    noted_at BIGINT NOT NULL,
    tries SMALLINT NOT NULL DEFAULT 0, -- how often it could not be done
    next_at BIGINT NOT NULL DEFAULT 0 -- not before then
);

-- Whoever objected before the hub took anybody apart for it.
INSERT INTO unmatched (subject_id, noted_at)
SELECT DISTINCT subject_id, 0 FROM ledger WHERE purpose = 'identity_matching' AND act IN (2, 3, 4);
