DROP INDEX review_people;
CREATE INDEX review_people ON review (one_id, other_id) WHERE state = 1;
