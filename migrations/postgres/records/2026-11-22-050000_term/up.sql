-- How many records hold each counted value (a name, a town), so that a rare one can count for more. Neither which value
-- nor whose record it is can be told without the index key; which record holds it, not even with both tables.
CREATE TABLE term (
    value_no INTEGER NOT NULL,               -- personal: keyed digest (identity, address) of 32 bit; until no record holds the value
    shard SMALLINT NOT NULL,                 -- the writer that counts here, so that two never wait for each other; on one machine 0
    held INTEGER NOT NULL,
    PRIMARY KEY (value_no, shard)
);

-- What records held that are gone, until it is taken off the counts.
CREATE TABLE term_gone (
    terms BYTEA NOT NULL PRIMARY KEY       -- personal: masked keyed digests (identity, address), as in card; until the counts are put right, seconds later
);

ALTER TABLE card ADD COLUMN terms BYTEA; -- personal: masked keyed digests (identity, address) of the values it is counted under; as long as sealed
