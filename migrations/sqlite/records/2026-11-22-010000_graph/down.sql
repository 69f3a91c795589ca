ALTER TABLE identifier DROP COLUMN whose;
ALTER TABLE link DROP COLUMN waterfall;
ALTER TABLE link DROP COLUMN weight;
ALTER TABLE link DROP COLUMN other_no;
ALTER TABLE ledger DROP COLUMN record_no;
DROP TABLE review;
DROP TABLE apart;
DROP TABLE block;
DROP TABLE card;
