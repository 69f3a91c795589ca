-- What somebody could not tell about two people is looked up too before they are asked about again.
DROP INDEX review_people;
CREATE INDEX review_people ON review (one_id, other_id);
