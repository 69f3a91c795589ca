DROP TABLE unmatched;
