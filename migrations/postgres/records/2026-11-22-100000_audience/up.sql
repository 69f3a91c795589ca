-- Segments that are pushed to a vendor. How it is reached is the connection of its source.
CREATE TABLE audience (
    source_no INTEGER NOT NULL PRIMARY KEY,
    segment TEXT NOT NULL,
    purposes TEXT NOT NULL,               -- of the segment, at the last push; by commas
    every_seconds INTEGER NOT NULL,       -- 0: only when told to
    next_at BIGINT NOT NULL,             -- 0: never by itself
    wanted_at BIGINT NOT NULL,           -- 0: nobody asked for a push
    failures INTEGER NOT NULL,            -- pushes in a row that failed
    retry_at BIGINT NOT NULL,            -- after a failure, who is to be taken off waits until then
    lease_owner BYTEA NOT NULL,
    lease_until BIGINT NOT NULL,         -- 0: nobody is at it
    created_at BIGINT NOT NULL
);

-- Who was handed to a vendor, so that they can be taken off again.
CREATE TABLE audience_member (
    source_no INTEGER NOT NULL,
    ix BYTEA NOT NULL,                     -- personal: blind index (contact); until the vendor took them off
    subject_id BYTEA NOT NULL,             -- personal: pseudonym; until the vendor took them off
    errand BYTEA NOT NULL,                 -- personal: pseudonym of the nobody for whom the mail address is sealed (contact); until the vendor took them off
    state SMALLINT NOT NULL,               -- 1 is handed over, 2 is there, 3 is to be taken off
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (source_no, ix)
);

CREATE INDEX audience_member_subject ON audience_member (subject_id);
CREATE INDEX audience_member_state ON audience_member (source_no, state);
