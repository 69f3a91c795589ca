-- Withdrawals the vendors of sources are to be told of. What they are told is read when they are told, and kept nowhere.
CREATE TABLE unsubscription (
    source_no INTEGER NOT NULL,
    subject_id BYTEA NOT NULL,             -- personal: pseudonym; until they are erased, or 60 days after if the vendor did nothing
    purpose TEXT NOT NULL,
    entry_no BIGINT NOT NULL,            -- the entry of the ledger that says it
    state SMALLINT NOT NULL,               -- 1 waits, 2 final
    attempts INTEGER NOT NULL,
    next_at BIGINT NOT NULL,             -- when the vendor is told next
    lease_owner BYTEA NOT NULL,
    lease_until BIGINT NOT NULL,         -- 0: nobody is at it
    asked_at BIGINT NOT NULL,            -- when the hub learnt of it
    told_at BIGINT NOT NULL,             -- when the vendor last ended something; 0: never
    outcome TEXT NOT NULL,                -- a word; empty: not known yet
    PRIMARY KEY (source_no, subject_id, purpose)
);

CREATE INDEX unsubscription_due ON unsubscription (state, next_at);
