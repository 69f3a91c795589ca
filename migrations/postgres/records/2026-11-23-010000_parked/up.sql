-- Objects of vendors that could not be taken in, for whoever puts that right. They are asked for again by the next whole reading.
CREATE TABLE parked (
    source_no INTEGER NOT NULL,
    stream TEXT NOT NULL,
    mark BYTEA NOT NULL, -- personal: pseudonym, a keyed hash of the vendor's id of the object; until it is taken, 30 days at the longest
    sealed BYTEA NOT NULL, -- personal: pseudonym, the vendor's id of the object and why it was refused; until it is taken, 30 days at the longest
    parked_at BIGINT NOT NULL,
    PRIMARY KEY (source_no, stream, mark)
);
CREATE INDEX parked_at ON parked (parked_at);
