-- Programs that are told what people decided and what became of them. How one is reached is the connection of its source.
CREATE TABLE subscriber (
    source_no INTEGER NOT NULL PRIMARY KEY,
    topics TEXT NOT NULL,                 -- with commas; empty: all
    purposes TEXT NOT NULL,               -- with commas; empty: all. What concerns no purpose is always told
    state INTEGER NOT NULL,               -- 1 is told, 2 was disabled because nobody answers
    failing_since INTEGER NOT NULL,       -- 0: the last message arrived
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a subscriber is told. It names people by the hub's own ids alone.
CREATE TABLE message (
    source_no INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    topic TEXT NOT NULL,
    body TEXT NOT NULL,                   -- personal: pseudonym; until it arrived or was given up, then empty
    state INTEGER NOT NULL,               -- 1 waits, 2 arrived, 3 given up
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,         -- 0: nobody is at it
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    cause TEXT NOT NULL,                  -- why the last attempt failed: a sentence without personal values
    PRIMARY KEY (source_no, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX message_next ON message (state, next_at);
-- New entries are found by their number, which grows.
CREATE INDEX ledger_entry ON ledger (entry_no);
