DROP TABLE fellows;
