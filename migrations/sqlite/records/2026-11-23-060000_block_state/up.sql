-- How far the index of matching keys goes (store::recent). It has one row.
CREATE TABLE block_state (
    state_no INTEGER NOT NULL PRIMARY KEY,
    up_to INTEGER NOT NULL,                 -- records with numbers up to this have all their matching keys in block; later ones have them in card, and there some of them
    changes INTEGER NOT NULL                -- how often a transaction kept matching keys of later records in memory, or took some away
) STRICT;

INSERT INTO block_state SELECT 1, COALESCE(MAX(record_no), 0), 0 FROM card;
