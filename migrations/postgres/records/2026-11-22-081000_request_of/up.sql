-- Whether somebody's request waits is asked with every demand a vendor passes on, and by the retention of each person.
CREATE INDEX request_of ON request (subject_id, state);
