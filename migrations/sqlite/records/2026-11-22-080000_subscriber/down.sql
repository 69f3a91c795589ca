DROP INDEX ledger_entry;
DROP TABLE message;
DROP TABLE subscriber;
