ALTER TABLE ledger DROP COLUMN said_at;
