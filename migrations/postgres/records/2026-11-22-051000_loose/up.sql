-- Values that joined people and do so no more, because many share them: what they joined is still to be taken apart.
CREATE TABLE loose (
    ix BYTEA NOT NULL PRIMARY KEY,         -- personal: blind index (contact, identity, social); until what it joined is taken apart, seconds later
    noted_at BIGINT NOT NULL
);
