-- How far the index of matching keys goes (store::recent). Here it always has all, because several nodes look into it.
CREATE TABLE block_state (
    state_no INTEGER NOT NULL PRIMARY KEY,
    up_to BIGINT NOT NULL,                  -- records with numbers up to this have all their matching keys in block; later ones have them in card, and there some of them
    changes BIGINT NOT NULL                 -- how often a transaction kept matching keys of later records in memory, or took some away
);

INSERT INTO block_state VALUES (1, 9223372036854775807, 0);
