DROP TABLE data_key;
DROP TABLE hub_secret;
DROP TABLE kek;
