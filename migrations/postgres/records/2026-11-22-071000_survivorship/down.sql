DROP TABLE survivorship;
