-- How the hub reaches the vendor of a source, when it does, and how far it is.
CREATE TABLE connection (
    source_no INTEGER NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL,
    places BYTEA NOT NULL,
    every_seconds INTEGER NOT NULL,          -- 0: only when told to
    next_at BIGINT NOT NULL,                -- 0: never by itself
    wanted_at BIGINT NOT NULL,              -- 0: nobody asked for one
    failures INTEGER NOT NULL,               -- syncs in a row that failed
    lease_owner BYTEA NOT NULL,
    lease_until BIGINT NOT NULL,            -- 0: nobody is at it
    created_at BIGINT NOT NULL
);

-- Each sync of a source and what came of it.
CREATE TABLE sync (
    source_no INTEGER NOT NULL,
    begun_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,               -- 0: it goes on
    state SMALLINT NOT NULL,                  -- 1 running, 2 done, 3 failed, 4 cut short
    cause TEXT NOT NULL,                     -- why it failed: a sentence without personal values
    counts TEXT NOT NULL,                    -- JSON: counts by stream, and by reason of a rejection
    PRIMARY KEY (source_no, begun_at)
);
