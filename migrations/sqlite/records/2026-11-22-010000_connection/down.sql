DROP TABLE sync;
DROP TABLE connection;
