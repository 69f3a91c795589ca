DROP TABLE loose;
