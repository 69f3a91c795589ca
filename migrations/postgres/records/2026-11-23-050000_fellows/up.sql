-- What grouping everything found of how many records people have here: how many others each has on average, in thousandths. One row.
CREATE TABLE fellows (
    fellows_no SMALLINT PRIMARY KEY NOT NULL,
    thousandths BIGINT NOT NULL
);
