-- Making the vendor of a source forget somebody whose erasure is carried out (Art. 17, 19 GDPR), and what came of it.
CREATE TABLE source_erasure (
    request_id BLOB NOT NULL,
    source_no INTEGER NOT NULL,
    errand BLOB NOT NULL,                 -- personal: pseudonym of the nobody for whom is sealed by what the vendor knows the person (contact, identity); until the vendor's answer is final
    withheld INTEGER NOT NULL,            -- values that are somebody else's too, and are not told to the vendor
    state INTEGER NOT NULL,               -- 1 waits, 2 final
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    lease_owner BLOB NOT NULL,
    lease_until INTEGER NOT NULL,         -- 0: nobody is at it
    asked_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    report TEXT NOT NULL,                 -- JSON without personal values: what became of each kind of object; empty: not known yet
    PRIMARY KEY (request_id, source_no)
) STRICT, WITHOUT ROWID;

CREATE INDEX source_erasure_next ON source_erasure (state, next_at);
