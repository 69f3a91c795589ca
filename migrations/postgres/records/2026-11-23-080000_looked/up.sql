-- What kept two apart: 1: somebody looked at both side by side and said that they are not the same, which is about all that was either's
-- then; 0: somebody took the one out of the other, which says nothing of whom only comparing had joined with them.
ALTER TABLE apart ADD COLUMN looked SMALLINT NOT NULL DEFAULT 0;

-- It was told by the time so far: that of an answer.
UPDATE apart SET looked = 1 WHERE decided_at IN (SELECT decided_at FROM review WHERE state = 3);
