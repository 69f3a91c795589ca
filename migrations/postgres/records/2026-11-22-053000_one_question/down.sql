DROP INDEX review_people;
