-- The source a key that collects events belongs to; 0: none.
ALTER TABLE api_key ADD COLUMN source_no INTEGER NOT NULL DEFAULT 0;

-- What was not taken of the events that came for a source: how much, when and why. The events themselves are not kept.
CREATE TABLE turned_away (
    source_no INTEGER NOT NULL,
    day INTEGER NOT NULL,                      -- days since 1970-01-01, in UTC
    code TEXT NOT NULL,                      -- the reason, a word of the hub
    events BIGINT NOT NULL,
    PRIMARY KEY (source_no, day, code)
);
