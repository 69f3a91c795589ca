-- Objects of vendors that could not be taken in, for whoever puts that right. They are asked for again by the next whole reading.
CREATE TABLE parked (
    source_no INTEGER NOT NULL,
    stream TEXT NOT NULL,
    mark BLOB NOT NULL, -- personal: pseudonym, a keyed hash of the vendor's id of the object; until it is taken, 30 days at the longest
    sealed BLOB NOT NULL, -- personal: pseudonym, the vendor's id of the object and why it was refused; until it is taken, 30 days at the longest
    parked_at INTEGER NOT NULL,
    PRIMARY KEY (source_no, stream, mark)
) STRICT, WITHOUT ROWID;
CREATE INDEX parked_at ON parked (parked_at);
