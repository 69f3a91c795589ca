-- Models of matching that were estimated from the data of this hub. Without one in force the shipped model weighs.
CREATE TABLE model (
    version INTEGER NOT NULL PRIMARY KEY,   -- stored with every link that it weighed; 1001 and up
    definition TEXT NOT NULL,             -- TOML: weights, no values
    made_at BIGINT NOT NULL,
    records BIGINT NOT NULL,                -- looked at
    pairs BIGINT NOT NULL,                  -- compared
    in_force SMALLINT NOT NULL               -- 1: it weighs; at most one does
);
