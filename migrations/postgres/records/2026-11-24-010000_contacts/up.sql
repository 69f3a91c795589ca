-- Of somebody's cards those that tell contact points and logins alone: few, and among thousands of events they would be looked for in vain.
CREATE INDEX card_contacts ON card (subject_id, record_no) WHERE terms IS NULL AND length(sealed) > 0;
