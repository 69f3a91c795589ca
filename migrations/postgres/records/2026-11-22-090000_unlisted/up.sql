-- A source that lists all its objects listed this one not any more: what two listings in a row leave out ends.
ALTER TABLE record ADD COLUMN unlisted_at BIGINT NOT NULL DEFAULT 0; -- 0: listed, or nothing is listed
