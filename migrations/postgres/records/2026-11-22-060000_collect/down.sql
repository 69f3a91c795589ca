DROP TABLE turned_away;
ALTER TABLE api_key DROP COLUMN source_no;
