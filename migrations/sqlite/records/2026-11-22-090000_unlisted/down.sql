ALTER TABLE record DROP COLUMN unlisted_at;
