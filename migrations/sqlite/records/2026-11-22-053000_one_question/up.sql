-- Two people are asked about once, however many of their records are alike.
CREATE INDEX review_people ON review (one_id, other_id) WHERE state = 1;
