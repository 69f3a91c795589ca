DROP TABLE audit_subject;
DROP TABLE audit_entry;
DROP TABLE audit_log;
