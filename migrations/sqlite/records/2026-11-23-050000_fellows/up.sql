-- What grouping everything found of how many records people have here: how many others each has on average, in thousandths. One row.
CREATE TABLE fellows (
    fellows_no INTEGER PRIMARY KEY NOT NULL,
    thousandths INTEGER NOT NULL
) STRICT;
